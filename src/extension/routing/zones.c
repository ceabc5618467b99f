/*
 * Residency zones: sets of regions that tenants are bound to; see mr_tenants.h.
 *
 * A zone decides where tenants may be *served*. It cannot decide where their data lies:
 * physical replication puts all of it on every node, which is said when it becomes true
 * and listed in multiregion.residency_violations. Called by the SQL functions on zones, by
 * tenant_batch.c and by add_node().
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "extension/mr_catalog_run.h"
#include "extension/mr_functions.h"
#include "extension/routing/mr_routing.h"
#include "extension/routing/mr_tenants.h"
#include "extension/routing/mr_zones.h"

PG_FUNCTION_INFO_V1(multiregion_add_zone);
PG_FUNCTION_INFO_V1(multiregion_alter_zone);
PG_FUNCTION_INFO_V1(multiregion_drop_zone);

static const char *const load_sql =
	"SELECT z.zone, z.regions, z.strict FROM multiregion.zone AS z ORDER BY z.zone";

static const char *const strict_sql =
	"SELECT z.zone, z.regions FROM multiregion.zone AS z WHERE z.strict ORDER BY z.zone";

static const char *const count_strict_sql =
	"SELECT pg_catalog.count(*) FROM multiregion.zone AS z WHERE z.strict"
	" AND z.zone OPERATOR(pg_catalog.<>) $1";

/* Regions are held, zones are locked: nobody sets a tenant meanwhile. */
static const char *const hold_regions_sql = "LOCK TABLE multiregion.region IN ROW EXCLUSIVE MODE";
static const char *const lock_sql = "LOCK TABLE multiregion.zone IN SHARE ROW EXCLUSIVE MODE";

static const char *const insert_sql =
	"INSERT INTO multiregion.zone (zone, regions, strict, changed_by) VALUES ($1, $2, $3, $4)"
	" ON CONFLICT (zone) DO UPDATE SET regions = excluded.regions, strict = excluded.strict,"
	" changed_by = excluded.changed_by, changed_at = pg_catalog.clock_timestamp()";

static const char *const delete_sql =
	"DELETE FROM multiregion.zone WHERE zone OPERATOR(pg_catalog.=) $1";

static const char *const count_tenants_sql =
	"SELECT pg_catalog.count(*) FROM multiregion.tenant AS t"
	" WHERE t.zone OPERATOR(pg_catalog.=) $1";

/* Tenants whose rule the zone would forbid if it were like this. */
static const char *const count_outside_sql =
	"SELECT pg_catalog.count(*) FROM multiregion.tenant AS t"
	" WHERE t.zone OPERATOR(pg_catalog.=) $1 AND ("
	"(t.region_key OPERATOR(pg_catalog.<>) ALL ($2) AND (t.mode OPERATOR(pg_catalog.=) 'pin' OR "
	"$3))"
	" OR ($3 AND NOT t.fallbacks OPERATOR(pg_catalog.<@) $2))";

/* Nodes that hold data outside of the zone's regions. */
static const char *const nodes_outside_sql =
	"SELECT n.node_name, n.region_key FROM multiregion.node AS n WHERE NOT n.witness"
	" AND n.uuid IS NOT NULL AND n.region_key OPERATOR(pg_catalog.<>) ALL ($1) ORDER BY "
	"n.node_name";

/* Strict zones that have tenants, but not this region. */
static const char *const zones_without_sql =
	"SELECT z.zone FROM multiregion.zone AS z WHERE z.strict"
	" AND $1 OPERATOR(pg_catalog.<>) ALL (z.regions) AND EXISTS (SELECT FROM multiregion.tenant"
	" AS t WHERE t.zone OPERATOR(pg_catalog.=) z.zone) ORDER BY z.zone";

/* A zone as it is to be: keys in the order of the regions. */
typedef struct ZoneWish
{
	MrZone zone;
	const char *keys[MR_MAX_REGIONS];
	int count;
} ZoneWish;

/* ---------- reading ---------- */

/* The keys of a row's array as bits; a region that is not known has none. */
static uint64
bits_of(const MrRouteRegions *regions, Datum array)
{
	uint64 bits = 0;
	Datum *keys;
	int count;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &keys, NULL,
					  &count);
	for (int i = 0; i < count; i++)
	{
		int region = mr_route_find_region(regions, TextDatumGetCString(keys[i]));

		if (region != MR_NO_REGION)
			bits |= UINT64CONST(1) << region;
	}
	return bits;
}

/* Reads with a snapshot of now, whatever the transaction's is: what is read is held. */
static uint64
look(const char *sql, MrArguments *arguments)
{
	uint64 count;

	PushActiveSnapshot(GetLatestSnapshot());
	count = mr_read(sql, arguments);
	PopActiveSnapshot();
	return count;
}

int
mr_zones_load(const MrRouteRegions *regions, MrZone **zones)
{
	MemoryContext caller_context = CurrentMemoryContext;
	MrCatalogSession session;
	uint64 count;

	mr_catalog_open(&session);
	count = look(load_sql, NULL);
	*zones = MemoryContextAllocZero(caller_context, Max(count, 1) * sizeof(MrZone));
	for (uint64 row = 0; row < count; row++)
	{
		MrZone *zone = &(*zones)[row];
		bool is_null;

		mr_column_text(row, 1, zone->name, sizeof(zone->name));
		zone->regions = bits_of(
			regions, SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 2, &is_null));
		zone->strict = mr_column_bool(row, 3);
	}
	mr_catalog_close(&session);
	return (int) count;
}

void
mr_zones_take_strict(MrRouteRegions *regions)
{
	MrCatalogSession session;
	uint64 count;

	if (!mr_catalog_has("zone", NULL))
		return;
	mr_catalog_open(&session);
	count = mr_read(strict_sql, NULL);
	for (uint64 row = 0; row < count && row < MR_MAX_STRICT_ZONES; row++)
	{
		MrRouteZone *zone = &regions->zones[regions->zone_count++];
		bool is_null;

		mr_column_text(row, 1, zone->name, sizeof(zone->name));
		zone->regions = bits_of(
			regions, SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 2, &is_null));
	}
	mr_catalog_close(&session);
}

/* ---------- what zones cannot do ---------- */

/* First column of all rows of the last result, and in brackets the second, if there is one. */
static char *
list_rows(uint64 count, bool with_second)
{
	StringInfoData text;
	char word[MR_NAME_SIZE];

	initStringInfo(&text);
	for (uint64 row = 0; row < count; row++)
	{
		mr_column_text(row, 1, word, sizeof(word));
		appendStringInfo(&text, "%s%s", row == 0 ? "" : ", ", word);
		if (!with_second)
			continue;
		mr_column_text(row, 2, word, sizeof(word));
		appendStringInfo(&text, " (%s)", word);
	}
	return text.data;
}

static void
warn_of_nodes(const ZoneWish *wish)
{
	MrArguments arguments = {0};
	uint64 count;

	if (!wish->zone.strict)
		return;
	mr_add_texts(&arguments, wish->keys, wish->count);
	count = mr_write(nodes_outside_sql, &arguments);
	if (count > 0)
		ereport(WARNING,
				(errmsg("nodes outside zone %s hold the data of its tenants", wish->zone.name),
				 errdetail("Nodes: %s.", list_rows(count, true)),
				 errhint("Physical replication copies every tenant to every node: a strict zone "
						 "decides where its tenants are served, not where their data lies. Data "
						 "that may not leave the zone needs a cluster of its own there.")));
}

void
mr_zones_warn_of_node(const char *node, const char *region)
{
	MrCatalogSession session;
	MrArguments arguments = {0};
	uint64 count;

	if (!mr_catalog_has("zone", NULL))
		return;
	mr_catalog_open(&session);
	mr_add_text(&arguments, region);
	count = mr_write(zones_without_sql, &arguments);
	if (count > 0)
		ereport(WARNING,
				(errmsg("node \"%s\" will hold the data of tenants whose zone does not have "
						"region %s",
						node, region),
				 errdetail("Strict zones: %s.", list_rows(count, false)),
				 errhint("Physical replication copies every tenant to every node; see "
						 "multiregion.residency_violations. Data that may not leave the zone "
						 "needs a cluster of its own there.")));
	mr_catalog_close(&session);
}

/* ---------- changes ---------- */

/* The zone's name as it is stored; error 42602 if it cannot be one. */
static void
take_name(FunctionCallInfo fcinfo, ZoneWish *wish)
{
	char *word = mr_text_argument(fcinfo, 0, "zone");

	(void) mr_text_upper(word, wish->zone.name, sizeof(wish->zone.name));
	mr_refuse_name("zone", word, mr_zone_problem(wish->zone.name));
}

/* Whether there is a zone of this name; then wish gets what it is like. */
static bool
find_zone(const MrRouteRegions *regions, ZoneWish *wish)
{
	MrZone *zones;
	int count = mr_zones_load(regions, &zones);

	for (int i = 0; i < count; i++)
		if (strcmp(zones[i].name, wish->zone.name) == 0)
		{
			wish->zone = zones[i];
			return true;
		}
	return false;
}

static void
require_zone(const MrRouteRegions *regions, ZoneWish *wish)
{
	if (!find_zone(regions, wish))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("zone \"%s\" does not exist", wish->zone.name)));
}

static void
take_regions(const MrRouteRegions *regions, ArrayType *words, ZoneWish *wish)
{
	Datum *values;
	bool *nulls;
	int count;

	wish->zone.regions = 0;
	deconstruct_array(words, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		char *word = nulls[i] ? NULL : TextDatumGetCString(values[i]);
		int region = word != NULL ? mr_route_find_region(regions, word) : MR_NO_REGION;

		if (word == NULL)
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("a region of a zone must not be null")));
		if (region == MR_NO_REGION)
			ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
							errmsg("region \"%s\" does not exist", word),
							errhint("%s", mr_catalog_known_regions())));
		wish->zone.regions |= UINT64CONST(1) << region;
	}
	if (count == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a zone needs at least one region")));
}

static void
list_keys(const MrRouteRegions *regions, ZoneWish *wish)
{
	wish->count = 0;
	for (int i = 0; i < regions->count; i++)
		if (mr_zone_has(&wish->zone, i))
			wish->keys[wish->count++] = regions->regions[i].key;
}

static void
require_room(const ZoneWish *wish)
{
	MrArguments arguments = {0};
	int64 outside;

	mr_add_text(&arguments, wish->zone.name);
	mr_add_texts(&arguments, wish->keys, wish->count);
	mr_add_bool(&arguments, wish->zone.strict);
	(void) look(count_outside_sql, &arguments);
	outside = mr_column_int64(0, 1);
	if (outside > 0)
		ereport(ERROR, (errcode(ERRCODE_CHECK_VIOLATION),
						errmsg("%lld tenants of zone %s would be outside of it",
							   (long long) outside, wish->zone.name),
						errdetail("Tenants are pinned to regions of their zone only; if it is "
								  "strict, they also prefer and fall back to no others."),
						errhint("multiregion.residency_violations names tenants that are outside "
								"while a zone is not strict; set_tenant_region() moves them.")));
}

/* Routing has room for so many. */
static void
require_few_strict(const ZoneWish *wish)
{
	MrArguments arguments = {0};

	if (!wish->zone.strict)
		return;
	mr_add_text(&arguments, wish->zone.name);
	(void) look(count_strict_sql, &arguments);
	if (mr_column_int64(0, 1) >= MR_MAX_STRICT_ZONES)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("a cluster has at most %d strict zones", MR_MAX_STRICT_ZONES)));
}

/* Begins a change: from here on nobody else changes regions, zones or tenants of zones. */
static const MrRouteRegions *
begin_change(MrCatalogSession *session)
{
	mr_catalog_open(session);
	(void) mr_write(hold_regions_sql, NULL);
	(void) mr_write(lock_sql, NULL);
	return mr_routing_regions();
}

static void
store(const MrCatalogSession *session, const MrRouteRegions *regions, ZoneWish *wish)
{
	MrArguments arguments = {0};

	list_keys(regions, wish);
	require_few_strict(wish);
	require_room(wish);
	warn_of_nodes(wish);
	mr_add_text(&arguments, wish->zone.name);
	mr_add_texts(&arguments, wish->keys, wish->count);
	mr_add_bool(&arguments, wish->zone.strict);
	mr_add_text(&arguments, session->caller);
	(void) mr_write(insert_sql, &arguments);
}

Datum
multiregion_add_zone(PG_FUNCTION_ARGS)
{
	MrCatalogSession session;
	ZoneWish wish = {0};
	const MrRouteRegions *regions;

	take_name(fcinfo, &wish);
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("regions must not be null")));
	mr_require_writable("add_zone()");
	regions = begin_change(&session);
	if (find_zone(regions, &wish))
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
						errmsg("zone \"%s\" exists already", wish.zone.name),
						errhint("Change it with alter_zone().")));
	take_regions(regions, PG_GETARG_ARRAYTYPE_P(1), &wish);
	wish.zone.strict = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
	store(&session, regions, &wish);
	mr_catalog_close(&session);
	PG_RETURN_TEXT_P(cstring_to_text(wish.zone.name));
}

Datum
multiregion_alter_zone(PG_FUNCTION_ARGS)
{
	MrCatalogSession session;
	ZoneWish wish = {0};
	const MrRouteRegions *regions;

	take_name(fcinfo, &wish);
	mr_require_writable("alter_zone()");
	regions = begin_change(&session);
	require_zone(regions, &wish);
	if (!PG_ARGISNULL(1))
		take_regions(regions, PG_GETARG_ARRAYTYPE_P(1), &wish);
	if (!PG_ARGISNULL(2))
		wish.zone.strict = PG_GETARG_BOOL(2);
	store(&session, regions, &wish);
	mr_catalog_close(&session);
	PG_RETURN_TEXT_P(cstring_to_text(wish.zone.name));
}

Datum
multiregion_drop_zone(PG_FUNCTION_ARGS)
{
	MrCatalogSession session;
	MrArguments arguments = {0};
	ZoneWish wish = {0};
	int64 tenants;

	take_name(fcinfo, &wish);
	mr_require_writable("drop_zone()");
	require_zone(begin_change(&session), &wish);
	mr_add_text(&arguments, wish.zone.name);
	(void) look(count_tenants_sql, &arguments);
	tenants = mr_column_int64(0, 1);
	if (tenants > 0)
		ereport(ERROR, (errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
						errmsg("zone \"%s\" is in use", wish.zone.name),
						errdetail("Tenants in it: %lld.", (long long) tenants),
						errhint("Take them out with set_tenant_zone(tenant, NULL).")));
	(void) mr_write(delete_sql, &arguments);
	mr_catalog_close(&session);
	PG_RETURN_VOID();
}
