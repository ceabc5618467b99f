/*
 * An orderly stop of the leader: when a successor is asked, and asked again.
 */
#include "unit/mr_lease_bench.h"
#include "unit/mr_unit.h"

static MrBench bench;

/* A leader that was told to stop and may hand over to anybody. */
static void
be_stopped(bool writers)
{
	mr_bench_start(&bench, 3);
	bench.lease.durable.config.policy.on_stop = MR_ON_STOP_ANY;
	mr_bench_lead(&bench);
	MR_REQUIRE(bench.deadline_ms > 0);
	bench.local.last_commit = bench.local.wal_end;
	bench.local.server_stopping = bench.local.handover_stop = true;
	bench.local.writers = writers;
	bench.sent[1].kind = bench.sent[2].kind = MR_MSG_NONE;
	mr_bench_tick(&bench, 1);
	MR_REQUIRE(bench.deadline_ms == 0);
}

static void
be_refused(int slot, MrRefusal refusal)
{
	MR_REQUIRE(mr_bench_asked(&bench, slot) == MR_MSG_RELEASE);
	(void) mr_bench_answer(&bench, slot, refusal);
	mr_bench_deliver_answer(&bench, 1);
}

MR_TEST(commits_under_way_end_before_a_successor_is_named)
{
	be_stopped(true);
	mr_bench_tick(&bench, 50);
	MR_CHECK(mr_bench_asked(&bench, 1) != MR_MSG_RELEASE);
	bench.local.writers = false;
	mr_bench_tick(&bench, 2);
	MR_CHECK_INT(mr_bench_asked(&bench, 1), MR_MSG_RELEASE);
}

MR_TEST(a_session_that_does_not_end_is_not_waited_for)
{
	be_stopped(true);
	mr_bench_tick(&bench, 200);
	MR_CHECK_INT(mr_bench_asked(&bench, 1), MR_MSG_RELEASE);
}

MR_TEST(who_only_lacked_bytes_is_asked_again)
{
	be_stopped(false);
	mr_bench_tick(&bench, 2);
	be_refused(1, MR_REFUSE_BEHIND);
	be_refused(2, MR_REFUSE_REPLAY_PAUSED);
	mr_bench_tick(&bench, 2);
	MR_CHECK_INT(mr_bench_asked(&bench, 1), MR_MSG_RELEASE);
	be_refused(1, MR_REFUSE_NONE);
	MR_REQUIRE(mr_bench_did(&bench, MR_ACT_EXIT) != NULL);
	MR_CHECK_INT(mr_bench_did(&bench, MR_ACT_EXIT)->slot, 1);
}

/* What a dead server's walsenders still send is there soon; its restart must not wait for more. */
MR_TEST(a_server_that_dies_while_it_stops_is_not_waited_for_as_long_as_for_its_stop)
{
	int asked = 0;

	be_stopped(false);
	bench.lease.handover_until_ns += 10000 * MR_NS_PER_MS; /* of a long stop_timeout */
	bench.local.server_dead = true;
	for (int i = 0; i < 600 && bench.exits == 0; i++)
	{
		mr_bench_tick(&bench, 1);
		for (int slot = 1; slot <= 2; slot++)
			if (bench.exits == 0 && mr_bench_asked(&bench, slot) == MR_MSG_RELEASE)
			{
				be_refused(slot, MR_REFUSE_BEHIND);
				asked++;
			}
	}
	MR_CHECK(asked > 2);
	MR_CHECK_INT(bench.exits, 1);
	MR_REQUIRE(mr_bench_did(&bench, MR_ACT_EXIT) != NULL);
	MR_CHECK_INT(mr_bench_did(&bench, MR_ACT_EXIT)->slot, MR_NO_SLOT);
}

MR_TEST(who_refused_for_another_reason_is_not)
{
	be_stopped(false);
	mr_bench_tick(&bench, 2);
	be_refused(1, MR_REFUSE_REPLAY_PAUSED);
	be_refused(2, MR_REFUSE_REPLAY_PAUSED);
	mr_bench_tick(&bench, 2);
	MR_CHECK(mr_bench_asked(&bench, 1) != MR_MSG_RELEASE);
	mr_bench_tick(&bench, 1000);
	MR_REQUIRE(mr_bench_did(&bench, MR_ACT_EXIT) != NULL);
	MR_CHECK_INT(mr_bench_did(&bench, MR_ACT_EXIT)->slot, MR_NO_SLOT);
}
