/*
 * Elections: when a node stands, whom it asks, what it may count on, when it tries
 * again. Slot 0 stands; 1 and 2 have the other votes.
 */
#include "core/mr_candidate.h"
#include "unit/mr_lease_bench.h"
#include "unit/mr_unit.h"

#include <stdio.h>

static MrBench bench;

static void
be_answered(int slot, MrRefusal refusal)
{
	(void) mr_bench_answer(&bench, slot, refusal);
	mr_bench_deliver_answer(&bench, 1);
}

MR_TEST(a_node_stands_when_its_promise_has_run_out)
{
	mr_bench_start(&bench, 3);
	mr_bench_follow(&bench, 1, 4);
	mr_bench_tick(&bench, MR_BENCH_PROMISE_MS - 1);
	MR_CHECK_INT(bench.lease.role, MR_ROLE_FOLLOWER);
	bench.lease.peers[1].report.flags = 0; /* it looks unfit, so that we come first */
	mr_bench_tick(&bench, 1);
	MR_CHECK(mr_bench_event(&bench, MR_EVENT_LEADER_SILENT) != NULL);
	MR_CHECK_INT(mr_bench_asked(&bench, 1), MR_MSG_PREVOTE);
	MR_CHECK_INT(mr_bench_asked(&bench, 2), MR_MSG_PREVOTE);
	MR_CHECK_INT(bench.sent[2].term, 5);
	MR_CHECK_INT(bench.disk.term, 4); /* a prevote changes nothing */
	MR_CHECK_INT(bench.gate, 1);
}

MR_TEST(a_won_prevote_leads_to_a_vote_that_is_on_disk_first)
{
	const MrAction *send;

	mr_bench_start(&bench, 3);
	bench.lease.durable.reserved_timeline = 6;
	mr_bench_tick(&bench, 1);
	be_answered(2, MR_REFUSE_NONE);
	MR_REQUIRE(mr_bench_asked(&bench, 1) == MR_MSG_VOTE);
	send = mr_bench_did(&bench, MR_ACT_SEND);
	MR_CHECK(bench.persisted >= 0 && &bench.actions.list[bench.persisted] < send);
	MR_CHECK_INT(bench.disk.term, 1);
	MR_CHECK_INT(bench.disk.voted_nonce, MR_BENCH_NONCE);
	MR_CHECK_INT(bench.disk.reserved_timeline, 7);
	MR_CHECK_INT(bench.sent[1].timeline, 7);
	be_answered(1, MR_REFUSE_NONE);
	MR_CHECK_INT(bench.lease.role, MR_ROLE_LEADER);
	MR_CHECK_INT(bench.promoted_to, 7);
}

typedef struct UnfitCase
{
	MrRefusal refusal;
	size_t offset; /* of a bool in MrLocal */
	bool value;
} UnfitCase;

#define UNFIT(refusal, field, value) \
	{ \
		refusal, offsetof(MrLocal, field), value \
	}

static const UnfitCase unfit_cases[] = {
	UNFIT(MR_REFUSE_OBSERVE, manage, false),
	UNFIT(MR_REFUSE_STOPPING, server_stopping, true),
	UNFIT(MR_REFUSE_SICK, sick, true),
	UNFIT(MR_REFUSE_CRASH_RECOVERY, standby, false),
	UNFIT(MR_REFUSE_WAL_END_UNKNOWN, wal_end_known, false),
	UNFIT(MR_REFUSE_REPLAY_PAUSED, replay_paused, true),
	UNFIT(MR_REFUSE_VETO, vetoed, true),
};

MR_TEST(a_node_that_cannot_lead_does_not_stand_and_says_why_once)
{
	size_t i;

	for (i = 0; i < sizeof(unfit_cases) / sizeof(unfit_cases[0]); i++)
	{
		const UnfitCase *the = &unfit_cases[i];

		mr_unit_about("%s", mr_refusal_name((int) the->refusal));
		mr_bench_start(&bench, 3);
		*(bool *) ((char *) &bench.local + the->offset) = the->value;
		mr_bench_tick(&bench, 1);
		MR_CHECK_INT(bench.lease.role, MR_ROLE_FOLLOWER);
		MR_CHECK_INT(bench.lease.self_refusal, the->refusal);
		MR_CHECK(mr_bench_event(&bench, MR_EVENT_CANDIDATE_REFUSED) != NULL);
		mr_bench_tick(&bench, 1);
		MR_CHECK(mr_bench_event(&bench, MR_EVENT_CANDIDATE_REFUSED) == NULL);
	}
}

/* Same region as the old leader first, then region priority; each waits for its turn. */
MR_TEST(the_lesser_successor_lets_the_better_one_go_first)
{
	MrMessage *status;

	mr_bench_start(&bench, 3);
	snprintf(bench.lease.durable.config.members[2].region, MR_NAME_SIZE, "R1");
	mr_bench_follow(&bench, 1, 4);
	bench.lease.peers[1].report.flags = 0;
	status = mr_bench_request(&bench, MR_MSG_STATUS, 2, 4);
	MR_CHECK(status->report.flags & MR_REPORT_ELIGIBLE);
	mr_bench_deliver(&bench);
	bench.lease.peers[1].report.flags = 0;
	mr_bench_tick(&bench, MR_BENCH_PROMISE_MS);
	MR_CHECK_INT(bench.lease.role, MR_ROLE_FOLLOWER);
	mr_bench_tick(&bench, 29);
	MR_CHECK_INT(bench.lease.role, MR_ROLE_FOLLOWER);
	mr_bench_tick(&bench, 1);
	MR_CHECK_INT(bench.lease.role, MR_ROLE_PRECANDIDATE);
}

MR_TEST(a_lost_round_is_tried_again)
{
	int waited_ms = 0;

	mr_bench_start(&bench, 3);
	mr_bench_tick(&bench, 1);
	be_answered(1, MR_REFUSE_AHEAD);
	MR_CHECK_INT(bench.lease.role, MR_ROLE_PRECANDIDATE);
	mr_bench_unreachable(&bench, 2);
	MR_CHECK_INT(bench.lease.role, MR_ROLE_FOLLOWER);
	while (bench.lease.role == MR_ROLE_FOLLOWER && waited_ms++ < 2000)
		mr_bench_tick(&bench, 1);
	MR_CHECK(waited_ms > 300 && waited_ms < 2000); /* who is ahead stands first */
}

MR_TEST(a_candidate_whose_votes_do_not_come_gives_up_after_a_second)
{
	mr_bench_start(&bench, 3);
	mr_bench_tick(&bench, 1);
	be_answered(1, MR_REFUSE_NONE);
	MR_REQUIRE(bench.lease.role == MR_ROLE_CANDIDATE);
	mr_bench_tick(&bench, 998);
	MR_CHECK_INT(bench.lease.role, MR_ROLE_CANDIDATE);
	mr_bench_tick(&bench, 3);
	MR_CHECK_INT(bench.lease.role, MR_ROLE_FOLLOWER);
	mr_bench_request(&bench, MR_MSG_VOTE, 2, 2);
	mr_bench_deliver(&bench);
	MR_CHECK_INT(mr_bench_refusal(&bench), MR_REFUSE_NONE); /* its own promise is void */
}

/* An answer that belongs to an earlier request counts for nothing. */
MR_TEST(an_answer_to_an_older_round_is_no_vote)
{
	MrMessage old;

	mr_bench_start(&bench, 3);
	mr_bench_tick(&bench, 1);
	old = *mr_bench_answer(&bench, 1, MR_REFUSE_NONE);
	mr_bench_unreachable(&bench, 1);
	mr_bench_unreachable(&bench, 2);
	while (bench.lease.role == MR_ROLE_FOLLOWER)
		mr_bench_tick(&bench, 1);
	bench.message = old;
	mr_bench_deliver_answer(&bench, 1);
	MR_CHECK_INT(bench.lease.role, MR_ROLE_PRECANDIDATE);
}

MR_TEST(who_was_handed_the_lease_shows_the_proof_and_asks_for_no_prevote)
{
	MrMessage *release;

	mr_bench_start(&bench, 3);
	mr_bench_follow(&bench, 1, 4);
	release = mr_bench_request(&bench, MR_MSG_RELEASE, 1, 4);
	release->successor = bench.disk.node;
	release->need_lsn = 1000;
	release->cause = MR_CAUSE_ORDERLY_STOP;
	mr_bench_deliver(&bench);
	mr_bench_tick(&bench, 0);
	MR_REQUIRE(mr_bench_asked(&bench, 2) == MR_MSG_VOTE);
	MR_CHECK_INT(bench.sent[2].released.term, 4);
	MR_CHECK_INT(bench.sent[2].released.nonce, 101);
	be_answered(2, MR_REFUSE_NONE);
	MR_CHECK_INT(bench.lease.transition.cause, MR_CAUSE_ORDERLY_STOP);
	MR_CHECK_INT(bench.lease.transition.from_slot, 1);
}

/* Slot 1 hands term 4 over to the node under test. */
static void
be_handed_the_lease(void)
{
	MrMessage *release = mr_bench_request(&bench, MR_MSG_RELEASE, 1, 4);

	release->successor = bench.disk.node;
	release->need_lsn = 1000;
	release->cause = MR_CAUSE_PRIMARY_CRASH;
	mr_bench_deliver(&bench);
}

MR_TEST(a_veto_refuses_the_lease_but_does_not_drop_what_was_taken)
{
	mr_bench_start(&bench, 3);
	mr_bench_follow(&bench, 1, 4);
	bench.local.vetoed = true;
	be_handed_the_lease();
	MR_CHECK_INT(mr_bench_refusal(&bench), MR_REFUSE_VETO);
	bench.local.vetoed = false;
	be_handed_the_lease();
	MR_CHECK_INT(mr_bench_refusal(&bench), MR_REFUSE_NONE);
	bench.local.vetoed = true;
	mr_bench_tick(&bench, 0);
	MR_CHECK_INT(mr_bench_asked(&bench, 2), MR_MSG_VOTE);
}

MR_TEST(a_veto_shows_in_reports_and_lets_one_that_is_behind_win)
{
	mr_bench_start(&bench, 3);
	bench.local.vetoed = true;
	mr_bench_request(&bench, MR_MSG_PREVOTE, 1, 1)->report.wal_end = 10;
	mr_bench_deliver(&bench);
	MR_REQUIRE(mr_bench_refusal(&bench) == MR_REFUSE_NONE);
	MR_CHECK_INT(mr_bench_reply(&bench)->report.refusal, MR_REFUSE_VETO);
	bench.lease.peers[1].report = mr_bench_reply(&bench)->report;
	MR_CHECK_INT(mr_candidate_refusal_of(&bench.lease, 1, 0, MR_FIT_ORDERED_LOSSY), MR_REFUSE_VETO);
}

/* Its own lease died with it, so it need not wait for anything. */
MR_TEST(a_restarted_holder_stands_at_once_in_a_new_term)
{
	mr_bench_start(&bench, 3);
	mr_bench_lead(&bench);
	mr_bench_restart(&bench);
	mr_bench_tick(&bench, 1);
	MR_CHECK_INT(mr_bench_asked(&bench, 1), MR_MSG_VOTE);
	MR_CHECK_INT(bench.sent[1].term, 2);
	MR_CHECK_INT(bench.sent[1].timeline, 0); /* no promotion */
	be_answered(1, MR_REFUSE_NONE);
	MR_CHECK_INT(bench.lease.transition.cause, MR_CAUSE_RESTART);
}

MR_TEST(a_node_without_a_state_file_refuses_everything)
{
	mr_bench_start(&bench, 3);
	mr_bench_request(&bench, MR_MSG_VOTE, 1, 1);
	mr_lease_start(&bench.lease, NULL, 5, 1);
	mr_bench_deliver(&bench);
	MR_CHECK_INT(mr_bench_refusal(&bench), MR_REFUSE_FENCED_STATE);
	mr_bench_tick(&bench, 60000);
	MR_CHECK_INT(bench.lease.role, MR_ROLE_FOLLOWER);
}
