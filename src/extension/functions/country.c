/*
 * SQL functions on the map of countries to regions: map_country(), unmap_country().
 *
 * Unpacks and checks arguments; the table is catalog_country.c's.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "core/mr_countries.h"
#include "extension/mr_catalog_country.h"
#include "extension/mr_functions.h"

#define MAX_WEIGHT 1000000

PG_FUNCTION_INFO_V1(multiregion_map_country);
PG_FUNCTION_INFO_V1(multiregion_unmap_country);

/* Country and subdivision, at the given numbers. */
static void
take_place(FunctionCallInfo fcinfo, int country_number, int subdivision_number, MrCountryRow *row)
{
	char *word = mr_text_argument(fcinfo, country_number, "country");
	const MrCountry *country = mr_country_find(mr_slice(word));
	char *subdivision = mr_optional_text(fcinfo, subdivision_number);

	if (country == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"%s\" is no country", word),
				 errhint("Write its two letters of ISO 3166-1, like DE.")));
	memcpy(row->country, country->code, sizeof(row->country));
	if (subdivision != NULL && subdivision[0] != '\0' &&
		!mr_subdivision_parse(mr_slice(subdivision), row->country, row->subdivision))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("\"%s\" is no subdivision of %s", subdivision, row->country),
						errhint("Write its code of ISO 3166-2, like CA or US-CA for California.")));
}

Datum
multiregion_map_country(PG_FUNCTION_ARGS)
{
	MrCountryRow row = {0};
	MrRegionRow region;

	take_place(fcinfo, 0, 3, &row);
	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("weight must not be null")));
	row.weight = PG_GETARG_INT32(2);
	if (row.weight < 1 || row.weight > MAX_WEIGHT)
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("weight %d is outside the range 1 to %d", row.weight, MAX_WEIGHT),
						errhint("unmap_country() removes a region from a country.")));
	mr_require_writable("map_country()");
	mr_catalog_hold_regions();
	mr_catalog_require_region(mr_text_argument(fcinfo, 1, "region"), &region);
	strlcpy(row.region, region.key, sizeof(row.region));
	mr_catalog_map_country(&row);
	PG_RETURN_TEXT_P(cstring_to_text(region.key));
}

Datum
multiregion_unmap_country(PG_FUNCTION_ARGS)
{
	MrCountryRow row = {0};
	MrRegionRow region;
	char *word = mr_optional_text(fcinfo, 1);

	take_place(fcinfo, 0, 2, &row);
	mr_require_writable("unmap_country()");
	if (word != NULL)
	{
		mr_catalog_require_region(word, &region);
		strlcpy(row.region, region.key, sizeof(row.region));
	}
	PG_RETURN_INT32((int32) mr_catalog_unmap_country(&row));
}
