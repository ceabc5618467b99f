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

/* What of a region can be compared: by which variable, column, argument of alter_region(). */
static const struct
{
	const char *prefix;
	const char *suffix;
	const char *column;
	const char *argument; /* NULL: it cannot be changed */
	const char *what;
	bool is_number;
} fields[] = {
	{"REGION_", "_ID", "region_id", NULL, "id", false},
	{"REGION_", "_NAME", "name", "name", "name", false},
	{"REGION_", "_LATITUDE", "latitude", "latitude", "latitude", true},
	{"REGION_", "_LONGITUDE", "longitude", "longitude", "longitude", true},
	{"REGION_", "_PRIORITY", "priority", "priority", "priority", true},
	{"REGION_", "_API_ENDPOINT", "api_endpoint", "api_endpoint", "API endpoint", false},
	{"CDN_ENDPOINT_", "", "cdn_endpoint", "cdn_endpoint", "CDN endpoint", false},
};

static bool
is_same(const char *there, const char *wanted, bool is_number)
{
	if (there == NULL)
		return false;
	if (is_number)
		return fabs(strtod(there, NULL) - strtod(wanted, NULL)) <= 1e-9;
	return strcmp(there, wanted) == 0;
}

/* Latitude and longitude are changed together. */
static void
report_place(MrInit *init, const MrSettingsRegion *region, size_t field, const char *there,
			 const char *variable, const char *wanted)
{
	mr_init_differs(init,
					"region %s has %s \"%s\", and %s says \"%s\"; to change it: SELECT "
					"%s.alter_region('%s', latitude => %.15g, longitude => %.15g);",
					region->key, fields[field].what, there, variable, wanted, init->schema,
					region->key, region->latitude, region->longitude);
}

static void
report_text(MrInit *init, const MrSettingsRegion *region, size_t field, const char *there,
			const char *variable, const char *wanted)
{
	char *literal = mr_init_literal(init, wanted);

	mr_init_differs(init,
					"region %s has %s \"%s\", and %s says \"%s\"; to change it: SELECT "
					"%s.alter_region('%s', %s => %s);",
					region->key, fields[field].what, there, variable, wanted, init->schema,
					region->key, fields[field].argument, literal);
	PQfreemem(literal);
}

/* Compares what the settings say; what only a default says is nobody's wish. */
static void
compare_region(MrInit *init, const MrSettingsRegion *region, const PGresult *rows, int row)
{
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
	{
		const char *there = mr_row_text(rows, row, fields[i].column);
		char variable[MR_NAME_SIZE * 2];
		const char *wanted;

		snprintf(variable, sizeof(variable), "%s%s%s", fields[i].prefix, region->key,
				 fields[i].suffix);
		wanted = mr_environment_get(&init->settings->environment, variable);
		if (wanted == NULL || is_same(there, wanted, fields[i].is_number))
			continue;
		there = there != NULL ? there : "";
		if (fields[i].argument == NULL)
			mr_init_differs(init,
							"region %s has %s \"%s\", and %s says \"%s\"; it cannot be changed",
							region->key, fields[i].what, there, variable, wanted);
		else if (strstr(fields[i].argument, "itude") != NULL)
			report_place(init, region, i, there, variable, wanted);
		else
			report_text(init, region, i, there, variable, wanted);
	}
}

static int
row_of(const PGresult *rows, const char *column, const char *text)
{
	int row;

	for (row = 0; row < PQntuples(rows); row++)
	{
		const char *value = mr_row_text(rows, row, column);

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
		else if (init->read_only)
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

/* A policy that is another than the settings say, and stays so. */
static void
report_policy(MrInit *init, const MrSettingsPolicy *policy, const PGresult *rows, int row)
{
	const char *name = policy->setting->name;
	const char *value = mr_row_text(rows, row, "value");
	const char *in_force = mr_row_text(rows, row, "in_force");
	bool pending = value != NULL && in_force != NULL && strcmp(value, in_force) != 0;
	const char *head = pending ? " (in force: " : "";

	if (value == NULL)
		value = "unknown";
	if (mr_row_is_true(rows, row, "is_set"))
		mr_init_differs(init,
						"policy %s is %s%s%s%s, and %s says %s; to change it: "
						"SELECT multiregion.set_policy('%s', '%s');",
						name, value, head, pending ? in_force : "", pending ? ")" : "",
						policy->variable, policy->value, name, policy->value);
	else
		mr_init_differs(init, "policy %s is %s, and %s says %s; nobody has set it: init %ssets it",
						name, value, policy->variable, policy->value,
						init->standby ? "on the primary " : "");
}

MrExit
mr_init_policies(MrInit *init)
{
	PGresult *rows =
		mr_init_query(init, "SELECT name, value, in_force, is_set FROM multiregion.policies", 0,
					  NULL, false, NULL);
	MrExit code = rows != NULL ? MR_EXIT_OK : MR_EXIT_FAILED;
	int i;

	for (i = 0; i < init->settings->policy_count && code == MR_EXIT_OK; i++)
	{
		const MrSettingsPolicy *policy = &init->settings->policies[i];
		int row = row_of(rows, "name", policy->setting->name);
		const char *value = row >= 0 ? mr_row_text(rows, row, "value") : NULL;
		bool is_set = row >= 0 && mr_row_is_true(rows, row, "is_set");

		/* On a standby a default that is meant is no difference: the primary's init says it. */
		if ((is_set || init->standby) && value != NULL && strcmp(value, policy->value) == 0)
			continue;
		if (row < 0)
			mr_init_differs(init, "policy %s of %s is not known to the server",
							policy->setting->name, policy->variable);
		else if (is_set || init->read_only)
			report_policy(init, policy, rows, row);
		else
			code = set_policy(init, policy);
	}
	PQclear(rows);
	return code;
}
