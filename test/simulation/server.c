/*
 * A running server of the simulated world: its recovery, its walreceiver, its
 * promotion and its clients. It behaves like PostgreSQL where that matters: a
 * standby streams only along the history it knows, a promotion takes the newest
 * timeline found plus one and cannot be called back, a commit is durable before
 * the decision to acknowledge it.
 */
#include "mr_world.h"

#define MR_WRITE_ODDS 6

static void
recover(MrWorld *world, int n)
{
	MrSimNode *node = &world->nodes[n];

	if (!node->in_recovery)
		return;
	if (node->wal.replayed < node->wal.length)
		node->wal.replayed += 1 + (int) mr_world_random(world, 40);
	if (node->wal.replayed > node->wal.length)
		node->wal.replayed = node->wal.length;
	if (!node->standby_at_start && world->now >= node->recovered_at)
	{
		node->wal.replayed = node->wal.length;
		node->in_recovery = false;
	}
}

/*
 * A primary streams to those whose gate was opened for the very term it is in: else
 * WAL of a restarted leader's new term would reach who has not got its stamp yet. Observers
 * follow as in plain PostgreSQL.
 */
static bool
serves(const MrSimNode *leader, const MrSimNode *node, uint64_t term, int to)
{
	return leader->running && !leader->in_recovery && (!node->bound || leader->disk.term == term) &&
		   (leader->only == MR_NO_SLOT || leader->only == to);
}

/* The walreceiver ends when its gate has closed, and connects when one is open. */
static void
connect_receiver(MrWorld *world, int n)
{
	MrSimNode *node = &world->nodes[n];
	const MrSimNode *leader;

	if (node->receiver != MR_NO_SLOT && node->receiver != node->gate && world->now >= node->lingers)
		node->receiver = MR_NO_SLOT;
	if (node->receiver != MR_NO_SLOT || node->gate == MR_NO_SLOT || node->promote_at != 0 ||
		world->now < node->recovered_at || node->wal.replayed < node->wal.length)
		return;
	leader = &world->nodes[node->gate];
	if (!serves(leader, node, node->gate_term, n) || leader->frozen ||
		world->now < leader->accepts_at || world->cut[node->gate][n] || world->cut[n][node->gate])
		return;
	if (leader->wal.newest_history > node->wal.newest_history)
		node->wal.newest_history = leader->wal.newest_history;
	node->refused = !mr_sim_wal_in_history(&node->wal, &leader->wal);
	if (node->refused)
		return;
	node->receiver = node->gate;
	node->receiver_term = node->gate_term;
}

static void
stream(MrWorld *world, int n)
{
	MrSimNode *node = &world->nodes[n];
	const MrSimNode *leader;
	int from = node->receiver;

	if (!node->in_recovery || from == MR_NO_SLOT)
		return;
	leader = &world->nodes[from];
	if (leader->only != MR_NO_SLOT && leader->only != n && mr_world_chance(world, 2))
		return; /* it was told to end, and will */
	if (!serves(leader, node, node->receiver_term, n) ||
		!mr_sim_wal_in_history(&node->wal, &leader->wal))
	{
		node->receiver = MR_NO_SLOT;
		return;
	}
	if (leader->frozen || world->cut[from][n] || world->cut[n][from] ||
		world->now < node->stalled || mr_world_chance(world, 3))
		return;
	if (world->faults && mr_world_chance(world, world->cruel ? 400 : 4000))
		node->stalled = world->now + mr_world_ms(world, 1500);
	if (!mr_sim_wal_is_prefix(&node->wal, &leader->wal))
		mr_world_fail(world, n, "a standby streams from a leader it is no prefix of");
	mr_sim_wal_stream(&node->wal, &leader->wal,
					  1 + (int) mr_world_random(world, (uint64_t) world->batch));
	mr_check_streamed(world, n);
}

/* The end-of-recovery record opens the new timeline; the leadership begins with its stamp. */
static void
finish_promotion(MrWorld *world, int n)
{
	MrSimNode *node = &world->nodes[n];
	MrSimWal *wal = &node->wal;
	uint32_t timeline;

	if (node->promote_at == 0 || world->now < node->promote_at || !node->in_recovery ||
		wal->replayed < wal->length)
		return;
	timeline = wal->newest_history + 1;
	node->promote_at = 0;
	node->receiver = MR_NO_SLOT;
	node->standby_signal = false;
	node->in_recovery = false;
	world->promotions++;
	mr_check_timeline(world, n, timeline);
	mr_sim_wal_switch(wal, timeline);
	(void) mr_sim_wal_append(wal);
	mr_world_note(world, n, "is promoted to timeline %u at %d", timeline, wal->length - 1);
}

/* The decision: after the commit is durable, by the deadline alone. */
static void
post_check(MrWorld *world, int n, MrSimBackend *backend)
{
	MrSimNode *node = &world->nodes[n];

	if (backend->position > node->last_commit)
		node->last_commit = backend->position;
	if (mr_node_is_open(world, n))
		mr_check_acknowledge(world, n, backend->position - 1);
	backend->position = 0;
}

/* What is written after a leadership's stamp is its own. */
static bool
append(MrSimNode *node)
{
	const MrStamp *stamp = &node->disk.stamp;

	if (!mr_sim_wal_append(&node->wal))
		return false;
	if (mr_uuid_equal(&stamp->node, &node->disk.node) && stamp->term > mr_sim_wal_term(&node->wal))
		mr_sim_wal_stamp(&node->wal, node->wal.length - 1, stamp->term);
	return true;
}

/* Clients write wherever they can. */
static void
work(MrWorld *world, int n)
{
	MrSimNode *node = &world->nodes[n];
	int i;

	for (i = 0; i < MR_SIM_BACKENDS; i++)
	{
		MrSimBackend *backend = &node->backends[i];

		if (backend->position != 0 && world->now >= backend->check_at)
			post_check(world, n, backend);
		else if (backend->position == 0 && mr_world_chance(world, MR_WRITE_ODDS) &&
				 mr_node_is_open(world, n) && !node->draining && (!node->stopping || node->smart) &&
				 append(node))
		{
			backend->position = node->wal.length;
			backend->check_at =
				world->now + mr_world_ms(world, mr_world_chance(world, 20) ? 800 : 2);
		}
	}
	if (!node->held && mr_world_chance(world, 100) && !node->witness)
		(void) append(node);
}

void
mr_server_background(MrWorld *world, int n)
{
	MrSimNode *node = &world->nodes[n];

	recover(world, n);
	if (node->in_recovery)
	{
		connect_receiver(world, n);
		stream(world, n);
		finish_promotion(world, n);
	}
	else
		work(world, n);
}
