/*
 * Bugs that the simulation found, each as the shortest story that shows it.
 */
#include "unit/mr_lease_bench.h"
#include "unit/mr_unit.h"

static MrBench bench;

/* A promise given after the restart counts more than the term our earlier self held. */
MR_TEST(a_restarted_holder_keeps_the_promise_it_gives_to_another)
{
	mr_bench_start(&bench, 3);
	mr_bench_lead(&bench);
	MR_REQUIRE(bench.deadline_ms > 0);
	mr_bench_restart(&bench);
	mr_bench_request(&bench, MR_MSG_VOTE, 1, bench.disk.term + 1);
	mr_bench_deliver(&bench);
	MR_CHECK_INT(mr_bench_refusal(&bench), MR_REFUSE_NONE);
	mr_bench_tick(&bench, 100);
	MR_CHECK_INT(bench.lease.role, MR_ROLE_FOLLOWER);
	MR_CHECK(mr_uuid_equal(&bench.disk.voted_for, &bench.disk.config.members[1].uuid));
	mr_bench_tick(&bench, MR_BENCH_PROMISE_MS - 101);
	MR_CHECK_INT(mr_bench_asked(&bench, 1), MR_MSG_STATUS);
	MR_CHECK_INT(bench.lease.role, MR_ROLE_FOLLOWER);
}

/* Before its stamp a leader has acknowledged nothing, but its predecessor may have. */
MR_TEST(an_unstamped_leader_hands_over_only_to_who_holds_all_it_was_handed)
{
	MrMessage *release;

	mr_bench_start(&bench, 3);
	mr_bench_follow(&bench, 1, 1);
	bench.local.wal_end = bench.local.replay_lsn = 5000; /* past the stamp, and acknowledged */
	release = mr_bench_request(&bench, MR_MSG_RELEASE, 1, 1);
	release->successor = bench.disk.node;
	release->need_lsn = 5000;
	release->cause = MR_CAUSE_PRIMARY_CRASH;
	mr_bench_deliver(&bench);
	MR_REQUIRE(mr_bench_refusal(&bench) == MR_REFUSE_NONE);
	mr_bench_tick(&bench, 1);
	MR_REQUIRE(mr_bench_asked(&bench, 2) == MR_MSG_VOTE);
	(void) mr_bench_answer(&bench, 2, MR_REFUSE_NONE);
	mr_bench_deliver_answer(&bench, 1);
	MR_REQUIRE(bench.lease.role == MR_ROLE_LEADER && bench.promotions == 1);
	bench.local.server_dead = true;
	mr_bench_tick(&bench, 10);
	mr_bench_tick(&bench, 2);
	MR_REQUIRE(mr_bench_asked(&bench, 1) == MR_MSG_RELEASE);
	mr_bench_unreachable(&bench, 1);
	MR_REQUIRE(mr_bench_asked(&bench, 2) == MR_MSG_RELEASE);
	MR_CHECK_INT(bench.sent[2].need_lsn, 5000);
}

/*
 * A standby too far behind to lead lets others pass, but not a former primary: what that
 * one lacks began with its successor.
 */
MR_TEST(a_node_that_lags_does_not_elect_a_former_primary)
{
	MrMessage *prevote;

	mr_bench_start(&bench, 3);
	mr_bench_follow(&bench, 1, 2);
	bench.local.wal_end = bench.local.replay_lsn = 2000; /* past the stamp of term 2 */
	mr_bench_tick(&bench, 10);
	MR_REQUIRE(bench.disk.log_term == 2);
	bench.lease.leader_lsn = UINT64_C(1) << 40; /* we could not lead */
	mr_bench_tick(&bench, 2 * MR_BENCH_PROMISE_MS);
	prevote = mr_bench_request(&bench, MR_MSG_PREVOTE, 2, bench.disk.term + 1);
	prevote->report.log_term = 1;
	prevote->report.wal_end = 5000;
	prevote->report.flags |= MR_REPORT_IN_RECOVERY | MR_REPORT_STANDBY;
	mr_bench_deliver(&bench);
	MR_CHECK_INT(mr_bench_refusal(&bench), MR_REFUSE_NONE);
	prevote = mr_bench_request(&bench, MR_MSG_PREVOTE, 2, bench.disk.term + 1);
	prevote->report.log_term = 1;
	prevote->report.wal_end = 5000;
	prevote->report.flags &= ~(uint32_t) (MR_REPORT_IN_RECOVERY | MR_REPORT_STANDBY);
	mr_bench_deliver(&bench);
	MR_CHECK_INT(mr_bench_refusal(&bench), MR_REFUSE_AHEAD);
}

static void
be_answered(MrRefusal refusal)
{
	while (mr_bench_asked(&bench, 1) == MR_MSG_NONE)
		mr_bench_tick(&bench, 500);
	(void) mr_bench_answer(&bench, 1, refusal);
	mr_bench_deliver_answer(&bench, 1);
}

/* An old request may be overtaken; only the second refusal in a row is proof. */
MR_TEST(one_refusal_does_not_make_an_amnesiac)
{
	mr_bench_start(&bench, 3);
	be_answered(MR_REFUSE_AMNESIA);
	MR_CHECK(!bench.lease.durable.amnesiac);
	be_answered(MR_REFUSE_NONE);
	be_answered(MR_REFUSE_AMNESIA);
	MR_CHECK(!bench.lease.durable.amnesiac);
	be_answered(MR_REFUSE_AMNESIA);
	MR_CHECK(bench.disk.amnesiac);
	MR_CHECK(mr_bench_event(&bench, MR_EVENT_AMNESIA) != NULL);
}

/*
 * While we were away n1 forked off behind our end and n2 forked again, past it: the
 * stamp alone looks as if we were a prefix.
 */
MR_TEST(a_standby_whose_wal_its_leader_never_had_is_rejoined)
{
	mr_bench_start(&bench, 3);
	bench.lease.durable.reserved_timeline = 3;
	mr_bench_request(&bench, MR_MSG_GRANT, 2, 3);
	bench.message.stamp.term = 3;
	bench.message.stamp.node = bench.message.sender;
	bench.message.stamp.timeline = 3;
	bench.message.stamp.lsn = 2000;
	mr_bench_deliver(&bench);
	MR_CHECK_INT(bench.gate, 2);
	MR_CHECK_INT(bench.stops, 0);
	bench.local.off_history = true; /* the walreceiver has asked */
	mr_bench_deliver(&bench);
	MR_CHECK_INT(bench.stops, 1);
	MR_CHECK(bench.lease.diverged);
	MR_CHECK(mr_bench_event(&bench, MR_EVENT_DIVERGED) != NULL);
}

/* Who lags too far itself stands in nobody's way, but not so far as to elect one that lags more. */
MR_TEST(a_node_that_lags_elects_nobody_who_lags_even_more)
{
	MrMessage *prevote;

	mr_bench_start(&bench, 3);
	mr_bench_follow(&bench, 1, 2);
	bench.local.wal_end = bench.local.replay_lsn = 2000;
	mr_bench_tick(&bench, 10);
	bench.lease.leader_lsn = UINT64_C(1) << 40;
	mr_bench_tick(&bench, 2 * MR_BENCH_PROMISE_MS);
	prevote = mr_bench_request(&bench, MR_MSG_PREVOTE, 2, bench.disk.term + 1);
	prevote->report.log_term = 2;
	prevote->report.wal_end = 1990;
	prevote->report.flags |= MR_REPORT_IN_RECOVERY | MR_REPORT_STANDBY;
	mr_bench_deliver(&bench);
	MR_CHECK_INT(mr_bench_refusal(&bench), MR_REFUSE_LAG);
	prevote->order_id = 1;
	prevote->allow_loss = true;
	mr_bench_deliver(&bench);
	MR_CHECK_INT(mr_bench_refusal(&bench), MR_REFUSE_NONE);
}

static void
grant(int lease_ms, bool shorten)
{
	MrMessage *message = mr_bench_request(&bench, MR_MSG_GRANT, 1, 1);

	message->lease_ms = (uint32_t) lease_ms;
	message->shorten = shorten;
	mr_bench_deliver(&bench);
	MR_REQUIRE(mr_bench_refusal(&bench) == MR_REFUSE_NONE);
}

static int64_t
promise_left_ms(void)
{
	return bench.lease.promise_until_ns / MR_NS_PER_MS - 1000000 - bench.now_ms;
}

/*
 * The numbers of our own questions are not the leader's: its answer to one must not make
 * its next grant look as if that had been overtaken.
 */
MR_TEST(a_pause_that_ended_shortens_the_promise_also_after_a_question)
{
	MrMessage *answer;

	mr_bench_start(&bench, 3);
	mr_bench_follow(&bench, 1, 1);
	mr_bench_tick(&bench, 10);
	grant(60000, false);
	MR_CHECK_INT(promise_left_ms(), 60600);
	mr_bench_tick(&bench, 2500);
	MR_REQUIRE(mr_bench_asked(&bench, 1) == MR_MSG_STATUS);
	answer = mr_bench_answer(&bench, 1, MR_REFUSE_NONE);
	answer->id = bench.sent[1].id = UINT64_C(1) << 60;
	answer->leader = answer->sender;
	answer->stamp = bench.lease.durable.stamp;
	answer->report.flags |= MR_REPORT_LEASE_OPEN;
	mr_bench_deliver_answer(&bench, 1);
	mr_bench_tick(&bench, 10);
	grant(MR_BENCH_LEASE_MS, true);
	MR_CHECK_INT(promise_left_ms(), MR_BENCH_PROMISE_MS);
}
