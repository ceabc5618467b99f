/*
 * Random schedules of faults against the lease protocol on a virtual clock.
 *
 *     simulation.bin --quick          2500 schedules (what `make test` runs)
 *     simulation.bin --runs N         N schedules
 *     simulation.bin --from S         seeds from S on (default: the clock's)
 *     simulation.bin --seed S         this one alone, as printed by a failure, telling
 *                                     what happens
 *     simulation.bin --first          stops at the first failure
 *
 * Each run: 25 virtual seconds of faults, then everything is healed and within
 * HEALED_NS one node must serve and all others follow it. Prints TAP.
 */
#include "mr_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FAULTS_NS (25 * MR_NS_PER_S)
#define HEALED_NS (20 * MR_NS_PER_S)
#define LASTING_NS (2 * MR_NS_PER_S)

typedef struct Options
{
	uint64_t from;
	int runs;
	bool verbose;
	bool first;
} Options;

typedef struct Totals
{
	int runs;
	int failures;
	long leaderships;
	long lossless;
	long promotions;
	long orders;
	long orders_done;
	long unknowing;
	long mode_changes;
	long plays;
	long clones;
	long changes;
	long acknowledged;
	int64_t longest_ns;
} Totals;

/* Where everybody stands, for --seed. */
static void
describe(MrWorld *world)
{
	int i;

	for (i = 0; i < world->nnodes; i++)
	{
		const MrSimNode *node = &world->nodes[i];

		mr_world_note(world, i,
					  "is %s, server %d, worker %d, recovery %d, gate %d, receiver %d, refused %d, "
					  "stopping %d, records %d, timeline %u, term %llu, log term %llu, stamp %llu",
					  mr_role_name(node->lease.role), node->running, node->worker,
					  node->in_recovery, node->gate + 1, node->receiver + 1, node->refused,
					  node->stopping, node->wal.length, mr_sim_wal_timeline(&node->wal),
					  (unsigned long long) node->lease.durable.term,
					  (unsigned long long) node->lease.durable.log_term,
					  (unsigned long long) node->lease.durable.stamp.term);
	}
}

/* After the faults: service within a time, and it stays. */
static void
heal(MrWorld *world)
{
	int64_t began = world->now;
	int64_t well_since = INT64_MAX;
	int acknowledged = 0;

	mr_faults_end(world);
	while (!world->failed && world->now < began + HEALED_NS && world->now - LASTING_NS < well_since)
	{
		mr_world_run(world, world->now + 50 * MR_NS_PER_MS);
		mr_worker_propose_mode(world, MR_MODE_MANAGE);
		if (world->moving)
			mr_quorum_restore(world);
		if (!mr_world_converged(world))
			well_since = INT64_MAX;
		else if (well_since == INT64_MAX)
		{
			well_since = world->now;
			acknowledged = world->nacknowledged;
		}
	}
	world->healed_ns = well_since - began;
	if (!world->failed && world->now - LASTING_NS < well_since)
		mr_world_fail(world, -1, "all is healed, but not every node leads or follows");
	if (!world->failed && world->nacknowledged == acknowledged)
		mr_world_fail(world, -1, "all is healed, but nothing is acknowledged");
}

static void
run_seed(MrWorld *world, uint64_t seed, bool verbose, Totals *totals)
{
	mr_world_init(world, seed);
	world->verbose = verbose;
	mr_world_run(world, FAULTS_NS);
	heal(world);
	describe(world);
	totals->runs++;
	totals->failures += world->failed;
	totals->leaderships += world->leaderships;
	totals->lossless += world->lossless;
	totals->promotions += world->promotions;
	totals->orders += world->orders;
	totals->orders_done += world->orders_done;
	totals->unknowing += world->unknowing;
	totals->mode_changes += world->mode_changes;
	totals->plays += world->plays;
	totals->clones += world->clones;
	totals->changes += world->changes;
	totals->acknowledged += world->nacknowledged;
	if (!world->failed && world->healed_ns > totals->longest_ns)
		totals->longest_ns = world->healed_ns;
}

static void
read_options(int argc, char **argv, Options *options)
{
	int i;

	for (i = 1; i < argc; i++)
	{
		bool has_value = i + 1 < argc;

		if (strcmp(argv[i], "--seed") == 0 && has_value)
		{
			options->from = strtoull(argv[++i], NULL, 10);
			options->runs = 1;
			options->verbose = true;
		}
		else if (strcmp(argv[i], "--from") == 0 && has_value)
			options->from = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--runs") == 0 && has_value)
			options->runs = (int) strtol(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--first") == 0)
			options->first = true;
	}
}

/* Did what should be tested happen often enough? Less than it does in any 2500 schedules. */
static bool
is_worth_it(const Totals *totals)
{
	return totals->leaderships >= 4L * totals->runs && totals->lossless >= totals->runs / 6 &&
		   totals->orders_done >= totals->runs / 12 && totals->mode_changes >= totals->runs &&
		   totals->plays >= totals->runs / 20 && totals->clones >= totals->runs / 10 &&
		   totals->changes >= totals->runs / 10;
}

int
main(int argc, char **argv)
{
	Options options = {.from = (uint64_t) time(NULL) * 1000, .runs = 2500};
	Totals totals = {0};
	MrWorld *world = malloc(sizeof(MrWorld));
	uint64_t seed;

	read_options(argc, argv, &options);
	printf("# seeds %llu to %llu\n1..2\n", (unsigned long long) options.from,
		   (unsigned long long) (options.from + (uint64_t) options.runs - 1));
	for (seed = options.from; seed < options.from + (uint64_t) options.runs; seed++)
	{
		run_seed(world, seed, options.verbose, &totals);
		if (totals.failures > 0 && options.first)
			break;
	}
	printf("%sok 1 - every invariant held in %d schedules\n", totals.failures > 0 ? "not " : "",
		   totals.runs);
	printf("%sok 2 - they were worth it: %ld leaderships, %ld of them by hand-over, "
		   "%ld promotions, %ld acknowledged writes, %ld of %ld orders done, %ld changes of a "
		   "node's mode, %ld failovers played by observers, %ld nodes back after a forced quorum, "
		   "%ld changes of members\n",
		   is_worth_it(&totals) ? "" : "not ", totals.leaderships, totals.lossless,
		   totals.promotions, totals.acknowledged, totals.orders_done, totals.orders,
		   totals.mode_changes, totals.plays, totals.clones, totals.changes);
	printf("# served again at the latest %.1f s after all was healed; %ld votes were given "
		   "by nodes that did not know what they held; %d schedules failed\n",
		   (double) totals.longest_ns / 1e9, totals.unknowing, totals.failures);
	free(world);
	return totals.failures > 0;
}
