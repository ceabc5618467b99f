/*
 * Changes of the configuration on the leader: joint while the voters change, final
 * once majorities of both sets have the joint one on disk. Slot 0 leads.
 */
#include <string.h>

#include "unit/mr_lease_bench.h"
#include "unit/mr_unit.h"

static MrBench bench;
static MrConfig next;

/* Five members, of which `voters` have a vote; a leader with its stamp on disk. */
static void
start_leader(uint32_t voters)
{
	mr_bench_start(&bench, 5);
	bench.lease.durable.config.voters = voters;
	mr_bench_lead(&bench);
	MR_CHECK(bench.deadline_ms > 0);
	next = bench.lease.durable.config;
}

/* A peer grants or refuses, and says which configuration it has on disk. */
static void
answer(int slot, MrRefusal refusal, uint64_t version)
{
	while (mr_bench_asked(&bench, slot) == MR_MSG_NONE)
		mr_bench_tick(&bench, 100);
	mr_bench_answer(&bench, slot, refusal)->config_version = version;
	mr_bench_deliver_answer(&bench, 1);
}

static void
confirm(int slot, uint64_t version)
{
	answer(slot, MR_REFUSE_NONE, version);
}

MR_TEST(a_new_leadership_puts_its_term_on_the_configuration)
{
	start_leader(7);
	MR_CHECK_INT(bench.disk.config.term, bench.disk.term);
	MR_CHECK_INT(bench.disk.config.version, 2);
}

MR_TEST(a_change_of_policy_takes_effect_at_once)
{
	start_leader(7);
	next.policy.heartbeat_ms = 100;
	mr_bench_propose(&bench, &next);
	MR_CHECK_INT(bench.disk.config.version, 3);
	MR_CHECK_INT(bench.disk.config.voters_old, 0);
	MR_CHECK_INT(bench.disk.config.policy.heartbeat_ms, 100);
	MR_CHECK(mr_bench_event(&bench, MR_EVENT_CONFIGURATION) != NULL);
}

MR_TEST(a_change_of_voters_is_joint_until_majorities_of_both_have_it)
{
	start_leader(7);  /* 0 1 2 */
	next.voters = 25; /* 0 3 4 */
	mr_bench_propose(&bench, &next);
	MR_CHECK_INT(bench.disk.config.voters, 25);
	MR_CHECK_INT(bench.disk.config.voters_old, 7);
	confirm(1, 3);
	MR_CHECK_INT(bench.disk.config.voters_old, 7); /* only the old ones */
	confirm(3, 2);
	MR_CHECK_INT(bench.disk.config.voters_old, 7); /* it has the one before */
	confirm(3, 3);
	MR_CHECK_INT(bench.disk.config.voters_old, 0);
	MR_CHECK_INT(bench.disk.config.voters, 25);
	MR_CHECK_INT(bench.disk.config.version, 4);
}

MR_TEST(while_joint_a_lease_needs_both_majorities)
{
	int64_t before;
	int slot;

	start_leader(7);
	next.voters = 25;
	mr_bench_propose(&bench, &next);
	for (slot = 1; slot < 5; slot++)
		mr_bench_unreachable(&bench, slot);
	mr_bench_tick(&bench, 500);
	before = bench.deadline_ms;
	confirm(1, 3);
	confirm(2, 3);
	MR_CHECK_INT(bench.deadline_ms, before); /* 3 and 4 have not granted */
	confirm(4, 2);
	MR_CHECK(bench.deadline_ms > before);
}

/* They have it on disk, but are free to elect another: the lease of one voter runs on. */
MR_TEST(new_voters_vote_alone_only_when_they_have_granted_the_lease_that_runs)
{
	start_leader(1);
	next.voters = 7;
	mr_bench_propose(&bench, &next);
	answer(1, MR_REFUSE_NOT_SEVERED, 3);
	answer(2, MR_REFUSE_NOT_SEVERED, 3);
	MR_CHECK_INT(bench.disk.config.voters_old, 1);
	MR_CHECK_INT(bench.disk.config.version, 3);
	confirm(1, 3);
	MR_CHECK_INT(bench.disk.config.voters_old, 0);
	MR_CHECK_INT(bench.disk.config.version, 4);
}

/* Without the leader those elect who know that they may. */
MR_TEST(a_change_is_settled_when_a_majority_has_its_last_step_on_disk)
{
	start_leader(1);
	MR_CHECK(mr_lease_configuration_is_settled(&bench.lease));
	next.voters = 7;
	mr_bench_propose(&bench, &next);
	MR_CHECK(!mr_lease_configuration_is_settled(&bench.lease));
	confirm(1, 3);
	MR_CHECK_INT(bench.disk.config.version, 4);
	MR_CHECK_INT(bench.disk.config.voters_old, 0);
	MR_CHECK(!mr_lease_configuration_is_settled(&bench.lease));
	confirm(2, 3);
	MR_CHECK(!mr_lease_configuration_is_settled(&bench.lease));
	confirm(2, 4);
	MR_CHECK(mr_lease_configuration_is_settled(&bench.lease));
	bench.lease.role = MR_ROLE_FOLLOWER;
	MR_CHECK(!mr_lease_configuration_is_settled(&bench.lease));
}

typedef enum Fault
{
	NOT_LEADING,
	NOT_STAMPED,
	STILL_JOINT,
	NO_VOTER,
	WITHOUT_US,
	VOTER_DROPPED,
	FOREIGN
} Fault;

MR_TEST(a_proposal_that_makes_no_sense_changes_nothing)
{
	Fault fault;

	for (fault = NOT_LEADING; fault <= FOREIGN; fault++)
	{
		mr_unit_about("fault %d", (int) fault);
		start_leader(7);
		next.policy.heartbeat_ms = 100;
		if (fault == NOT_LEADING)
			bench.lease.role = MR_ROLE_FOLLOWER;
		if (fault == NOT_STAMPED)
			bench.lease.stamped = false;
		if (fault == STILL_JOINT)
			bench.lease.durable.config.voters_old = 3;
		if (fault == NO_VOTER)
			next.voters = 0;
		if (fault == WITHOUT_US)
			next.members[0].uuid.bytes[3]++;
		if (fault == VOTER_DROPPED)
		{
			next.voters = 3;
			memset(&next.members[2], 0, sizeof(next.members[2]));
		}
		if (fault == FOREIGN)
			next.cluster.bytes[0]++;
		mr_bench_propose(&bench, &next);
		MR_CHECK_INT(bench.lease.durable.config.version, 2);
	}
}

/* Who owns a slot now has nothing to do with who owned it before. */
MR_TEST(a_slot_that_changes_hands_is_forgotten)
{
	start_leader(7);
	bench.lease.durable.peer_sequence[4] = 99;
	bench.lease.peers[4].nonce = 12;
	next.members[4].uuid.bytes[0] = 200;
	mr_bench_propose(&bench, &next);
	MR_CHECK_INT(bench.disk.peer_sequence[4], 0);
	MR_CHECK_INT(bench.lease.peers[4].nonce, 0);
}

MR_TEST(a_newer_configuration_is_taken_over_from_a_message)
{
	mr_bench_start(&bench, 3);
	bench.config = bench.disk.config;
	bench.config.version = 8;
	bench.config.policy.heartbeat_ms = 100;
	mr_bench_request(&bench, MR_MSG_STATUS, 1, 0)->has_config = true;
	mr_bench_deliver(&bench);
	MR_CHECK_INT(bench.disk.config.version, 8);
	bench.config.version = 7;
	mr_bench_deliver(&bench);
	MR_CHECK_INT(bench.disk.config.version, 8);
}

/* Its voters may have granted to the leader that made it; what they granted before is over. */
MR_TEST(a_leader_that_hears_of_a_newer_leaderships_configuration_leads_no_more)
{
	start_leader(7);
	bench.config = bench.lease.durable.config;
	bench.config.term = bench.lease.durable.term + 1;
	bench.config.voters = 2;
	mr_bench_request(&bench, MR_MSG_STATUS, 1, 0)->has_config = true;
	mr_bench_deliver(&bench);
	MR_CHECK_INT(bench.lease.durable.config.voters, 2);
	MR_CHECK_INT(bench.lease.role, MR_ROLE_FOLLOWER);
	MR_CHECK_INT(bench.deadline_ms, 0);
}
