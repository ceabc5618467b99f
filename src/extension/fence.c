/*
 * Fence hooks; see mr_fence.h and docs/MULTI_REGION_ARCHITECTURE.md.
 *
 * Rules: nothing here may raise an error in XACT_EVENT_COMMIT (the transaction is
 * committed; an error there is a PANIC). A commit publishes its end position
 * before it looks at the deadline for the last time: whoever sets the deadline to
 * 0 and then reads the position sees every commit that may be acknowledged.
 * Cost while the lease is valid: one atomic read and one clock read a check.
 */
#include "postgres.h"

#include <signal.h>
#include <sys/socket.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "access/xloginsert.h"
#include "catalog/pg_control.h"
#include "executor/executor.h"
#include "libpq/auth.h"
#include "libpq/libpq-be.h"
#include "miscadmin.h"
#include "replication/walsender.h"
#include "replication/walsender_private.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "tcop/utility.h"
#include "utils/timestamp.h"

#include "extension/mr_commits.h"
#include "extension/mr_fence.h"
#include "extension/mr_followers.h"
#include "extension/mr_peer_sessions.h"
#include "extension/mr_session.h"
#include "extension/mr_shared_state.h"
#include "extension/mr_utility.h"
#include "extension/pg_compat.h"

static ExecutorStart_hook_type previous_executor_start = NULL;
static ProcessUtility_hook_type previous_process_utility = NULL;
static ClientAuthentication_hook_type previous_client_authentication = NULL;

/* Sessions that have written (or decode logically), by pgprocno: their pid, or 0. */
static pg_atomic_uint32 *writers = NULL;

/* COMMIT/ROLLBACK PREPARED: the transaction around it has no xid of its own. */
static bool force_acknowledgement_check = false;
static bool registered_writer = false;

static int
writer_slots(void)
{
	return MaxBackends + NUM_AUXILIARY_PROCS;
}

Size
mr_fence_size(void)
{
	return mul_size(writer_slots(), sizeof(pg_atomic_uint32));
}

void
mr_fence_initialize(void)
{
	bool found;
	int i;

	writers = ShmemInitStruct("multiregion writers", mr_fence_size(), &found);
	if (found)
		return;
	for (i = 0; i < writer_slots(); i++)
		pg_atomic_init_u32(&writers[i], 0);
}

/* ---------- refusing ---------- */

static bool
is_draining(void)
{
	return unlikely(pg_atomic_read_u32(&mr_shared->draining) != 0);
}

static void
refuse(pg_atomic_uint64 *counter)
{
	pg_atomic_fetch_add_u64(counter, 1);
	if (mr_fence_is_open() && is_draining())
		ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
						errmsg("cannot write: this node hands the write lease over"),
						errhint("Connect again (target_session_attrs=read-write finds the next "
								"primary) and try again in a moment.")));
	ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
					errmsg("cannot write: this node does not hold the write lease"),
					errdetail("The cluster is managed by multiregion; "
							  "only the primary acknowledges writes."),
					errhint("Connect to the primary (target_session_attrs=read-write finds it) "
							"and try again.")));
}

/* Writes on a standby are refused by PostgreSQL itself, in its own words. */
static bool
must_refuse(void)
{
	return (!mr_fence_is_open() || is_draining()) && !RecoveryInProgress();
}

void
mr_fence_require_open(void)
{
	if (must_refuse())
		refuse(&mr_shared->refused_before);
}

static void
forget_writer(int code, Datum arg)
{
	pg_atomic_write_u32(&writers[MR_MY_PROCNO], 0);
}

static void
register_writer(void)
{
	static bool forgets_at_exit = false;

	if (registered_writer || MyProc == NULL || MyProcPort == NULL)
		return;
	registered_writer = true;
	if (!forgets_at_exit)
		before_shmem_exit(forget_writer, (Datum) 0);
	forgets_at_exit = true;
	pg_atomic_write_u32(&writers[MR_MY_PROCNO], (uint32) MyProcPid);
}

void
mr_fence_excuse_session(void)
{
	registered_writer = false;
	forget_writer(0, (Datum) 0);
}

static void
fence_client_authentication(Port *port, int status)
{
	if (previous_client_authentication)
		previous_client_authentication(port, status);
	if (status != STATUS_OK)
		return;
	mr_commits_guard_client();
	if (am_db_walsender)
		register_writer(); /* decodes logically: ends with the lease */
	else if (am_walsender)
		mr_followers_admit(port);
	else
		mr_peer_sessions_enter(port);
	if (!must_refuse())
		return;
	if (am_db_walsender)
		ereport(FATAL,
				(errcode(ERRCODE_CANNOT_CONNECT_NOW),
				 errmsg("cannot decode logically: this node does not hold the write lease")));
	if (am_walsender)
		return;
	mr_session_mark();
}

static void
fence_executor_start(QueryDesc *query, int eflags)
{
	mr_session_heal();
	if ((query->operation != CMD_SELECT || query->plannedstmt->hasModifyingCTE) &&
		!(eflags & EXEC_FLAG_EXPLAIN_ONLY) && must_refuse())
		refuse(&mr_shared->refused_before);
	if (previous_executor_start)
		previous_executor_start(query, eflags);
	else
		standard_ExecutorStart(query, eflags);
}

static void
fence_process_utility(PlannedStmt *statement, const char *source, bool read_only_tree,
					  ProcessUtilityContext context, ParamListInfo params,
					  QueryEnvironment *environment, DestReceiver *destination,
					  QueryCompletion *completion)
{
	mr_session_heal();
	mr_utility_protect(statement->utilityStmt);
	if (!mr_utility_is_read_only(statement->utilityStmt) && must_refuse())
		refuse(&mr_shared->refused_before);
	mr_session_note(statement->utilityStmt);
	if (mr_utility_is_second_phase(statement->utilityStmt))
	{
		mr_commits_enter(); /* a session that is refused below leaves again */
		if (must_refuse())
		{
			mr_commits_leave();
			refuse(&mr_shared->refused_commit);
		}
		force_acknowledgement_check = true;
	}
	if (previous_process_utility)
		previous_process_utility(statement, source, read_only_tree, context, params, environment,
								 destination, completion);
	else
		standard_ProcessUtility(statement, source, read_only_tree, context, params, environment,
								destination, completion);
}

/* ---------- committing ---------- */

/* Atomic maximum. */
static void
raise_to(pg_atomic_uint64 *target, uint64 value)
{
	uint64 current = pg_atomic_read_u64(target);

	while (current < value)
		if (pg_atomic_compare_exchange_u64(target, &current, value))
			break;
}

/* The first write a leadership acknowledged, for the record of the failover. */
static void
note_first_write(void)
{
	uint64 term = pg_atomic_read_u64(&mr_shared->lease_term);

	if (likely(pg_atomic_read_u64(&mr_shared->first_write_term) == term))
		return;
	pg_atomic_write_u64(&mr_shared->first_write_at, (uint64) GetCurrentTimestamp());
	pg_atomic_write_u64(&mr_shared->first_write_term, term);
}

/*
 * The commit is durable. Outside the lease it must not be acknowledged: make the
 * acknowledgement impossible, as for a synchronous commit that cannot be waited for.
 */
static void
check_acknowledgement(XLogRecPtr commit_end)
{
	raise_to(&mr_shared->last_commit_end, commit_end);
	pg_memory_barrier(); /* also where another session has raised it further */
	if (likely(mr_fence_is_open()))
	{
		note_first_write();
		mr_commits_decided();
	}
	else
		mr_fence_withhold_acknowledgement();
}

void
mr_fence_withhold_acknowledgement(void)
{
	mr_commits_leave();
	pg_atomic_fetch_add_u64(&mr_shared->refused_acknowledgement, 1);
	if (MyProcPort != NULL)
		shutdown(MyProcPort->sock, SHUT_RDWR);
	ProcDiePending = true;
	InterruptPending = true;
}

static void
fence_xact_callback(XactEvent event, void *arg)
{
	bool wrote;

	if (pg_atomic_read_u32(&mr_shared->managed) == 0)
	{
		force_acknowledgement_check = false;
		mr_commits_leave();
		return;
	}
	wrote = TransactionIdIsValid(GetTopTransactionIdIfAny());
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			if (!wrote)
				break;
			mr_commits_enter();
			if (must_refuse())
			{
				mr_commits_leave();
				refuse(&mr_shared->refused_commit);
			}
			register_writer();
			break;
		case XACT_EVENT_COMMIT:
			if (wrote)
				check_acknowledgement(XactLastCommitEnd);
			else if (force_acknowledgement_check)
				check_acknowledgement(GetXLogInsertRecPtr());
			force_acknowledgement_check = false;
			break;
		case XACT_EVENT_PREPARE:
			if (wrote)
				check_acknowledgement(GetXLogInsertRecPtr());
			force_acknowledgement_check = false;
			break;
		case XACT_EVENT_ABORT:
			mr_commits_leave();
			force_acknowledgement_check = false;
			break;
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PARALLEL_ABORT:
		case XACT_EVENT_PARALLEL_PRE_COMMIT:
			break;
	}
}

void
mr_fence_install(void)
{
	RegisterXactCallback(fence_xact_callback, NULL);
	previous_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = fence_executor_start;
	previous_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = fence_process_utility;
	previous_client_authentication = ClientAuthentication_hook;
	ClientAuthentication_hook = fence_client_authentication;
}

/* ---------- lease worker's side ---------- */

void
mr_fence_end_sessions(void)
{
	int i;

	for (i = 0; i < writer_slots(); i++)
	{
		uint32 pid = pg_atomic_exchange_u32(&writers[i], 0);

		if (pid != 0)
			kill((pid_t) pid, SIGTERM);
	}
}

bool
mr_fence_has_writers(void)
{
	int i;

	for (i = 0; i < writer_slots(); i++)
		if (pg_atomic_read_u32(&writers[i]) != 0)
			return true;
	return false;
}

/* Right behind the header of a page may be where no record has ended yet. */
void
mr_fence_flush_commits(void)
{
	XLogRecPtr end = pg_atomic_read_u64(&mr_shared->last_commit_end);

	/* all was flushed before that, and this process would wait for itself */
	if (mr_commits_wal_is_held())
		return;
	if (end % XLOG_BLCKSZ > SizeOfXLogLongPHD && GetFlushRecPtr(NULL) < end)
		XLogFlush(end);
}

/* A walsender that streams, as it was before the last record of this server. */
typedef struct Listener
{
	pid_t pid; /* 0: none */
	TimestampTz reply_time;
} Listener;

/* By the standby's own clock: only good for telling whether another reply has come. */
static Listener
read_listener(int number, XLogRecPtr *flush)
{
	WalSnd *sender = &WalSndCtl->walsnds[number];
	Listener listener = {0};

	SpinLockAcquire(&sender->mutex);
	if (sender->state == WALSNDSTATE_CATCHUP || sender->state == WALSNDSTATE_STREAMING)
		listener.pid = sender->pid;
	listener.reply_time = sender->replyTime;
	*flush = sender->flush;
	SpinLockRelease(&sender->mutex);
	return listener;
}

/* Writes a record that means nothing, for the standbys to answer. */
static XLogRecPtr
write_last_word(void)
{
	char nothing = 0;
	XLogRecPtr end;

	XLogBeginInsert();
	XLogRegisterData(&nothing, sizeof(nothing));
	end = XLogInsert(RM_XLOG_ID, XLOG_NOOP);
	XLogFlush(end);
	return end;
}

/* Whether a walsender's standby has said nothing since, and not all it has to say. */
static bool
is_silent(int number, const Listener *before, XLogRecPtr end)
{
	XLogRecPtr flush;
	Listener now = read_listener(number, &flush);

	return before->pid != 0 && now.pid == before->pid && now.reply_time == before->reply_time &&
		   flush < end;
}

void
mr_fence_end_walsenders(void)
{
	XLogRecPtr flush;
	int i;

	for (i = 0; i < max_wal_senders; i++)
	{
		pid_t pid = read_listener(i, &flush).pid;

		if (pid != 0)
			kill(pid, SIGTERM);
	}
}

void
mr_fence_end_silent_walsenders(int timeout_ms)
{
	int64 until_ns = mr_boottime_ns() + timeout_ms * MR_NS_PER_MS;
	Listener *listeners;
	XLogRecPtr end;
	bool silent = true;
	int i;

	if (RecoveryInProgress())
		return;
	listeners = palloc(sizeof(Listener) * max_wal_senders);
	for (i = 0; i < max_wal_senders; i++)
		listeners[i] = read_listener(i, &end);
	end = write_last_word();
	while (silent && mr_boottime_ns() < until_ns)
	{
		pg_usleep(2000L);
		for (silent = false, i = 0; i < max_wal_senders; i++)
			silent |= is_silent(i, &listeners[i], end);
	}
	for (i = 0; i < max_wal_senders; i++)
		if (is_silent(i, &listeners[i], end))
			kill(listeners[i].pid, SIGTERM);
}
