/*
 * SQL functions on regions: which is which, and their list.
 *
 * Unpacks and checks arguments; the tables are catalog_region.c's, distances are
 * core/geo.c's.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/float.h"

#include <math.h>

#include "core/mr_geo.h"
#include "core/mr_identifier.h"
#include "extension/mr_catalog_edit.h"
#include "extension/mr_functions.h"

#define DEFAULT_PRIORITY 100
#define MAX_PRIORITY 1000000

PG_FUNCTION_INFO_V1(multiregion_gateway_region);
PG_FUNCTION_INFO_V1(multiregion_primary_region);
PG_FUNCTION_INFO_V1(multiregion_nearest_region);
PG_FUNCTION_INFO_V1(multiregion_add_region);
PG_FUNCTION_INFO_V1(multiregion_alter_region);
PG_FUNCTION_INFO_V1(multiregion_drop_region);

Datum
multiregion_gateway_region(PG_FUNCTION_ARGS)
{
	const char *region;

	mr_require_preloaded();
	region = mr_gateway_region();
	if (region[0] == '\0')
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(region));
}

Datum
multiregion_primary_region(PG_FUNCTION_ARGS)
{
	const char *region;

	mr_require_preloaded();
	region = mr_primary_region();
	if (region[0] == '\0')
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(region));
}

void
mr_require_place(double latitude, double longitude)
{
	if (!mr_geo_is_place(latitude, longitude))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("latitude %s, longitude %s is no place on earth",
						float8out_internal(latitude), float8out_internal(longitude)),
				 errdetail("A latitude is from -90 to 90 degrees, a longitude from -180 to 180.")));
}

Datum
multiregion_nearest_region(PG_FUNCTION_ARGS)
{
	MrPlace here = {PG_GETARG_FLOAT8(0), PG_GETARG_FLOAT8(1)};
	MrRegionRow *regions;
	MrPlace *places;
	int count;
	int nearest;

	mr_require_place(here.latitude, here.longitude);
	count = mr_catalog_list_regions(&regions);
	places = palloc(Max(count, 1) * sizeof(MrPlace));
	for (int i = 0; i < count; i++)
		places[i] = regions[i].place;
	nearest = mr_region_nearest(&here, places, count);
	if (nearest < 0)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(regions[nearest].key));
}

/* ---------- changes ---------- */

/* The names of a new region, in the case in which they are stored. */
static void
take_names(FunctionCallInfo fcinfo, MrRegionRow *region)
{
	char *key = mr_text_argument(fcinfo, 0, "region key");
	char *id = mr_text_argument(fcinfo, 1, "region id");

	(void) mr_text_upper(key, region->key, sizeof(region->key));
	mr_refuse_name("region key", key, mr_region_key_problem(region->key));
	(void) mr_text_lower(id, region->id, sizeof(region->id));
	mr_refuse_name("region id", id, mr_region_id_problem(region->id));
}

static void
take_label(FunctionCallInfo fcinfo, int number, MrRegionRow *region)
{
	char *name = mr_optional_text(fcinfo, number);

	if (name == NULL)
		return;
	mr_refuse_name("region name", name, mr_label_problem(name));
	strlcpy(region->name, name, sizeof(region->name));
}

/* Latitude and longitude, at number and the one after: both or none. */
static void
take_place(FunctionCallInfo fcinfo, int number, MrRegionRow *region)
{
	if (PG_ARGISNULL(number) != PG_ARGISNULL(number + 1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("latitude and longitude must be given together")));
	if (PG_ARGISNULL(number))
		return;
	region->place.latitude = PG_GETARG_FLOAT8(number);
	region->place.longitude = PG_GETARG_FLOAT8(number + 1);
	mr_require_place(region->place.latitude, region->place.longitude);
}

static void
take_priority(FunctionCallInfo fcinfo, int number, MrRegionRow *region)
{
	if (PG_ARGISNULL(number))
		return;
	region->priority = PG_GETARG_INT32(number);
	if (region->priority < 0 || region->priority > MAX_PRIORITY)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("priority %d is outside the range 0 to %d", region->priority, MAX_PRIORITY),
				 errhint("The smallest number is preferred.")));
}

/* Null leaves the endpoint as it is, an empty text removes it. */
static void
take_endpoint(FunctionCallInfo fcinfo, int number, const char *what, char *out, size_t size)
{
	char *endpoint = mr_optional_text(fcinfo, number);
	const char *problem;

	if (endpoint == NULL)
		return;
	problem = endpoint[0] != '\0' ? mr_endpoint_problem(endpoint) : NULL;
	/* Not repeated: it may hold a password. */
	if (problem != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid %s", what),
						errdetail("%s", problem)));
	strlcpy(out, endpoint, size);
}

/* What add_region() and alter_region() have in common: name and all after it. */
static void
take_rest(FunctionCallInfo fcinfo, int first, MrRegionRow *region)
{
	take_label(fcinfo, first, region);
	take_place(fcinfo, first + 1, region);
	take_priority(fcinfo, first + 3, region);
	take_endpoint(fcinfo, first + 4, "API endpoint", region->api_endpoint,
				  sizeof(region->api_endpoint));
	take_endpoint(fcinfo, first + 5, "CDN endpoint", region->cdn_endpoint,
				  sizeof(region->cdn_endpoint));
}

Datum
multiregion_add_region(PG_FUNCTION_ARGS)
{
	MrRegionRow region;

	memset(&region, 0, sizeof(region));
	region.priority = DEFAULT_PRIORITY;
	region.place.latitude = region.place.longitude = (double) NAN;
	take_names(fcinfo, &region);
	strlcpy(region.name, region.key, sizeof(region.name));
	take_rest(fcinfo, 2, &region);
	mr_require_writable("add_region()");
	mr_catalog_insert_region(&region);
	PG_RETURN_TEXT_P(cstring_to_text(region.key));
}

Datum
multiregion_alter_region(PG_FUNCTION_ARGS)
{
	MrRegionRow region;

	mr_require_writable("alter_region()");
	mr_catalog_lock_regions();
	mr_catalog_require_region(mr_text_argument(fcinfo, 0, "region"), &region);
	take_rest(fcinfo, 1, &region);
	mr_catalog_update_region(&region);
	PG_RETURN_TEXT_P(cstring_to_text(region.key));
}

Datum
multiregion_drop_region(PG_FUNCTION_ARGS)
{
	MrRegionRow region;

	mr_require_writable("drop_region()");
	mr_catalog_require_region(mr_text_argument(fcinfo, 0, "region"), &region);
	mr_catalog_delete_region(region.key);
	(void) mr_catalog_remove_pause("region", region.key);
	PG_RETURN_VOID();
}
