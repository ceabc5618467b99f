/*
 * A witness: what it remembers of leaders, whom it elects, that it never stands or
 * follows, and what others make of its word. Slot 0 is the witness, or, where it says so,
 * a standby whose peer in slot 2 is one.
 */
#include "unit/mr_lease_bench.h"
#include "unit/mr_unit.h"

#define MB UINT64_C(1048576)
#define WAL (100 * MB) /* where the leader was */

static MrBench bench;

/* Slot 1 leads term 5 with a stamp at 50 MB, and has reported that it is at WAL. */
static void
start_witness(void)
{
	mr_bench_start(&bench, 3);
	bench.lease.durable.config.members[0].witness = true;
	bench.disk = bench.lease.durable;
	bench.local.in_recovery = bench.local.standby = false;
	bench.local.wal_end = 7; /* of its own little cluster */
	mr_bench_request(&bench, MR_MSG_GRANT, 1, 5);
	bench.message.stamp.term = 5;
	bench.message.stamp.node = bench.message.sender;
	bench.message.stamp.timeline = 2;
	bench.message.stamp.lsn = 50 * MB;
	bench.message.report.log_term = 5;
	bench.message.report.wal_end = WAL;
	bench.message.report.flags = 0;
	mr_bench_deliver(&bench);
	MR_CHECK_INT(mr_bench_refusal(&bench), MR_REFUSE_NONE);
	mr_bench_tick(&bench, 1);
}

/* Slot 2 asks for its vote in term 6, holding this much; the refusal. */
static int
asked_by(uint64_t log_term, MrLsn wal_end, uint32_t flags)
{
	bench.now_ms += 10000;
	mr_bench_request(&bench, MR_MSG_VOTE, 2, bench.lease.durable.term + 1);
	bench.message.timeline = bench.lease.durable.reserved_timeline + 1;
	bench.message.report.log_term = log_term;
	bench.message.report.wal_end = wal_end;
	bench.message.report.flags = flags;
	bench.message.stamp = bench.lease.durable.stamp;
	mr_bench_deliver(&bench);
	return mr_bench_refusal(&bench);
}

#define STANDBY (MR_REPORT_IN_RECOVERY | MR_REPORT_STANDBY | MR_REPORT_WAL_END_KNOWN)

MR_TEST(it_follows_nobody_stands_never_and_is_always_fenced)
{
	start_witness();
	MR_CHECK_INT(bench.gate, MR_NO_SLOT);
	MR_CHECK_INT(bench.stops, 0);
	mr_bench_tick(&bench, 60000);
	mr_bench_tick(&bench, 60000);
	MR_CHECK_INT(bench.lease.role, MR_ROLE_FOLLOWER);
	MR_CHECK_INT(bench.lease.self_refusal, MR_REFUSE_WITNESS);
	MR_CHECK_INT(bench.deadline_ms, 0);
	MR_CHECK_INT(bench.stops + bench.promotions, 0);
}

/* It hears the leader before the configuration that has it; a former primary would be stopped. */
MR_TEST(one_that_is_not_known_yet_is_not_stopped)
{
	uint64_t log_term;

	for (log_term = 0; log_term <= 4; log_term += 4)
	{
		mr_bench_start(&bench, 3);
		bench.lease.self = MR_NO_SLOT;
		bench.lease.durable.log_term = log_term;
		bench.local.in_recovery = bench.local.standby = false;
		mr_bench_follow(&bench, 1, 5);
		MR_CHECK_INT(bench.stops, log_term == 0 ? 0 : 1);
	}
}

MR_TEST(it_reports_the_highest_position_it_was_told)
{
	start_witness();
	MR_CHECK_INT(bench.lease.durable.log_term, 5);
	mr_bench_request(&bench, MR_MSG_STATUS, 2, 5);
	mr_bench_deliver(&bench);
	MR_CHECK_INT(mr_bench_reply(&bench)->report.log_term, 5);
	MR_CHECK_INT(mr_bench_reply(&bench)->report.wal_end, WAL);
	MR_CHECK(!(mr_bench_reply(&bench)->report.flags & (MR_REPORT_STANDBY | MR_REPORT_ELIGIBLE)));
	/* a new leader without a stamp may be shorter: that is not forgotten */
	MR_CHECK_INT(asked_by(5, WAL - MB, STANDBY), MR_REFUSE_NONE);
	mr_bench_request(&bench, MR_MSG_GRANT, 2, 6);
	bench.message.stamp = bench.lease.durable.stamp;
	bench.message.report.log_term = 5;
	bench.message.report.wal_end = WAL - MB;
	mr_bench_deliver(&bench);
	MR_CHECK_INT(bench.lease.leader_lsn, WAL);
}

MR_TEST(it_elects_who_lacks_no_more_than_may_be_lost)
{
	start_witness();
	MR_CHECK_INT(asked_by(5, WAL, STANDBY), MR_REFUSE_NONE);
	start_witness();
	MR_CHECK_INT(asked_by(5, WAL - 16 * MB, STANDBY), MR_REFUSE_NONE);
	start_witness();
	MR_CHECK_INT(asked_by(5, WAL - 16 * MB - 1, STANDBY), MR_REFUSE_WITNESSED);
	bench.lease.durable.config.policy.max_failover_lag_bytes = -1;
	MR_CHECK_INT(asked_by(5, WAL - 16 * MB - 1, STANDBY), MR_REFUSE_NONE);
	start_witness();
	bench.lease.durable.config.policy.max_failover_lag_bytes = 0;
	MR_CHECK_INT(asked_by(5, WAL - 1, STANDBY), MR_REFUSE_WITNESSED);
}

MR_TEST(it_does_not_elect_who_missed_the_newest_leadership)
{
	start_witness();
	MR_CHECK_INT(asked_by(4, WAL + MB, 0), MR_REFUSE_WITNESSED); /* a former primary */
	MR_CHECK_INT(asked_by(4, WAL + MB, STANDBY), MR_REFUSE_WITNESSED);
	/* a standby of that leader that ends just before its stamp lacks what can be counted */
	MR_CHECK_INT(asked_by(4, 50 * MB, STANDBY), MR_REFUSE_WITNESSED);
	bench.lease.durable.config.policy.max_failover_lag_bytes = (int64_t) (50 * MB);
	MR_CHECK_INT(asked_by(4, 50 * MB, STANDBY | MR_REPORT_DIVERGED), MR_REFUSE_WITNESSED);
	MR_CHECK_INT(asked_by(4, 50 * MB, STANDBY), MR_REFUSE_NONE);
}

MR_TEST(a_restart_does_not_make_it_forget)
{
	start_witness();
	bench.disk.leader_lsn = 10 * MB; /* what was written last is behind */
	mr_bench_restart(&bench);
	mr_bench_tick(&bench, 1);
	MR_CHECK_INT(bench.lease.durable.log_term, 5);
	MR_CHECK_INT(asked_by(4, WAL + MB, 0), MR_REFUSE_WITNESSED);
	bench.lease.durable.config.policy.max_failover_lag_bytes = 0;
	MR_CHECK_INT(asked_by(5, 50 * MB, STANDBY), MR_REFUSE_WITNESSED);
}

/* Slot 0 is a standby; the witness in slot 2 heard the leader when it no longer did. */
MR_TEST(a_standby_that_a_witness_knows_to_lag_does_not_stand)
{
	mr_bench_start(&bench, 3);
	bench.lease.durable.config.members[2].witness = true;
	bench.local.wal_end = bench.local.replay_lsn = WAL;
	mr_bench_request(&bench, MR_MSG_STATUS, 2, 0);
	bench.message.report.wal_end = WAL + 20 * MB;
	bench.message.report.flags = MR_REPORT_WAL_END_KNOWN;
	mr_bench_deliver(&bench);
	mr_bench_tick(&bench, 10000);
	mr_bench_tick(&bench, 1000);
	MR_CHECK_INT(bench.lease.self_refusal, MR_REFUSE_LAG);
	bench.lease.durable.config.policy.max_failover_lag_bytes = (int64_t) (20 * MB);
	mr_bench_tick(&bench, 1000);
	MR_CHECK_INT(bench.lease.self_refusal, MR_REFUSE_NONE);
}
