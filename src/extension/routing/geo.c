/*
 * SQL functions on clients: where is one, and which region is his.
 *
 * Unpacks arguments and makes rows; who is believed is decided in core/geo_headers.c and
 * core/client_address.c, which region in core/country_region.c.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include <math.h>

#include "core/mr_geo.h"
#include "extension/mr_functions.h"
#include "extension/mr_row.h"
#include "extension/pg_compat.h"
#include "extension/routing/mr_geo.h"
#include "extension/routing/mr_routing.h"

PG_FUNCTION_INFO_V1(multiregion_resolve_geo);
PG_FUNCTION_INFO_V1(multiregion_client_address);
PG_FUNCTION_INFO_V1(multiregion_nearest_region_to_country);
PG_FUNCTION_INFO_V1(multiregion_nearest_region_to_address);
PG_FUNCTION_INFO_V1(multiregion_region_distance);
PG_FUNCTION_INFO_V1(multiregion_region_for_client);

#define ALL_REGIONS (~UINT64CONST(0))

static const Jsonb *
headers_argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL : PG_GETARG_JSONB_P(number);
}

/* ---------- resolve_geo() and client_address() ---------- */

/* Names of cities come in UTF-8; what another encoding may lack is left out. */
static void
put_name(MrRow *row, const char *name)
{
	bool fits = GetDatabaseEncoding() == PG_UTF8;

	for (const char *c = name; !fits && !IS_HIGHBIT_SET(*c); c++)
		fits = *c == '\0';
	mr_row_put_text(row, fits ? name : NULL);
}

static void
put_degrees(MrRow *row, double value)
{
	mr_row_put(row, Float8GetDatum(value), isnan(value));
}

/* "cloudflare", or with what is odd: "mmdb; duplicate header cf-ipcountry". */
static void
put_source(MrRow *row, const MrGeo *geo)
{
	char text[MR_HEADER_SIZE + 100];

	snprintf(text, sizeof(text), "%s%s%s%s%s", geo->source, geo->note[0] != '\0' ? "; " : "",
			 geo->note, geo->about[0] != '\0' ? " " : "", geo->about);
	mr_row_put_text(row, text);
}

/* The row's columns, found once for a call site. */
static TupleDesc
columns_of(FunctionCallInfo fcinfo)
{
	TupleDesc columns;
	MemoryContext before;

	if (fcinfo->flinfo->fn_extra != NULL)
		return fcinfo->flinfo->fn_extra;
	if (get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("the function must be declared to return a row")));
	before = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	fcinfo->flinfo->fn_extra = BlessTupleDesc(CreateTupleDescCopy(columns));
	MemoryContextSwitchTo(before);
	return fcinfo->flinfo->fn_extra;
}

Datum
multiregion_resolve_geo(PG_FUNCTION_ARGS)
{
	MrAddress peer = mr_geo_address_argument(fcinfo, 1);
	TupleDesc columns = columns_of(fcinfo);
	MrRow row;
	MrGeo geo;

	mr_geo_resolve(headers_argument(fcinfo, 0), &peer, true, &geo);
	row.count = 0;
	mr_row_put_text(&row, geo.place.country);
	mr_row_put_text(&row, geo.place.subdivision);
	mr_row_put_text(&row, geo.place.continent);
	put_name(&row, geo.place.city);
	put_degrees(&row, geo.place.place.latitude);
	put_degrees(&row, geo.place.place.longitude);
	mr_row_put_text(&row, geo.place.time_zone);
	if (geo.address.family != 0)
		mr_row_put(&row, mr_geo_address_datum(&geo.address), false);
	else
		mr_row_put_nulls(&row, 1);
	put_source(&row, &geo);
	mr_row_put_bool(&row, geo.trusted);
	if (columns->natts != row.count)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("resolve_geo() returns %d columns", row.count)));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(columns, row.values, row.nulls)));
}

Datum
multiregion_client_address(PG_FUNCTION_ARGS)
{
	MrAddress peer = mr_geo_address_argument(fcinfo, 1);
	MrGeo geo;

	mr_geo_resolve(headers_argument(fcinfo, 0), &peer, false, &geo);
	if (geo.address.family == 0)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(mr_geo_address_datum(&geo.address));
}

/* ---------- nearest_region() ---------- */

static Datum
region_datum(FunctionCallInfo fcinfo, const MrRouteRegions *regions, int region)
{
	if (region == MR_NO_REGION)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(regions->regions[region].key));
}

/*
 * Whether these are coordinates after all: a driver that sends parameters without a type
 * calls this function with them.
 */
static bool
are_coordinates(MrSlice latitude, FunctionCallInfo fcinfo, MrPlace *place)
{
	text *longitude;
	MrSlice second;

	if (PG_ARGISNULL(1) || !mr_slice_number(mr_slice_trim(latitude), &place->latitude))
		return false;
	longitude = PG_GETARG_TEXT_PP(1);
	second.text = VARDATA_ANY(longitude);
	second.length = VARSIZE_ANY_EXHDR(longitude);
	if (!mr_slice_number(mr_slice_trim(second), &place->longitude))
		return false;
	mr_require_place(place->latitude, place->longitude);
	return true;
}

Datum
multiregion_nearest_region_to_country(PG_FUNCTION_ARGS)
{
	const MrRouteRegions *regions;
	MrRouteKey key = {false, 0};
	MrClientPlace client;
	MrSlice country;
	MrSlice subdivision;
	text *word;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	word = PG_GETARG_TEXT_PP(0);
	country.text = VARDATA_ANY(word);
	country.length = VARSIZE_ANY_EXHDR(word);
	mr_client_place_init(&client);
	if (!are_coordinates(country, fcinfo, &client.place))
	{
		mr_client_place_set(&client, MR_GEO_COUNTRY, country);
		if (!PG_ARGISNULL(1))
		{
			word = PG_GETARG_TEXT_PP(1);
			subdivision.text = VARDATA_ANY(word);
			subdivision.length = VARSIZE_ANY_EXHDR(word);
			mr_client_place_set(&client, MR_GEO_SUBDIVISION, subdivision);
		}
		if (!mr_client_place_finish(&client))
			PG_RETURN_NULL();
	}
	regions = mr_routing_regions();
	return region_datum(
		fcinfo, regions,
		mr_route_nearest(regions, mr_geo_country_map(regions), &client, ALL_REGIONS, &key));
}

/* One user has one IPv4 address, or 64 bits of IPv6. */
static void
add_address(MrRouteKey *key, const MrAddress *address)
{
	mr_route_key_add(key, address->bytes, address->family == 4 ? 4 : 8);
}

Datum
multiregion_nearest_region_to_address(PG_FUNCTION_ARGS)
{
	MrAddress address = mr_geo_address_argument(fcinfo, 0);
	const MrRouteRegions *regions;
	MrRouteKey key = {false, 0};
	MrClientPlace client;

	if (!mr_geo_mmdb_find(&address, &client))
		PG_RETURN_NULL();
	add_address(&key, &address);
	regions = mr_routing_regions();
	return region_datum(
		fcinfo, regions,
		mr_route_nearest(regions, mr_geo_country_map(regions), &client, ALL_REGIONS, &key));
}

/* ---------- regions ---------- */

static MrPlace
region_argument(FunctionCallInfo fcinfo, int number, const MrRouteRegions *regions)
{
	char *word = text_to_cstring(PG_GETARG_TEXT_PP(number));
	int region = mr_route_find_region(regions, word);
	MrRegionRow row;

	if (region != MR_NO_REGION)
		return regions->regions[region].place;
	mr_catalog_require_region(word, &row); /* raises the usual error */
	return row.place;
}

Datum
multiregion_region_distance(PG_FUNCTION_ARGS)
{
	const MrRouteRegions *regions = mr_routing_regions();
	MrPlace a = region_argument(fcinfo, 0, regions);
	MrPlace b = region_argument(fcinfo, 1, regions);

	if (isnan(a.latitude) || isnan(b.latitude))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(mr_geo_distance_km(a.latitude, a.longitude, b.latitude, b.longitude));
}

Datum
multiregion_region_for_client(PG_FUNCTION_ARGS)
{
	MrAddress peer = mr_geo_address_argument(fcinfo, 2);
	const MrRouteRegions *regions;
	MrRouteKey key = {false, 0};
	MrRegionChoice choice;
	MrRouteHealth health;
	MrTenantRule rule;
	MrGeo geo;
	text *tenant;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	tenant = PG_GETARG_TEXT_PP(0);
	mr_geo_resolve(headers_argument(fcinfo, 1), &peer, true, &geo);
	/* The answer may be where the tenant writes: not on the word of just anybody. */
	if (!geo.trusted)
		mr_client_place_init(&geo.place);
	mr_route_key_add(&key, VARDATA_ANY(tenant), VARSIZE_ANY_EXHDR(tenant));
	regions = mr_routing_tenant(VARDATA_ANY(tenant), VARSIZE_ANY_EXHDR(tenant), &rule);
	mr_routing_health(regions, &health);
	choice = mr_route_region_for_client(regions, &rule, &health, mr_geo_country_map(regions),
										&geo.place, &key);
	return region_datum(fcinfo, regions, choice.region);
}
