/*
 * Sessions of other nodes' lease workers; see mr_peer_sessions.h.
 *
 * One entry a backend, written by that backend alone but for its end. A session that is
 * ended too many costs its peer a new connection, no more. Called by fence.c
 * (authentication), rpc.c and lease_worker.c.
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shmem.h"

#include "extension/mr_peer_sessions.h"
#include "extension/mr_shared_state.h"
#include "extension/pg_compat.h"

typedef struct PeerSession
{
	pg_atomic_uint32 pid;     /* 0 = none */
	pg_atomic_uint64 said_ns; /* when it last said something */
} PeerSession;

static PeerSession *sessions = NULL;
static bool is_peer = false;

static int
count_slots(void)
{
	return MaxBackends + NUM_AUXILIARY_PROCS;
}

Size
mr_peer_sessions_size(void)
{
	return mul_size(count_slots(), sizeof(PeerSession));
}

void
mr_peer_sessions_initialize(void)
{
	bool found;
	int i;

	sessions = ShmemInitStruct("multiregion peer sessions", mr_peer_sessions_size(), &found);
	if (found)
		return;
	for (i = 0; i < count_slots(); i++)
	{
		pg_atomic_init_u32(&sessions[i].pid, 0);
		pg_atomic_init_u64(&sessions[i].said_ns, 0);
	}
}

static void
leave(int code, Datum argument)
{
	pg_atomic_write_u32(&sessions[MR_MY_PROCNO].pid, 0);
}

void
mr_peer_sessions_enter(const Port *port)
{
	if (sessions == NULL || port->application_name == NULL ||
		strcmp(port->application_name, MR_LEASE_APPLICATION) != 0)
		return;
	is_peer = true;
	mr_peer_sessions_note();
	before_shmem_exit(leave, (Datum) 0);
	pg_atomic_write_u32(&sessions[MR_MY_PROCNO].pid, (uint32) MyProcPid);
}

void
mr_peer_sessions_note(void)
{
	if (is_peer)
		pg_atomic_write_u64(&sessions[MR_MY_PROCNO].said_ns, (uint64) mr_boottime_ns());
}

void
mr_peer_sessions_end_idle(int64 idle_ns)
{
	int64 now_ns = mr_boottime_ns();
	int i;

	for (i = 0; i < count_slots(); i++)
	{
		uint32 pid = pg_atomic_read_u32(&sessions[i].pid);

		if (pid == 0 || now_ns - (int64) pg_atomic_read_u64(&sessions[i].said_ns) < idle_ns)
			continue;
		if (pg_atomic_compare_exchange_u32(&sessions[i].pid, &pid, 0))
			kill((pid_t) pid, SIGTERM);
	}
}
