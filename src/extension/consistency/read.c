/*
 * Reads on a standby that wait until they see what they must: SET multiregion.wait_for, and
 * multiregion.read_consistency.
 *
 * A statement waits before it begins, with its snapshot given back, and reads with one that
 * was taken afterwards: also where nothing had to be waited for, since replay may have passed
 * the position after the first snapshot. Transactions that keep one snapshot wait when they
 * begin. Statements within others do not wait: the one around them has. The extension's own
 * connections and workers never do. Called by the server's hooks.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "executor/executor.h"
#include "libpq/libpq-be.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"
#include "utils/snapmgr.h"

#include "extension/consistency/mr_ask_primary.h"
#include "extension/consistency/mr_consistency.h"
#include "extension/consistency/mr_position.h"
#include "extension/mr_shared_state.h"
#include "extension/mr_snapshots.h"

#define OWN_APPLICATIONS "multiregion" /* how application_name of ours begins */

static ExecutorStart_hook_type previous_executor_start = NULL;
static ProcessUtility_hook_type previous_process_utility = NULL;

/* Once reached, for ever: replay does not go back. */
static MrToken reached_token;

/* A transaction that keeps its snapshot has waited before it took it, for this token. */
static bool began_fresh = false;
static MrToken began_token;

static bool
is_same(const MrToken *a, const MrToken *b)
{
	return a->timeline == b->timeline && a->lsn == b->lsn && a->system == b->system;
}

void
mr_read_note_reached(const MrToken *token)
{
	reached_token = *token;
}

/* ---------- waiting ---------- */

static int64
deadline_from(int64 now_ns)
{
	return now_ns + mr_wait_timeout_ms * MR_NS_PER_MS;
}

/* False: it was in vain, and the settings say to go on. */
static bool
wait_for_token(const MrToken *token, int64 began_ns)
{
	MrWaitResult result = mr_waiters_wait(token, deadline_from(began_ns));

	if (result == MR_WAIT_REACHED)
	{
		mr_read_note_reached(token);
		return true;
	}
	if (result != MR_WAIT_DIVERGED && mr_on_timeout == MR_TIMEOUT_STALE)
		return false;
	mr_raise_unless_reached(result, token, (mr_boottime_ns() - began_ns) / MR_NS_PER_MS);
	return false;
}

/* The newest commit of the primary. False: nobody can be asked, and that is accepted. */
static bool
ask_primary(MrToken *newest, int64 deadline_ns)
{
	const char *problem;

	if (mr_ask_primary(newest, deadline_ns, &problem))
		return true;
	if (mr_on_timeout == MR_TIMEOUT_STALE)
		return false;
	ereport(ERROR, (errcode(ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
					errmsg("could not ask the primary for its newest commit"),
					errdetail_internal("%s", problem),
					errhint("Read with multiregion.read_consistency = session or eventual, or with "
							"multiregion.on_timeout = stale.")));
	return false;
}

static bool
is_fresh_enough(void)
{
	int64 bound_ns = mr_ask_bound();

	return bound_ns != MR_STALENESS_UNKNOWN && bound_ns <= mr_max_staleness_ms * MR_NS_PER_MS;
}

static void
wait_for_bound(void)
{
	int64 began_ns = mr_boottime_ns();
	MrToken newest;

	/* A wait may take so long that what it was for is too old again. */
	while (!is_fresh_enough())
		if (!ask_primary(&newest, deadline_from(began_ns)) || !wait_for_token(&newest, began_ns))
			return;
}

static void
wait_as_set(void)
{
	int64 began_ns = mr_boottime_ns();
	MrToken newest;

	switch ((MrReadConsistency) mr_read_consistency)
	{
		case MR_READ_EVENTUAL:
			break;
		case MR_READ_SESSION:
			(void) wait_for_token(mr_wait_for_token(), began_ns);
			break;
		case MR_READ_GLOBAL:
			if (ask_primary(&newest, deadline_from(began_ns)))
				(void) wait_for_token(&newest, began_ns);
			break;
		case MR_READ_BOUNDED:
			wait_for_bound();
			break;
	}
}

/* ---------- who waits ---------- */

static bool
is_own_session(void)
{
	return MyProcPort == NULL ||
		   (MyProcPort->application_name != NULL &&
			strncmp(MyProcPort->application_name, OWN_APPLICATIONS, strlen(OWN_APPLICATIONS)) == 0);
}

/* Whether what the session reads next has to be looked after. */
static bool
is_wanted(void)
{
	const MrToken *token = mr_wait_for_token();

	if (likely(mr_read_consistency == MR_READ_EVENTUAL) || !RecoveryInProgress() ||
		IsParallelWorker() || is_own_session())
		return false;
	return mr_read_consistency != MR_READ_SESSION ||
		   (token != NULL && !is_same(token, &reached_token));
}

/* A transaction that keeps its snapshot, and has it: only what was waited for before counts. */
static void
require_fresh_transaction(void)
{
	const MrToken *token = mr_wait_for_token();

	if (began_fresh && (mr_read_consistency != MR_READ_SESSION || is_same(token, &began_token)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("cannot wait for replay in a transaction that has its snapshot"),
			 errdetail("Its isolation level is REPEATABLE READ: all its statements see what was "
					   "there when the first one began."),
			 errhint("BEGIN ISOLATION LEVEL REPEATABLE READ waits before that. Set tokens before "
					 "the transaction, or use READ COMMITTED.")));
}

static void
begin_fresh_transaction(void)
{
	const MrToken *token = mr_wait_for_token();

	wait_as_set();
	began_fresh = true;
	began_token = token != NULL ? *token : (MrToken){0};
}

static void
wait_before_query(QueryDesc *query)
{
	MrSnapshots given;

	if (IsolationUsesXactSnapshot())
		require_fresh_transaction();
	else if (mr_snapshots_give_of_query(query, &given))
	{
		wait_as_set();
		mr_snapshots_take_anew(&given);
	}
}

static void
wait_before_utility(void)
{
	MrSnapshots given;

	if (IsolationUsesXactSnapshot())
		require_fresh_transaction();
	else if (mr_snapshots_give_of_utility(&given))
	{
		wait_as_set();
		mr_snapshots_take_anew(&given);
	}
}

/* ---------- hooks ---------- */

static void
read_executor_start(QueryDesc *query, int eflags)
{
	if (unlikely(mr_read_consistency != MR_READ_EVENTUAL) && query->operation == CMD_SELECT &&
		(eflags & EXEC_FLAG_EXPLAIN_ONLY) == 0 && is_wanted())
		wait_before_query(query);
	if (unlikely(mr_enforce_home_region != MR_ENFORCE_OFF) &&
		(eflags & EXEC_FLAG_EXPLAIN_ONLY) == 0)
		mr_home_region_check();
	if (previous_executor_start)
		previous_executor_start(query, eflags);
	else
		standard_ExecutorStart(query, eflags);
}

/* Statements that read with a snapshot of their own, or run others that do. */
static bool
reads(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_ExecuteStmt:
		case T_ExplainStmt:
		case T_DeclareCursorStmt:
		case T_CopyStmt:
		case T_CallStmt:
		case T_DoStmt:
			return true;
		default:
			return false;
	}
}

static bool
sets_wait_for(Node *statement)
{
	VariableSetStmt *set = (VariableSetStmt *) statement;

	return IsA(statement, VariableSetStmt) && set->kind == VAR_SET_VALUE && set->name != NULL &&
		   pg_strcasecmp(set->name, "multiregion.wait_for") == 0;
}

/* SET multiregion.wait_for: on a primary, too, where a commit may be missing for good. */
static void
wait_for_what_was_set(void)
{
	const MrToken *token = mr_wait_for_token();

	if (token == NULL)
		return;
	if (IsolationUsesXactSnapshot() && FirstSnapshotSet && IsTransactionBlock())
		ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
						errmsg("SET multiregion.wait_for must come before any query of a "
							   "REPEATABLE READ transaction"),
						errhint("Its snapshot is taken: what comes later is not seen in it.")));
	InvalidateCatalogSnapshot();
	if (!wait_for_token(token, mr_boottime_ns()))
		ereport(WARNING, (errcode(MR_ERRCODE_STALE),
						  errmsg("this standby has not replayed what the session must see"),
						  errdetail("multiregion.on_timeout is stale: reads go on.")));
}

static bool
begins_or_sets(Node *statement)
{
	TransactionStmt *transaction = (TransactionStmt *) statement;

	return IsA(statement, VariableSetStmt) ||
		   (IsA(statement, TransactionStmt) &&
			(transaction->kind == TRANS_STMT_BEGIN || transaction->kind == TRANS_STMT_START));
}

static bool
commits_prepared(Node *statement)
{
	return IsA(statement, TransactionStmt) &&
		   ((TransactionStmt *) statement)->kind == TRANS_STMT_COMMIT_PREPARED;
}

static bool
discards_all(Node *statement)
{
	return IsA(statement, DiscardStmt) && ((DiscardStmt *) statement)->target == DISCARD_ALL;
}

static void
run_utility(PlannedStmt *statement, const char *source, bool read_only_tree,
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

static void
read_process_utility(PlannedStmt *statement, const char *source, bool read_only_tree,
					 ProcessUtilityContext context, ParamListInfo params,
					 QueryEnvironment *environment, DestReceiver *destination,
					 QueryCompletion *completion)
{
	Node *parsed = statement->utilityStmt;
	/* A statement that ends a transaction may end its own tree. */
	bool sets_token = sets_wait_for(parsed);
	bool may_begin = begins_or_sets(parsed);
	bool prepared = commits_prepared(parsed);
	bool discarded = discards_all(parsed);

	if (unlikely(mr_read_consistency != MR_READ_EVENTUAL) && reads(parsed) && is_wanted())
		wait_before_utility();
	if (unlikely(mr_enforce_home_region != MR_ENFORCE_OFF) && IsA(parsed, CopyStmt))
		mr_home_region_check();
	run_utility(statement, source, read_only_tree, context, params, environment, destination,
				completion);
	if (sets_token)
		wait_for_what_was_set();
	if (may_begin && mr_read_consistency != MR_READ_EVENTUAL && IsTransactionBlock() &&
		IsolationUsesXactSnapshot() && !FirstSnapshotSet && is_wanted())
		begin_fresh_transaction();
	if (prepared)
		mr_commit_note_prepared();
	if (discarded)
		mr_commit_forget();
}

static void
forget_transaction(XactEvent event, void *argument)
{
	began_fresh = false;
	mr_home_region_forget();
}

Size
mr_consistency_size(void)
{
	return add_size(mr_waiters_size(), mr_ask_size());
}

void
mr_consistency_initialize(void)
{
	mr_waiters_initialize();
	mr_ask_initialize();
}

void
mr_consistency_install(void)
{
	mr_waiters_watch();
	mr_commit_install();
	RegisterXactCallback(forget_transaction, NULL);
	previous_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = read_executor_start;
	previous_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = read_process_utility;
}
