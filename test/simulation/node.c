/*
 * The processes of a simulated node: server and lease worker, how they start and
 * how they end, and what multiregion-join does to a disk in between.
 */
#include "mr_world.h"

#include <string.h>

#include "core/mr_forced.h"

int64_t
mr_node_clock(const MrWorld *world, int n)
{
	return world->nodes[n].offset + (int64_t) ((double) world->now * world->nodes[n].rate);
}

bool
mr_node_is_open(const MrWorld *world, int n)
{
	const MrSimNode *node = &world->nodes[n];

	return (node->running || world->now < node->orphans) && !node->in_recovery &&
		   (!node->bound || node->deadline > mr_node_clock(world, n));
}

static void
start_worker(MrWorld *world, int n)
{
	MrSimNode *node = &world->nodes[n];

	node->worker = true;
	node->worker_at = 0;
	node->worker_frozen = 0;
	node->deadline = 0;
	node->sever_failed = false;
	node->next_tick = world->now;
	mr_lease_start(&node->lease, &node->disk, mr_world_random(world, UINT64_MAX - 1) + 1,
				   mr_node_clock(world, n));
	node->lease.bound = node->marker;
}

/* A leader that multiregion-join would find and believe. */
static bool
can_be_joined(const MrWorld *world, int n, int i)
{
	const MrSimNode *leader = &world->nodes[i];

	return i != n && leader->running && leader->worker && !leader->frozen &&
		   world->now >= leader->accepts_at && leader->lease.role == MR_ROLE_LEADER &&
		   leader->lease.stamped && mr_node_is_open(world, i) && !world->cut[n][i] &&
		   !world->cut[i][n] && leader->lease.durable.term >= world->nodes[n].disk.term;
}

/*
 * What multiregion-join does: a node that is not a prefix of the leader is rewound, one that
 * was left out of a forced quorum becomes a clone. False: it must not start.
 */
static bool
join(MrWorld *world, int n)
{
	MrSimNode *node = &world->nodes[n];
	const MrSimNode *leader = NULL;
	int i;

	if (!node->marker || node->witness)
		return true; /* an observer is not touched */
	for (i = 0; i < world->nnodes && leader == NULL; i++)
		if (can_be_joined(world, n, i))
			leader = &world->nodes[i];
	if (leader == NULL)
		return mr_uuid_is_set(&node->disk.node) && !mr_durable_is_discarded(&node->disk);
	if (mr_quorum_left_out(world, n, (int) (leader - world->nodes)))
	{
		if (!mr_quorum_register(world, n, (int) (leader - world->nodes)))
			return false;
	}
	else if (node->standby_signal && mr_sim_wal_in_history(&node->wal, &leader->wal))
		return true;
	mr_world_note(world, n, "is rewound");
	mr_sim_wal_copy(&node->wal, &leader->wal);
	node->standby_signal = true;
	node->disk.sequence++;
	node->disk.log_term = 0;
	node->disk.rebuilding_term = leader->lease.durable.term;
	node->disk.stamp = leader->lease.durable.stamp;
	for (i = 0; i < MR_MAX_MEMBERS; i++) /* whoever owns a slot now has its own count */
		if (!mr_uuid_equal(&node->disk.config.members[i].uuid,
						   &leader->lease.durable.config.members[i].uuid))
			node->disk.peer_sequence[i] = 0;
	node->disk.config = leader->lease.durable.config;
	if (node->disk.reserved_timeline < mr_sim_wal_timeline(&leader->wal))
		node->disk.reserved_timeline = mr_sim_wal_timeline(&leader->wal);
	return true;
}

/* Its walreceiver and walsenders, its promotion: gone with the server. */
static void
forget_server(MrSimNode *node)
{
	node->running = false;
	node->orphans = 0;
	node->promote_at = 0;
	node->promote_timeline = 0;
	node->stop_at = 0;
	node->gate = MR_NO_SLOT;
	node->receiver = MR_NO_SLOT;
	node->lingers = 0;
	node->refused = false;
}

void
mr_node_start(MrWorld *world, int n)
{
	MrSimNode *node = &world->nodes[n];

	if (!join(world, n))
	{
		node->start_at = world->now + 500 * MR_NS_PER_MS;
		return;
	}
	forget_server(node);
	node->start_at = 0;
	node->running = true;
	node->frozen = false;
	node->stopping = false;
	node->boot = ++world->next_id;
	node->in_recovery = true;
	node->standby_at_start = node->standby_signal;
	node->bound = node->marker;
	node->last_commit = 0;
	node->draining = false;
	node->held = false;
	node->only = MR_NO_SLOT;
	memset(node->backends, 0, sizeof(node->backends));
	node->stalled = 0;
	node->sick_until = 0;
	node->recovered_at = world->now + mr_world_ms(world, mr_world_chance(world, 4) ? 3000 : 200);
	node->accepts_at = node->recovered_at;
	if (node->standby_signal)
	{
		node->accepts_at = world->now + mr_world_ms(world, 1500);
		node->wal.replayed -= (int) mr_world_random(world, 1 + (uint64_t) node->wal.length / 50);
	}
	mr_world_note(world, n, "starts as %s with %d records on timeline %u",
				  node->standby_signal ? "standby" : "primary", node->wal.length,
				  mr_sim_wal_timeline(&node->wal));
	start_worker(world, n);
}

void
mr_node_kill(MrWorld *world, int n, bool worker_too)
{
	MrSimNode *node = &world->nodes[n];

	if (node->running || node->worker)
		mr_world_note(world, n, "%s dies", worker_too ? "all of it" : "its server");
	forget_server(node);
	if (node->worker && !worker_too)
	{
		node->orphans = world->now + mr_world_ms(world, 300);
		return;
	}
	node->worker = false;
	node->worker_at = 0;
	node->frozen = false;
	node->deadline = 0;
	mr_network_forget(world, n);
	if (node->start_at == 0)
		node->start_at =
			world->now + mr_world_ms(world, mr_world_chance(world, 3) ? 8000 : 600) + MR_NS_PER_MS;
}

/* The worker alone; the server fences and starts a new one. */
void
mr_node_kill_worker(MrWorld *world, int n)
{
	MrSimNode *node = &world->nodes[n];

	if (!node->running || !node->worker)
		return;
	mr_world_note(world, n, "its worker dies");
	node->worker = false;
	node->deadline = 0;
	node->worker_at = world->now + mr_world_ms(world, 1000) + MR_NS_PER_MS;
	mr_network_forget(world, n);
}

void
mr_node_stop(MrWorld *world, int n, bool smart)
{
	MrSimNode *node = &world->nodes[n];

	if (!node->running || node->stopping)
		return;
	mr_world_note(world, n, "is told to stop");
	node->stopping = true;
	node->smart = smart;
	node->told_at = world->now + mr_world_ms(world, smart ? 600 : 20);
}

void
mr_node_background(MrWorld *world, int n)
{
	MrSimNode *node = &world->nodes[n];

	if (!node->running && !node->worker && node->start_at != 0 && world->now >= node->start_at)
		mr_node_start(world, n);
	if (node->frozen || (!node->running && world->now >= node->orphans))
		return;
	if (!node->worker && node->worker_at != 0 && world->now >= node->worker_at)
		start_worker(world, n);
	mr_server_background(world, n);
	mr_check_node(world, n);
	if (node->stop_at != 0 && world->now >= node->stop_at)
	{
		node->start_at = world->now + mr_world_ms(world, 800) + MR_NS_PER_MS;
		mr_node_kill(world, n, true);
	}
}
