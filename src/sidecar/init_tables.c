/*
 * Steps of `multiregiond init` about regions and policy: add what is missing, report
 * what differs. Called by init.c.
 */
#include "sidecar/mr_init_steps.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/mr_catalog_sql.h"

#define NUMBER_SIZE 32

static const char *
number(char out[NUMBER_SIZE], double value)
{
	snprintf(out, NUMBER_SIZE, "%.15g", value);
	return out;
}

static MrExit
add_region(MrInit *init, const MrSettingsRegion *region)
{
	char sql[512];
	char latitude[NUMBER_SIZE];
	char longitude[NUMBER_SIZE];
	char priority[NUMBER_SIZE];
	const char *values[] = {region->key,
							region->id,
							region->name,
							region->has_place ? number(latitude, region->latitude) : NULL,
							region->has_place ? number(longitude, region->longitude) : NULL,
							number(priority, region->has_priority ? region->priority : 100),
							region->api_endpoint,
							region->cdn_endpoint};

	snprintf(sql, sizeof(sql),
			 "SELECT %s.add_region($1, $2, $3, $4::double precision, $5::double precision,"
			 " $6::integer, $7, $8)",
			 init->schema);
	if (mr_init_execute(init, sql, 8, values) != MR_EXIT_OK)
		return MR_EXIT_FAILED;
	mr_init_did(init, "added region %s (%s)", region->key, region->id);
	return MR_EXIT_OK;
}

static bool
is_given(const MrInit *init, const char *prefix, const char *key, const char *suffix)
{
	char name[MR_NAME_SIZE * 2];

	snprintf(name, sizeof(name), "%s%s%s", prefix, key, suffix);
	return mr_environment_get(&init->settings->environment, name) != NULL;
}

static void
compare_text(MrInit *init, const char *key, const char *what, const char *there, const char *wanted)
{
	if (there == NULL || strcmp(there, wanted) != 0)
		mr_init_differs(init, "region %s has %s \"%s\", not \"%s\"", key, what,
						there != NULL ? there : "", wanted);
}

static void
compare_number(MrInit *init, const char *key, const char *what, const char *there, double wanted)
{
	if (there == NULL || fabs(strtod(there, NULL) - wanted) > 1e-9)
		mr_init_differs(init, "region %s has %s %s, not %.15g", key, what,
						there != NULL ? there : "unset", wanted);
}

/* Compares what the settings say; what only a default says is nobody's wish. */
static void
compare_region(MrInit *init, const MrSettingsRegion *region, const PGresult *rows, int row)
{
	const char *key = region->key;

	if (is_given(init, "REGION_", key, "_ID"))
		compare_text(init, key, "id", mr_init_value(rows, row, "region_id"), region->id);
	if (is_given(init, "REGION_", key, "_NAME"))
		compare_text(init, key, "name", mr_init_value(rows, row, "name"), region->name);
	if (region->api_endpoint != NULL)
		compare_text(init, key, "API endpoint", mr_init_value(rows, row, "api_endpoint"),
					 region->api_endpoint);
	if (region->cdn_endpoint != NULL)
		compare_text(init, key, "CDN endpoint", mr_init_value(rows, row, "cdn_endpoint"),
					 region->cdn_endpoint);
	if (region->has_priority)
		compare_number(init, key, "priority", mr_init_value(rows, row, "priority"),
					   region->priority);
	if (is_given(init, "REGION_", key, "_LATITUDE"))
		compare_number(init, key, "latitude", mr_init_value(rows, row, "latitude"),
					   region->latitude);
	if (is_given(init, "REGION_", key, "_LONGITUDE"))
		compare_number(init, key, "longitude", mr_init_value(rows, row, "longitude"),
					   region->longitude);
}

static int
row_of(const PGresult *rows, const char *column, const char *text)
{
	int row;

	for (row = 0; row < PQntuples(rows); row++)
	{
		const char *value = mr_init_value(rows, row, column);

		if (value != NULL && strcmp(value, text) == 0)
			return row;
	}
	return -1;
}

MrExit
mr_init_regions(MrInit *init)
{
	PGresult *rows = mr_init_query(init, MR_SQL_REGIONS, 0, NULL, false, NULL);
	MrExit code = rows != NULL ? MR_EXIT_OK : MR_EXIT_FAILED;
	int i;

	for (i = 0; i < init->settings->region_count && code == MR_EXIT_OK; i++)
	{
		const MrSettingsRegion *region = &init->settings->regions[i];
		int row = row_of(rows, "region_key", region->key);

		if (row >= 0)
			compare_region(init, region, rows, row);
		else if (init->standby)
			mr_init_differs(init, "region %s is missing", region->key);
		else
			code = add_region(init, region);
	}
	PQclear(rows);
	return code;
}

static MrExit
set_policy(MrInit *init, const MrSettingsPolicy *policy)
{
	char reason[128];
	const char *values[] = {policy->setting->name, policy->value, reason};

	snprintf(reason, sizeof(reason), "multiregiond init, from %.80s", policy->variable);
	if (mr_init_execute(init, "SELECT multiregion.set_policy($1, $2, $3)", 3, values) != MR_EXIT_OK)
		return MR_EXIT_FAILED;
	mr_init_did(init, "set policy %s to %s", policy->setting->name, policy->value);
	return MR_EXIT_OK;
}

MrExit
mr_init_policies(MrInit *init)
{
	PGresult *rows = mr_init_query(init, "SELECT name, value, is_set FROM multiregion.policies", 0,
								   NULL, false, NULL);
	MrExit code = rows != NULL ? MR_EXIT_OK : MR_EXIT_FAILED;
	int i;

	for (i = 0; i < init->settings->policy_count && code == MR_EXIT_OK; i++)
	{
		const MrSettingsPolicy *policy = &init->settings->policies[i];
		int row = row_of(rows, "name", policy->setting->name);
		const char *value = row >= 0 ? mr_init_value(rows, row, "value") : NULL;
		bool is_set = row >= 0 && mr_init_is_true(rows, row, "is_set");

		if (is_set && value != NULL && strcmp(value, policy->value) == 0)
			continue;
		if (is_set || init->standby)
			mr_init_differs(init, "policy %s is %s, and %s says %s", policy->setting->name,
							value != NULL ? value : "unknown", policy->variable, policy->value);
		else
			code = set_policy(init, policy);
	}
	PQclear(rows);
	return code;
}
