/*
 * The governor: what counts as an unplanned failover, for how long, and what it means.
 */
#include "core/mr_governor.h"
#include "unit/mr_unit.h"

#include <string.h>

#define HOUR_MS (INT64_C(3600) * 1000)
#define NOW_MS (INT64_C(1000) * HOUR_MS)

static MrDurable durable;

static void
start(int64_t limit)
{
	memset(&durable, 0, sizeof(durable));
	mr_config_init(&durable.config);
	durable.config.policy.max_failovers_per_hour = limit;
}

MR_TEST(only_what_nobody_wanted_counts)
{
	start(3);
	MR_CHECK(!mr_governor_note(&durable, 1, MR_CAUSE_BOOTSTRAP, NOW_MS));
	MR_CHECK(!mr_governor_note(&durable, 2, MR_CAUSE_SWITCHOVER, NOW_MS));
	MR_CHECK(!mr_governor_note(&durable, 3, MR_CAUSE_FAILBACK, NOW_MS));
	MR_CHECK(!mr_governor_note(&durable, 4, MR_CAUSE_MANUAL, NOW_MS));
	MR_CHECK(!mr_governor_note(&durable, 5, MR_CAUSE_RESTART, NOW_MS));
	MR_CHECK_INT(mr_governor_count(&durable, NOW_MS), 0);
	MR_CHECK(mr_governor_note(&durable, 6, MR_CAUSE_LEASE_EXPIRED, NOW_MS));
	MR_CHECK(mr_governor_note(&durable, 7, MR_CAUSE_PRIMARY_CRASH, NOW_MS));
	MR_CHECK(mr_governor_note(&durable, 8, MR_CAUSE_SICK, NOW_MS));
	MR_CHECK_INT(mr_governor_count(&durable, NOW_MS), 3);
	MR_CHECK(!mr_governor_note(&durable, 8, MR_CAUSE_SICK, NOW_MS));
	MR_CHECK_INT(mr_governor_known(&durable), 3);
}

/* The fence command is for these; an order that the primary carried out needs none. */
MR_TEST(where_the_former_primary_is_nobody_knows_after_some_changes)
{
	for (int cause = 0; cause < MR_CAUSE_COUNT; cause++)
	{
		bool unsure = cause == MR_CAUSE_LEASE_EXPIRED || cause == MR_CAUSE_PRIMARY_CRASH ||
					  cause == MR_CAUSE_SICK || cause == MR_CAUSE_MANUAL ||
					  cause == MR_CAUSE_FORCED;

		mr_unit_about("%s", mr_cause_name(cause));
		MR_CHECK(mr_governor_is_unsure(cause) == unsure);
		MR_CHECK_INT(mr_cause_from_name(mr_cause_name(cause)), cause);
	}
	MR_CHECK(!mr_governor_is_unsure(mr_cause_from_name("a word of tomorrow")));
}

MR_TEST(an_hour_later_it_is_forgotten)
{
	start(2);
	(void) mr_governor_note(&durable, 1, MR_CAUSE_LEASE_EXPIRED, NOW_MS);
	(void) mr_governor_note(&durable, 2, MR_CAUSE_LEASE_EXPIRED, NOW_MS + HOUR_MS / 2);
	MR_CHECK(mr_governor_holds(&durable, NOW_MS + HOUR_MS / 2));
	MR_CHECK(!mr_governor_holds(&durable, NOW_MS + HOUR_MS));
	MR_CHECK_INT(mr_governor_count(&durable, NOW_MS + HOUR_MS), 1);
	mr_unit_about("a clock that was set back forgets nothing");
	MR_CHECK_INT(mr_governor_count(&durable, NOW_MS - 5 * HOUR_MS), 2);
	start(-1);
	(void) mr_governor_note(&durable, 1, MR_CAUSE_LEASE_EXPIRED, NOW_MS);
	mr_unit_about("no limit");
	MR_CHECK(!mr_governor_holds(&durable, NOW_MS));
	start(0);
	mr_unit_about("none at all");
	MR_CHECK(mr_governor_holds(&durable, NOW_MS));
}

MR_TEST(lists_are_merged_by_term_newest_first)
{
	MrFailoverMark marks[MR_FAILOVERS_KEPT] = {{9, NOW_MS}, {5, NOW_MS - 1}, {0, 0}};
	int i;

	start(10);
	(void) mr_governor_note(&durable, 5, MR_CAUSE_SICK, NOW_MS - 1);
	(void) mr_governor_note(&durable, 7, MR_CAUSE_SICK, NOW_MS);
	MR_CHECK(mr_governor_merge(&durable, marks, 3));
	MR_CHECK_INT(mr_governor_known(&durable), 3);
	MR_CHECK_INT(durable.failovers[0].term, 9);
	MR_CHECK_INT(durable.failovers[1].term, 7);
	MR_CHECK_INT(durable.failovers[2].term, 5);
	MR_CHECK(!mr_governor_merge(&durable, marks, 3));
	for (i = 0; i < 2 * MR_FAILOVERS_KEPT; i++)
		(void) mr_governor_note(&durable, (uint64_t) (100 + i), MR_CAUSE_SICK, NOW_MS);
	MR_CHECK_INT(mr_governor_known(&durable), MR_FAILOVERS_KEPT);
	MR_CHECK_INT(durable.failovers[0].term, 100 + 2 * MR_FAILOVERS_KEPT - 1);
	mr_unit_about("older than all that are kept");
	MR_CHECK(!mr_governor_merge(&durable, marks, 1));
}

MR_TEST(each_failover_but_the_first_doubles_the_delay_of_a_failback)
{
	int i;

	start(10);
	durable.config.policy.failback_delay_ms = 300000;
	MR_CHECK_INT(mr_governor_failback_delay_ms(&durable, NOW_MS), 300000);
	(void) mr_governor_note(&durable, 1, MR_CAUSE_SICK, NOW_MS);
	MR_CHECK_INT(mr_governor_failback_delay_ms(&durable, NOW_MS), 300000);
	(void) mr_governor_note(&durable, 2, MR_CAUSE_SICK, NOW_MS);
	MR_CHECK_INT(mr_governor_failback_delay_ms(&durable, NOW_MS), 600000);
	(void) mr_governor_note(&durable, 3, MR_CAUSE_SICK, NOW_MS);
	MR_CHECK_INT(mr_governor_failback_delay_ms(&durable, NOW_MS), 1200000);
	for (i = 4; i < 16; i++)
		(void) mr_governor_note(&durable, (uint64_t) i, MR_CAUSE_SICK, NOW_MS);
	mr_unit_about("a day at most");
	MR_CHECK_INT(mr_governor_failback_delay_ms(&durable, NOW_MS), 24 * HOUR_MS);
}
