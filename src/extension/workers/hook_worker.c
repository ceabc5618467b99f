/*
 * The hook worker: runs what the operator has set (mr_hooks.h says what, and why in a
 * process of its own), and gives the orders of scheduled switchovers.
 *
 * Runs on primaries and standbys alike, from the moment they can be read, and connects to
 * multiregion.database once the server is managed. It decides nothing about leases: a
 * veto is a word in shared memory that the lease worker reads, a switchover is an order
 * like one from a session. If it hangs or is gone, failovers go on without it.
 *
 * Must never be waited for by anybody, nor open a transaction over a wait of its own.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "replication/slot.h"
#include "storage/ipc.h"
#include "storage/lock.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/timeout.h"

#include "extension/mr_settings.h"
#include "extension/pg_compat.h"
#include "extension/workers/mr_hooks.h"
#include "extension/workers/mr_workers.h"

#define MR_UNMANAGED_MS 60000L
#define MR_CONNECT_AGAIN_MS 5000L

/* Read at exit, when commands under way lose who watches them. */
static MrHooks *hooks_at_exit = NULL;

const char *
mr_hooks_self(const MrHooks *hooks)
{
	return hooks->lease->durable.name;
}

void
mr_hooks_clip(const char *text, char out[MR_EVENT_DETAIL])
{
	int length = pg_mbcliplen(text, (int) strlen(text), MR_EVENT_DETAIL - 1);

	memcpy(out, text, (size_t) length);
	out[length] = '\0';
}

/* ---------- errors ---------- */

/* As every loop of PostgreSQL does it; the process goes on. */
static void
forget_error(MemoryContext context, bool quiet, char problem[MR_EVENT_DETAIL])
{
	ErrorData *error;

	HOLD_INTERRUPTS();
	error_context_stack = NULL;
	disable_all_timeouts(false);
	QueryCancelPending = false;
	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	mr_hooks_clip(error->message, problem);
	if (!quiet)
		EmitErrorReport();
	AbortCurrentTransaction();
	LWLockReleaseAll();
	if (MyReplicationSlot != NULL)
		ReplicationSlotRelease(); /* one that the operator's function was making */
	MemoryContextSwitchTo(context);
	FlushErrorState();
	RESUME_INTERRUPTS();
}

bool
mr_hooks_try(void (*body)(MrHooks *hooks, void *argument), MrHooks *hooks, void *argument,
			 char problem[MR_EVENT_DETAIL])
{
	volatile bool ok = true;

	problem[0] = '\0';
	PG_TRY();
	{
		body(hooks, argument);
	}
	PG_CATCH();
	{
		forget_error(hooks->turn_context, hooks->quiet, problem);
		ok = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(hooks->turn_context); /* a commit leaves another one current */
	/* what a function of the operator has locked for its session */
	LockReleaseAll(USER_LOCKMETHOD, true);
	pgstat_report_activity(STATE_IDLE, NULL);
	return ok;
}

/* ---------- start ---------- */

static void
leave(int code, Datum argument)
{
	pg_atomic_write_u32(&mr_shared->hooks.procno, PG_UINT32_MAX);
	for (int i = 0; hooks_at_exit != NULL && i < MR_HOOK_COUNT; i++)
		mr_hooks_command_cancel(&hooks_at_exit->commands[i]);
}

/*
 * The monitor tells the log when the database cannot be connected to; as long as it could
 * not, this process does not try.
 */
static void
connect_to_database(void)
{
	while (!mr_worker_is_member())
		mr_worker_wait(MR_UNMANAGED_MS);
	while (mr_shared->monitor.failed_starts > 1)
		mr_worker_wait(MR_CONNECT_AGAIN_MS);
	BackgroundWorkerInitializeConnection(mr_database, NULL, 0);
}

/* ---------- the loop ---------- */

static void
begin_turn(MrHooks *hooks)
{
	MemoryContextReset(hooks->turn_context);
	(void) mr_shared_read_lease(hooks->lease);
	hooks->now_ns = mr_boottime_ns();
	hooks->leads = pg_atomic_read_u32(&mr_shared->mode) == MR_MODE_MANAGE &&
				   hooks->lease->role == MR_ROLE_LEADER && mr_fence_is_open() &&
				   pg_atomic_read_u32(&mr_shared->draining) == 0 && !RecoveryInProgress();
}

static void
run(MrHooks *hooks)
{
	while (mr_worker_is_member())
	{
		begin_turn(hooks);
		if (hooks->lease->loaded && hooks->lease->self != MR_NO_SLOT)
		{
			mr_hooks_veto(hooks);
			mr_worker_heed_interrupts();
			mr_hooks_run(hooks);
			mr_worker_heed_interrupts();
			mr_hooks_schedule(hooks);
		}
		(void) pgstat_report_stat(true);
		mr_worker_wait((long) (MR_HOOKS_TICK_NS / MR_NS_PER_MS));
	}
}

void
mr_hooks_main(Datum argument)
{
	MrHooks *hooks;

	mr_worker_begin();
	before_shmem_exit(leave, (Datum) 0);
	pg_atomic_write_u32(&mr_shared->hooks.procno, (uint32) MR_MY_PROCNO);
	connect_to_database();
	mr_worker_pin_settings();

	hooks = MemoryContextAllocZero(TopMemoryContext, sizeof(MrHooks));
	hooks->lease = MemoryContextAllocZero(TopMemoryContext, sizeof(MrLease));
	hooks->turn_context =
		AllocSetContextCreate(TopMemoryContext, "multiregion hooks turn", ALLOCSET_DEFAULT_SIZES);
	hooks->objects = pg_atomic_read_u32(&mr_shared->hooks.veto) == MR_VETO_OBJECTION;
	hooks_at_exit = hooks;
	MemoryContextSwitchTo(hooks->turn_context);
	run(hooks);

	/* Unmanaged again: a new process waits without a database. */
	proc_exit(1);
}
