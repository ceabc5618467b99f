/*
 * The voter: which request it refuses and why, what it promises, and that a promise
 * is on disk before it leaves. Slot 0 is the voter; 1 leads or stands, 2 is the third.
 */
#include "unit/mr_lease_bench.h"
#include "unit/mr_unit.h"

#include <string.h>

static MrBench bench;

/* Ways in which a candidate's request, or the voter, differs from the one that is granted. */
typedef enum Twist
{
	NOTHING,
	VOTER_HAS_NO_VOTE,
	VOTER_OBSERVES,
	VOTER_IS_AMNESIAC,
	OLDER_CONFIGURATION,
	OLDER_TERM,
	VOTED_FOR_ANOTHER,
	VOTED_FOR_EARLIER_BOOT,
	PROMISED_TO_ANOTHER,
	PROMISE_JUST_OVER,
	PROMISED_TO_EARLIER_BOOT,
	PROMISE_RELEASED,
	PROMISE_RELEASED_BY_EARLIER_BOOT,
	VOTER_RESTARTED,
	VOTER_RESTARTED_LONG_AGO,
	WAL_END_UNKNOWN,
	LESS_WAL,
	LESS_WAL_OF_A_NEWER_LOG_TERM,
	MORE_WAL_OF_AN_OLDER_LOG_TERM,
	LESS_WAL_BUT_VOTER_CANNOT_LEAD,
	LESS_WAL_IN_QUORUM_MODE,
	VOTER_REBUILDING_IN_QUORUM_MODE,
	TIMELINE_TAKEN,
	NOT_SEVERED,
	FOREIGN_CLUSTER,
	STRANGER,
	SEQUENCE_WENT_BACK
} Twist;

typedef struct VoteCase
{
	Twist twist;
	MrRefusal prevote;
	MrRefusal vote;
} VoteCase;

static const VoteCase vote_cases[] = {
	{NOTHING, MR_REFUSE_NONE, MR_REFUSE_NONE},
	{VOTER_HAS_NO_VOTE, MR_REFUSE_NOT_VOTER, MR_REFUSE_NOT_VOTER},
	{VOTER_OBSERVES, MR_REFUSE_OBSERVE, MR_REFUSE_OBSERVE},
	{VOTER_IS_AMNESIAC, MR_REFUSE_SELF_AMNESIA, MR_REFUSE_SELF_AMNESIA},
	{OLDER_CONFIGURATION, MR_REFUSE_OLD_CONFIGURATION, MR_REFUSE_OLD_CONFIGURATION},
	{OLDER_TERM, MR_REFUSE_STALE_TERM, MR_REFUSE_STALE_TERM},
	{VOTED_FOR_ANOTHER, MR_REFUSE_STALE_TERM, MR_REFUSE_ALREADY_VOTED},
	{VOTED_FOR_EARLIER_BOOT, MR_REFUSE_STALE_TERM, MR_REFUSE_ALREADY_VOTED},
	{PROMISED_TO_ANOTHER, MR_REFUSE_PROMISED, MR_REFUSE_PROMISED},
	{PROMISE_JUST_OVER, MR_REFUSE_NONE, MR_REFUSE_NONE},
	{PROMISED_TO_EARLIER_BOOT, MR_REFUSE_NONE, MR_REFUSE_NONE},
	{PROMISE_RELEASED, MR_REFUSE_NONE, MR_REFUSE_NONE},
	{PROMISE_RELEASED_BY_EARLIER_BOOT, MR_REFUSE_PROMISED, MR_REFUSE_PROMISED},
	{VOTER_RESTARTED, MR_REFUSE_PROMISED, MR_REFUSE_PROMISED},
	{VOTER_RESTARTED_LONG_AGO, MR_REFUSE_NONE, MR_REFUSE_NONE},
	{WAL_END_UNKNOWN, MR_REFUSE_WAL_END_UNKNOWN, MR_REFUSE_WAL_END_UNKNOWN},
	{LESS_WAL, MR_REFUSE_AHEAD, MR_REFUSE_AHEAD},
	{LESS_WAL_OF_A_NEWER_LOG_TERM, MR_REFUSE_NONE, MR_REFUSE_NONE},
	{MORE_WAL_OF_AN_OLDER_LOG_TERM, MR_REFUSE_AHEAD, MR_REFUSE_AHEAD},
	{LESS_WAL_BUT_VOTER_CANNOT_LEAD, MR_REFUSE_NONE, MR_REFUSE_NONE},
	{LESS_WAL_IN_QUORUM_MODE, MR_REFUSE_AHEAD, MR_REFUSE_AHEAD},
	{VOTER_REBUILDING_IN_QUORUM_MODE, MR_REFUSE_REBUILDING, MR_REFUSE_REBUILDING},
	{TIMELINE_TAKEN, MR_REFUSE_TIMELINE_TAKEN, MR_REFUSE_TIMELINE_TAKEN},
	{NOT_SEVERED, MR_REFUSE_NONE, MR_REFUSE_NOT_SEVERED},
	{FOREIGN_CLUSTER, MR_REFUSE_FOREIGN_CLUSTER, MR_REFUSE_FOREIGN_CLUSTER},
	{STRANGER, MR_REFUSE_UNKNOWN_MEMBER, MR_REFUSE_UNKNOWN_MEMBER},
	{SEQUENCE_WENT_BACK, MR_REFUSE_AMNESIA, MR_REFUSE_AMNESIA},
};

/* What the voter has been through before the request: slot 2 led term 4, then fell silent. */
static void
twist_voter(Twist twist)
{
	MrDurable *durable = &bench.lease.durable;
	int64_t silence_ms = twist == PROMISED_TO_ANOTHER || twist == PROMISE_RELEASED ||
								 twist == PROMISE_RELEASED_BY_EARLIER_BOOT
							 ? MR_BENCH_PROMISE_MS - 1
							 : MR_BENCH_PROMISE_MS;

	mr_bench_start(&bench, 3);
	durable->log_term = 3;
	mr_bench_follow(&bench, twist == PROMISED_TO_EARLIER_BOOT ? 1 : 2, 4);
	bench.now_ms += twist == PROMISED_TO_EARLIER_BOOT ? 1 : silence_ms;
	if (twist == VOTER_RESTARTED || twist == VOTER_RESTARTED_LONG_AGO)
		mr_bench_restart(&bench);
	if (twist == VOTER_RESTARTED_LONG_AGO)
		bench.now_ms += MR_BENCH_PROMISE_MS;
	if (twist == VOTED_FOR_ANOTHER || twist == VOTED_FOR_EARLIER_BOOT)
	{
		durable->term = 5;
		durable->voted_for = durable->config.members[twist == VOTED_FOR_ANOTHER ? 2 : 1].uuid;
		durable->voted_nonce = 99;
	}
	if (twist == VOTER_HAS_NO_VOTE)
		durable->config.voters = 6;
	if (twist == VOTER_REBUILDING_IN_QUORUM_MODE)
		durable->rebuilding_term = 4;
	if (twist == VOTER_REBUILDING_IN_QUORUM_MODE || twist == LESS_WAL_IN_QUORUM_MODE)
		durable->config.policy.durability = MR_DURABILITY_QUORUM;
	if (twist == LESS_WAL_BUT_VOTER_CANNOT_LEAD || twist == LESS_WAL_IN_QUORUM_MODE)
		durable->config.members[0].no_promote = true;
	durable->amnesiac = twist == VOTER_IS_AMNESIAC;
	bench.local.manage = twist != VOTER_OBSERVES;
	bench.local.wal_end_known = twist != WAL_END_UNKNOWN;
	if (twist == TIMELINE_TAKEN)
		durable->reserved_timeline = 2;
	if (twist == SEQUENCE_WENT_BACK)
		durable->peer_sequence[1] = 51;
}

static void
twist_request(Twist twist, MrMessage *message)
{
	message->timeline = 2;
	message->released.term = 4;
	message->released.holder = bench.lease.durable.config.members[2].uuid;
	message->released.nonce = twist == PROMISE_RELEASED ? 102 : 1;
	if (twist != PROMISE_RELEASED && twist != PROMISE_RELEASED_BY_EARLIER_BOOT)
		memset(&message->released, 0, sizeof(message->released));
	if (twist == PROMISED_TO_EARLIER_BOOT)
		message->nonce++;
	if (twist == OLDER_CONFIGURATION)
		message->config_version--;
	if (twist == OLDER_TERM)
		message->term = 3;
	if (twist == LESS_WAL || twist == LESS_WAL_OF_A_NEWER_LOG_TERM ||
		twist == LESS_WAL_BUT_VOTER_CANNOT_LEAD || twist == LESS_WAL_IN_QUORUM_MODE)
		message->report.wal_end--;
	if (twist == LESS_WAL_OF_A_NEWER_LOG_TERM)
		message->report.log_term = 4;
	if (twist == MORE_WAL_OF_AN_OLDER_LOG_TERM)
	{
		message->report.log_term = 2;
		message->report.wal_end += 5000;
	}
	if (twist == FOREIGN_CLUSTER)
		message->cluster.bytes[0]++;
	if (twist == STRANGER)
		message->sender.bytes[0]++;
}

MR_TEST(a_vote_is_refused_for_each_reason_and_for_no_other)
{
	size_t i;

	for (i = 0; i < sizeof(vote_cases) / sizeof(vote_cases[0]); i++)
	{
		const VoteCase *the = &vote_cases[i];
		MrMessageKind kind;

		for (kind = MR_MSG_PREVOTE; kind <= MR_MSG_VOTE; kind++)
		{
			MrRefusal expected = kind == MR_MSG_VOTE ? the->vote : the->prevote;
			MrDurable before;

			mr_unit_about("case %d, %s", (int) i, mr_message_name((int) kind));
			twist_voter(the->twist);
			before = bench.disk;
			twist_request(the->twist, mr_bench_request(&bench, kind, 1, 5));
			bench.local.sever_failed = the->twist == NOT_SEVERED;
			mr_bench_deliver(&bench);
			MR_CHECK_INT(mr_bench_refusal(&bench), expected);
			MR_CHECK_INT(bench.disk.term, kind == MR_MSG_VOTE && expected == MR_REFUSE_NONE
											  ? 5
											  : (int64_t) before.term);
		}
	}
}

MR_TEST(a_vote_is_on_disk_before_it_leaves_and_severs_first)
{
	mr_bench_start(&bench, 3);
	mr_bench_follow(&bench, 2, 1);
	MR_REQUIRE(bench.gate == 2);
	mr_bench_tick(&bench, MR_BENCH_PROMISE_MS);
	mr_bench_request(&bench, MR_MSG_VOTE, 1, 7)->timeline = 9;
	mr_bench_deliver(&bench);
	MR_REQUIRE(mr_bench_refusal(&bench) == MR_REFUSE_NONE);
	MR_CHECK(bench.persisted >= 0 && bench.persisted < bench.replied);
	MR_CHECK_INT(bench.gate, MR_NO_SLOT);
	MR_CHECK_INT(bench.disk.term, 7);
	MR_CHECK_INT(bench.disk.voted_nonce, 101);
	MR_CHECK_INT(bench.disk.reserved_timeline, 9);
	MR_CHECK_INT(bench.disk.max_lease_ms, MR_BENCH_LEASE_MS);
	MR_CHECK(mr_bench_event(&bench, MR_EVENT_VOTE_GIVEN) != NULL);
}

/* The same request comes twice when its first answer was lost. */
MR_TEST(the_same_vote_may_be_given_again)
{
	mr_bench_start(&bench, 3);
	mr_bench_request(&bench, MR_MSG_VOTE, 1, 7);
	mr_bench_deliver(&bench);
	mr_bench_deliver(&bench);
	MR_CHECK_INT(mr_bench_refusal(&bench), MR_REFUSE_NONE);
	MR_CHECK_INT(bench.persisted, -1);
}

MR_TEST(a_refused_promise_says_when_to_come_again)
{
	mr_bench_start(&bench, 3);
	mr_bench_follow(&bench, 2, 1);
	bench.now_ms += 1000;
	mr_bench_request(&bench, MR_MSG_PREVOTE, 1, 2);
	mr_bench_deliver(&bench);
	MR_REQUIRE(mr_bench_refusal(&bench) == MR_REFUSE_PROMISED);
	MR_CHECK_INT(mr_bench_reply(&bench)->retry_after_ms, MR_BENCH_PROMISE_MS - 1000 + 1);
}

MR_TEST(a_voter_that_is_ahead_stands_at_once)
{
	mr_bench_start(&bench, 3);
	mr_bench_request(&bench, MR_MSG_PREVOTE, 1, 1)->report.wal_end = 10;
	mr_bench_deliver(&bench);
	MR_REQUIRE(mr_bench_refusal(&bench) == MR_REFUSE_AHEAD);
	mr_bench_tick(&bench, 0);
	MR_CHECK_INT(mr_bench_asked(&bench, 1), MR_MSG_PREVOTE);
	MR_CHECK_INT(mr_bench_asked(&bench, 2), MR_MSG_PREVOTE);
}
