/*
 * A copy of the regions in this process, for routing.
 *
 * It is good for as long as their word in shared memory is the same (mr_tenant_cache.h).
 * Without shared memory it is until the table's entry in the relation cache is invalidated,
 * which multiregion_note_change() sees to; that travels in the commit record, too.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/table.h"
#include "access/xact.h"
#include "storage/lmgr.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "extension/mr_catalog_edit.h"
#include "extension/routing/mr_routing.h"
#include "extension/routing/mr_tenant_cache.h"
#include "extension/routing/mr_zones.h"

static MrRouteRegions regions;
static bool kept = false;   /* they are good for more than one call */
static uint64 kept_word;    /* of the regions, when they were read */
static uint64 kept_changes; /* mr_routing_tables_region_changes() of then */

const MrRouteRegions *
mr_regions_known(uint64 word)
{
	if (!kept || kept_word != word || mr_regions_noted())
		return NULL;
	if (mr_tenant_cache == NULL)
		AcceptInvalidationMessages();
	return kept_changes == mr_routing_tables_region_changes() ? &regions : NULL;
}

/* Whether this transaction can have changed them; a parallel worker does not know. */
static bool
are_ours(const MrRoutingTables *tables)
{
	Relation relation = table_open(tables->region, AccessShareLock);
	bool locked = CheckRelationLockedByMe(relation, RowExclusiveLock, true);

	table_close(relation, AccessShareLock);
	return locked || mr_regions_noted() ||
		   (IsParallelWorker() && TransactionIdIsValid(GetTopTransactionIdIfAny()));
}

/* The zones under the same snapshot as the rows. */
static void
copy_rows(const MrRegionRow *rows, int count)
{
	static MrRouteRegions fresh;

	memset(&fresh, 0, sizeof(fresh));
	fresh.version = regions.version;
	fresh.count = Min(count, MR_MAX_REGIONS);
	for (int i = 0; i < fresh.count; i++)
	{
		strlcpy(fresh.regions[i].key, rows[i].key, sizeof(fresh.regions[i].key));
		strlcpy(fresh.regions[i].id, rows[i].id, sizeof(fresh.regions[i].id));
		fresh.regions[i].place = rows[i].place;
		fresh.regions[i].priority = rows[i].priority;
	}
	mr_zones_take_strict(&fresh);
	if (regions.version != 0 && memcmp(&fresh, &regions, sizeof(regions)) == 0)
		return;
	regions = fresh;
	regions.version++;
}

const MrRouteRegions *
mr_regions_load(uint64 word)
{
	const MrRoutingTables *tables = mr_routing_tables();
	uint64 changes = mr_routing_tables_region_changes();
	MrRegionRow *rows;
	int count;

	kept = false;
	count = mr_catalog_list_regions(&rows);
	copy_rows(rows, count);
	pfree(rows);
	kept_word = word;
	kept_changes = changes;
	kept = tables->regions_watched && !MR_IN_FLUX(word) && !are_ours(tables);
	return &regions;
}

const MrRouteRegions *
mr_routing_regions(void)
{
	const MrRouteRegions *found = mr_regions_known(mr_regions_word());
	uint64 word;

	if (found != NULL)
		return found;
	(void) mr_routing_tables(); /* listens from now on, and has heard what was said */
	word = mr_regions_word();
	PushActiveSnapshot(mr_routing_snapshot());
	found = mr_regions_load(word);
	PopActiveSnapshot();
	return found;
}
