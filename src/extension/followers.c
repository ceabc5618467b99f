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

#include "core/mr_topology.h"
#include "extension/mr_followers.h"
#include "extension/mr_last_words.h"
#include "extension/mr_shared_state.h"
#include "extension/pg_compat.h"

typedef struct Follower
{
	pg_atomic_uint32 pid; /* of the walsender; 0 = none */
	pg_atomic_uint64 term;
	pg_atomic_uint64 node; /* beginning of the standby's uuid; 0 = it did not say */
} Follower;

typedef struct Followers
{
	pg_atomic_uint64 led;                     /* term this node leads; 0 = none */
	pg_atomic_uint64 only;                    /* the one standby that may stream; 0 = all members */
	pg_atomic_uint64 members[MR_MAX_MEMBERS]; /* beginnings of their uuids; 0 = none */
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
	pg_atomic_init_u64(&followers->only, 0);
	for (i = 0; i < MR_MAX_MEMBERS; i++)
		pg_atomic_init_u64(&followers->members[i], 0);
	for (i = 0; i < count_slots(); i++)
	{
		pg_atomic_init_u32(&followers->list[i].pid, 0);
		pg_atomic_init_u64(&followers->list[i].term, 0);
		pg_atomic_init_u64(&followers->list[i].node, 0);
	}
}

static void
forget_follower(int code, Datum argument)
{
	pg_atomic_write_u32(&followers->list[MR_MY_PROCNO].pid, 0);
}

/* Nodes are told apart by the beginning of their uuid, which is random. */
static uint64
short_name(const MrUuid *node)
{
	uint64 name;

	memcpy(&name, node->bytes, sizeof(name));
	return name;
}

/* A standby names itself in application_name. */
static uint64
node_of(const Port *port)
{
	const size_t prefix = strlen(MR_FOLLOW_APPLICATION);
	MrUuid node;

	if (port->application_name == NULL ||
		strncmp(port->application_name, MR_FOLLOW_APPLICATION, prefix) != 0 ||
		!mr_uuid_parse(port->application_name + prefix, &node))
		return 0;
	return short_name(&node);
}

/* One that does not say who it is may be anybody. */
static bool
is_member(uint64 node)
{
	for (int i = 0; i < MR_MAX_MEMBERS; i++)
		if (pg_atomic_read_u64(&followers->members[i]) == node)
			return true;
	return node == 0;
}

/* Whether a follower may stream (on). */
static bool
is_admitted(uint64 term, uint64 node)
{
	uint64 only = pg_atomic_read_u64(&followers->only);

	return pg_atomic_read_u64(&followers->led) == term && (only == 0 || only == node) &&
		   is_member(node);
}

void
mr_followers_admit(const Port *port)
{
	const char *named =
		port->cmdline_options != NULL ? strstr(port->cmdline_options, MR_FOLLOW_TERM "=") : NULL;
	Follower *me = &followers->list[MR_MY_PROCNO];
	uint64 node = node_of(port);
	uint64 term;

	if (named == NULL || pg_atomic_read_u32(&mr_shared->mode) != MR_MODE_MANAGE)
		return; /* an observer serves whoever asks */
	term = strtoull(named + strlen(MR_FOLLOW_TERM "="), NULL, 10);
	pg_atomic_write_u64(&me->term, term);
	pg_atomic_write_u64(&me->node, node);
	pg_atomic_write_u32(&me->pid, (uint32) MyProcPid);
	before_shmem_exit(forget_follower, (Datum) 0);
	pg_memory_barrier();
	if (pg_atomic_read_u64(&followers->led) == term && !is_member(node))
		ereport(FATAL, (errcode(ERRCODE_CANNOT_CONNECT_NOW),
						errmsg("this standby is no member of the cluster any more"),
						errhint("add_node() on the primary makes it one again, as a new clone.")));
	if (!is_admitted(term, node))
		ereport(FATAL,
				(errcode(ERRCODE_CANNOT_CONNECT_NOW),
				 errmsg("this node does not lead term %llu", (unsigned long long) term),
				 errdetail("A standby streams only from the leader of the term it follows, and "
						   "not while that hands over to another one.")));
	mr_last_words_prepare();
}

/* The walsender in a slot if it may not be there; else 0. */
static pid_t
stray(int slot)
{
	Follower *follower = &followers->list[slot];
	uint32 pid = pg_atomic_read_u32(&follower->pid);

	if (pid == 0 ||
		is_admitted(pg_atomic_read_u64(&follower->term), pg_atomic_read_u64(&follower->node)))
		return 0;
	return (pid_t) pid;
}

/* Whether anything has changed. */
static bool
publish_members(const MrConfig *config)
{
	bool changed = false;

	for (int i = 0; i < MR_MAX_MEMBERS; i++)
	{
		uint64 node = config->members[i].used ? short_name(&config->members[i].uuid) : 0;

		if (pg_atomic_read_u64(&followers->members[i]) == node)
			continue;
		pg_atomic_write_u64(&followers->members[i], node);
		changed = true;
	}
	return changed;
}

void
mr_followers_lead(uint64 term, const MrUuid *only, const MrConfig *config)
{
	uint64 node = only != NULL ? short_name(only) : 0;
	bool changed = publish_members(config);
	int i;

	if (!changed && pg_atomic_read_u64(&followers->led) == term &&
		pg_atomic_read_u64(&followers->only) == node)
		return;
	pg_write_barrier(); /* who sees the term sees who its members are */
	pg_atomic_write_u64(&followers->led, term);
	pg_atomic_write_u64(&followers->only, node);
	pg_memory_barrier();
	for (i = 0; i < count_slots(); i++)
	{
		pid_t pid = stray(i);

		if (pid != 0)
			kill(pid, SIGTERM);
	}
}

bool
mr_followers_has_strays(void)
{
	int i;

	for (i = 0; i < count_slots(); i++)
		if (stray(i) != 0)
			return true;
	return false;
}
