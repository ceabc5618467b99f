/*
 * The tables of tenants and regions: where they are in this database, and a row of a tenant.
 *
 * A row is read by the index and without the executor, with a snapshot of now. What is known
 * of the tables is forgotten when the relation cache says so. Called by tenant_cache.c and
 * regions.c.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/procarray.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "extension/pg_compat.h"
#include "extension/routing/mr_tenant_cache.h"

static MrRoutingTables tables;
static bool known = false;
static bool changed = false; /* since the last look began */
static uint64 region_changes = 0;

/* The only callback of routing: PostgreSQL has places for ten in a process. */
static void
hear(Datum argument, Oid relation)
{
	if (relation == InvalidOid || relation == tables.tenant || relation == tables.region ||
		relation == tables.zones)
	{
		known = false;
		changed = true;
		if (relation != tables.tenant)
			region_changes++;
	}
	mr_tenant_changes_hear(relation);
}

static Oid
require_table(const char *name)
{
	Oid schema = get_namespace_oid("multiregion", true);
	Oid table = OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;

	if (!OidIsValid(table))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("table \"multiregion.%s\" does not exist", name),
						errhint("Run CREATE EXTENSION multiregion in this database.")));
	return table;
}

/* Whether a trigger of ours is there, and fires whatever the session_replication_role. */
static bool
fires_always(Relation relation, const char *name)
{
	for (int i = 0; relation->trigdesc != NULL && i < relation->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &relation->trigdesc->triggers[i];

		if (strcmp(trigger->tgname, name) == 0)
			return trigger->tgenabled == TRIGGER_FIRES_ALWAYS;
	}
	return false;
}

static void
look(void)
{
	Relation relation;

	tables.tenant = require_table("tenant");
	tables.region = require_table("region");
	relation = table_open(tables.tenant, AccessShareLock);
	tables.tenant_index = MR_PRIMARY_KEY_INDEX(relation);
	tables.tenant_id = get_attnum(tables.tenant, "tenant_id");
	tables.region_key = get_attnum(tables.tenant, "region_key");
	tables.mode = get_attnum(tables.tenant, "mode");
	tables.fallbacks = get_attnum(tables.tenant, "fallbacks");
	tables.zone = get_attnum(tables.tenant, "zone");
	tables.zones = get_relname_relid("zone", get_namespace_oid("multiregion", false));
	tables.tenants_watched =
		fires_always(relation, "note_change") && fires_always(relation, "note_truncate");
	table_close(relation, AccessShareLock);
	relation = table_open(tables.region, AccessShareLock);
	tables.regions_watched = fires_always(relation, "note_change");
	table_close(relation, AccessShareLock);
	if (!OidIsValid(tables.zones))
		return;
	relation = table_open(tables.zones, AccessShareLock);
	tables.regions_watched &= fires_always(relation, "note_change");
	table_close(relation, AccessShareLock);
}

const MrRoutingTables *
mr_routing_tables_known(void)
{
	return known ? &tables : NULL;
}

void
mr_routing_listen(void)
{
	static bool listening = false;

	if (!listening)
		CacheRegisterRelcacheCallback(hear, (Datum) 0);
	listening = true;
}

const MrRoutingTables *
mr_routing_tables(void)
{
	mr_routing_listen();
	AcceptInvalidationMessages();
	for (int i = 0; !known && i < 10; i++)
	{
		changed = false;
		look();
		known = !changed;
	}
	return &tables;
}

uint64
mr_routing_tables_region_changes(void)
{
	return region_changes;
}

/* A parallel query may not take the latest snapshot from its manager, who has no need for it. */
Snapshot
mr_routing_snapshot(void)
{
	static SnapshotData fresh = {.snapshot_type = SNAPSHOT_MVCC};

	return IsInParallelMode() ? GetSnapshotData(&fresh) : GetLatestSnapshot();
}

/* ---------- a row ---------- */

static int8
region_of(Datum key, const MrRouteRegions *regions)
{
	char *word = TextDatumGetCString(key);
	int region = mr_route_find_region(regions, word);

	pfree(word);
	return (int8) region;
}

static void
read_fallbacks(Datum value, const MrRouteRegions *regions, MrTenantRule *rule)
{
	Datum *keys;
	bool *nulls;
	int count;

	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT, &keys, &nulls,
					  &count);
	for (int i = 0; i < count && rule->fallback_count < MR_MAX_FALLBACKS; i++)
	{
		int8 region = nulls[i] ? MR_NO_REGION : region_of(keys[i], regions);

		if (region != MR_NO_REGION)
			rule->fallbacks[rule->fallback_count++] = region;
	}
}

/* Its number + 1; 0 for one that is not strict. */
static uint8
strict_zone_of(Datum name, const MrRouteRegions *regions)
{
	char *word = TextDatumGetCString(name);
	int found = 0;

	for (int i = 0; i < regions->zone_count && found == 0; i++)
		if (strcmp(regions->zones[i].name, word) == 0)
			found = i + 1;
	pfree(word);
	return (uint8) found;
}

static Datum
column(HeapTuple row, AttrNumber number, TupleDesc columns, bool *is_null)
{
	*is_null = true;
	return number == InvalidAttrNumber ? (Datum) 0 : heap_getattr(row, number, columns, is_null);
}

static void
read_row(HeapTuple row, TupleDesc columns, const MrRouteRegions *regions, MrTenantRule *rule)
{
	bool is_null;
	Datum value = column(row, tables.region_key, columns, &is_null);

	if (!is_null)
		rule->home = region_of(value, regions);
	value = column(row, tables.mode, columns, &is_null);
	if (!is_null)
	{
		char *mode = TextDatumGetCString(value);

		rule->pinned = strcmp(mode, "pin") == 0;
		pfree(mode);
	}
	value = column(row, tables.fallbacks, columns, &is_null);
	if (!is_null)
		read_fallbacks(value, regions, rule);
	value = column(row, tables.zone, columns, &is_null);
	if (!is_null)
		rule->zone = strict_zone_of(value, regions);
}

bool
mr_routing_read_tenant(const char *tenant, size_t length, const MrRouteRegions *regions,
					   MrTenantRule *rule)
{
	Relation relation = table_open(tables.tenant, AccessShareLock);
	text *id = cstring_to_text_with_len(tenant, (int) length);
	bool foreign_view = !CheckRelationLockedByMe(relation, RowExclusiveLock, true) &&
						!(IsParallelWorker() && TransactionIdIsValid(GetTopTransactionIdIfAny()));
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple row;

	memset(rule, 0, sizeof(*rule));
	rule->home = MR_NO_REGION;
	ScanKeyInit(&key, tables.tenant_id, BTEqualStrategyNumber, F_TEXTEQ, PointerGetDatum(id));
	scan = systable_beginscan(relation, tables.tenant_index, OidIsValid(tables.tenant_index),
							  GetActiveSnapshot(), 1, &key);
	row = systable_getnext(scan);
	if (HeapTupleIsValid(row))
		read_row(row, RelationGetDescr(relation), regions, rule);
	systable_endscan(scan);
	pfree(id);
	table_close(relation, AccessShareLock);
	return foreign_view;
}
