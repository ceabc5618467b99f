/*
 * A copy of the map of countries in this process. A change of the table invalidates its
 * entry in the relation cache (multiregion_note_change()); that travels in the commit record,
 * so the copies of a standby's sessions are as fresh as its tables. Called by geo.c.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "extension/mr_catalog_country.h"
#include "extension/routing/mr_geo.h"
#include "extension/routing/mr_tenant_cache.h"

static MrCountryMap map;
static bool loaded = false;
static bool changed = false;
static Oid map_table = InvalidOid;
static uint64 regions_version = 0; /* whose numbers the lines hold */

static void
forget(Datum argument, Oid relation)
{
	if (relation == InvalidOid || relation == map_table || map_table == InvalidOid)
	{
		loaded = false;
		changed = true;
	}
}

static void
load(const MrRouteRegions *regions)
{
	Oid schema = get_namespace_oid("multiregion", true);
	MrCountryRow *rows;
	MrCountryRegion *lines;
	int count;
	int used = 0;

	changed = false;
	map_table = OidIsValid(schema) ? get_relname_relid("country_region", schema) : InvalidOid;
	PushActiveSnapshot(mr_routing_snapshot());
	count = mr_catalog_list_countries(&rows);
	PopActiveSnapshot();
	lines = MemoryContextAlloc(TopMemoryContext, Max(count, 1) * sizeof(*lines));
	for (int i = 0; i < count; i++)
	{
		MrCountryRegion *line = &lines[used];
		int region = mr_route_find_region(regions, rows[i].region);

		if (region == MR_NO_REGION)
			continue;
		strlcpy(line->country, rows[i].country, sizeof(line->country));
		strlcpy(line->subdivision, rows[i].subdivision, sizeof(line->subdivision));
		line->region = (int8_t) region;
		line->weight = rows[i].weight;
		used++;
	}
	pfree(rows);
	if (map.lines != NULL)
		pfree(unconstify(MrCountryRegion *, map.lines));
	map.lines = lines;
	map.count = used;
	regions_version = regions->version;
	loaded = !changed;
}

const MrCountryMap *
mr_geo_country_map(const MrRouteRegions *regions)
{
	static bool watching = false;

	if (!watching)
		CacheRegisterRelcacheCallback(forget, (Datum) 0);
	watching = true;
	/* A transaction that locks nothing would not hear of a change otherwise. */
	AcceptInvalidationMessages();
	if (!loaded || regions_version != regions->version)
		load(regions);
	return &map;
}
