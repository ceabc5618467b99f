/*
 * Commits on their way to their clients; see mr_commits.h.
 *
 * One atomic a backend. The look before an answer leaves is a wrapper around the
 * connection's flush: between that look and the kernel there is nothing left but the
 * system call. Called by fence.c (transactions) and lease_local.c.
 */
#include "postgres.h"

#include <sys/socket.h>

#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "libpq/libpq-be.h"
#include "libpq/libpq.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "storage/spin.h"

#include "extension/mr_commits.h"
#include "extension/mr_fence.h"
#include "extension/mr_shared_state.h"
#include "extension/pg_compat.h"

enum
{
	COMMIT_NONE,
	COMMIT_UNDER_WAY,
	COMMIT_DECIDED /* its answer is on the way */
};

#define MR_NOTES 128
#define MR_NOTE_EVERY_NS (50 * MR_NS_PER_MS)

/* How many commits were acknowledged when the newest of them ended at lsn. */
typedef struct CommitNote
{
	XLogRecPtr lsn;
	uint64 count;
} CommitNote;

typedef struct CommitsShared
{
	pg_atomic_uint64 acknowledged; /* since the start of the server */
	slock_t lock;
	uint64 noted; /* notes so far; the newest is at (noted - 1) % MR_NOTES */
	CommitNote notes[MR_NOTES];
	pg_atomic_uint32 backends[FLEXIBLE_ARRAY_MEMBER]; /* by pgprocno */
} CommitsShared;

static CommitsShared *shared = NULL;
static int64 noted_ns = 0; /* lease worker only */
static const PQcommMethods *unguarded = NULL;
static PQcommMethods guarded;
static bool answer_waits = false; /* in the buffer of this session's connection */
static void (*say_before_next)(void) = NULL;

static int
count_slots(void)
{
	return MaxBackends + NUM_AUXILIARY_PROCS;
}

Size
mr_commits_size(void)
{
	return add_size(offsetof(CommitsShared, backends),
					mul_size(count_slots(), sizeof(pg_atomic_uint32)));
}

void
mr_commits_initialize(void)
{
	bool found;
	int i;

	shared = ShmemInitStruct("multiregion commits", mr_commits_size(), &found);
	if (found)
		return;
	memset(shared, 0, offsetof(CommitsShared, backends));
	pg_atomic_init_u64(&shared->acknowledged, 0);
	SpinLockInit(&shared->lock);
	for (i = 0; i < count_slots(); i++)
		pg_atomic_init_u32(&shared->backends[i], COMMIT_NONE);
}

void
mr_commits_enter(void)
{
	pg_atomic_write_u32(&shared->backends[MR_MY_PROCNO], COMMIT_UNDER_WAY);
	pg_memory_barrier();
}

void
mr_commits_decided(void)
{
	pg_atomic_fetch_add_u64(&shared->acknowledged, 1);
	answer_waits = unguarded != NULL; /* without a client nobody waits for one */
	mr_commits_leave();
}

void
mr_commits_leave(void)
{
	pg_atomic_write_u32(&shared->backends[MR_MY_PROCNO],
						answer_waits ? COMMIT_DECIDED : COMMIT_NONE);
}

/* Outside the lease the answer must not leave; see check_acknowledgement() in fence.c. */
static void
look_once_more(void)
{
	if (likely(!answer_waits) || mr_fence_is_open())
		return;
	answer_waits = false; /* it does not leave any more */
	mr_fence_withhold_acknowledgement();
}

static void
answer_has_left(void)
{
	if (!answer_waits)
		return;
	answer_waits = false;
	mr_commits_leave();
}

static int
guarded_flush(void)
{
	int result;

	look_once_more();
	result = unguarded->flush();
	answer_has_left();
	return result;
}

static int
guarded_flush_if_writable(void)
{
	look_once_more();
	return unguarded->flush_if_writable();
}

void
mr_commits_say_before_next(void (*say)(void))
{
	say_before_next = say;
}

/* A full buffer is sent from within. */
static int
guarded_putmessage(char type, const char *text, size_t length)
{
	void (*say)(void) = say_before_next;

	say_before_next = NULL;
	if (unlikely(say != NULL))
		say();
	look_once_more();
	return unguarded->putmessage(type, text, length);
}

static void
forget(int code, Datum argument)
{
	answer_waits = false;
	mr_commits_leave();
}

void
mr_commits_guard_client(void)
{
	if (unguarded != NULL)
		return;
	unguarded = PqCommMethods;
	guarded = *unguarded;
	guarded.flush = guarded_flush;
	guarded.flush_if_writable = guarded_flush_if_writable;
	guarded.putmessage = guarded_putmessage;
	PqCommMethods = &guarded;
	before_shmem_exit(forget, (Datum) 0);
}

/* ---------- holding the WAL ---------- */

static bool wal_is_held = false;

bool
mr_commits_wal_is_held(void)
{
	return wal_is_held;
}

/* The end of the last record: at the start of a page the insert position is past its header. */
static XLogRecPtr
inserted_end(void)
{
	XLogRecPtr inserted = GetXLogInsertRecPtr();
	bool starts_segment = inserted % wal_segment_size < XLOG_BLCKSZ;
	uint64 header = starts_segment ? SizeOfXLogLongPHD : SizeOfXLogShortPHD;

	return inserted % XLOG_BLCKSZ == header ? inserted - header : inserted;
}

/*
 * Whoever writes WAL to the disk needs this lock. What was inserted before it was taken
 * may be on the disk already, as the rest of a page, so there must be none of it.
 */
void
mr_commits_hold_wal(bool hold)
{
	XLogRecPtr inserted;

	if (hold == wal_is_held || RecoveryInProgress())
		return;
	if (!hold)
	{
		LWLockRelease(WALWriteLock);
		wal_is_held = false;
		return;
	}
	inserted = inserted_end();
	if (GetFlushRecPtr(NULL) < inserted)
		XLogFlush(inserted);
	if (!LWLockConditionalAcquire(WALWriteLock, LW_EXCLUSIVE))
		return;
	wal_is_held = GetFlushRecPtr(NULL) >= inserted_end();
	if (!wal_is_held)
		LWLockRelease(WALWriteLock);
}

/* The count first: a commit in between makes it too small for its position, not too large. */
void
mr_commits_note(void)
{
	int64 now_ns = mr_boottime_ns();
	CommitNote note;

	if (now_ns < noted_ns + MR_NOTE_EVERY_NS)
		return;
	noted_ns = now_ns;
	note.count = pg_atomic_read_u64(&shared->acknowledged);
	pg_read_barrier();
	note.lsn = pg_atomic_read_u64(&mr_shared->last_commit_end);
	SpinLockAcquire(&shared->lock);
	if (shared->noted == 0 || shared->notes[(shared->noted - 1) % MR_NOTES].count != note.count)
		shared->notes[shared->noted++ % MR_NOTES] = note;
	SpinLockRelease(&shared->lock);
}

int64
mr_commits_past(XLogRecPtr lsn)
{
	uint64 total = pg_atomic_read_u64(&shared->acknowledged);
	uint64 before = 0;
	bool found = false;
	bool forgotten;

	SpinLockAcquire(&shared->lock);
	for (uint64 i = shared->noted; i > 0 && i + MR_NOTES > shared->noted; i--)
	{
		const CommitNote *note = &shared->notes[(i - 1) % MR_NOTES];

		if (note->lsn > lsn)
			continue;
		before = note->count;
		found = true;
		break;
	}
	forgotten = shared->noted >= MR_NOTES;
	SpinLockRelease(&shared->lock);
	return found || !forgotten ? (int64) (total - before) : -1;
}

void
mr_commits_look(bool *committing, bool *replying)
{
	int i;

	*committing = false;
	*replying = false;
	for (i = 0; i < count_slots(); i++)
	{
		uint32 state = pg_atomic_read_u32(&shared->backends[i]);

		*committing |= state == COMMIT_UNDER_WAY;
		*replying |= state == COMMIT_DECIDED;
	}
}
