/*
 * The lease worker of a simulated node: what it sees of its server, and the actions
 * of a step, performed in order; the machine may die between any two of them.
 */
#include "mr_world.h"

#include <string.h>

/* Wall clocks differ by seconds. */
static int64_t
wall_ms(const MrWorld *world, int n)
{
	return 1000000 + world->now / MR_NS_PER_MS + n * 700;
}

static void
observe_switchover(const MrWorld *world, int n, MrLocal *local)
{
	const MrSimNode *node = &world->nodes[n];
	int i;

	for (i = 0; i < MR_SIM_BACKENDS; i++)
		local->committing |= node->backends[i].position != 0;
	local->wal_held = node->held;
	for (i = 0; i < world->nnodes; i++)
		local->strays |= i != node->lease.successor && world->nodes[i].receiver == n;
}

static void
observe(MrWorld *world, int n, MrLocal *local)
{
	MrSimNode *node = &world->nodes[n];
	const MrSimWal *wal = &node->wal;

	memset(local, 0, sizeof(*local));
	local->manage = true;
	local->wall_ms = wall_ms(world, n);
	local->in_recovery = node->in_recovery;
	local->standby = node->in_recovery && node->standby_at_start;
	local->wal_end_known =
		!node->in_recovery || (node->standby_at_start && world->now >= node->recovered_at);
	local->wal_end = MR_SIM_LSN(wal->length);
	local->replay_lsn = MR_SIM_LSN(node->in_recovery ? wal->replayed : wal->length);
	local->timeline = mr_sim_wal_timeline(wal);
	local->newest_timeline = wal->newest_history;
	if (!node->in_recovery && wal->ntimelines > 1)
		local->fork_lsn = MR_SIM_LSN(mr_sim_wal_fork(wal));
	local->severed =
		!node->in_recovery || (node->gate == MR_NO_SLOT && node->receiver == MR_NO_SLOT);
	local->sever_failed = node->sever_failed;
	local->off_history = node->refused;
	local->streaming = node->gate != MR_NO_SLOT && node->receiver == node->gate;
	local->last_commit = node->last_commit > 0 ? MR_SIM_LSN(node->last_commit) : 0;
	local->promotion_told = node->promote_at != 0;
	local->sick = world->now < node->sick_until;
	local->server_dead = !node->running;
	local->server_stopping = node->stopping;
	local->handover_stop = node->stopping && world->now >= node->told_at;
	if (node->lease.ordered)
		observe_switchover(world, n, local);
}

/* As after each step in the server. */
static void
publish_handover(MrSimNode *node)
{
	const MrLease *lease = &node->lease;
	bool leads = lease->role == MR_ROLE_LEADER && lease->stamped;

	node->held = lease->hold_wal;
	node->draining = leads && lease->handover == MR_HANDOVER_DRAIN;
	node->only = leads && lease->ordered && lease->handover >= MR_HANDOVER_FENCED ? lease->successor
																				  : MR_NO_SLOT;
}

static void
close_gate(MrWorld *world, MrSimNode *node, int linger_ms)
{
	if (node->gate == MR_NO_SLOT && node->receiver == MR_NO_SLOT)
		return;
	node->gate = MR_NO_SLOT;
	node->refused = false;
	node->lingers = world->now + mr_world_ms(world, linger_ms);
}

/* Waits for the walreceiver to end, but not for long. */
static void
sever(MrWorld *world, MrSimNode *node)
{
	node->sever_failed =
		node->receiver != MR_NO_SLOT && world->faults && mr_world_chance(world, 10);
	close_gate(world, node, node->sever_failed ? 600 : 1);
	if (!node->sever_failed)
		node->receiver = MR_NO_SLOT;
}

/* The signal cannot be taken back; timelines reserved by others get their empty file. */
static void
promote(MrWorld *world, MrSimNode *node, const MrAction *action)
{
	MrSimWal *wal = &node->wal;

	if (!node->running || !node->in_recovery || !node->standby_at_start)
		return;
	if (wal->newest_history + 1 < action->timeline)
		wal->newest_history = action->timeline - 1;
	if (node->promote_at == 0)
	{
		node->promote_at = world->now + MR_NS_PER_MS;
		if (mr_world_chance(world, 2))
			node->promote_at += mr_world_ms(world, mr_world_chance(world, 8) ? 6000 : 120);
	}
	node->promote_timeline = action->timeline;
}

static void
note_event(MrWorld *world, int n, const MrAction *action)
{
	mr_world_note(world, n, "%s, term %llu, slot %d, %s, %lld", mr_event_name(action->event),
				  (unsigned long long) action->term, action->slot + 1,
				  action->event == MR_EVENT_LEASE_ACQUIRED ? mr_cause_name(action->refusal)
														   : mr_refusal_name(action->refusal),
				  (long long) action->value);
	if (action->event == MR_EVENT_LEASE_ACQUIRED)
	{
		mr_check_elected(world, n);
		world->orders_done += world->nodes[n].lease.transition.order_id != 0;
	}
	world->plays += action->event == MR_EVENT_WOULD_FAIL_OVER;
	mr_faults_after(world, n, action);
}

static void
publish(MrSimNode *node, const MrAction *action)
{
	node->deadline = action->time_ns;
	if (action->time_ns != 0)
		node->deadline_term = action->term;
}

/* The machine may die in the middle. */
static bool
dies_here(MrWorld *world, int n)
{
	if (!world->faults || world->crash_odds == 0 || !mr_world_chance(world, world->crash_odds / 20))
		return false;
	mr_node_kill(world, n, true);
	return true;
}

/*
 * The state file, and the marker: it is there before a file that needs it, and gone after
 * one that does not.
 */
static void
persist(MrWorld *world, int n)
{
	MrSimNode *node = &world->nodes[n];
	bool changes = node->lease.bound != node->bound || node->lease.bound != node->marker;

	if (changes)
		world->mode_changes++;
	if (changes && node->lease.bound)
	{
		node->bound = node->marker = true;
		if (dies_here(world, n))
			return;
	}
	node->lease.durable.sequence++;
	mr_check_persist(world, n, &node->lease.durable);
	node->disk = node->lease.durable;
	if (changes && !node->lease.bound && !dies_here(world, n))
		node->bound = node->marker = false;
}

static void
perform_one(MrWorld *world, int n, const MrAction *action, const MrActions *actions,
			MrSimMail *request)
{
	MrSimNode *node = &world->nodes[n];

	switch (action->kind)
	{
		case MR_ACT_PERSIST:
			persist(world, n);
			break;
		case MR_ACT_DEADLINE:
			publish(node, action);
			break;
		case MR_ACT_SEND:
			if (actions->messages[action->message].kind == MR_MSG_RELEASE &&
				actions->messages[action->message].need_lsn != 0)
				mr_check_term(world, action->term)->released = true;
			mr_network_send(world, n, action->slot, &actions->messages[action->message]);
			break;
		case MR_ACT_REPLY:
			if (request == NULL) /* an order that was given here */
				break;
			mr_check_reply(world, n, request, &actions->messages[action->message]);
			mr_network_reply(world, request, &actions->messages[action->message]);
			break;
		case MR_ACT_DEFER:
			mr_network_defer(world, request);
			break;
		case MR_ACT_SEVER:
			sever(world, node);
			break;
		case MR_ACT_OPEN_GATE:
			node->gate = action->slot;
			node->gate_term = action->term;
			break;
		case MR_ACT_CLOSE_GATE:
			close_gate(world, node, 100);
			break;
		case MR_ACT_PROMOTE:
			promote(world, node, action);
			break;
		case MR_ACT_STOP_SERVER:
			if (node->running && node->stop_at == 0)
				node->stop_at = world->now + 1 + mr_world_ms(world, 300);
			break;
		case MR_ACT_EXIT:
			mr_node_kill(world, n, true);
			break;
		case MR_ACT_EVENT:
			note_event(world, n, action);
			break;
	}
}

void
mr_worker_event(MrWorld *world, int n, MrLeaseEvent *event, MrSimMail *request)
{
	static MrActions actions;
	MrSimNode *node = &world->nodes[n];
	uint64_t nonce = node->lease.nonce;
	bool again = true;
	int attempt;

	for (attempt = 0; attempt < 3 && again && node->worker; attempt++)
	{
		MrLocal local;
		int i;

		observe(world, n, &local);
		event->now_ns = mr_node_clock(world, n);
		mr_lease_step(&node->lease, &local, event, &actions);
		/* the clients did not stand still meanwhile */
		if (!node->in_recovery && (node->running || world->now < node->orphans) &&
			mr_world_chance(world, 4))
			mr_server_background(world, n);
		again = false;
		for (i = 0; i < actions.count && node->worker && node->lease.nonce == nonce; i++)
		{
			again = again || actions.list[i].kind == MR_ACT_SEVER;
			perform_one(world, n, &actions.list[i], &actions, request);
			if (world->faults && world->crash_odds > 0 && mr_world_chance(world, world->crash_odds))
				mr_node_kill(world, n, true);
		}
		if (node->worker && node->lease.nonce == nonce)
			publish_handover(node);
	}
	node->sever_failed = false;
	node->next_tick = world->now;
}

static void
end_pauses(MrConfig *config)
{
	int i;

	config->paused_until_ms = 0;
	for (i = 0; i < MR_MAX_MEMBERS; i++)
		config->members[i].paused_until_ms = 0;
}

void
mr_worker_propose(MrWorld *world, int n, const MrConfig *config)
{
	MrLeaseEvent event;

	memset(&event, 0, sizeof(event));
	event.kind = MR_EV_PROPOSE;
	event.config = config;
	mr_worker_event(world, n, &event, NULL);
}

/* What people change in the tables of the leader, its monitor proposes. */
void
mr_worker_pause(MrWorld *world, int n, bool ends)
{
	static MrConfig config;
	MrSimNode *node = &world->nodes[n];
	int64_t until =
		mr_world_chance(world, 3) ? 0 : wall_ms(world, n) + mr_world_ms(world, 8000) / MR_NS_PER_MS;

	if (!node->worker || node->frozen || !mr_node_is_open(world, n))
		return;
	config = node->lease.durable.config;
	if (ends)
		end_pauses(&config);
	else if (mr_world_chance(world, 3))
		config.members[mr_world_random(world, (uint64_t) world->nnodes)].paused_until_ms = until;
	else
		config.paused_until_ms = until;
	config.version++;
	world->pauses++;
	mr_worker_propose(world, n, &config);
}

void
mr_worker_order(MrWorld *world, int n, int target)
{
	static MrMessage message;
	MrSimNode *node = &world->nodes[n];
	MrLeaseEvent event;

	if (!node->worker || node->frozen || !node->running)
		return;
	world->orders++;
	memset(&message, 0, sizeof(message));
	message.kind = MR_MSG_ORDER;
	message.cluster = node->disk.cluster;
	message.sender = node->disk.node;
	message.nonce = node->lease.nonce;
	message.sequence = node->disk.sequence;
	message.order_id = ++world->next_id;
	message.successor = world->nodes[target].disk.node;
	message.cause = mr_world_chance(world, 2) ? MR_CAUSE_SWITCHOVER : MR_CAUSE_MANUAL;
	message.wait_ms = 500 + (uint32_t) mr_world_random(world, 8000);
	message.allow_loss = mr_world_chance(world, 6);
	memset(&event, 0, sizeof(event));
	event.kind = MR_EV_REQUEST;
	event.received_ns = mr_node_clock(world, n);
	event.message = &message;
	mr_worker_event(world, n, &event, NULL);
}

void
mr_worker_tick(MrWorld *world, int n)
{
	MrSimNode *node = &world->nodes[n];
	MrLeaseEvent event;

	if (!node->worker || node->frozen || world->now < node->worker_frozen ||
		world->now < node->next_tick)
		return;
	memset(&event, 0, sizeof(event));
	event.kind = MR_EV_TICK;
	mr_worker_event(world, n, &event, NULL);
	if (node->worker)
		node->next_tick = world->now + MR_NS_PER_MS / 10 - mr_node_clock(world, n) +
						  mr_lease_wakeup(&node->lease, mr_node_clock(world, n));
}

void
mr_worker_propose_mode(MrWorld *world, int mode)
{
	static MrConfig config;
	int n;

	for (n = 0; n < world->nnodes; n++)
	{
		MrSimNode *node = &world->nodes[n];

		if (!node->worker || node->frozen || world->now < node->worker_frozen ||
			node->lease.role != MR_ROLE_LEADER || node->lease.durable.config.policy.mode == mode)
			continue;
		config = node->lease.durable.config;
		config.policy.mode = mode;
		mr_world_note(world, n, "is told to go into mode %s", mr_mode_name(mode));
		mr_worker_propose(world, n, &config);
	}
}
