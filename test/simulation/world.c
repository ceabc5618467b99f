/*
 * The simulated world as a whole: how it begins, how its time goes on, when it is
 * well again.
 */
#include "mr_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SLICE_NS MR_NS_PER_MS

uint64_t
mr_world_random(MrWorld *world, uint64_t limit)
{
	uint64_t x;

	world->random += UINT64_C(0x9E3779B97F4A7C15);
	x = world->random;
	x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
	x ^= x >> 31;
	return limit > 0 ? x % limit : 0;
}

bool
mr_world_chance(MrWorld *world, int odds)
{
	return mr_world_random(world, (uint64_t) odds) == 0;
}

int64_t
mr_world_ms(MrWorld *world, int ms)
{
	return (int64_t) mr_world_random(world, (uint64_t) ms * 1000) * 1000;
}

void
mr_world_fail(MrWorld *world, int n, const char *what)
{
	if (!world->failed)
		printf("# seed %llu, %.3f s, node %d: %s\n", (unsigned long long) world->seed,
			   (double) world->now / 1e9, n + 1, what);
	world->failed = true;
}

void
mr_world_note(MrWorld *world, int n, const char *format, ...)
{
	va_list arguments;

	if (!world->verbose)
		return;
	printf("# %10.4f n%d ", (double) world->now / 1e9, n + 1);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
}

/* A fast or a slow lease, one region or one for each, another way to stop each time. */
static void
draw_policy(MrWorld *world, MrConfig *config)
{
	MrPolicy *policy = &config->policy;

	if (mr_world_chance(world, 3))
	{
		policy->lease_ms = 1000;
		policy->heartbeat_ms = 100;
	}
	policy->on_stop = (int64_t) mr_world_random(world, MR_ON_STOP_COUNT);
	policy->promote_timeout_ms = mr_world_chance(world, 2) ? 2000 : 60000;
	policy->stop_timeout_ms = (int64_t) mr_world_random(world, 2000);
	if (mr_world_chance(world, 4))
		policy->max_failover_lag_bytes = 200;
	policy->max_failovers_per_hour = -1;
	policy->failback_delay_ms = mr_world_chance(world, 3) ? 1500 : 86400000;
	snprintf(config->preferred_region, sizeof(config->preferred_region), "R1");
}

static void
draw_members(MrWorld *world, MrConfig *config)
{
	int regions = 1 + (int) mr_world_random(world, 3);
	int i;

	config->voters = (UINT32_C(1) << world->nnodes) - 1;
	for (i = 0; i < world->nnodes; i++)
	{
		MrMember *member = &config->members[i];

		member->used = true;
		memset(member->uuid.bytes, i + 1, sizeof(member->uuid.bytes));
		snprintf(member->name, sizeof(member->name), "n%d", i + 1);
		snprintf(member->region, sizeof(member->region), "R%d", i % regions + 1);
		snprintf(member->conninfo, sizeof(member->conninfo), "host=127.0.0.%d", i + 1);
		member->priority = i % regions + 1;
		member->no_promote = i > 1 && i == world->nnodes - 1 && mr_world_chance(world, 6);
		member->witness = i > 1 && i == world->nnodes - 1 && world->seed % 4 == 3;
	}
}

/* Rates of clocks: as good as they are, or as bad as the protocol allows. */
static double
draw_rate(MrWorld *world, bool extreme)
{
	if (extreme)
		return mr_world_chance(world, 2) ? 0.9951 : 1.0049;
	return 1.0 + ((double) mr_world_random(world, 1000) - 500.0) / 1e6;
}

void
mr_world_init(MrWorld *world, uint64_t seed)
{
	static MrConfig config;
	bool extreme;
	int i;

	memset(world, 0, sizeof(*world));
	mr_sim_wal_forget_all();
	world->seed = seed;
	world->random = seed;
	world->nnodes = mr_world_chance(world, 4) ? 5 : 3;
	world->taken[1] = true;
	for (i = 0; i < MR_SIM_QUEUE; i++)
		world->queue_at[i] = INT64_MAX;
	mr_config_init(&config);
	memset(config.cluster.bytes, 7, sizeof(config.cluster.bytes));
	config.version = 1;
	draw_policy(world, &config);
	draw_members(world, &config);
	world->config = config;
	extreme = mr_world_chance(world, 3);
	for (i = 0; i < world->nnodes; i++)
	{
		MrSimNode *node = &world->nodes[i];

		node->rate = draw_rate(world, extreme);
		node->offset = (int64_t) (1 + mr_world_random(world, 1000)) * MR_NS_PER_S;
		node->disk.cluster = config.cluster;
		node->disk.node = config.members[i].uuid;
		node->disk.config = config;
		node->witness = config.members[i].witness;
		node->standby_signal = i != 0 && !node->witness;
		node->marker = true;
		mr_sim_wal_init(&node->wal);
	}
	mr_faults_init(world);
	for (i = 0; i < world->nnodes; i++)
		mr_node_start(world, i);
}

void
mr_world_run(MrWorld *world, int64_t until)
{
	int i;

	while (world->now < until && !world->failed)
	{
		int64_t slice_end = world->now - world->now % SLICE_NS + SLICE_NS;

		mr_network_deliver(world, slice_end);
		world->now = slice_end;
		for (i = 0; i < world->nnodes; i++)
		{
			mr_worker_tick(world, i);
			mr_node_background(world, i);
			mr_quorum_monitor(world, i);
		}
		mr_faults_turn(world);
	}
}

bool
mr_world_converged(const MrWorld *world)
{
	int leader = MR_NO_SLOT;
	int i;

	for (i = 0; i < world->nnodes; i++)
		if (mr_node_is_open(world, i))
			leader = i;
	if (leader == MR_NO_SLOT)
		return false;
	for (i = 0; i < world->nnodes; i++)
	{
		const MrSimNode *node = &world->nodes[i];

		if (node->stopping || node->stop_at != 0)
			return false;
		if (i != leader && (!node->running || !node->worker))
			return false;
		if (i != leader && !node->witness &&
			(!node->in_recovery || node->gate != leader || node->receiver != leader ||
			 node->wal.length + 200 < world->nodes[leader].wal.length ||
			 node->lease.durable.log_term != mr_sim_wal_term(&node->wal)))
			return false;
	}
	return true;
}
