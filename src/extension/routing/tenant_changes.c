/*
 * What a transaction changes of tenants and regions, and who has to know it.
 *
 * Triggers note the buckets of what is changed. At PRE_COMMIT they are put into the commit
 * record, as invalidations of relations that do not exist: these are sent to nobody unless
 * the transaction commits, and the standbys see them in the WAL (tenant_replay.c). From then
 * until it has become visible they are in flux in the cache of this server.
 *
 * What is noted may be more than what is changed (a savepoint that was rolled back), never
 * less. Nothing here may raise an error when the transaction has committed.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "replication/logicalworker.h"
#include "storage/ipc.h"
#include "storage/sinval.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "extension/routing/mr_routing.h"
#include "extension/routing/mr_tenant_cache.h"

/* A transaction with more ends all buckets: other sessions hear of each one. */
#define MOST_BUCKETS 1024

PG_FUNCTION_INFO_V1(multiregion_note_tenant_change);

/* What this transaction has changed. */
static struct
{
	bool anything;
	bool all_tenants;
	bool regions;
	bool in_flux;   /* in the cache */
	Oid altered[3]; /* table of tenants, regions, zones: itself or a trigger of it */
	uint64 buckets[MR_TENANT_BUCKETS / 64];
} noted;

static ProcessUtility_hook_type previous_process_utility = NULL;
static object_access_hook_type previous_object_access = NULL;
static bool collecting = false; /* the changes of a prepared transaction */

bool
mr_tenants_noted(uint32 bucket)
{
	return unlikely(noted.anything) &&
		   (noted.all_tenants || (noted.buckets[bucket / 64] >> (bucket % 64) & 1) != 0);
}

bool
mr_regions_noted(void)
{
	return unlikely(noted.anything) && noted.regions;
}

/* ---------- the end of a transaction ---------- */

static void
limit_buckets(void)
{
	int count = 0;

	for (int i = 0; i < MR_TENANT_BUCKETS / 64; i++)
		count += __builtin_popcountll(noted.buckets[i]);
	if (count > MOST_BUCKETS)
		noted.all_tenants = true;
}

/* Calls back for each change that was noted. */
static void
for_each(void (*act)(uint32 change))
{
	if (noted.regions)
		act(MR_CHANGE_REGIONS);
	if (noted.all_tenants)
		act(MR_CHANGE_ALL_TENANTS);
	for (uint32 bucket = 0; !noted.all_tenants && bucket < MR_TENANT_BUCKETS; bucket++)
		if (mr_tenants_noted(bucket))
			act(bucket);
}

/* The row of pg_class that a change would have if it were a relation. */
static void
announce(uint32 change)
{
	Size head = MAXALIGN(SizeofHeapTupleHeader);
	HeapTuple tuple = palloc0(HEAPTUPLESIZE + head + sizeof(FormData_pg_class));

	tuple->t_data = (HeapTupleHeader) ((char *) tuple + HEAPTUPLESIZE);
	tuple->t_len = head + sizeof(FormData_pg_class);
	tuple->t_data->t_hoff = (uint8) head;
	((Form_pg_class) GETSTRUCT(tuple))->oid = MR_CHANGE_FIRST_OID + change;
	CacheInvalidateRelcacheByTuple(tuple);
	pfree(tuple);
}

static void
begin(uint32 change)
{
	mr_change_begin(change);
}

static void
end_changed(uint32 change)
{
	mr_change_end(change, true);
}

static void
end_unchanged(uint32 change)
{
	mr_change_end(change, false);
}

static void
end_at_once(uint32 change)
{
	mr_change_begin(change);
	mr_change_end(change, true);
}

/*
 * Others must have heard that changes may be noted no more before they fill the cache again;
 * the server itself tells them a moment later.
 */
static void
tell_altered(Oid table)
{
	SharedInvalidationMessage message;

	if (!OidIsValid(table))
		return;
	memset(&message, 0, sizeof(message));
	message.rc.id = SHAREDINVALRELCACHE_ID;
	message.rc.dbId = MyDatabaseId;
	message.rc.relId = table;
	SendSharedInvalidMessages(&message, 1);
}

/* What it commits later does not pass by process_utility(). */
static void
refuse_to_prepare(void)
{
	if (IsLogicalWorker())
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("a logical replication worker cannot prepare a transaction that "
							   "changes tenants or regions"),
						errhint("Create the subscription with two_phase = off.")));
}

static void
follow_transaction(XactEvent event, void *argument)
{
	if (!noted.anything)
		return;
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			limit_buckets();
			for_each(announce);
			for_each(begin);
			noted.in_flux = true;
			break;
		case XACT_EVENT_PRE_PREPARE:
			refuse_to_prepare();
			limit_buckets();
			for_each(announce);
			break;
		case XACT_EVENT_COMMIT:
			tell_altered(noted.altered[0]);
			tell_altered(noted.altered[1]);
			tell_altered(noted.altered[2]);
			if (noted.in_flux)
				for_each(end_changed);
			memset(&noted, 0, sizeof(noted));
			break;
		case XACT_EVENT_ABORT:
			if (noted.in_flux)
				for_each(end_unchanged);
			memset(&noted, 0, sizeof(noted));
			break;
		case XACT_EVENT_PREPARE:
			memset(&noted, 0, sizeof(noted));
			break;
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PARALLEL_ABORT:
		case XACT_EVENT_PARALLEL_PRE_COMMIT:
			break;
	}
}

/* ---------- noting ---------- */

/* Also without preload: the standbys may have a cache. */
static void
note_something(void)
{
	static bool following = false;

	if (!following)
		RegisterXactCallback(follow_transaction, NULL);
	following = true;
	noted.anything = true;
}

void
mr_regions_note_change(void)
{
	note_something();
	noted.regions = true;
}

static void
note_all_tenants(void)
{
	note_something();
	noted.all_tenants = true;
}

static void
note_row(HeapTuple row, TupleDesc columns)
{
	int number = SPI_fnumber(columns, "tenant_id");
	bool is_null = true;
	text *id;
	uint32 bucket;

	if (number <= 0 || SPI_gettypeid(columns, number) != TEXTOID)
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("note_tenant_change() is for the table multiregion.tenant")));
	id = DatumGetTextPP(heap_getattr(row, number, columns, &is_null));
	if (is_null)
		return;
	bucket = mr_tenant_bucket(VARDATA_ANY(id), VARSIZE_ANY_EXHDR(id));
	note_something();
	noted.buckets[bucket / 64] |= UINT64CONST(1) << (bucket % 64);
}

Datum
multiregion_note_tenant_change(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("note_tenant_change() must be called as a trigger")));
	if (TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
	{
		note_all_tenants();
		return PointerGetDatum(NULL);
	}
	note_row(trigger->tg_trigtuple, RelationGetDescr(trigger->tg_relation));
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		note_row(trigger->tg_newtuple, RelationGetDescr(trigger->tg_relation));
	return PointerGetDatum(NULL);
}

/* ---------- prepared transactions ---------- */

void
mr_tenant_changes_hear(Oid relation)
{
	uint32 change = relation - MR_CHANGE_FIRST_OID;

	if (!collecting)
		return;
	if (relation == InvalidOid)
	{
		end_at_once(MR_CHANGE_REGIONS);
		end_at_once(MR_CHANGE_ALL_TENANTS);
	}
	else if (change < MR_CHANGES)
		end_at_once(change);
}

static void
stop_collecting(void)
{
	collecting = false;
	pg_atomic_fetch_sub_u32(&mr_tenant_cache->finishing, 1);
}

/* Nobody knows how far it came. Also at the exit of a process that is ended in the middle. */
static void
give_up_collecting(int code, Datum argument)
{
	if (!collecting)
		return;
	mr_tenant_changes_hear(InvalidOid);
	stop_collecting();
}

static void
start_collecting(void)
{
	static bool gives_up_at_exit = false;

	if (!gives_up_at_exit)
		before_shmem_exit(give_up_collecting, (Datum) 0);
	gives_up_at_exit = true;
	mr_routing_listen();
	collecting = true;
	pg_atomic_fetch_add_u32(&mr_tenant_cache->finishing, 1);
}

static bool
is_commit_prepared(Node *statement)
{
	return IsA(statement, TransactionStmt) &&
		   ((TransactionStmt *) statement)->kind == TRANS_STMT_COMMIT_PREPARED;
}

static void
pass_on(PlannedStmt *statement, const char *source, bool read_only_tree,
		ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *environment,
		DestReceiver *destination, QueryCompletion *completion)
{
	if (previous_process_utility)
		previous_process_utility(statement, source, read_only_tree, context, params, environment,
								 destination, completion);
	else
		standard_ProcessUtility(statement, source, read_only_tree, context, params, environment,
								destination, completion);
}

/*
 * COMMIT PREPARED says what was changed only afterwards, in the messages that it sends to all
 * sessions, its own included. Until these are there everybody asks the tables.
 */
static void
process_utility(PlannedStmt *statement, const char *source, bool read_only_tree,
				ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *environment,
				DestReceiver *destination, QueryCompletion *completion)
{
	if (mr_tenant_cache == NULL || !is_commit_prepared(statement->utilityStmt))
	{
		pass_on(statement, source, read_only_tree, context, params, environment, destination,
				completion);
		return;
	}
	start_collecting();
	PG_TRY();
	{
		pass_on(statement, source, read_only_tree, context, params, environment, destination,
				completion);
		AcceptInvalidationMessages();
	}
	PG_CATCH();
	{
		give_up_collecting(0, (Datum) 0);
		PG_RE_THROW();
	}
	PG_END_TRY();
	stop_collecting();
}

/* ---------- triggers that are altered ---------- */

static Oid
table_of_trigger(Oid trigger)
{
	Relation relation = table_open(TriggerRelationId, AccessShareLock);
	Oid table = InvalidOid;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple row;

	ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(trigger));
	scan = systable_beginscan(relation, TriggerOidIndexId, true, NULL, 1, &key);
	row = systable_getnext(scan);
	if (HeapTupleIsValid(row))
		table = ((Form_pg_trigger) GETSTRUCT(row))->tgrelid;
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return table;
}

/* What nobody noted while a trigger was disabled must not be in the cache when it fires again. */
static void
note_altered(Oid table)
{
	const char *name = get_rel_name(table);
	const char *schema = get_namespace_name(get_rel_namespace(table));

	if (name == NULL || schema == NULL || strcmp(schema, "multiregion") != 0)
		return;
	if (strcmp(name, "tenant") == 0)
	{
		note_all_tenants();
		noted.altered[0] = table;
	}
	else if (strcmp(name, "region") == 0)
	{
		mr_regions_note_change();
		noted.altered[1] = table;
	}
	else if (strcmp(name, "zone") == 0)
	{
		mr_regions_note_change();
		noted.altered[2] = table;
	}
}

static void
watch(ObjectAccessType access, Oid class, Oid object, int sub_object, void *argument)
{
	if (class == TriggerRelationId && (access == OAT_POST_ALTER || access == OAT_DROP))
		note_altered(table_of_trigger(object));
	else if (class == RelationRelationId && access == OAT_POST_ALTER)
		note_altered(object);
	if (previous_object_access)
		previous_object_access(access, class, object, sub_object, argument);
}

void
mr_tenant_changes_install(void)
{
	previous_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
	previous_object_access = object_access_hook;
	object_access_hook = watch;
}
