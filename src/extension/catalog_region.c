/*
 * Regions in the catalog; see mr_catalog_edit.h.
 *
 * A region is meant by its key or its id in any case, so the two kinds of names share one
 * space: no region's key may mean what another's id means. Called by the SQL functions.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/snapmgr.h"

#include "core/mr_route.h"
#include "extension/mr_catalog_edit.h"
#include "extension/mr_catalog_run.h"

#define REGION_COLUMNS \
	"r.region_key, r.region_id, r.name, r.latitude, r.longitude, r.priority," \
	" r.api_endpoint, r.cdn_endpoint"

#define PREFERRED_FIRST " ORDER BY r.priority, r.added_at, r.region_key"

static const char *const list_sql =
	"SELECT " REGION_COLUMNS " FROM multiregion.region AS r" PREFERRED_FIRST;

static const char *const find_sql = "SELECT " REGION_COLUMNS " FROM multiregion.region AS r"
									" WHERE r.region_key OPERATOR(pg_catalog.=) $1"
									" OR r.region_id OPERATOR(pg_catalog.=) $2";

static const char *const insert_sql =
	"INSERT INTO multiregion.region (region_key, region_id, name, latitude, longitude, priority,"
	" api_endpoint, cdn_endpoint) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

static const char *const update_sql =
	"UPDATE multiregion.region SET name = $3, latitude = $4, longitude = $5, priority = $6,"
	" api_endpoint = $7, cdn_endpoint = $8"
	" WHERE region_key OPERATOR(pg_catalog.=) $1 AND region_id OPERATOR(pg_catalog.=) $2";

#define USAGE_SQL(fallbacks, zones) \
	"SELECT (SELECT pg_catalog.count(*) FROM multiregion.node AS n" \
	" WHERE n.region_key OPERATOR(pg_catalog.=) $1)," \
	" (SELECT pg_catalog.count(*) FROM multiregion.tenant AS t" \
	" WHERE t.region_key OPERATOR(pg_catalog.=) $1), " fallbacks ", " zones

static const char *const usage_sql =
	USAGE_SQL("(SELECT pg_catalog.count(*) FROM multiregion.tenant AS t"
			  " WHERE $1 OPERATOR(pg_catalog.=) ANY (t.fallbacks))",
			  "(SELECT pg_catalog.count(*) FROM multiregion.zone AS z"
			  " WHERE $1 OPERATOR(pg_catalog.=) ANY (z.regions))");

/* The tables of 0.1 have neither. */
static const char *const usage_old_sql = USAGE_SQL("0::pg_catalog.int8", "0::pg_catalog.int8");

static const char *const forget_sql =
	"DELETE FROM multiregion.region WHERE region_key OPERATOR(pg_catalog.=) $1";

/* Many may hold them at a time, and nobody while one is changed. */
static const char *const hold_sql = "LOCK TABLE multiregion.region IN ROW EXCLUSIVE MODE";

static const char *const lock_sql = "LOCK TABLE multiregion.region IN SHARE ROW EXCLUSIVE MODE";

/* Nobody may come to use a region between the look and its removal. */
static const char *const lock_users_sql =
	"LOCK TABLE multiregion.zone, multiregion.node, multiregion.tenant IN SHARE MODE";
static const char *const lock_old_users_sql =
	"LOCK TABLE multiregion.node, multiregion.tenant IN SHARE MODE";

static void
read_region(uint64 row, MrRegionRow *region)
{
	memset(region, 0, sizeof(*region));
	mr_column_text(row, 1, region->key, sizeof(region->key));
	mr_column_text(row, 2, region->id, sizeof(region->id));
	mr_column_text(row, 3, region->name, sizeof(region->name));
	region->place.latitude = mr_column_degrees(row, 4);
	region->place.longitude = mr_column_degrees(row, 5);
	region->priority = mr_column_int32(row, 6);
	mr_column_text(row, 7, region->api_endpoint, sizeof(region->api_endpoint));
	mr_column_text(row, 8, region->cdn_endpoint, sizeof(region->cdn_endpoint));
}

static const char *
or_null(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

static void
add_region_arguments(MrArguments *arguments, const MrRegionRow *region)
{
	memset(arguments, 0, sizeof(*arguments));
	mr_add_text(arguments, region->key);
	mr_add_text(arguments, region->id);
	mr_add_text(arguments, region->name);
	mr_add_degrees(arguments, region->place.latitude);
	mr_add_degrees(arguments, region->place.longitude);
	mr_add_int32(arguments, region->priority);
	mr_add_text(arguments, or_null(region->api_endpoint));
	mr_add_text(arguments, or_null(region->cdn_endpoint));
}

bool
mr_catalog_find_region(const char *word, MrRegionRow *region)
{
	MrCatalogSession session;
	MrArguments arguments = {0};
	char key[MR_NAME_SIZE];
	char id[MR_NAME_SIZE];
	bool found;

	if (!mr_text_upper(word, key, sizeof(key)) || !mr_text_lower(word, id, sizeof(id)))
		return false;
	mr_catalog_open(&session);
	mr_add_text(&arguments, key);
	mr_add_text(&arguments, id);
	found = mr_write(find_sql, &arguments) > 0;
	if (found)
		read_region(0, region);
	mr_catalog_close(&session);
	return found;
}

int
mr_catalog_list_regions(MrRegionRow **regions)
{
	MemoryContext caller_context = CurrentMemoryContext;
	MrCatalogSession session;
	uint64 count;

	mr_catalog_open(&session);
	count = mr_read(list_sql, NULL);
	*regions = MemoryContextAlloc(caller_context, Max(count, 1) * sizeof(MrRegionRow));
	for (uint64 row = 0; row < count; row++)
		read_region(row, &(*regions)[row]);
	mr_catalog_close(&session);
	return (int) count;
}

const char *
mr_catalog_known_regions(void)
{
	StringInfoData text;
	MrRegionRow *regions;
	int count = mr_catalog_list_regions(&regions);

	if (count == 0)
		return "There is no region yet; add one with add_region().";
	initStringInfo(&text);
	appendStringInfoString(&text, "Known regions: ");
	for (int i = 0; i < count; i++)
		appendStringInfo(&text, "%s%s (%s)", i == 0 ? "" : ", ", regions[i].key, regions[i].id);
	appendStringInfoChar(&text, '.');
	return text.data;
}

void
mr_catalog_require_region(const char *word, MrRegionRow *region)
{
	if (!mr_catalog_find_region(word, region))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("region \"%s\" does not exist", word),
				 errhint("%s", mr_catalog_known_regions())));
}

void
mr_catalog_lock_regions(void)
{
	MrCatalogSession session;

	mr_catalog_open(&session);
	(void) mr_write(lock_sql, NULL);
	mr_catalog_close(&session);
}

void
mr_catalog_hold_regions(void)
{
	MrCatalogSession session;

	mr_catalog_open(&session);
	(void) mr_write(hold_sql, NULL);
	mr_catalog_close(&session);
}

void
mr_catalog_insert_region(const MrRegionRow *region)
{
	MrCatalogSession session;
	MrArguments arguments;
	MrRegionRow other;

	mr_catalog_open(&session);
	(void) mr_write(lock_sql, NULL);
	if (mr_catalog_find_region(region->key, &other) || mr_catalog_find_region(region->id, &other))
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
						errmsg("region \"%s\" exists already",
							   strcmp(region->id, other.id) == 0 ? region->id : region->key),
						errdetail("It is region %s (%s).", other.key, other.id),
						errhint("Change it with alter_region(), or choose another key and id.")));
	if (mr_write(list_sql, NULL) >= MR_MAX_REGIONS)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("a cluster has at most %d regions", MR_MAX_REGIONS),
						errhint("Remove one with drop_region().")));
	add_region_arguments(&arguments, region);
	(void) mr_write(insert_sql, &arguments);
	mr_catalog_close(&session);
}

void
mr_catalog_update_region(const MrRegionRow *region)
{
	MrCatalogSession session;
	MrArguments arguments;

	mr_catalog_open(&session);
	add_region_arguments(&arguments, region);
	(void) mr_write(update_sql, &arguments);
	mr_catalog_close(&session);
}

/* Error 2BP01 if anything would be left without the region. */
static void
require_unused(const char *key)
{
	bool has_zones = mr_catalog_has("zone", NULL);
	MrArguments arguments = {0};
	int64 uses[4];
	int64 sum = 0;

	(void) mr_write(has_zones ? lock_users_sql : lock_old_users_sql, NULL);
	mr_add_text(&arguments, key);
	/* As of now, whatever the transaction's snapshot: fallbacks have no foreign key. */
	PushActiveSnapshot(GetLatestSnapshot());
	(void) mr_read(has_zones ? usage_sql : usage_old_sql, &arguments);
	PopActiveSnapshot();
	for (int i = 0; i < (int) lengthof(uses); i++)
	{
		uses[i] = mr_column_int64(0, i + 1);
		sum += uses[i];
	}
	if (sum > 0)
		ereport(ERROR, (errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
						errmsg("region \"%s\" is in use", key),
						errdetail("Nodes in it: %lld; tenants that prefer it: %lld; tenants that "
								  "fall back to it: %lld; zones it belongs to: %lld.",
								  (long long) uses[0], (long long) uses[1], (long long) uses[2],
								  (long long) uses[3]),
						errhint("Remove its nodes with drop_node(), give its tenants other regions "
								"with set_tenant_region() or clear_tenant_region(), and take it "
								"out of its zones with alter_zone() or drop_zone().")));
}

void
mr_catalog_delete_region(const char *key)
{
	MrCatalogSession session;
	MrArguments arguments = {0};

	mr_catalog_open(&session);
	(void) mr_write(lock_sql, NULL);
	require_unused(key);
	mr_add_text(&arguments, key);
	(void) mr_write(forget_sql, &arguments);
	mr_catalog_close(&session);
}
