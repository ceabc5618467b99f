/*
 * Who waits for which position, and who wakes them; see mr_waiters.h.
 *
 * The startup process publishes the end of each record when it has taken effect (the server
 * itself does so only later) and looks whether that reaches the smallest position that
 * anybody waits for: one write, one barrier and one read a record. Only then it goes through
 * the waiters, and wakes those who have been reached, smallest position first. It takes no
 * lock and allocates nothing: whatever a waiter does, or stops doing, replay goes on.
 *
 * A waiter notes its position, lowers the smallest one, and looks once more before it sleeps.
 * It also looks every now and then without having been woken: for the end of recovery, for
 * what holds replay up, and for a server of which no record has been watched yet.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "access/xlogrecovery.h"
#include "catalog/pg_control.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "port/pg_bitutils.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/shmem.h"

#include "extension/consistency/mr_position.h"
#include "extension/consistency/mr_waiters.h"
#include "extension/mr_redo.h"
#include "extension/mr_shared_state.h"
#include "extension/pg_compat.h"

#define NOBODY PG_UINT64_MAX
#define WAIT_CLASS 0xFF000000U
#define WAIT_BUFFER_PIN 0x04000000U /* the class; its name differs between versions */
#define BITS 64
#define SLICE_MS 50L      /* how late a conflict may be noticed */
#define POLL_MAX_US 5000L /* without wake-ups */
#define POLL_FIRST_US 100L
#define POLL_LATCH_US 1000L /* from here on the latch is waited for */

/* A waiter that is reached. */
typedef struct Reached
{
	uint64 wanted;
	int procno;
} Reached;

typedef struct WaitersShared
{
	pg_atomic_uint64 replayed;       /* end of the newest record that took effect; 0: none yet */
	pg_atomic_uint32 timeline;       /* of it, if it has changed since the start; else 0 */
	pg_atomic_uint32 startup_procno; /* who replays; PG_UINT32_MAX: not known */
	pg_atomic_uint64 smallest;       /* nobody waits for less */
	pg_atomic_uint64 wanted[FLEXIBLE_ARRAY_MEMBER]; /* by pgprocno; then the set, then reached */
} WaitersShared;

int mr_replay_wakeup = MR_WAKEUP_AUTO;

static WaitersShared *shared = NULL;
static pg_atomic_uint64 *set = NULL; /* bit by pgprocno: waits */
static Reached *reached = NULL;      /* the startup process's own */
static bool registered = false;      /* this backend is in the set */

static int
count_slots(void)
{
	return MaxBackends + NUM_AUXILIARY_PROCS;
}

static int
count_words(void)
{
	return (count_slots() + BITS - 1) / BITS;
}

Size
mr_waiters_size(void)
{
	Size size = offsetof(WaitersShared, wanted);

	size = add_size(size, mul_size(count_slots() + count_words(), sizeof(pg_atomic_uint64)));
	return add_size(size, mul_size(count_slots(), sizeof(Reached)));
}

void
mr_waiters_initialize(void)
{
	bool found;

	shared = ShmemInitStruct("multiregion waiters", mr_waiters_size(), &found);
	set = &shared->wanted[count_slots()];
	reached = (Reached *) &set[count_words()];
	if (found)
		return;
	pg_atomic_init_u64(&shared->replayed, 0);
	pg_atomic_init_u32(&shared->timeline, 0);
	pg_atomic_init_u32(&shared->startup_procno, PG_UINT32_MAX);
	pg_atomic_init_u64(&shared->smallest, NOBODY);
	for (int i = 0; i < count_slots() + count_words(); i++)
		pg_atomic_init_u64(&shared->wanted[i], 0);
}

/* ---------- the startup process ---------- */

static void
lower_smallest(uint64 wanted)
{
	uint64 current = pg_atomic_read_u64(&shared->smallest);

	while (wanted < current)
		if (pg_atomic_compare_exchange_u64(&shared->smallest, &current, wanted))
			break;
}

static int
compare_reached(const void *a, const void *b)
{
	const Reached *left = a;
	const Reached *right = b;

	return left->wanted < right->wanted ? -1 : left->wanted > right->wanted;
}

static void
wake(int count)
{
	qsort(reached, (size_t) count, sizeof(Reached), compare_reached);
	for (int i = 0; i < count; i++)
		SetLatch(&ProcGlobal->allProcs[reached[i].procno].procLatch);
}

/*
 * Nobody is forgotten: who comes while this looks is either seen, or lowers the smallest
 * position after it was raised here.
 */
static void
wake_reached(uint64 replayed)
{
	uint64 next = NOBODY;
	int count = 0;

	pg_atomic_write_u64(&shared->smallest, NOBODY);
	pg_memory_barrier();
	for (int word = 0; word < count_words(); word++)
	{
		uint64 bits = pg_atomic_read_u64(&set[word]);

		for (; bits != 0; bits &= bits - 1)
		{
			int procno = word * BITS + pg_rightmost_one_pos64(bits);
			uint64 wanted = pg_atomic_read_u64(&shared->wanted[procno]);

			if (wanted > replayed)
				next = Min(next, wanted);
			else if (wanted != 0)
				reached[count++] = (Reached){.wanted = wanted, .procno = procno};
		}
	}
	if (next != NOBODY)
		lower_smallest(next);
	wake(count);
}

/* Recovery has ended, or is ending: everybody looks what to make of that. */
static void
forget_startup(int code, Datum argument)
{
	pg_atomic_write_u32(&shared->startup_procno, PG_UINT32_MAX);
	wake_reached(NOBODY - 1);
}

/* A new timeline becomes known before any position on it does. */
static void
note_timeline(XLogReaderState *record)
{
	uint8 info = XLogRecGetInfo(record) & ~XLR_INFO_MASK;

	if (XLogRecGetRmid(record) != RM_XLOG_ID)
		return;
	if (info == XLOG_CHECKPOINT_SHUTDOWN)
		pg_atomic_write_u32(&shared->timeline,
							((CheckPoint *) XLogRecGetData(record))->ThisTimeLineID);
	else if (info == XLOG_END_OF_RECOVERY)
		pg_atomic_write_u32(&shared->timeline,
							((xl_end_of_recovery *) XLogRecGetData(record))->ThisTimeLineID);
	else
		return;
	pg_write_barrier();
}

static void
note_replayed(XLogReaderState *record)
{
	static bool known = false;

	if (unlikely(!known))
	{
		known = true;
		pg_atomic_write_u32(&shared->startup_procno, (uint32) MR_MY_PROCNO);
		on_shmem_exit(forget_startup, (Datum) 0);
	}
	note_timeline(record);
	pg_atomic_write_u64(&shared->replayed, record->EndRecPtr);
	pg_memory_barrier();
	if (unlikely(pg_atomic_read_u64(&shared->smallest) <= record->EndRecPtr))
		wake_reached(record->EndRecPtr);
}

void
mr_waiters_watch(void)
{
	mr_redo_watch(NULL, note_replayed);
}

XLogRecPtr
mr_waiters_replayed(TimeLineID *timeline)
{
	XLogRecPtr official = GetXLogReplayRecPtr(timeline);
	XLogRecPtr newest = pg_atomic_read_u64(&shared->replayed);
	TimeLineID newer;

	if (newest <= official)
		return official;
	pg_read_barrier();
	newer = pg_atomic_read_u32(&shared->timeline);
	*timeline = Max(*timeline, newer);
	return newest;
}

/* ---------- waiting ---------- */

static void
stop_waiting(void)
{
	uint64 bit = UINT64CONST(1) << (MR_MY_PROCNO % BITS);

	if (!registered)
		return;
	registered = false;
	pg_atomic_fetch_and_u64(&set[MR_MY_PROCNO / BITS], ~bit);
	pg_atomic_write_u64(&shared->wanted[MR_MY_PROCNO], 0);
}

static void
forget_waiter(int code, Datum argument)
{
	stop_waiting();
}

/* Whoever replays past this position sets our latch from now on. */
static void
start_waiting(XLogRecPtr wanted)
{
	static bool forgets_at_exit = false;

	if (!forgets_at_exit)
		before_shmem_exit(forget_waiter, (Datum) 0);
	forgets_at_exit = true;
	if (!registered)
	{
		registered = true;
		pg_atomic_write_u64(&shared->wanted[MR_MY_PROCNO], wanted);
		pg_atomic_fetch_or_u64(&set[MR_MY_PROCNO / BITS], UINT64CONST(1) << (MR_MY_PROCNO % BITS));
	}
	/* what is passed already, on another timeline, must not be looked for at each record */
	if (wanted > pg_atomic_read_u64(&shared->replayed))
		lower_smallest(wanted);
	pg_memory_barrier();
}

/* A lock of this session that the startup process waits for. */
static bool
holds_wanted_lock(const PGPROC *startup)
{
	LOCK *lock = startup->waitLock;
	LOCKTAG tag;

	if (lock == NULL)
		return false;
	/* The entry may be reused meanwhile, but it is never unmapped. */
	tag = lock->tag;
	for (LOCKMODE mode = AccessShareLock; mode <= MaxLockMode; mode++)
		if (MR_LOCK_HELD_BY_ME(&tag, mode))
			return true;
	return false;
}

/* The startup process; NULL while it is not known, before a record was replayed. */
static const PGPROC *
startup_process(void)
{
	uint32 procno = pg_atomic_read_u32(&shared->startup_procno);

	return procno == PG_UINT32_MAX ? NULL : &ProcGlobal->allProcs[procno];
}

static uint32
wait_event_of(const PGPROC *proc)
{
	return *(volatile const uint32 *) &proc->wait_event_info;
}

/*
 * Replay stands still for something that this session holds. Whose snapshot it waits for
 * cannot be told: having one is enough to be suspected.
 */
static bool
blocks_replay(void)
{
	const PGPROC *startup = startup_process();
	uint32 event;

	if (startup == NULL)
		return false;
	event = wait_event_of(startup);
	if (event == WAIT_EVENT_RECOVERY_CONFLICT_SNAPSHOT)
		return TransactionIdIsValid(MyProc->xmin);
	return (event & WAIT_CLASS) == PG_WAIT_LOCK && holds_wanted_lock(startup);
}

bool
mr_replay_waits_for_sessions(void)
{
	const PGPROC *startup = startup_process();
	uint32 event;

	if (startup == NULL)
		return false;
	event = wait_event_of(startup);
	return event == WAIT_EVENT_RECOVERY_CONFLICT_SNAPSHOT ||
		   event == WAIT_EVENT_RECOVERY_CONFLICT_TABLESPACE ||
		   (event & WAIT_CLASS) == PG_WAIT_LOCK || (event & WAIT_CLASS) == WAIT_BUFFER_PIN;
}

/* Without wake-ups: 0.1 ms, 0.2 ms, ... 5 ms. */
static void
poll(long *pause_us, long left_ms)
{
	if (*pause_us < POLL_LATCH_US)
		pg_usleep(*pause_us);
	else
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 Min(left_ms, *pause_us / 1000), PG_WAIT_EXTENSION);
	*pause_us = Min(2 * *pause_us, POLL_MAX_US);
}

static MrWaitResult
wait_for(const MrToken *token, int64 deadline_ns)
{
	long pause_us = POLL_FIRST_US;

	for (;;)
	{
		MrTokenPlace place;
		int64 left_ns;

		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (mr_replay_wakeup == MR_WAKEUP_AUTO)
			start_waiting(token->lsn);
		place = mr_position_place(token);
		if (place != MR_TOKEN_AHEAD)
			return place == MR_TOKEN_REACHED ? MR_WAIT_REACHED : MR_WAIT_DIVERGED;
		left_ns = deadline_ns - mr_boottime_ns();
		if (left_ns <= 0)
			return MR_WAIT_TIMEOUT;
		if (blocks_replay())
			return MR_WAIT_CONFLICT;
		left_ns = (left_ns + MR_NS_PER_MS - 1) / MR_NS_PER_MS;
		if (mr_replay_wakeup == MR_WAKEUP_AUTO)
			(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
							 (long) Min(left_ns, SLICE_MS), PG_WAIT_EXTENSION);
		else
			poll(&pause_us, (long) left_ns);
	}
}

MrWaitResult
mr_waiters_wait(const MrToken *token, int64 deadline_ns)
{
	MrWaitResult volatile result = MR_WAIT_TIMEOUT;

	PG_TRY();
	{
		result = wait_for(token, deadline_ns);
	}
	PG_CATCH();
	{
		stop_waiting();
		PG_RE_THROW();
	}
	PG_END_TRY();
	stop_waiting();
	return result;
}
