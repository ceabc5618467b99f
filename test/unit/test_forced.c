/*
 * Break glass: what a forced quorum makes of a state file, who may force one, that its
 * node leads at once, and that old and new generation never listen to each other.
 */
#include "core/mr_forced.h"

#include "unit/mr_lease_bench.h"
#include "unit/mr_unit.h"

#define FORCED (UINT64_C(1) << 32)

static MrBench bench;

static uint32_t
bit(int slot)
{
	return UINT32_C(1) << slot;
}

/* Slot 0 has voted for slot 1 in term 7, then forces a quorum without 1 and 2. */
static void
force(int nodes)
{
	mr_bench_start(&bench, nodes);
	bench.disk.term = 7;
	bench.disk.log_term = 6;
	bench.disk.config.term = 7;
	bench.disk.voted_for = bench.disk.config.members[1].uuid;
	bench.disk.max_lease_ms = 3000;
	bench.disk.leader_lsn = UINT64_C(1) << 40;
	mr_forced_apply(&bench.disk, bit(1) | bit(2));
	mr_bench_restart(&bench);
}

/* The same cluster as a node sees it that was left out. */
static void
be_discarded(void)
{
	mr_bench_start(&bench, 3);
	mr_bench_follow(&bench, 1, 7);
	bench.config = bench.lease.durable.config;
	bench.config.term = FORCED;
	bench.config.version = 9;
	bench.config.voters = bit(1);
	bench.config.members[0].used = bench.config.members[2].used = false;
	mr_bench_request(&bench, MR_MSG_STATUS, 1, FORCED + 1);
	bench.message.config_term = bench.config.term;
	bench.message.config_version = bench.config.version;
	bench.message.has_config = true;
	mr_bench_deliver(&bench);
}

MR_TEST(force_makes_a_configuration_of_one_voter_above_all_terms)
{
	force(4);
	MR_CHECK(mr_durable_is_forced(&bench.disk));
	MR_CHECK(!mr_durable_is_discarded(&bench.disk));
	MR_CHECK_INT(bench.disk.term, FORCED);
	MR_CHECK_INT(bench.disk.config.term, FORCED);
	MR_CHECK_INT(bench.disk.config.version, 2);
	MR_CHECK_INT(bench.disk.config.voters, 1);
	MR_CHECK(bench.disk.config.members[0].used && bench.disk.config.members[3].used);
	MR_CHECK(!bench.disk.config.members[1].used && !bench.disk.config.members[2].used);
	MR_CHECK_INT(bench.disk.ndiscarded, 2);
	MR_CHECK_STRING(mr_config_problem(&bench.disk.config), NULL);
	mr_forced_apply(&bench.disk, bit(3));
	MR_CHECK_INT(bench.disk.term, 2 * FORCED);
}

MR_TEST(a_forced_node_leads_at_once_and_alone)
{
	force(3);
	bench.lease.durable.config.policy.max_failover_lag_bytes = 0;
	mr_bench_tick(&bench, 1);
	mr_bench_tick(&bench, 1);
	MR_CHECK_INT(bench.lease.role, MR_ROLE_LEADER);
	MR_CHECK_INT(bench.lease.durable.term, FORCED + 1);
	MR_CHECK_INT(bench.lease.transition.cause, MR_CAUSE_FORCED);
	MR_CHECK(!mr_durable_is_forced(&bench.disk));
	MR_CHECK(bench.promoted_to > 16);
	bench.local.in_recovery = bench.local.standby = false;
	bench.local.timeline = bench.promoted_to;
	mr_bench_tick(&bench, 10);
	mr_bench_tick(&bench, 10);
	MR_CHECK(bench.deadline_ms > 0);
	MR_CHECK_INT(bench.disk.stamp.term, FORCED + 1);
}

MR_TEST(no_proposal_brings_a_discarded_member_back)
{
	MrConfig before;
	MrConfig next;

	mr_bench_start(&bench, 3);
	before = bench.disk.config;
	mr_forced_apply(&bench.disk, bit(1) | bit(2));
	mr_bench_restart(&bench);
	mr_bench_tick(&bench, 1);
	bench.local.in_recovery = bench.local.standby = false;
	bench.local.timeline = bench.promoted_to;
	mr_bench_tick(&bench, 10);
	next = bench.lease.durable.config;
	next.members[1] = before.members[1];
	mr_bench_propose(&bench, &next);
	MR_CHECK(!bench.disk.config.members[1].used);
	next.members[1].uuid.bytes[0] ^= 1; /* the clone that joined under its name */
	mr_bench_propose(&bench, &next);
	MR_CHECK(bench.disk.config.members[1].used);
}

MR_TEST(policy_does_not_keep_a_forced_node_from_leading)
{
	mr_bench_start(&bench, 3);
	bench.disk.config.policy.auto_failover = 0;
	bench.disk.config.members[0].no_promote = true;
	bench.disk.config.members[0].paused_until_ms = INT64_MAX;
	bench.disk.config.paused_until_ms = INT64_MAX;
	bench.disk.config.policy.max_failovers_per_hour = 0;
	bench.disk.config.policy.max_failover_lag_bytes = 0;
	bench.disk.amnesiac = true;
	mr_forced_apply(&bench.disk, bit(1) | bit(2));
	mr_bench_restart(&bench);
	mr_bench_tick(&bench, 1);
	MR_CHECK_INT(bench.lease.role, MR_ROLE_LEADER);
}

MR_TEST(the_longest_lease_is_told)
{
	mr_bench_start(&bench, 3);
	bench.disk.term = 7;
	bench.disk.config.policy.lease_ms = 3000;
	bench.disk.max_lease_ms = 2000;
	MR_CHECK_INT(mr_forced_longest_lease_ms(&bench.disk), 3000);
	bench.disk.max_lease_ms = 600000; /* a pause */
	MR_CHECK_INT(mr_forced_longest_lease_ms(&bench.disk), 600000);
	bench.disk.last_led_term = 7; /* its own, and it is down */
	MR_CHECK_INT(mr_forced_longest_lease_ms(&bench.disk), 0);
}

MR_TEST(who_may_force)
{
	mr_bench_start(&bench, 3);
	MR_CHECK_STRING(mr_forced_problem(&bench.disk, bit(1) | bit(2)), NULL);
	MR_CHECK(mr_forced_problem(&bench.disk, bit(1)) != NULL);
	MR_CHECK(mr_forced_problem(&bench.disk, bit(0) | bit(1)) != NULL);
	bench.disk.config.voters = 2; /* of a cluster of two nodes it is the only one */
	MR_CHECK_STRING(mr_forced_problem(&bench.disk, bit(1)), NULL);
	bench.disk.config.voters_old = 6; /* a change of voters was under way */
	MR_CHECK_STRING(mr_forced_problem(&bench.disk, bit(2)), NULL);
	bench.disk.config.policy.mode = MR_MODE_OBSERVE;
	MR_CHECK(mr_forced_problem(&bench.disk, bit(1) | bit(2)) != NULL);
	bench.disk.config.policy.mode = MR_MODE_MANAGE;
	bench.disk.config.members[0].witness = true;
	MR_CHECK(mr_forced_problem(&bench.disk, bit(1) | bit(2)) != NULL);
	bench.disk.config.members[0].used = false;
	MR_CHECK(mr_forced_problem(&bench.disk, bit(1) | bit(2)) != NULL);
	be_discarded();
	MR_CHECK(mr_forced_problem(&bench.disk, bit(1)) != NULL);
}

MR_TEST(the_new_generation_refuses_the_old_one_whatever_it_says)
{
	static const MrMessageKind kinds[] = {MR_MSG_PREVOTE, MR_MSG_VOTE, MR_MSG_GRANT, MR_MSG_RELEASE,
										  MR_MSG_STATUS};
	size_t i;

	force(4);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
	{
		mr_bench_request(&bench, kinds[i], 3, 5 * FORCED);
		bench.message.config_term = 7;
		bench.message.config_version = 100;
		bench.message.has_config = true;
		bench.config = bench.lease.durable.config;
		bench.config.term = 7;
		bench.config.version = 100;
		bench.config.voters = 15;
		mr_bench_deliver(&bench);
		MR_CHECK_INT(mr_bench_refusal(&bench), MR_REFUSE_OTHER_GENERATION);
		MR_CHECK(mr_bench_reply(&bench)->has_config);
		MR_CHECK_INT(bench.lease.durable.config.voters, 1);
		MR_CHECK_INT(bench.lease.seen_term, 0);
		MR_CHECK_INT(bench.lease.durable.term, FORCED);
	}
}

MR_TEST(who_was_left_out_learns_it_and_stops_for_good)
{
	be_discarded();
	MR_CHECK(mr_durable_is_discarded(&bench.disk));
	MR_CHECK_INT(mr_bench_refusal(&bench), MR_REFUSE_OTHER_GENERATION);
	MR_CHECK(mr_bench_event(&bench, MR_EVENT_DISCARDED) != NULL);
	MR_CHECK_INT(bench.gate, MR_NO_SLOT);
	MR_CHECK_INT(bench.disk.term, 7);
	mr_bench_tick(&bench, 1);
	MR_CHECK(bench.stops > 0);
	/* neither a start nor time makes it a candidate, and nobody can talk it round */
	mr_bench_restart(&bench);
	bench.stops = 0;
	mr_bench_tick(&bench, 60000);
	mr_bench_tick(&bench, 60000);
	MR_CHECK(bench.stops > 0);
	MR_CHECK_INT(bench.lease.role, MR_ROLE_FOLLOWER);
	mr_bench_request(&bench, MR_MSG_GRANT, 1, FORCED + 1);
	mr_bench_deliver(&bench);
	MR_CHECK_INT(mr_bench_refusal(&bench), MR_REFUSE_OTHER_GENERATION);
	MR_CHECK_INT(bench.disk.term, 7);
}

MR_TEST(a_leader_that_was_left_out_fences_itself_with_the_first_answer)
{
	mr_bench_start(&bench, 3);
	mr_bench_lead(&bench);
	MR_CHECK(bench.deadline_ms > 0);
	while (mr_bench_asked(&bench, 1) == MR_MSG_NONE)
		mr_bench_tick(&bench, 100);
	(void) mr_bench_answer(&bench, 1, MR_REFUSE_OTHER_GENERATION);
	bench.config = bench.lease.durable.config;
	bench.config.term = FORCED;
	bench.config.version = 3;
	bench.config.voters = bit(1);
	bench.config.members[0].used = bench.config.members[2].used = false;
	bench.message.term = FORCED + 1;
	bench.message.config_term = bench.config.term;
	bench.message.config_version = bench.config.version;
	bench.message.has_config = true;
	mr_bench_deliver_answer(&bench, 1);
	MR_CHECK_INT(bench.deadline_ms, 0);
	MR_CHECK(bench.lease.role == MR_ROLE_FOLLOWER);
	MR_CHECK(mr_durable_is_discarded(&bench.disk));
}

/* It must never carry the new terms into an election of the old voters. */
MR_TEST(the_new_terms_are_not_learned_without_the_new_configuration)
{
	mr_bench_start(&bench, 3);
	mr_bench_follow(&bench, 1, 7);
	mr_bench_request(&bench, MR_MSG_GRANT, 2, FORCED + 1);
	bench.message.config_term = FORCED;
	mr_bench_deliver(&bench);
	MR_CHECK_INT(mr_bench_refusal(&bench), MR_REFUSE_OTHER_GENERATION);
	MR_CHECK_INT(bench.lease.seen_term <= 7, 1);
	MR_CHECK_INT(bench.lease.durable.term, 7);
}

MR_TEST(a_survivor_that_stays_follows_the_new_configuration)
{
	mr_bench_start(&bench, 4);
	mr_bench_follow(&bench, 1, 7);
	bench.config = bench.lease.durable.config;
	bench.config.term = FORCED + 1;
	bench.config.version = 9;
	bench.config.voters = bit(3);
	bench.config.members[1].used = bench.config.members[2].used = false;
	mr_bench_request(&bench, MR_MSG_GRANT, 3, FORCED + 1);
	bench.message.config_term = bench.config.term;
	bench.message.config_version = bench.config.version;
	bench.message.has_config = true;
	mr_bench_deliver(&bench);
	MR_CHECK_INT(mr_bench_refusal(&bench), MR_REFUSE_NONE);
	MR_CHECK_INT(bench.disk.term, FORCED + 1);
	MR_CHECK_INT(bench.disk.config.voters, bit(3));
	MR_CHECK(!mr_durable_is_discarded(&bench.disk));
	MR_CHECK_INT(bench.stops, 0);
}
