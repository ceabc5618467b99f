/*
 * Regions and nodes from the environment:
 *
 *     DATABASE_URL_<REGION>_PRIMARY, DATABASE_URL_<REGION>_REPLICA   lists of nodes
 *     MULTIREGION_NODES_<REGION>                                     their names
 *     REGION_<REGION>_ID, _NAME, _LATITUDE, _LONGITUDE, _PRIORITY, _API_ENDPOINT
 *     CDN_ENDPOINT_<REGION>
 *
 * A region exists as soon as one of its names is set. It must never repeat a URL in a
 * message. Called by settings.c.
 */
#include "sidecar/mr_settings.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the seed's regions are when nothing else is said; any other needs its own words. */
static const struct
{
	const char *key;
	const char *id;
	const char *name;
	double latitude;
	double longitude;
} well_known[] = {
	{"US_EAST", "us-east-1", "US East (N. Virginia)", 38.95, -77.45},
	{"EU_WEST", "eu-west-1", "EU West (Ireland)", 53.35, -6.26},
	{"AP_SOUTHEAST", "ap-southeast-1", "Asia Pacific (Singapore)", 1.35, 103.82},
};

/* The key inside a name that describes a region or its nodes; false for other names. */
static bool
key_of_name(const char *name, char key[MR_NAME_SIZE])
{
	const MrKnownVariable *variable = mr_variable_find(name, key);

	return variable != NULL && variable->owner == MR_VARIABLE_INIT &&
		   strstr(variable->name, "<REGION>") != NULL;
}

int
mr_settings_region(const MrSettings *settings, const char *key)
{
	int i;

	for (i = 0; i < settings->region_count; i++)
		if (strcmp(settings->regions[i].key, key) == 0)
			return i;
	return -1;
}

static const char *
region_value(const MrSettings *settings, const char *prefix, const char *key, const char *suffix,
			 char *name, size_t size)
{
	snprintf(name, size, "%s%s%s", prefix, key, suffix);
	return mr_environment_get(&settings->environment, name);
}

/* us-east for US_EAST. */
static void
derive_id(const char *key, char id[MR_NAME_SIZE])
{
	size_t i;

	(void) mr_text_lower(key, id, MR_NAME_SIZE);
	for (i = 0; id[i] != '\0'; i++)
		if (id[i] == '_')
			id[i] = '-';
}

/* "Us East" would be wrong and "US EAST" is loud, but neither is unknown. */
static void
derive_name(const char *key, char name[MR_LABEL_SIZE])
{
	size_t i;

	for (i = 0; key[i] != '\0'; i++)
		name[i] = key[i] == '_' ? ' ' : key[i];
	name[i] = '\0';
}

static void
set_defaults(MrSettingsRegion *region)
{
	size_t i;

	derive_id(region->key, region->id);
	derive_name(region->key, region->name);
	for (i = 0; i < sizeof(well_known) / sizeof(well_known[0]); i++)
		if (strcmp(region->key, well_known[i].key) == 0)
		{
			snprintf(region->id, sizeof(region->id), "%s", well_known[i].id);
			snprintf(region->name, sizeof(region->name), "%s", well_known[i].name);
			region->latitude = well_known[i].latitude;
			region->longitude = well_known[i].longitude;
			region->has_place = true;
		}
}

static void
add_region(MrSettings *settings, const char *key, MrProblems *problems)
{
	MrSettingsRegion *region;

	if (mr_settings_region(settings, key) >= 0)
		return;
	if (settings->region_count == MR_SETTINGS_REGIONS)
	{
		mr_problems_error(problems, "more than %d regions are described", MR_SETTINGS_REGIONS);
		return;
	}
	region = &settings->regions[settings->region_count++];
	snprintf(region->key, sizeof(region->key), "%s", key);
	set_defaults(region);
}

/* Copies a text if it passes its check. */
static void
read_text(const MrSettings *settings, const MrSettingsRegion *region, const char *suffix, char *out,
		  size_t size, const char *(*check)(const char *), MrProblems *problems)
{
	char variable[MR_NAME_SIZE * 2];
	const char *text =
		region_value(settings, "REGION_", region->key, suffix, variable, sizeof(variable));
	const char *problem;

	if (text == NULL)
		return;
	problem = check(text);
	if (problem == NULL && strlen(text) >= size)
		problem = "It is too long.";
	if (problem != NULL)
		mr_problems_error(problems, "%s: \"%s\" cannot be used. %s", variable, text, problem);
	else
		memcpy(out, text, strlen(text) + 1);
}

static const char *
read_endpoint(const MrSettings *settings, const MrSettingsRegion *region, const char *prefix,
			  const char *suffix, MrProblems *problems)
{
	char variable[MR_NAME_SIZE * 2];
	const char *text =
		region_value(settings, prefix, region->key, suffix, variable, sizeof(variable));
	const char *problem = text != NULL ? mr_endpoint_problem(text) : NULL;

	/* The text is not repeated: it may hold what it must not. */
	if (problem != NULL)
		mr_problems_error(problems, "%s cannot be used. %s", variable, problem);
	return problem == NULL ? text : NULL;
}

/* Reads a number of degrees; true if one is given and good. */
static bool
read_degrees(const MrSettings *settings, const MrSettingsRegion *region, const char *suffix,
			 double limit, double *value, MrProblems *problems)
{
	char variable[MR_NAME_SIZE * 2];
	const char *text =
		region_value(settings, "REGION_", region->key, suffix, variable, sizeof(variable));
	char *end;
	double degrees;

	if (text == NULL)
		return false;
	errno = 0;
	degrees = strtod(text, &end);
	if (end == text || *end != '\0' || errno != 0 || !(fabs(degrees) <= limit))
	{
		mr_problems_error(problems, "%s: \"%s\" is not a number of degrees from -%g to %g",
						  variable, text, limit, limit);
		return false;
	}
	*value = degrees;
	return true;
}

static void
read_place(const MrSettings *settings, MrSettingsRegion *region, MrProblems *problems)
{
	int before = problems->errors;
	bool latitude = read_degrees(settings, region, "_LATITUDE", 90, &region->latitude, problems);
	bool longitude =
		read_degrees(settings, region, "_LONGITUDE", 180, &region->longitude, problems);

	if (latitude && longitude)
		region->has_place = true;
	else if (latitude != longitude && problems->errors == before)
		mr_problems_error(problems, "REGION_%s_LATITUDE and _LONGITUDE must be set together",
						  region->key);
}

static void
read_priority(const MrSettings *settings, MrSettingsRegion *region, MrProblems *problems)
{
	char variable[MR_NAME_SIZE * 2];
	const char *text =
		region_value(settings, "REGION_", region->key, "_PRIORITY", variable, sizeof(variable));
	char *end;
	long value;

	if (text == NULL)
		return;
	errno = 0;
	value = strtol(text, &end, 10);
	if (end == text || *end != '\0' || errno != 0 || value < 0 || value > 1000000)
	{
		mr_problems_error(problems, "%s: \"%s\" is not a whole number from 0 to 1000000", variable,
						  text);
		return;
	}
	region->has_priority = true;
	region->priority = (int) value;
}

static void
read_region(MrSettings *settings, MrSettingsRegion *region, MrProblems *problems)
{
	read_text(settings, region, "_ID", region->id, sizeof(region->id), mr_region_id_problem,
			  problems);
	read_text(settings, region, "_NAME", region->name, sizeof(region->name), mr_label_problem,
			  problems);
	read_place(settings, region, problems);
	read_priority(settings, region, problems);
	region->api_endpoint = read_endpoint(settings, region, "REGION_", "_API_ENDPOINT", problems);
	region->cdn_endpoint = read_endpoint(settings, region, "CDN_ENDPOINT_", "", problems);
}

/*
 * The next part of a comma-separated list, without blanks around it: moves *list and
 * sets *length. NULL at the end. Empty parts are skipped.
 */
static const char *
next_part(const char **list, size_t *length)
{
	while (*list != NULL && **list != '\0')
	{
		const char *start = *list;
		size_t whole = strcspn(start, ",");
		size_t size = whole;

		*list = start[whole] == ',' ? start + whole + 1 : start + whole;
		while (size > 0 && isspace((unsigned char) *start))
		{
			start++;
			size--;
		}
		while (size > 0 && isspace((unsigned char) start[size - 1]))
			size--;
		*length = size;
		if (size > 0)
			return start;
	}
	return NULL;
}

/* us_east_1 for the first node of US_EAST. */
static void
derive_node_name(const char *key, int number, char name[MR_NAME_SIZE])
{
	char lower[MR_NAME_SIZE];

	(void) mr_text_lower(key, lower, sizeof(lower));
	snprintf(name, MR_NAME_SIZE, "%.50s_%d", lower, number);
}

static const char *
variable_in(const MrSettings *settings, const char *name)
{
	size_t i;

	for (i = 0; i < settings->environment.count; i++)
		if (strcmp(settings->environment.list[i].name, name) == 0)
			return settings->environment.list[i].name;
	return "";
}

/* One of the three lists of URLs of a region; *names is what is left of the list of names. */
static void
read_nodes(MrSettings *settings, int region, const char *suffix, const char **names, int *number,
		   MrProblems *problems)
{
	char variable[MR_NAME_SIZE * 2];
	const char *key = settings->regions[region].key;
	const char *list =
		region_value(settings, "DATABASE_URL_", key, suffix, variable, sizeof(variable));
	const char *url;
	size_t length;

	while ((url = next_part(&list, &length)) != NULL)
	{
		MrSettingsNode *node = &settings->nodes[settings->node_count];
		MrConninfo conninfo;
		const char *problem;
		size_t name_length;
		const char *name;

		if (settings->node_count == MR_MAX_MEMBERS)
		{
			mr_problems_error(problems, "more than %d nodes are listed", MR_MAX_MEMBERS);
			return;
		}
		node->url = strndup(url, length);
		if (node->url == NULL)
		{
			mr_problems_error(problems, "out of memory");
			return;
		}
		settings->node_count++;
		node->region = region;
		node->witness = strcmp(suffix, "_WITNESS") == 0;
		node->variable = variable_in(settings, variable);
		derive_node_name(key, ++*number, node->name);
		name = next_part(names, &name_length);
		if (name != NULL)
			snprintf(node->name, sizeof(node->name), "%.*s", (int) name_length, name);
		problem = mr_node_name_problem(node->name);
		if (problem == NULL && name != NULL && name_length >= sizeof(node->name))
			problem = "The name is too long.";
		if (problem != NULL)
			mr_problems_error(problems, "MULTIREGION_NODES_%s: \"%s\" cannot be a node's name. %s",
							  key, node->name, problem);
		problem = mr_conninfo_read(node->url, 0, &conninfo);
		if (problem != NULL)
			mr_problems_error(problems, "%s, entry %d: %s", variable, *number, problem);
	}
}

/* Which of the nodes is this one. */
static void
find_self(MrSettings *settings, MrProblems *problems)
{
	const char *name = mr_environment_get(&settings->environment, "MULTIREGION_NODE");
	const char *problem = name != NULL ? mr_node_name_problem(name) : NULL;
	int first = -1;
	int i;

	if (problem != NULL)
	{
		mr_problems_error(problems, "MULTIREGION_NODE: \"%s\" cannot be a node's name. %s", name,
						  problem);
		return;
	}
	if (name != NULL)
		snprintf(settings->node, sizeof(settings->node), "%s", name);
	for (i = 0; i < settings->node_count; i++)
	{
		if (strcmp(settings->regions[settings->nodes[i].region].key, settings->region) != 0)
			continue;
		if (first < 0 && !settings->nodes[i].witness)
			first = i;
		if (name != NULL && strcmp(settings->nodes[i].name, name) == 0)
			settings->self = i;
	}
	if (settings->self >= 0 || first < 0)
		return;
	/* The region's first node, called by this name if it was given one. */
	settings->self = first;
	if (name != NULL)
		snprintf(settings->nodes[first].name, sizeof(settings->nodes[first].name), "%s", name);
	else
		snprintf(settings->node, sizeof(settings->node), "%s", settings->nodes[first].name);
}

void
mr_settings_read_regions(MrSettings *settings, MrProblems *problems)
{
	size_t i;
	int r;

	/* The region of this server comes first, so that it is added first. */
	if (settings->region[0] != '\0')
		add_region(settings, settings->region, problems);
	for (i = 0; i < settings->environment.count; i++)
	{
		char key[MR_NAME_SIZE];

		if (settings->environment.list[i].value[0] != '\0' &&
			key_of_name(settings->environment.list[i].name, key))
			add_region(settings, key, problems);
	}
	for (r = 0; r < settings->region_count; r++)
	{
		char variable[MR_NAME_SIZE * 2];
		const char *key = settings->regions[r].key;
		const char *names =
			region_value(settings, "MULTIREGION_NODES_", key, "", variable, sizeof(variable));
		int number = 0;

		read_region(settings, &settings->regions[r], problems);
		read_nodes(settings, r, "_PRIMARY", &names, &number, problems);
		read_nodes(settings, r, "_REPLICA", &names, &number, problems);
		read_nodes(settings, r, "_WITNESS", &names, &number, problems);
	}
	find_self(settings, problems);
}
