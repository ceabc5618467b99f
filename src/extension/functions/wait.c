/*
 * multiregion.wait_for_change(): the sidecar's way to learn of changes on any node.
 *
 * A wait that holds a snapshot would, on a standby, keep replay from removing what that
 * snapshot could still see: waiting all the time would mean lagging all the time. So when
 * the call stands alone in its statement (SELECT multiregion.wait_for_change($1, $2)) the
 * statement's snapshots are given back for the time of the wait; a plan that is one bare
 * Result reads nothing with them. In any other statement they are kept, and the wait is
 * cut short instead.
 *
 * Called by sidecars, over and over, one backend each.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/execdesc.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "nodes/plannodes.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "tcop/pquery.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"

#include "extension/mr_functions.h"
#include "extension/mr_shared_state.h"

#define SLICE_MS 50 /* how late a change may be noticed */
#define MAX_TIMEOUT_MS 600000
#define MAX_HELD_TIMEOUT_MS 1000 /* with a snapshot that cannot be given back */

PG_FUNCTION_INFO_V1(multiregion_wait_for_change);

static uint64
generation(void)
{
	return pg_atomic_read_u64(&mr_shared->generation);
}

/* The running statement, if it consists of this one function call and nothing else. */
static QueryDesc *
statement_alone(Oid function)
{
	QueryDesc *query = ActivePortal != NULL && ActivePortal->strategy == PORTAL_ONE_SELECT
						   ? ActivePortal->queryDesc
						   : NULL;
	Plan *plan = query != NULL ? query->plannedstmt->planTree : NULL;
	TargetEntry *column;

	if (plan == NULL || !IsA(plan, Result) || plan->lefttree != NULL || plan->qual != NIL ||
		((Result *) plan)->resconstantqual != NULL || query->plannedstmt->subplans != NIL ||
		list_length(plan->targetlist) != 1 || IsolationUsesXactSnapshot())
		return NULL;
	column = linitial_node(TargetEntry, plan->targetlist);
	if (!IsA(column->expr, FuncExpr) || ((FuncExpr *) column->expr)->funcid != function)
		return NULL;
	for (int i = 0; i < list_length(((FuncExpr *) column->expr)->args); i++)
	{
		Node *argument = list_nth(((FuncExpr *) column->expr)->args, i);

		if (!IsA(argument, Const) && !IsA(argument, Param))
			return NULL;
	}
	/* Only if the snapshots are exactly those that the executor has taken for it. */
	return query->snapshot != NULL && query->estate != NULL &&
				   query->estate->es_snapshot == query->snapshot && ActiveSnapshotSet() &&
				   GetActiveSnapshot() == query->snapshot
			   ? query
			   : NULL;
}

static void
give_back_snapshots(QueryDesc *query)
{
	Snapshot registered = query->snapshot;
	Snapshot executors = query->estate->es_snapshot;

	PopActiveSnapshot();
	query->snapshot = NULL;
	query->estate->es_snapshot = NULL;
	UnregisterSnapshot(executors);
	UnregisterSnapshot(registered);
	InvalidateCatalogSnapshot();
}

static void
take_new_snapshots(QueryDesc *query)
{
	Snapshot fresh = GetTransactionSnapshot();

	query->snapshot = RegisterSnapshot(fresh);
	query->estate->es_snapshot = RegisterSnapshot(query->snapshot);
	PushActiveSnapshot(query->snapshot);
}

static void
wait_until(uint64 known, int64 deadline_ns)
{
	while (generation() == known)
	{
		int64 left_ms = (deadline_ns - mr_boottime_ns()) / MR_NS_PER_MS;

		if (left_ms <= 0)
			return;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 (long) Min(left_ms, SLICE_MS), PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

Datum
multiregion_wait_for_change(PG_FUNCTION_ARGS)
{
	uint64 known = (uint64) PG_GETARG_INT64(0);
	int64 timeout_ms = Max(PG_GETARG_INT32(1), 0);
	QueryDesc *query;

	mr_require_preloaded();
	if (generation() == known && timeout_ms > 0)
	{
		query = statement_alone(fcinfo->flinfo->fn_oid);
		timeout_ms = Min(timeout_ms, query != NULL ? MAX_TIMEOUT_MS : MAX_HELD_TIMEOUT_MS);
		if (query != NULL)
			give_back_snapshots(query);
		wait_until(known, mr_boottime_ns() + timeout_ms * MR_NS_PER_MS);
		if (query != NULL)
			take_new_snapshots(query);
	}
	PG_RETURN_INT64((int64) generation());
}
