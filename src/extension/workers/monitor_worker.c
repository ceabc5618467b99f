/*
 * The monitor worker: watches the members, measures lag, keeps slots, and, on the
 * primary, writes down what happened and turns tables into proposals. It decides
 * nothing about leases: if it is stuck or dead, writes and failovers go on.
 *
 * Runs on primaries and standbys alike, from the moment they can be read. While the
 * server is unmanaged it waits on its latch and has no database connection; when it
 * becomes managed it connects to multiregion.database, and when it is unmanaged again
 * the process ends and starts anew. One loop: settings, a copy of the lease state, the
 * steps (mr_monitor.h), one wait for latch, postmaster and sockets. A transaction never
 * lasts over a wait, and a turn's memory is gone with it.
 *
 * An error in a step is reported; that step rests for a second, then for longer, the
 * others go on. Writes of its own do not wait for standbys, and a lock that somebody
 * else holds is given up after a moment: health checks must go on.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "replication/slot.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/timeout.h"

#include "adapters/mr_resolver.h"
#include "extension/mr_catalog.h"
#include "extension/mr_settings.h"
#include "extension/mr_shared_state.h"
#include "extension/pg_compat.h"
#include "extension/workers/mr_monitor.h"
#include "extension/workers/mr_workers.h"

#define MR_LONGEST_REST_NS (60 * MR_NS_PER_S)
#define MR_UNMANAGED_MS 60000L

typedef struct MrMonitorStep
{
	void (*run)(MrMonitor *monitor);
	int errors;          /* in a row */
	int64 not_before_ns; /* rests until then */
} MrMonitorStep;

/* In this order: a failover is written down before anything that could fail. */
static MrMonitorStep steps[] = {
	{.run = mr_monitor_probe},         {.run = mr_monitor_lag},    {.run = mr_monitor_record},
	{.run = mr_monitor_configuration}, {.run = mr_monitor_alerts}, {.run = mr_monitor_slots},
	{.run = mr_monitor_address},       {.run = mr_monitor_canary}, {.run = mr_monitor_logical},
	{.run = mr_monitor_record_alerts},
};

/* The step that is running; an error in it is its own. */
static MrMonitorStep *current_step = NULL;

bool
mr_monitor_is_peer(const MrMonitor *monitor, int slot)
{
	return MR_MONITOR_CONFIG(monitor)->members[slot].used && slot != monitor->lease->self;
}

bool
mr_monitor_is_witness(const MrMonitor *monitor)
{
	return MR_MONITOR_CONFIG(monitor)->members[monitor->lease->self].witness;
}

/* ---------- transactions ---------- */

bool
mr_monitor_begin(const MrMonitor *monitor)
{
	pgstat_report_activity(STATE_RUNNING, "multiregion monitor: tables");
	if (mr_catalog_start())
		return true;
	MemoryContextSwitchTo(monitor->turn_context);
	pgstat_report_activity(STATE_IDLE, NULL);
	return false;
}

void
mr_monitor_end(const MrMonitor *monitor)
{
	mr_catalog_finish();
	MemoryContextSwitchTo(monitor->turn_context);
	(void) pgstat_report_stat(true);
	pgstat_report_activity(STATE_IDLE, NULL);
}

/* ---------- start ---------- */

static void
forget_procno(int code, Datum argument)
{
	pg_atomic_write_u32(&mr_shared->monitor_procno, PG_UINT32_MAX);
}

/*
 * A database that cannot be connected to ends this process, and every start would say
 * so in the log: after a failure, the next attempts are up to a minute apart.
 */
static void
connect_to_database(void)
{
	uint32 failures = mr_shared->monitor.failed_starts++;
	int64 until_ns = mr_boottime_ns() + Min(failures * 5, 60) * MR_NS_PER_S;

	while (mr_boottime_ns() < until_ns)
		mr_worker_wait((long) ((until_ns - mr_boottime_ns()) / MR_NS_PER_MS) + 1);
	BackgroundWorkerInitializeConnection(mr_database, NULL, 0);
	mr_shared->monitor.failed_starts = 0;
}

/* ---------- the loop ---------- */

/* Everything a step wants to know about the moment. */
static void
begin_turn(MrMonitor *monitor)
{
	const MrLease *lease = monitor->lease;

	(void) mr_shared_read_lease(monitor->lease);
	monitor->now_ns = mr_boottime_ns();
	monitor->acts = pg_atomic_read_u32(&mr_shared->mode) == MR_MODE_MANAGE;
	monitor->watches = monitor->acts || MR_MONITOR_CONFIG(monitor)->policy.mode != MR_MODE_OFF;
	monitor->recorded_before = monitor->records;
	monitor->records = lease->role == MR_ROLE_LEADER && mr_fence_is_open() && !RecoveryInProgress();
}

/* Without a place in the configuration there is nothing to watch. */
static bool
is_member(const MrMonitor *monitor)
{
	return monitor->lease->loaded && monitor->lease->self != MR_NO_SLOT;
}

static void
run_steps(MrMonitor *monitor)
{
	for (int i = 0; i < lengthof(steps); i++)
	{
		if (monitor->now_ns < steps[i].not_before_ns)
			continue;
		current_step = &steps[i];
		steps[i].run(monitor);
		steps[i].errors = 0;
		current_step = NULL;
	}
}

static void
wait_for_something(MrMonitor *monitor)
{
	WaitEventSet *set = MR_CREATE_WAIT_EVENT_SET(MR_MAX_MEMBERS + 2);
	WaitEvent event;
	int64 now_ns = mr_boottime_ns();
	int64 until_ns = monitor->now_ns + MR_MONITOR_TICK_NS;

	if (is_member(monitor))
		until_ns = Min(until_ns, mr_monitor_probe_wakeup(monitor));
	AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	mr_monitor_add_sockets(monitor, set);
	(void) WaitEventSetWait(set, Max(0, (until_ns - now_ns) / MR_NS_PER_MS + 1), &event, 1,
							PG_WAIT_EXTENSION);
	FreeWaitEventSet(set);
	ResetLatch(MyLatch);
}

/* After an error: as the autovacuum launcher does it, then the guilty step rests. */
static void
recover(MrMonitor *monitor)
{
	int64 rest_ns = MR_NS_PER_S;

	error_context_stack = NULL;
	HOLD_INTERRUPTS();
	disable_all_timeouts(false);
	QueryCancelPending = false;
	EmitErrorReport();
	if (current_step == NULL)
		proc_exit(1); /* not in a step: start anew */

	AbortCurrentTransaction();
	LWLockReleaseAll();
	ConditionVariableCancelSleep();
	pgstat_report_wait_end();
	if (MyReplicationSlot != NULL)
		ReplicationSlotRelease();
	MemoryContextSwitchTo(monitor->turn_context);
	FlushErrorState();
	pgstat_report_activity(STATE_IDLE, NULL);
	RESUME_INTERRUPTS();

	for (int i = 0; i < current_step->errors && rest_ns < MR_LONGEST_REST_NS; i++)
		rest_ns *= 2;
	current_step->errors++;
	current_step->not_before_ns = mr_boottime_ns() + Min(rest_ns, MR_LONGEST_REST_NS);
	current_step = NULL;
}

static void
run(MrMonitor *monitor)
{
	sigjmp_buf on_error;

	if (sigsetjmp(on_error, 1) != 0)
		recover(monitor);
	PG_exception_stack = &on_error;

	while (mr_worker_is_member())
	{
		MemoryContextReset(monitor->turn_context);
		mr_worker_heed_interrupts();
		begin_turn(monitor);
		if (is_member(monitor))
			run_steps(monitor);
		wait_for_something(monitor);
	}
	mr_monitor_close_all(monitor);
}

void
mr_monitor_main(Datum argument)
{
	MrMonitor *monitor;

	mr_worker_begin();
	before_shmem_exit(forget_procno, (Datum) 0);
	pg_atomic_write_u32(&mr_shared->monitor_procno, (uint32) MR_MY_PROCNO);

	while (!mr_worker_is_member())
		mr_worker_wait(MR_UNMANAGED_MS);
	mr_resolver_be_brief();
	connect_to_database();
	mr_worker_pin_settings();

	monitor = MemoryContextAllocZero(TopMemoryContext, sizeof(MrMonitor));
	monitor->lease = MemoryContextAllocZero(TopMemoryContext, sizeof(MrLease));
	monitor->turn_context =
		AllocSetContextCreate(TopMemoryContext, "multiregion monitor turn", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(monitor->turn_context);
	run(monitor);

	/* Unmanaged again: a new process waits without a database. */
	proc_exit(1);
}
