/*
 * Random schedules of faults against the lease protocol on a virtual clock.
 *
 *     simulation.bin --quick          500 seeds (what `make test` runs)
 *     simulation.bin --runs N         N seeds, from --seed (default: the clock's)
 *     simulation.bin --seed S         this one seed alone, as printed by a failure
 *
 * Each run: 30 virtual seconds of kills, freezes, cuts, losses and stops, then
 * everything is healed and the cluster must serve again. Prints TAP.
 */
#include "mr_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SLICE_NS (MR_NS_PER_MS)

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

void
mr_world_fail(MrWorld *world, const char *what, int node)
{
	if (!world->failed)
		printf("# seed %llu, %.3f s, node %d: %s\n", (unsigned long long) world->seed,
			   (double) world->now / 1e9, node + 1, what);
	world->failed = true;
}

void
mr_world_init(MrWorld *world, uint64_t seed)
{
	MrConfig config;
	int i;

	memset(world, 0, sizeof(*world));
	world->seed = seed;
	world->random = seed;
	world->delay = MR_NS_PER_MS / 2;
	world->newest_promotion = 1;
	mr_config_init(&config);
	memset(config.cluster.bytes, 7, sizeof(config.cluster.bytes));
	config.version = 1;
	config.voters = (UINT32_C(1) << MR_SIM_NODES) - 1;
	for (i = 0; i < MR_SIM_NODES; i++)
	{
		config.members[i].used = true;
		memset(config.members[i].uuid.bytes, i + 1, sizeof(config.members[i].uuid.bytes));
		snprintf(config.members[i].name, MR_NAME_SIZE, "n%d", i + 1);
		snprintf(config.members[i].region, MR_NAME_SIZE, "R%d", i + 1);
		snprintf(config.members[i].conninfo, MR_CONNINFO_SIZE, "host=127.0.0.%d", i + 1);
		config.members[i].priority = i + 1;
	}
	for (i = 0; i < MR_SIM_NODES; i++)
	{
		MrSimNode *node = &world->nodes[i];

		node->rate = 1.0 + ((double) mr_world_random(world, 8000) - 4000.0) / 1e6;
		node->offset = (int64_t) (1 + mr_world_random(world, 1000)) * MR_NS_PER_S;
		node->disk.cluster = config.cluster;
		node->disk.node = config.members[i].uuid;
		node->disk.config = config;
		node->timeline = 1;
		node->standby_signal = i != 0;
		mr_node_start(world, i);
	}
}

void
mr_world_heal(MrWorld *world)
{
	int i;

	memset(world->cut, 0, sizeof(world->cut));
	world->loss_percent = 0;
	world->delay = MR_NS_PER_MS / 2;
	for (i = 0; i < MR_SIM_NODES; i++)
	{
		world->nodes[i].frozen = false;
		if (!world->nodes[i].running && !world->nodes[i].worker)
			world->nodes[i].start_at = world->now;
	}
}

/* One random fault. */
static void
disturb(MrWorld *world)
{
	int n = (int) mr_world_random(world, MR_SIM_NODES);
	int other = (n + 1 + (int) mr_world_random(world, MR_SIM_NODES - 1)) % MR_SIM_NODES;
	MrSimNode *node = &world->nodes[n];

	switch (mr_world_random(world, 12))
	{
		case 0:
		case 1:
			if (node->running && !node->frozen)
				mr_node_kill(world, n, false);
			break;
		case 2:
			if (node->worker)
				mr_node_kill(world, n, true);
			break;
		case 3:
			node->frozen = node->worker;
			break;
		case 4:
		case 5:
			node->frozen = false;
			break;
		case 6:
			node->stopping = node->running;
			break;
		case 7:
			world->cut[n][other] = true;
			break;
		case 8:
			world->cut[n][other] = world->cut[other][n] = true;
			break;
		case 9:
		case 10:
			memset(world->cut, 0, sizeof(world->cut));
			break;
		default:
			world->loss_percent = (int) mr_world_random(world, 10);
			world->delay = (int64_t) (1 + mr_world_random(world, 200)) * MR_NS_PER_MS / 2;
			break;
	}
}

static void
tick_due(MrWorld *world, int64_t *wakeups)
{
	int i;

	for (i = 0; i < MR_SIM_NODES; i++)
	{
		MrLeaseEvent event;

		mr_node_background(world, i);
		if (!world->nodes[i].worker || world->nodes[i].frozen || wakeups[i] > world->now)
			continue;
		memset(&event, 0, sizeof(event));
		event.kind = MR_EV_TICK;
		mr_node_event(world, i, &event, NULL);
		wakeups[i] = mr_node_wakeup(world, i);
	}
}

void
mr_world_run(MrWorld *world, int64_t until, bool faults)
{
	int64_t wakeups[MR_SIM_NODES] = {0};
	int64_t next_fault = world->now + MR_NS_PER_S;

	while (world->now < until && !world->failed)
	{
		int64_t slice_end = world->now + SLICE_NS;
		MrSimMail *mail;
		int i;

		while ((mail = mr_network_next(world)) != NULL && mail->at <= slice_end)
		{
			int to = mail->failed ? mail->from : mail->to;

			if (mail->at > world->now)
				world->now = mail->at;
			mr_network_deliver(world, mail);
			wakeups[to] = 0;
		}
		world->now = slice_end;
		for (i = 0; i < MR_SIM_NODES; i++)
			if (wakeups[i] == INT64_MAX)
				wakeups[i] = 0;
		tick_due(world, wakeups);
		if (faults && world->now >= next_fault)
		{
			disturb(world);
			next_fault = world->now + (int64_t) mr_world_random(world, 2500 * MR_NS_PER_MS);
		}
	}
}

/* One schedule; true if every invariant held and the cluster serves at the end. */
static bool
run_seed(MrWorld *world, uint64_t seed, bool verbose)
{
	int before;

	mr_world_init(world, seed);
	mr_world_run(world, 30 * MR_NS_PER_S, true);
	mr_world_heal(world);
	mr_world_run(world, world->now + 12 * MR_NS_PER_S, false);
	mr_world_heal(world);
	before = world->nacknowledged;
	mr_world_run(world, world->now + 8 * MR_NS_PER_S, false);
	if (!world->failed && world->nacknowledged == before)
		mr_world_fail(world, "nobody acknowledges writes though all is healed", -1);
	if (verbose)
		printf("# seed %llu: %d acknowledged, %d leaderships, %d by hand-over\n",
			   (unsigned long long) seed, world->nacknowledged, world->leaderships,
			   world->lossless);
	return !world->failed;
}

int
main(int argc, char **argv)
{
	MrWorld *world = malloc(sizeof(MrWorld));
	uint64_t seed = (uint64_t) time(NULL) * 1000;
	int runs = 500;
	int failures = 0;
	long leaderships = 0;
	long handovers = 0;
	int i;

	for (i = 1; i < argc; i++)
	{
		if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
		{
			seed = strtoull(argv[++i], NULL, 10);
			runs = 1;
		}
		else if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc)
			runs = (int) strtol(argv[++i], NULL, 10);
	}
	printf("# seeds %llu to %llu\n1..2\n", (unsigned long long) seed,
		   (unsigned long long) (seed + (uint64_t) runs - 1));
	for (i = 0; i < runs; i++)
	{
		failures += !run_seed(world, seed + (uint64_t) i, runs == 1);
		leaderships += world->leaderships;
		handovers += world->lossless;
	}
	printf("%sok 1 - one writer, no lost hand-over, service after healing in %d schedules\n",
		   failures > 0 ? "not " : "", runs);
	printf("%sok 2 - the schedules were worth it: %ld leaderships, %ld by hand-over\n",
		   leaderships < 2L * runs ? "not " : "", leaderships, handovers);
	free(world);
	return failures > 0;
}
