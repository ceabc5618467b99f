/*
 * A node of the simulated world: its server, its disk, and the actions of its
 * lease worker. Invariants are checked where something becomes visible: at an
 * acknowledgement, at a promotion, at a hand-over.
 */
#include "mr_world.h"

#include <string.h>

int64_t
mr_node_clock(const MrWorld *world, int node)
{
	return world->nodes[node].offset + (int64_t) ((double) world->now * world->nodes[node].rate);
}

static void
observe(MrWorld *world, int n, MrLocal *local)
{
	MrSimNode *node = &world->nodes[n];

	memset(local, 0, sizeof(*local));
	local->manage = true;
	local->in_recovery = node->in_recovery;
	local->standby = node->in_recovery && node->standby_at_start;
	local->wal_end_known = true;
	local->wal_end = MR_SIM_LSN(node->length);
	local->replay_lsn = local->wal_end;
	local->timeline = node->timeline;
	local->newest_timeline = node->timeline;
	local->fork_lsn = MR_SIM_LSN(node->fork);
	local->severed =
		!node->in_recovery || (node->gate == MR_NO_SLOT && world->now >= node->gate_until);
	local->streaming = node->gate != MR_NO_SLOT;
	local->last_commit = node->last_commit > 0 ? MR_SIM_LSN(node->last_commit) : 0;
	local->server_dead = !node->running;
	local->server_stopping = node->stopping;
	local->handover_stop = node->stopping;
}

/*
 * Every write the releasing leader acknowledged must be in the log of the leader
 * it handed the lease to. (Writes of an earlier term may have been lost when that
 * term's lease ran out: asynchronous durability.)
 */
static void
check_lossless(MrWorld *world, int n)
{
	MrSimNode *node = &world->nodes[n];
	int at = 0;
	int i;

	world->lossless++;
	for (i = 0; i < world->nacknowledged; i++)
	{
		if (world->acknowledged[i] >> 32 != node->lease.released.term)
			continue;
		while (at < node->length && node->wal[at] != world->acknowledged[i])
			at++;
		if (at == node->length)
		{
			mr_world_fail(world, "a hand-over lost an acknowledged write", n);
			return;
		}
	}
}

static void
note_leadership(MrWorld *world, int n, int cause)
{
	world->leaderships++;
	if (cause == MR_CAUSE_PRIMARY_CRASH || cause == MR_CAUSE_ORDERLY_STOP)
		check_lossless(world, n);
}

static void
perform_promote(MrWorld *world, int n, const MrAction *action)
{
	MrSimNode *node = &world->nodes[n];

	if (!node->in_recovery || node->promote_at != 0)
		return;
	node->promote_at =
		world->now + 20 * MR_NS_PER_MS + (int64_t) mr_world_random(world, 100 * MR_NS_PER_MS);
	node->promote_timeline = action->timeline;
}

/* True: step again. */
static bool
perform(MrWorld *world, int n, const MrActions *actions, MrSimMail *request)
{
	MrSimNode *node = &world->nodes[n];
	bool again = false;
	int i;

	for (i = 0; i < actions->count && node->worker; i++)
	{
		const MrAction *action = &actions->list[i];

		switch (action->kind)
		{
			case MR_ACT_PERSIST:
				node->lease.durable.sequence++;
				node->disk = node->lease.durable;
				break;
			case MR_ACT_DEADLINE:
				node->deadline = action->time_ns;
				node->deadline_term = action->term;
				break;
			case MR_ACT_SEND:
				if (action->slot < MR_SIM_NODES)
					mr_network_send(world, n, action->slot, &actions->messages[action->message]);
				break;
			case MR_ACT_REPLY:
				mr_network_reply(world, request, &actions->messages[action->message]);
				break;
			case MR_ACT_DEFER:
			{
				MrSimMail *mail = &world->queue[0];

				while (mail->used)
					mail++;
				*mail = *request;
				mail->used = true;
				mail->at = world->now + 3 * MR_NS_PER_MS;
				break;
			}
			case MR_ACT_SEVER:
				node->gate = MR_NO_SLOT;
				node->gate_until = world->now;
				again = true;
				break;
			case MR_ACT_OPEN_GATE:
				node->gate = action->slot;
				break;
			case MR_ACT_CLOSE_GATE:
				node->gate = MR_NO_SLOT;
				break;
			case MR_ACT_PROMOTE:
				perform_promote(world, n, action);
				break;
			case MR_ACT_STOP_SERVER:
				if (node->stop_at == 0)
					node->stop_at = world->now + 200 * MR_NS_PER_MS;
				break;
			case MR_ACT_EXIT:
				mr_node_kill(world, n, true);
				break;
			case MR_ACT_EVENT:
				if (action->event == MR_EVENT_LEASE_ACQUIRED)
					note_leadership(world, n, action->refusal);
				break;
		}
		/* now and then the machine dies between two actions */
		if (world->loss_percent > 0 && mr_world_random(world, 20000) == 0)
			mr_node_kill(world, n, true);
	}
	return again;
}

void
mr_node_event(MrWorld *world, int n, MrLeaseEvent *event, MrSimMail *request)
{
	static MrActions actions;
	MrSimNode *node = &world->nodes[n];
	bool again = true;
	int attempt;

	for (attempt = 0; attempt < 3 && again && node->worker; attempt++)
	{
		MrLocal local;

		observe(world, n, &local);
		event->now_ns = mr_node_clock(world, n);
		mr_lease_step(&node->lease, &local, event, &actions);
		again = perform(world, n, &actions, request);
	}
}

int64_t
mr_node_wakeup(const MrWorld *world, int n)
{
	const MrSimNode *node = &world->nodes[n];
	int64_t local = mr_node_clock(world, n);

	if (!node->worker || node->frozen)
		return INT64_MAX;
	return world->now + (mr_lease_wakeup(&node->lease, local) - local) + MR_NS_PER_MS / 10;
}

void
mr_node_kill(MrWorld *world, int n, bool worker_too)
{
	MrSimNode *node = &world->nodes[n];

	(void) world;
	node->running = false;
	node->pending = 0;
	node->promote_at = 0;
	node->stop_at = 0;
	if (!worker_too)
		return;
	node->worker = false;
	node->frozen = false;
	node->deadline = 0;
	if (node->start_at == 0)
		node->start_at =
			world->now + 300 * MR_NS_PER_MS + (int64_t) mr_world_random(world, 8 * MR_NS_PER_S);
}

/* What multiregion-join does: a node that is not a prefix of the leader is rewound. */
static void
join(MrWorld *world, int n)
{
	MrSimNode *node = &world->nodes[n];
	int i;

	for (i = 0; i < MR_SIM_NODES; i++)
	{
		MrSimNode *leader = &world->nodes[i];
		bool prefix;

		if (i == n || !leader->running || leader->frozen || leader->in_recovery ||
			leader->lease.role != MR_ROLE_LEADER || !leader->lease.stamped || world->cut[n][i] ||
			world->cut[i][n] || leader->lease.durable.term < node->disk.term)
			continue;
		prefix = node->length <= leader->length &&
				 memcmp(node->wal, leader->wal, sizeof(MrSimRecord) * (size_t) node->length) == 0;
		if (node->standby_signal && prefix &&
			(node->timeline == leader->timeline || node->length <= leader->fork))
			return;
		memcpy(node->wal, leader->wal, sizeof(MrSimRecord) * (size_t) leader->length);
		node->length = leader->length;
		node->timeline = leader->timeline;
		node->fork = leader->fork;
		node->standby_signal = true;
		node->disk.log_term = 0;
		node->disk.rebuilding_term = leader->lease.durable.term;
		node->disk.stamp = leader->lease.durable.stamp;
		node->disk.config = leader->lease.durable.config;
		return;
	}
}

void
mr_node_start(MrWorld *world, int n)
{
	MrSimNode *node = &world->nodes[n];

	join(world, n);
	node->start_at = 0;
	node->running = true;
	node->worker = true;
	node->frozen = false;
	node->stopping = false;
	node->in_recovery = node->standby_signal;
	node->standby_at_start = node->standby_signal;
	node->gate = MR_NO_SLOT;
	node->deadline = 0;
	node->last_commit = 0;
	node->pending = 0;
	node->promote_at = 0;
	node->stop_at = 0;
	mr_lease_start(&node->lease, &node->disk, mr_world_random(world, UINT64_MAX - 1) + 1,
				   mr_node_clock(world, n));
}

/* Is somebody else able to decide an acknowledgement at this very instant? */
static void
check_single_writer(MrWorld *world, int n)
{
	int i;

	for (i = 0; i < MR_SIM_NODES; i++)
		if (i != n && world->nodes[i].running && !world->nodes[i].in_recovery &&
			world->nodes[i].deadline > mr_node_clock(world, i))
			mr_world_fail(world, "two nodes may acknowledge at the same instant", n);
	if (world->nodes[n].deadline_term < world->last_ack_term)
		mr_world_fail(world, "an acknowledgement in an older term", n);
	world->last_ack_term = world->nodes[n].deadline_term;
}

/* A client writes wherever it can; the decision comes after the commit is durable. */
static void
work(MrWorld *world, int n)
{
	MrSimNode *node = &world->nodes[n];
	bool open = node->deadline > mr_node_clock(world, n);

	if (node->in_recovery || node->length >= MR_SIM_WAL - 1)
		return;
	if (node->pending != 0)
	{
		if (node->pending > node->last_commit)
			node->last_commit = node->pending;
		if (open)
		{
			check_single_writer(world, n);
			world->acknowledged[world->nacknowledged++] = node->wal[node->pending - 1];
		}
		node->pending = 0;
	}
	else if (open)
	{
		node->wal[node->length] =
			(node->deadline_term << 32) | ((uint64_t) n << 24) | (uint64_t) node->length;
		node->pending = ++node->length;
	}
	else if (mr_world_random(world, 50) == 0)
		node->wal[node->length++] = (UINT64_C(1) << 63) | mr_world_random(world, UINT64_C(1) << 60);
}

static void
stream(MrWorld *world, int n)
{
	MrSimNode *node = &world->nodes[n];
	MrSimNode *leader;

	if (!node->in_recovery || node->gate == MR_NO_SLOT || node->gate >= MR_SIM_NODES)
		return;
	leader = &world->nodes[node->gate];
	if (!leader->running || leader->frozen || leader->in_recovery || world->cut[node->gate][n] ||
		world->cut[n][node->gate] || leader->length <= node->length ||
		mr_world_random(world, 4) == 0)
		return;
	if (leader->timeline != node->timeline && node->length > leader->fork)
		return;
	if (node->length > 0 && leader->wal[node->length - 1] != node->wal[node->length - 1])
	{
		mr_world_fail(world, "a standby followed a leader it is no prefix of", n);
		return;
	}
	memcpy(node->wal + node->length, leader->wal + node->length,
		   sizeof(MrSimRecord) * (size_t) (leader->length - node->length));
	node->length = leader->length;
	node->timeline = leader->timeline;
	node->fork = leader->fork;
}

static void
finish_promotion(MrWorld *world, int n)
{
	MrSimNode *node = &world->nodes[n];

	if (node->promote_at == 0 || world->now < node->promote_at)
		return;
	node->promote_at = 0;
	if (node->promote_timeline <= world->newest_promotion)
		mr_world_fail(world, "a timeline was taken twice", n);
	world->newest_promotion = node->promote_timeline;
	node->timeline = node->promote_timeline;
	node->fork = node->length;
	node->standby_signal = false;
	node->in_recovery = false;
	node->gate = MR_NO_SLOT;
	/* the end-of-recovery record */
	node->wal[node->length++] = (UINT64_C(1) << 62) | mr_world_random(world, UINT64_C(1) << 60);
}

void
mr_node_background(MrWorld *world, int n)
{
	MrSimNode *node = &world->nodes[n];

	if (!node->worker && node->start_at != 0 && world->now >= node->start_at)
		mr_node_start(world, n);
	if (!node->running || node->frozen)
		return;
	finish_promotion(world, n);
	stream(world, n);
	if (!node->stopping || node->pending != 0)
		work(world, n);
	if (node->stop_at != 0 && world->now >= node->stop_at)
	{
		node->stop_at = 0;
		node->start_at = world->now + 400 * MR_NS_PER_MS;
		mr_node_kill(world, n, true);
	}
}
