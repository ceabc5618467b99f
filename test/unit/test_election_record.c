/*
 * What random faults on real clusters showed about elections, each as the shortest story.
 */
#include "unit/mr_lease_bench.h"
#include "unit/mr_unit.h"

static MrBench bench;

/*
 * A standby that nobody can connect to yet learns of the leader from answers to its
 * questions only. That it stands for election all the time must not keep it from asking.
 */
MR_TEST(a_candidate_that_is_refused_again_and_again_still_asks_who_leads)
{
	int questions = 0;
	int prevotes = 0;
	int i;

	mr_bench_start(&bench, 3);
	for (i = 0; i < 1000; i++)
	{
		int slot;

		mr_bench_tick(&bench, 10);
		for (slot = 1; slot <= 2; slot++)
		{
			int kind = mr_bench_asked(&bench, slot);

			if (kind == MR_MSG_NONE)
				continue;
			questions += kind == MR_MSG_STATUS;
			prevotes += kind == MR_MSG_PREVOTE;
			(void) mr_bench_answer(&bench, slot,
								   kind == MR_MSG_PREVOTE ? MR_REFUSE_LEADING : MR_REFUSE_NONE);
			mr_bench_deliver_answer(&bench, 1);
		}
	}
	MR_CHECK(prevotes > 20);
	MR_CHECK(questions >= 8); /* two peers, ten seconds, every two seconds */
}

/* PostgreSQL ends, instead of a recovery that has not reached consistency. */
MR_TEST(a_standby_that_is_not_consistent_does_not_stand)
{
	int i;

	mr_bench_start(&bench, 3);
	bench.local.inconsistent = true;
	for (i = 0; i < 100; i++)
	{
		mr_bench_tick(&bench, 100);
		MR_CHECK(mr_bench_asked(&bench, 1) != MR_MSG_PREVOTE);
	}
	MR_CHECK_INT(bench.lease.self_refusal, MR_REFUSE_INCONSISTENT);
	bench.local.inconsistent = false;
	mr_bench_lead(&bench);
	MR_CHECK(bench.deadline_ms > 0);
}

/* A server that started while nobody led has heard no leader; its file tells of the last. */
MR_TEST(who_led_before_the_restart_is_recorded_as_deposed)
{
	mr_bench_start(&bench, 3);
	mr_bench_follow(&bench, 1, 4);
	mr_bench_restart(&bench);
	mr_bench_lead(&bench);
	MR_REQUIRE(bench.deadline_ms > 0);
	MR_CHECK_INT(bench.lease.transition.cause, MR_CAUSE_LEASE_EXPIRED);
	MR_CHECK_INT(bench.lease.transition.from_slot, 1);
}

/*
 * n0 led, was away while n1 led, and is elected again before anybody holds WAL of n1's:
 * that is no restart, and n1 may have lost rows by it.
 */
MR_TEST(a_restarted_leader_that_missed_a_leadership_deposes_it)
{
	MrMessage *request;

	mr_bench_start(&bench, 3);
	mr_bench_lead(&bench);
	MR_REQUIRE(bench.deadline_ms > 0);
	mr_bench_restart(&bench);
	request = mr_bench_request(&bench, MR_MSG_STATUS, 2, bench.disk.term + 1);
	request->stamp.term = bench.disk.term + 1;
	request->stamp.node = bench.disk.config.members[1].uuid;
	request->stamp.timeline = 3;
	request->stamp.lsn = bench.local.wal_end;
	mr_bench_deliver(&bench);
	mr_bench_lead(&bench);
	MR_REQUIRE(bench.deadline_ms > 0);
	MR_CHECK_INT(bench.lease.transition.cause, MR_CAUSE_LEASE_EXPIRED);
	MR_CHECK_INT(bench.lease.transition.from_slot, 1);
}

MR_TEST(the_first_leadership_deposes_nobody)
{
	mr_bench_start(&bench, 3);
	mr_bench_lead(&bench);
	MR_REQUIRE(bench.deadline_ms > 0);
	MR_CHECK_INT(bench.lease.transition.cause, MR_CAUSE_BOOTSTRAP);
	MR_CHECK_INT(bench.lease.transition.from_slot, MR_NO_SLOT);
}

/*
 * n1 led and was heard by n2 alone for a while; n2 holds it all but is not to be
 * promoted, so it would vote. Its answer tells how much would be lost.
 */
MR_TEST(a_voter_that_holds_much_more_tells_a_candidate_how_far_it_lags)
{
	MrMessage *answer;

	mr_bench_start(&bench, 3);
	mr_bench_follow(&bench, 1, 1);
	while (mr_bench_asked(&bench, 2) != MR_MSG_PREVOTE)
	{
		if (mr_bench_asked(&bench, 2) != MR_MSG_NONE)
		{
			(void) mr_bench_answer(&bench, 2, MR_REFUSE_NONE);
			mr_bench_deliver_answer(&bench, 1);
		}
		mr_bench_tick(&bench, 10);
	}
	answer = mr_bench_answer(&bench, 2, MR_REFUSE_NONE);
	answer->report.flags = MR_REPORT_IN_RECOVERY | MR_REPORT_STANDBY | MR_REPORT_WAL_END_KNOWN;
	answer->report.log_term = bench.lease.durable.log_term;
	answer->report.wal_end =
		bench.local.wal_end + (MrLsn) bench.lease.durable.config.policy.max_failover_lag_bytes + 1;
	mr_bench_deliver_answer(&bench, 1);
	MR_CHECK(mr_bench_asked(&bench, 2) != MR_MSG_VOTE);
	MR_CHECK_INT(bench.lease.self_refusal, MR_REFUSE_LAG);
	MR_REQUIRE(mr_bench_event(&bench, MR_EVENT_CANDIDATE_REFUSED) != NULL);
	MR_CHECK_INT(mr_bench_event(&bench, MR_EVENT_CANDIDATE_REFUSED)->value,
				 bench.lease.durable.config.policy.max_failover_lag_bytes + 1);
}
