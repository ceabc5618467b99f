/*
 * Giving back the snapshots of a statement; see mr_snapshots.h.
 *
 * A snapshot is given back only if every reference to it is known: the one that the portal
 * has pushed and the one that the query (and its executor) has registered. Must never be used
 * where something has been read already with what is given back.
 */
#include "postgres.h"

#include "access/xact.h"
#include "nodes/execnodes.h"
#include "nodes/plannodes.h"
#include "tcop/pquery.h"
#include "utils/snapmgr.h"

#include "extension/mr_snapshots.h"

/* ---------- a statement that is one call ---------- */

static bool
is_call_of(Node *expression, Oid function)
{
	FuncExpr *call = (FuncExpr *) expression;
	ListCell *argument;

	if (expression == NULL || !IsA(expression, FuncExpr) || call->funcid != function)
		return false;
	foreach(argument, call->args)
		if (!IsA(lfirst(argument), Const) && !IsA(lfirst(argument), Param))
			return false;
	return true;
}

/* SELECT f(...) */
static bool
is_bare_result(const Plan *plan, Oid function)
{
	return IsA(plan, Result) && ((const Result *) plan)->resconstantqual == NULL &&
		   list_length(plan->targetlist) == 1 &&
		   is_call_of((Node *) linitial_node(TargetEntry, plan->targetlist)->expr, function);
}

/* SELECT ... FROM f(...): what is selected is computed when the call has ended. */
static bool
is_bare_scan(const Plan *plan, Oid function)
{
	const FunctionScan *scan = (const FunctionScan *) plan;

	return IsA(plan, FunctionScan) && list_length(scan->functions) == 1 &&
		   is_call_of(linitial_node(RangeTblFunction, scan->functions)->funcexpr, function);
}

/* The running statement, if it consists of this one function call and nothing else. */
static QueryDesc *
statement_alone(Oid function)
{
	QueryDesc *query = ActivePortal != NULL && ActivePortal->strategy == PORTAL_ONE_SELECT
						   ? ActivePortal->queryDesc
						   : NULL;
	Plan *plan = query != NULL ? query->plannedstmt->planTree : NULL;

	if (plan == NULL || plan->lefttree != NULL || plan->qual != NIL ||
		query->plannedstmt->subplans != NIL || IsolationUsesXactSnapshot() ||
		!(is_bare_result(plan, function) || is_bare_scan(plan, function)))
		return NULL;
	/* Only if the snapshots are exactly those that the executor has taken for it. */
	return query->snapshot != NULL && query->estate != NULL &&
				   query->estate->es_snapshot == query->snapshot && ActiveSnapshotSet() &&
				   GetActiveSnapshot() == query->snapshot
			   ? query
			   : NULL;
}

void
mr_snapshots_give_of_call(Oid function, MrSnapshots *given)
{
	memset(given, 0, sizeof(*given));
	given->query = statement_alone(function);
	if (given->query != NULL)
	{
		Snapshot registered = given->query->snapshot;
		Snapshot executors = given->query->estate->es_snapshot;

		PopActiveSnapshot();
		given->query->snapshot = NULL;
		given->query->estate->es_snapshot = NULL;
		UnregisterSnapshot(executors);
		UnregisterSnapshot(registered);
		InvalidateCatalogSnapshot();
	}
	given->all_are_given = !HaveRegisteredOrActiveSnapshot();
}

/* ---------- statements that are about to begin ---------- */

/* Whether these are all references to the snapshot that is active now. */
static bool
is_only_here(Snapshot snapshot, uint32 registered)
{
	return snapshot != NULL && ActiveSnapshotSet() && GetActiveSnapshot() == snapshot &&
		   snapshot->active_count == 1 && snapshot->regd_count == registered;
}

/* A snapshot beneath the one that was given back belongs to a statement around this one. */
static bool
is_outermost(MrSnapshots *given)
{
	if (ActiveSnapshotSet())
	{
		mr_snapshots_take_anew(given);
		return false;
	}
	InvalidateCatalogSnapshot();
	given->all_are_given = !HaveRegisteredOrActiveSnapshot();
	return true;
}

bool
mr_snapshots_give_of_query(QueryDesc *query, MrSnapshots *given)
{
	Snapshot registered = query->snapshot;

	memset(given, 0, sizeof(*given));
	if (IsolationUsesXactSnapshot() || query->estate != NULL || !is_only_here(registered, 1))
		return false;
	given->query = query;
	PopActiveSnapshot();
	query->snapshot = NULL;
	UnregisterSnapshot(registered);
	return is_outermost(given);
}

bool
mr_snapshots_give_of_utility(MrSnapshots *given)
{
	Portal portal = ActivePortal;
	Snapshot held = portal != NULL ? portal->holdSnapshot : NULL;

	memset(given, 0, sizeof(*given));
	if (portal == NULL || IsolationUsesXactSnapshot() ||
		!is_only_here(portal->portalSnapshot, held != NULL ? 1 : 0))
		return false;
	given->portal = portal;
	given->portal_holds = held != NULL;
	PopActiveSnapshot();
	portal->portalSnapshot = NULL;
	portal->holdSnapshot = NULL;
	if (held != NULL)
		UnregisterSnapshotFromOwner(held, portal->resowner);
	return is_outermost(given);
}

void
mr_snapshots_take_anew(MrSnapshots *given)
{
	QueryDesc *query = given->query;
	Portal portal = given->portal;

	if (query != NULL)
	{
		query->snapshot = RegisterSnapshot(GetTransactionSnapshot());
		if (query->estate != NULL)
			query->estate->es_snapshot = RegisterSnapshot(query->snapshot);
		PushActiveSnapshot(query->snapshot);
	}
	else if (portal != NULL)
	{
		Snapshot fresh = GetTransactionSnapshot();

		if (given->portal_holds)
			fresh = portal->holdSnapshot = RegisterSnapshotOnOwner(fresh, portal->resowner);
		PushActiveSnapshotWithLevel(fresh, portal->createLevel);
		portal->portalSnapshot = GetActiveSnapshot();
	}
	memset(given, 0, sizeof(*given));
}
