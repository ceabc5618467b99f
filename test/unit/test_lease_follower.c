/*
 * The follower: grants, whom it follows, and releases. Slot 0 follows; 1 leads.
 */
#include "unit/mr_lease_bench.h"
#include "unit/mr_unit.h"

static MrBench bench;

typedef struct GrantCase
{
	const char *what;
	uint64_t term; /* the voter knows term 4, led by slot 1 */
	int from;
	int nonce; /* added to the sender's */
	bool amnesiac;
	bool observes;
	MrRefusal refusal;
} GrantCase;

static const GrantCase grant_cases[] = {
	{"a renewal", 4, 1, 0, false, false, MR_REFUSE_NONE},
	{"a newer term", 5, 2, 0, false, false, MR_REFUSE_NONE},
	{"an older term", 3, 2, 0, false, false, MR_REFUSE_STALE_TERM},
	{"another boot of the holder in its old term", 4, 1, 1, false, false, MR_REFUSE_WRONG_BOOT},
	{"another boot of the holder in a new term", 5, 1, 1, false, false, MR_REFUSE_NONE},
	{"an amnesiac", 4, 1, 0, true, false, MR_REFUSE_SELF_AMNESIA},
	{"an observer", 4, 1, 0, false, true, MR_REFUSE_OBSERVE},
};

MR_TEST(a_grant_is_accepted_from_the_holder_of_the_newest_term)
{
	size_t i;

	for (i = 0; i < sizeof(grant_cases) / sizeof(grant_cases[0]); i++)
	{
		const GrantCase *the = &grant_cases[i];
		int64_t expected_ms = the->refusal == MR_REFUSE_NONE ? 10 : 0;

		mr_unit_about("%s", the->what);
		mr_bench_start(&bench, 3);
		mr_bench_follow(&bench, 1, 4);
		bench.now_ms = 10;
		bench.lease.durable.amnesiac = the->amnesiac;
		bench.local.manage = !the->observes;
		mr_bench_request(&bench, MR_MSG_GRANT, the->from, the->term)->nonce +=
			(uint64_t) the->nonce;
		mr_bench_deliver(&bench);
		MR_CHECK_INT(mr_bench_refusal(&bench), the->refusal);
		MR_CHECK_INT(bench.lease.promise_until_ns / MR_NS_PER_MS,
					 1000000 + expected_ms + MR_BENCH_PROMISE_MS);
	}
}

MR_TEST(a_renewal_writes_no_file_but_a_new_holder_does)
{
	mr_bench_start(&bench, 3);
	mr_bench_follow(&bench, 1, 4);
	MR_CHECK(bench.persisted >= 0 && bench.persisted < bench.replied);
	mr_bench_follow(&bench, 1, 4);
	MR_CHECK_INT(bench.persisted, -1);
	mr_bench_follow(&bench, 2, 5);
	MR_CHECK(bench.persisted >= 0 && bench.persisted < bench.replied);
}

typedef struct FollowCase
{
	const char *what;
	uint64_t stamp_term; /* the leader's term is 4 */
	uint32_t stamp_timeline;
	MrLsn stamp_lsn;
	uint32_t timeline;
	MrLsn replay_lsn;
	bool in_recovery;
	bool standby;
	int gate;
	int stops;
} FollowCase;

static const FollowCase follow_cases[] = {
	{"a prefix of the leader", 4, 2, 1000, 1, 1000, true, true, 1, 0},
	{"on its timeline", 4, 2, 1000, 2, 1500, true, true, 1, 0},
	{"before its stamp", 3, 1, 500, 1, 1000, true, true, MR_NO_SLOT, 0},
	{"past its fork", 4, 2, 999, 1, 1000, true, true, MR_NO_SLOT, 1},
	{"on a newer timeline", 4, 2, 1000, 3, 900, true, true, MR_NO_SLOT, 1},
	{"a former primary", 4, 2, 1000, 1, 1000, false, false, MR_NO_SLOT, 1},
	{"in crash recovery", 4, 2, 999, 1, 1000, true, false, MR_NO_SLOT, 0},
};

MR_TEST(the_gate_opens_only_for_who_is_a_prefix_of_a_stamped_leader)
{
	size_t i;

	for (i = 0; i < sizeof(follow_cases) / sizeof(follow_cases[0]); i++)
	{
		const FollowCase *the = &follow_cases[i];
		MrMessage *grant;

		mr_unit_about("%s", the->what);
		mr_bench_start(&bench, 3);
		bench.local.timeline = the->timeline;
		bench.local.replay_lsn = the->replay_lsn;
		bench.local.in_recovery = the->in_recovery;
		bench.local.standby = the->standby;
		grant = mr_bench_request(&bench, MR_MSG_GRANT, 1, 4);
		grant->stamp.term = the->stamp_term;
		grant->stamp.timeline = the->stamp_timeline;
		grant->stamp.lsn = the->stamp_lsn;
		mr_bench_deliver(&bench);
		MR_CHECK_INT(mr_bench_refusal(&bench), MR_REFUSE_NONE);
		MR_CHECK_INT(bench.gate, the->gate);
		MR_CHECK_INT(bench.stops, the->stops);
	}
}

MR_TEST(the_log_term_follows_once_wal_past_the_stamp_is_held)
{
	mr_bench_start(&bench, 3);
	mr_bench_follow(&bench, 1, 4); /* its stamp is our end */
	mr_bench_tick(&bench, 1);
	MR_CHECK_INT(bench.disk.log_term, 0);
	bench.local.wal_end++;
	bench.local.timeline = 2; /* not the stamp's */
	mr_bench_tick(&bench, 1);
	MR_CHECK_INT(bench.disk.log_term, 0);
	bench.local.timeline = 1;
	mr_bench_tick(&bench, 1);
	MR_CHECK_INT(bench.disk.log_term, 4);
}

typedef struct ReleaseCase
{
	const char *what;
	uint64_t term; /* slot 1 leads term 4; our WAL ends at 1000 */
	int nonce;
	int successor; /* slot */
	MrLsn need_lsn;
	bool can_lead;
	int refusal; /* -1: not answered yet */
} ReleaseCase;

static const ReleaseCase release_cases[] = {
	{"to us, who hold the last byte", 4, 0, 0, 1000, true, MR_REFUSE_NONE},
	{"to us, who wait for a byte", 4, 0, 0, 1001, true, -1},
	{"to us, who cannot lead", 4, 0, 0, 1000, false, MR_REFUSE_REPLAY_PAUSED},
	{"to another, on a condition", 4, 0, 2, 900, true, MR_REFUSE_MALFORMED},
	{"to anybody", 4, 0, 1, 0, true, MR_REFUSE_NONE},
	{"of an older term", 3, 0, 0, 1000, true, MR_REFUSE_STALE_TERM},
	{"of a newer term", 5, 0, 0, 1000, true, MR_REFUSE_STALE_TERM},
	{"by another boot", 4, 1, 0, 1000, true, MR_REFUSE_STALE_TERM},
};

static int64_t
now_ns(void)
{
	return (INT64_C(1000000) + bench.now_ms) * MR_NS_PER_MS;
}

static void
receive_release(const ReleaseCase *the)
{
	MrMessage *release;

	mr_bench_start(&bench, 3);
	mr_bench_follow(&bench, 1, 4);
	bench.local.replay_paused = !the->can_lead;
	release = mr_bench_request(&bench, MR_MSG_RELEASE, 1, the->term);
	release->nonce += (uint64_t) the->nonce;
	release->successor = bench.disk.config.members[the->successor].uuid;
	release->need_lsn = the->need_lsn;
	release->cause = MR_CAUSE_ORDERLY_STOP;
	mr_bench_deliver(&bench);
}

MR_TEST(a_release_is_taken_by_a_successor_that_holds_the_last_byte)
{
	size_t i;

	for (i = 0; i < sizeof(release_cases) / sizeof(release_cases[0]); i++)
	{
		const ReleaseCase *the = &release_cases[i];
		bool accepted = the->refusal == MR_REFUSE_NONE;

		mr_unit_about("%s", the->what);
		receive_release(the);
		MR_CHECK_INT(mr_bench_refusal(&bench), the->refusal);
		MR_CHECK_INT(mr_bench_did(&bench, MR_ACT_DEFER) != NULL, the->refusal == -1);
		mr_bench_tick(&bench, 0);
		MR_CHECK_INT(mr_bench_asked(&bench, 2),
					 accepted && the->successor == 0 ? MR_MSG_VOTE : MR_MSG_STATUS);
		MR_CHECK_INT(bench.lease.promise_until_ns == 0, accepted && the->successor != 0);
	}
}

/* Until the next leader is heard, or would have been. */
MR_TEST(a_lease_is_passing_after_a_release_and_after_a_vote)
{
	mr_bench_start(&bench, 3);
	MR_CHECK(!mr_lease_is_passing(&bench.lease, now_ns()));
	mr_bench_follow(&bench, 1, 4);
	MR_CHECK(!mr_lease_is_passing(&bench.lease, now_ns()));
	receive_release(&release_cases[0]);
	MR_CHECK(mr_lease_is_passing(&bench.lease, now_ns()));
	MR_CHECK(!mr_lease_is_passing(&bench.lease, now_ns() + MR_BENCH_PROMISE_MS * MR_NS_PER_MS));

	mr_bench_start(&bench, 3);
	(void) mr_bench_request(&bench, MR_MSG_VOTE, 1, 5);
	mr_bench_deliver(&bench);
	MR_REQUIRE(mr_bench_refusal(&bench) == MR_REFUSE_NONE);
	MR_CHECK(mr_lease_is_passing(&bench.lease, now_ns()));
	MR_CHECK(!mr_lease_is_passing(&bench.lease, now_ns() + MR_BENCH_PROMISE_MS * MR_NS_PER_MS));
	mr_bench_follow(&bench, 1, 5);
	MR_CHECK(!mr_lease_is_passing(&bench.lease, now_ns()));
}

/* It may still be on its way; a little later it is not. */
MR_TEST(a_missing_byte_is_waited_for_but_not_long)
{
	MrLeaseEvent event = {.kind = MR_EV_REQUEST};
	MrActions *actions = &bench.actions;

	receive_release(&release_cases[1]);
	MR_REQUIRE(mr_bench_did(&bench, MR_ACT_DEFER) != NULL);
	event.message = &bench.message;
	event.received_ns = INT64_C(1000000) * MR_NS_PER_MS;
	event.now_ns = event.received_ns + 200 * MR_NS_PER_MS;
	mr_lease_step(&bench.lease, &bench.local, &event, actions);
	MR_CHECK_INT(mr_bench_refusal(&bench), MR_REFUSE_BEHIND);
	event.now_ns = event.received_ns + 20 * MR_NS_PER_MS;
	bench.local.wal_end = 1001;
	mr_lease_step(&bench.lease, &bench.local, &event, actions);
	MR_CHECK_INT(mr_bench_refusal(&bench), MR_REFUSE_NONE);
}

MR_TEST(a_released_term_is_not_granted_again)
{
	receive_release(&release_cases[4]);
	mr_bench_request(&bench, MR_MSG_GRANT, 1, 4);
	mr_bench_deliver(&bench);
	MR_CHECK_INT(mr_bench_refusal(&bench), MR_REFUSE_RELEASED);
}
