/*
 * Streams of followers, bound to the term they follow; see mr_followers.h.
 *
 * A walsender enters itself before it looks at the term that is led; the lease worker
 * sets the term before it looks who is entered: one of the two sees the other. Called
 * by fence.c (authentication) and lease_worker.c.
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shmem.h"

#include "extension/mr_followers.h"
#include "extension/mr_shared_state.h"
#include "extension/pg_compat.h"

typedef struct Follower
{
	pg_atomic_uint32 pid; /* of the walsender; 0 = none */
	pg_atomic_uint64 term;
} Follower;

typedef struct Followers
{
	pg_atomic_uint64 led; /* term this node leads; 0 = none */
	Follower list[FLEXIBLE_ARRAY_MEMBER];
} Followers;

static Followers *followers = NULL;

static int
count_slots(void)
{
	return MaxBackends + NUM_AUXILIARY_PROCS;
}

Size
mr_followers_size(void)
{
	return add_size(offsetof(Followers, list), mul_size(count_slots(), sizeof(Follower)));
}

void
mr_followers_initialize(void)
{
	bool found;
	int i;

	followers = ShmemInitStruct("multiregion followers", mr_followers_size(), &found);
	if (found)
		return;
	pg_atomic_init_u64(&followers->led, 0);
	for (i = 0; i < count_slots(); i++)
	{
		pg_atomic_init_u32(&followers->list[i].pid, 0);
		pg_atomic_init_u64(&followers->list[i].term, 0);
	}
}

static void
forget_follower(int code, Datum argument)
{
	pg_atomic_write_u32(&followers->list[MR_MY_PROCNO].pid, 0);
}

void
mr_followers_admit(const Port *port)
{
	const char *named =
		port->cmdline_options != NULL ? strstr(port->cmdline_options, MR_FOLLOW_TERM "=") : NULL;
	Follower *me = &followers->list[MR_MY_PROCNO];
	uint64 term;

	if (named == NULL || pg_atomic_read_u32(&mr_shared->mode) != MR_MODE_MANAGE)
		return; /* an observer serves whoever asks */
	term = strtoull(named + strlen(MR_FOLLOW_TERM "="), NULL, 10);
	pg_atomic_write_u64(&me->term, term);
	pg_atomic_write_u32(&me->pid, (uint32) MyProcPid);
	before_shmem_exit(forget_follower, (Datum) 0);
	pg_memory_barrier();
	if (pg_atomic_read_u64(&followers->led) != term)
		ereport(FATAL,
				(errcode(ERRCODE_CANNOT_CONNECT_NOW),
				 errmsg("this node does not lead term %llu", (unsigned long long) term),
				 errdetail("A standby streams only from the leader of the term it follows.")));
}

void
mr_followers_lead(uint64 term)
{
	int i;

	if (pg_atomic_read_u64(&followers->led) == term)
		return;
	pg_atomic_write_u64(&followers->led, term);
	pg_memory_barrier();
	for (i = 0; i < count_slots(); i++)
	{
		uint32 pid = pg_atomic_read_u32(&followers->list[i].pid);

		if (pid != 0 && pg_atomic_read_u64(&followers->list[i].term) != term)
			kill((pid_t) pid, SIGTERM);
	}
}
