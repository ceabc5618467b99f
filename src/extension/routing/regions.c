/*
 * A copy of the regions in this process, for routing.
 *
 * A change of the table region invalidates its entry in the relation cache
 * (multiregion_note_change()). That travels in the commit record, so the copies of a
 * standby's sessions are as fresh as its tables.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "extension/mr_catalog_edit.h"
#include "extension/routing/mr_routing.h"

static MrRouteRegions regions;
static bool loaded = false;
static bool changed = false;          /* since they were last read */
static Oid region_table = InvalidOid; /* whose contents these are */

static void
forget(Datum argument, Oid relation)
{
	if (relation == InvalidOid || relation == region_table || region_table == InvalidOid)
	{
		loaded = false;
		changed = true;
	}
}

static Oid
find_table(void)
{
	Oid schema = get_namespace_oid("multiregion", true);

	return OidIsValid(schema) ? get_relname_relid("region", schema) : InvalidOid;
}

static void
load(void)
{
	MrRegionRow *rows;
	int count;

	changed = false;
	region_table = find_table();
	PushActiveSnapshot(GetLatestSnapshot());
	count = mr_catalog_list_regions(&rows);
	PopActiveSnapshot();
	regions.count = Min(count, MR_MAX_REGIONS);
	regions.version++;
	for (int i = 0; i < regions.count; i++)
	{
		MrRouteRegion *region = &regions.regions[i];

		strlcpy(region->key, rows[i].key, sizeof(region->key));
		strlcpy(region->id, rows[i].id, sizeof(region->id));
		region->place = rows[i].place;
		region->priority = rows[i].priority;
	}
	pfree(rows);
	loaded = !changed;
}

const MrRouteRegions *
mr_routing_regions(void)
{
	static bool watching = false;

	if (!watching)
		CacheRegisterRelcacheCallback(forget, (Datum) 0);
	watching = true;
	/* A transaction that locks nothing would not hear of a change otherwise. */
	AcceptInvalidationMessages();
	if (!loaded)
		load();
	return &regions;
}
