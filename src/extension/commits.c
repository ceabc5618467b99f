/*
 * Commits on their way to their clients; see mr_commits.h.
 *
 * One atomic a backend. The look before an answer leaves is a wrapper around the
 * connection's flush: between that look and the kernel there is nothing left but the
 * system call. Called by fence.c (transactions) and lease_local.c.
 */
#include "postgres.h"

#include <sys/socket.h>

#include "libpq/libpq-be.h"
#include "libpq/libpq.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shmem.h"

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

static pg_atomic_uint32 *commits = NULL; /* by pgprocno */
static const PQcommMethods *unguarded = NULL;
static PQcommMethods guarded;
static bool answer_waits = false; /* in the buffer of this session's connection */

static int
count_slots(void)
{
	return MaxBackends + NUM_AUXILIARY_PROCS;
}

Size
mr_commits_size(void)
{
	return mul_size(count_slots(), sizeof(pg_atomic_uint32));
}

void
mr_commits_initialize(void)
{
	bool found;
	int i;

	commits = ShmemInitStruct("multiregion commits", mr_commits_size(), &found);
	if (found)
		return;
	for (i = 0; i < count_slots(); i++)
		pg_atomic_init_u32(&commits[i], COMMIT_NONE);
}

void
mr_commits_enter(void)
{
	pg_atomic_write_u32(&commits[MR_MY_PROCNO], COMMIT_UNDER_WAY);
	pg_memory_barrier();
}

void
mr_commits_decided(void)
{
	answer_waits = unguarded != NULL; /* without a client nobody waits for one */
	mr_commits_leave();
}

void
mr_commits_leave(void)
{
	pg_atomic_write_u32(&commits[MR_MY_PROCNO], answer_waits ? COMMIT_DECIDED : COMMIT_NONE);
}

/* Outside the lease the answer must not leave; see check_acknowledgement() in fence.c. */
static void
look_once_more(void)
{
	if (unlikely(answer_waits) && !mr_fence_is_open())
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
	PqCommMethods = &guarded;
	before_shmem_exit(forget, (Datum) 0);
}

void
mr_commits_look(bool *committing, bool *replying)
{
	int i;

	*committing = false;
	*replying = false;
	for (i = 0; i < count_slots(); i++)
	{
		uint32 state = pg_atomic_read_u32(&commits[i]);

		*committing |= state == COMMIT_UNDER_WAY;
		*replying |= state == COMMIT_DECIDED;
	}
}
