/*
 * The faults of a simulated world: some drawn at random, some aimed at what is
 * going on (an election, a hand-over, a promotion), some that come in company. All
 * of them are drawn from the seed.
 */
#include "mr_world.h"

#include <string.h>

static void
schedule(MrWorld *world, MrSimFaultKind kind, int64_t in_ns, int node, int other)
{
	int i;

	for (i = 0; i < MR_SIM_FAULTS; i++)
		if (world->pending[i].kind == MR_FAULT_NONE)
		{
			world->pending[i].kind = kind;
			world->pending[i].at = world->now + in_ns;
			world->pending[i].node = node;
			world->pending[i].other = other;
			return;
		}
}

static int
any_node(MrWorld *world)
{
	return (int) mr_world_random(world, (uint64_t) world->nnodes);
}

static int
any_other(MrWorld *world, int n)
{
	return (n + 1 + (int) mr_world_random(world, (uint64_t) world->nnodes - 1)) % world->nnodes;
}

static int64_t
lease_ns(const MrWorld *world)
{
	return world->nodes[0].lease.durable.config.policy.lease_ms * MR_NS_PER_MS;
}

/* Part of a lease, from `low` to `high` percent of it. */
static int64_t
part_of_lease(MrWorld *world, int low, int high)
{
	return lease_ns(world) / 100 *
		   (low + (int64_t) mr_world_random(world, (uint64_t) (high - low)));
}

/* The leader that acknowledges now, else anybody. */
static int
leader_of(MrWorld *world)
{
	int i;

	for (i = 0; i < world->nnodes; i++)
		if (mr_node_is_open(world, i))
			return i;
	return any_node(world);
}

static void
all_delays(MrWorld *world, int64_t low, int64_t high)
{
	int i;
	int j;

	for (i = 0; i < world->nnodes; i++)
		for (j = 0; j < world->nnodes; j++)
			world->delay[i][j] =
				low + (int64_t) mr_world_random(world, (uint64_t) (high - low + 1));
}

/* How slow and how lossy the links are, each direction for itself. */
static void
change_weather(MrWorld *world)
{
	int leader = leader_of(world);
	int i;

	world->loss_percent = 0;
	all_delays(world, MR_NS_PER_MS / 10, MR_NS_PER_MS);
	switch (mr_world_random(world, 8))
	{
		case 0:
			all_delays(world, 20 * MR_NS_PER_MS, 150 * MR_NS_PER_MS);
			break;
		case 1: /* some directions take more than a third of the lease */
			for (i = 0; i < world->nnodes; i++)
				world->delay[any_node(world)][any_node(world)] = part_of_lease(world, 30, 110);
			break;
		case 2:
			world->loss_percent = 1 + (int) mr_world_random(world, 25);
			all_delays(world, MR_NS_PER_MS, 20 * MR_NS_PER_MS);
			break;
		case 3: /* replies are slow, requests are not */
		case 4:
			for (i = 0; i < world->nnodes; i++)
				world->delay[i][leader] = part_of_lease(world, 20, 70);
			break;
		default:
			break;
	}
}

static void
isolate(MrWorld *world, int n)
{
	int i;

	for (i = 0; i < world->nnodes; i++)
		world->cut[n][i] = world->cut[i][n] = i != n;
}

/* Several faults that belong together. */
static void
burst(MrWorld *world, int n)
{
	int other = any_other(world, n);
	int i;

	switch (mr_world_random(world, 6))
	{
		case 0: /* the replies to a leader that is cut off soon are slow */
			all_delays(world, MR_NS_PER_MS / 10, MR_NS_PER_MS);
			for (i = 0; i < world->nnodes; i++)
				world->delay[i][n] = part_of_lease(world, 15, 60);
			schedule(world, MR_FAULT_ISOLATE, part_of_lease(world, 100, 300), n, other);
			break;
		case 1: /* a standby falls behind, then the server dies */
			for (i = 0; i < world->nnodes; i++)
				if (i != n && mr_world_chance(world, 2))
					schedule(world, MR_FAULT_STALL, 0, i, n);
			schedule(world, MR_FAULT_KILL_SERVER, mr_world_ms(world, 400), n, other);
			break;
		case 2: /* an orderly stop that everything disturbs */
			schedule(world, MR_FAULT_STALL, 0, other, n);
			schedule(world, MR_FAULT_STOP, mr_world_ms(world, 300), n, other);
			world->delay[other][n] = part_of_lease(world, 1, 60);
			break;
		case 3:
			schedule(world, MR_FAULT_CUT, mr_world_ms(world, 300), n, other);
			schedule(world, MR_FAULT_KILL_SERVER, mr_world_ms(world, 600), n, other);
			break;
		case 4: /* what it says travels on while it restarts */
			world->delay[n][other] = part_of_lease(world, 20, 90);
			schedule(world, MR_FAULT_KILL_SERVER, mr_world_ms(world, 500), n, other);
			break;
		default:
			schedule(world, MR_FAULT_KILL_ALL, mr_world_ms(world, 100), n, other);
			schedule(world, MR_FAULT_KILL_WORKER, mr_world_ms(world, 3000), other, n);
			break;
	}
	schedule(world, MR_FAULT_HEAL_LINKS, part_of_lease(world, 100, 400), n, other);
}

/* And before all have heard of it, the one that made it is gone: an election decides. */
static void
change_members(MrWorld *world, int leader, int other)
{
	static const MrSimFaultKind then[] = {MR_FAULT_KILL_SERVER, MR_FAULT_KILL_ALL, MR_FAULT_ISOLATE,
										  MR_FAULT_FREEZE, MR_FAULT_CUT_BOTH};

	mr_quorum_change(world, leader);
	if (world->cruel && mr_world_chance(world, 2))
		schedule(world, then[mr_world_random(world, sizeof(then) / sizeof(then[0]))],
				 mr_world_ms(world, 40), leader, other);
}

/* What people do, and how they are answered. */
static void
operate(MrWorld *world, const MrSimFault *fault)
{
	int64_t soon = mr_world_ms(world, 800);

	if (fault->kind == MR_FAULT_MODE)
		mr_worker_propose_mode(world, (int) mr_world_random(world, MR_MODE_COUNT));
	else if (fault->kind == MR_FAULT_FORCE)
		mr_quorum_force(world, fault->node);
	else if (fault->kind == MR_FAULT_MEMBERS)
		change_members(world, leader_of(world), fault->other);
	else if (fault->kind == MR_FAULT_PAUSE && mr_world_chance(world, 2))
	{
		mr_worker_pause(world, fault->node, false);
		schedule(world, MR_FAULT_RESUME, soon + 600 * MR_NS_PER_MS, fault->node, fault->other);
		schedule(world, MR_FAULT_ISOLATE, soon + part_of_lease(world, 30, 90), fault->node,
				 fault->other);
	}
	else if (fault->kind == MR_FAULT_PAUSE || fault->kind == MR_FAULT_RESUME)
		mr_worker_pause(world, fault->node,
						fault->kind == MR_FAULT_RESUME || mr_world_chance(world, 3));
	else
		mr_worker_order(world, fault->node, mr_world_chance(world, 3) ? fault->node : fault->other);
}

static void
power_cut(MrWorld *world)
{
	int i;

	for (i = 0; i < world->nnodes; i++)
		mr_node_kill(world, i, true);
}

static void
strike(MrWorld *world, const MrSimFault *fault)
{
	MrSimNode *node = &world->nodes[fault->node];

	mr_world_note(world, fault->node, "fault %d, other node %d", fault->kind, fault->other + 1);
	switch (fault->kind)
	{
		case MR_FAULT_KILL_SERVER:
		case MR_FAULT_KILL_ALL:
			if (fault->kind == MR_FAULT_KILL_ALL ? node->worker : node->running && !node->frozen)
				mr_node_kill(world, fault->node, fault->kind == MR_FAULT_KILL_ALL);
			break;
		case MR_FAULT_KILL_WORKER:
			if (!node->frozen)
				mr_node_kill_worker(world, fault->node);
			break;
		case MR_FAULT_FREEZE:
			node->frozen = node->worker;
			schedule(world, MR_FAULT_THAW, part_of_lease(world, 10, 250), fault->node, 0);
			break;
		case MR_FAULT_FREEZE_WORKER:
			node->worker_frozen = world->now + part_of_lease(world, 10, 200);
			break;
		case MR_FAULT_THAW:
			node->frozen = false;
			break;
		case MR_FAULT_STOP:
			if (!node->frozen)
				mr_node_stop(world, fault->node, mr_world_chance(world, 2));
			break;
		case MR_FAULT_CUT_BOTH:
		case MR_FAULT_CUT:
			world->cut[fault->node][fault->other] = true;
			if (fault->kind == MR_FAULT_CUT_BOTH)
				world->cut[fault->other][fault->node] = true;
			break;
		case MR_FAULT_ISOLATE:
			isolate(world, fault->node);
			break;
		case MR_FAULT_HEAL_LINKS:
			memset(world->cut, 0, sizeof(world->cut));
			break;
		case MR_FAULT_WEATHER:
			change_weather(world);
			break;
		case MR_FAULT_POWER:
			power_cut(world);
			break;
		case MR_FAULT_STALL:
			node->stalled = world->now + mr_world_ms(world, 3000);
			break;
		case MR_FAULT_SICK:
			node->sick_until = world->now + mr_world_ms(world, 4000);
			break;
		case MR_FAULT_MODE:
		case MR_FAULT_PAUSE:
		case MR_FAULT_RESUME:
		case MR_FAULT_ORDER:
		case MR_FAULT_FORCE:
		case MR_FAULT_MEMBERS:
			operate(world, fault);
			break;
		case MR_FAULT_BURST:
			burst(world, fault->node);
			break;
		case MR_FAULT_NONE:
			break;
	}
}

/* What strikes out of the blue. */
static MrSimFaultKind
any_kind(MrWorld *world)
{
	static const MrSimFaultKind often[] = {
		MR_FAULT_KILL_SERVER,   MR_FAULT_KILL_SERVER, MR_FAULT_KILL_ALL, MR_FAULT_KILL_WORKER,
		MR_FAULT_FREEZE,        MR_FAULT_STOP,        MR_FAULT_STOP,     MR_FAULT_CUT,
		MR_FAULT_CUT_BOTH,      MR_FAULT_ISOLATE,     MR_FAULT_WEATHER,  MR_FAULT_WEATHER,
		MR_FAULT_FREEZE_WORKER, MR_FAULT_HEAL_LINKS,  MR_FAULT_STALL,    MR_FAULT_BURST,
		MR_FAULT_HEAL_LINKS,    MR_FAULT_BURST,       MR_FAULT_BURST,    MR_FAULT_SICK,
		MR_FAULT_ORDER,         MR_FAULT_ORDER,       MR_FAULT_ORDER,    MR_FAULT_PAUSE,
		MR_FAULT_PAUSE};

	if (world->modes && mr_world_chance(world, 3))
		return MR_FAULT_MODE;
	if (world->moving && mr_world_chance(world, 3))
		return MR_FAULT_MEMBERS;
	if (mr_world_chance(world, 60))
		return MR_FAULT_POWER;
	return often[mr_world_random(world, sizeof(often) / sizeof(often[0]))];
}

void
mr_faults_init(MrWorld *world)
{
	world->faults = true;
	world->wild = mr_world_chance(world, 4);
	world->cruel = !mr_world_chance(world, 4);
	world->modes = world->seed % 4 == 0;
	world->forced = world->seed % 8 == 5;
	world->moving = world->seed % 8 == 1;
	world->batch = mr_world_chance(world, 2) ? 2 : 60;
	world->crash_odds = mr_world_chance(world, 2) ? 2000 : 20000;
	world->next_fault = 2 * MR_NS_PER_S;
	if (world->forced)
	{
		schedule(world, MR_FAULT_FORCE, 3 * MR_NS_PER_S + mr_world_ms(world, 6000), any_node(world),
				 0);
		schedule(world, MR_FAULT_FORCE, 12 * MR_NS_PER_S + mr_world_ms(world, 8000),
				 any_node(world), 0);
	}
	all_delays(world, MR_NS_PER_MS / 10, MR_NS_PER_MS);
}

void
mr_faults_turn(MrWorld *world)
{
	int i;

	if (!world->faults)
		return;
	for (i = 0; i < MR_SIM_FAULTS; i++)
		if (world->pending[i].kind != MR_FAULT_NONE && world->now >= world->pending[i].at)
		{
			MrSimFault fault = world->pending[i];

			world->pending[i].kind = MR_FAULT_NONE;
			strike(world, &fault);
		}
	if (world->now < world->next_fault)
		return;
	i = mr_world_chance(world, 2) ? leader_of(world) : any_node(world);
	schedule(world, any_kind(world), 0, i, any_other(world, i));
	world->next_fault = world->now + mr_world_ms(world, world->cruel ? 1500 : 4000);
}

/* Something has happened to a node: the moment to make it worse. */
void
mr_faults_after(MrWorld *world, int n, const MrAction *event)
{
	int other = event->slot != MR_NO_SLOT && event->slot != n ? event->slot : any_other(world, n);

	if (!world->faults || !world->cruel || !mr_world_chance(world, 4))
		return;
	switch (event->event)
	{
		case MR_EVENT_RELEASE_SENT:
			schedule(world, mr_world_chance(world, 2) ? MR_FAULT_KILL_ALL : MR_FAULT_CUT_BOTH,
					 mr_world_ms(world, 300), other, n);
			break;
		case MR_EVENT_RELEASE_RECEIVED:
			schedule(world, mr_world_chance(world, 2) ? MR_FAULT_ISOLATE : MR_FAULT_KILL_SERVER,
					 mr_world_ms(world, 200), n, other);
			break;
		case MR_EVENT_LEASE_ACQUIRED:
			schedule(world, mr_world_chance(world, 2) ? MR_FAULT_KILL_SERVER : MR_FAULT_KILL_ALL,
					 mr_world_ms(world, 200), n, other);
			break;
		case MR_EVENT_PROMOTION_STARTED:
			schedule(world, mr_world_chance(world, 2) ? MR_FAULT_KILL_WORKER : MR_FAULT_ISOLATE,
					 mr_world_ms(world, 100), n, other);
			break;
		case MR_EVENT_PROMOTION_DONE: /* before anybody has fetched its history */
			schedule(world, MR_FAULT_KILL_ALL, mr_world_ms(world, 3), n, other);
			break;
		case MR_EVENT_ORDER_ACCEPTED:
			schedule(world, mr_world_chance(world, 2) ? MR_FAULT_BURST : MR_FAULT_KILL_SERVER,
					 mr_world_ms(world, 60), mr_world_chance(world, 2) ? n : other, n);
			break;
		case MR_EVENT_LEASE_OPEN:
			schedule(world, MR_FAULT_BURST, mr_world_ms(world, 500), n, other);
			break;
		case MR_EVENT_VOTE_GIVEN:
			if (mr_world_chance(world, 4))
				schedule(world, MR_FAULT_KILL_ALL, mr_world_ms(world, 100), n, other);
			break;
		default:
			break;
	}
}

void
mr_faults_end(MrWorld *world)
{
	int i;

	world->faults = false;
	world->loss_percent = 0;
	memset(world->cut, 0, sizeof(world->cut));
	memset(world->pending, 0, sizeof(world->pending));
	all_delays(world, MR_NS_PER_MS / 10, MR_NS_PER_MS);
	for (i = 0; i < world->nnodes; i++)
	{
		MrSimNode *node = &world->nodes[i];

		node->frozen = false;
		node->worker_frozen = 0;
		node->stalled = 0;
		node->sick_until = 0;
		if (!node->running && !node->worker && node->start_at > world->now)
			node->start_at = world->now;
	}
}
