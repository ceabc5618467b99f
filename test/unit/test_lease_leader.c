/*
 * The leader: what its deadline counts from, how it lapses and resumes, what ends it,
 * and its last act. Slot 0 leads; 1 and 2 grant.
 */
#include "unit/mr_lease_bench.h"
#include "unit/mr_unit.h"

static MrBench bench;

/* Peers answer the heartbeat that was sent to them. */
static void
grant(int slot, int64_t ms)
{
	(void) mr_bench_answer(&bench, slot, MR_REFUSE_NONE);
	mr_bench_deliver_answer(&bench, ms);
}

/* A leader with fresh grants of both peers and no request under way. */
static void
start_leader(void)
{
	mr_bench_start(&bench, 3);
	mr_bench_lead(&bench);
	while (mr_bench_asked(&bench, 1) == MR_MSG_GRANT || mr_bench_asked(&bench, 2) == MR_MSG_GRANT)
	{
		grant(mr_bench_asked(&bench, 1) == MR_MSG_GRANT ? 1 : 2, 0);
		mr_bench_tick(&bench, 1);
	}
	MR_CHECK_INT(bench.lease.role, MR_ROLE_LEADER);
}

MR_TEST(the_deadline_counts_from_the_send_of_the_majoritys_grants)
{
	int64_t sent_ms;

	start_leader();
	mr_bench_tick(&bench, 500);
	sent_ms = bench.now_ms;
	MR_REQUIRE(mr_bench_asked(&bench, 1) == MR_MSG_GRANT);
	grant(1, 400);
	MR_CHECK_INT(bench.deadline_ms, sent_ms + MR_BENCH_LEASE_MS);
	grant(2, 100); /* a majority had granted already */
	MR_CHECK_INT(bench.deadline_ms, sent_ms + MR_BENCH_LEASE_MS);
}

MR_TEST(nothing_is_published_before_the_stamp_is_on_disk)
{
	mr_bench_start(&bench, 3);
	mr_bench_tick(&bench, 0);
	grant(1, 1);
	grant(1, 1);
	MR_REQUIRE(bench.lease.role == MR_ROLE_LEADER);
	MR_CHECK_INT(bench.promotions, 1);
	MR_CHECK_INT(bench.deadline_ms, 0);
	mr_bench_tick(&bench, 1);
	MR_CHECK_INT(bench.deadline_ms, 0);
	bench.local.in_recovery = bench.local.standby = false;
	bench.local.timeline = bench.promoted_to;
	bench.local.fork_lsn = 1000;
	mr_bench_tick(&bench, 1);
	MR_CHECK(bench.deadline_ms > 0);
	MR_CHECK_INT(bench.persisted, 0);
	MR_CHECK_INT(bench.disk.stamp.term, bench.disk.term);
	MR_CHECK_INT(bench.disk.stamp.lsn, 1000);
	MR_CHECK_INT(bench.disk.last_led_term, bench.disk.term);
}

/* Whoever ordered the change may stand at a node whose answer was late. */
MR_TEST(a_peer_that_answers_late_is_told_at_once_that_the_lease_is_open)
{
	mr_bench_start(&bench, 3);
	mr_bench_tick(&bench, 0);
	grant(1, 1);
	grant(1, 1);
	MR_REQUIRE(bench.promotions == 1 && mr_bench_asked(&bench, 2) != MR_MSG_NONE);
	bench.local.in_recovery = bench.local.standby = false;
	bench.local.timeline = bench.promoted_to;
	bench.local.fork_lsn = 1000;
	mr_bench_unreachable(&bench, 2);
	mr_bench_tick(&bench, 1); /* asks, and opens */
	MR_REQUIRE(mr_bench_event(&bench, MR_EVENT_LEASE_OPEN) != NULL);
	MR_REQUIRE(mr_bench_asked(&bench, 2) == MR_MSG_GRANT);
	MR_CHECK((bench.sent[2].report.flags & MR_REPORT_LEASE_OPEN) == 0);
	mr_bench_tick(&bench, 0);
	(void) mr_bench_answer(&bench, 2, MR_REFUSE_NONE);
	mr_bench_deliver_answer(&bench, 1);
	mr_bench_tick(&bench, 0);
	MR_CHECK_INT(mr_bench_asked(&bench, 2), MR_MSG_GRANT);
	MR_CHECK((bench.sent[2].report.flags & MR_REPORT_LEASE_OPEN) != 0);
	/* once */
	grant(2, 1);
	mr_bench_tick(&bench, 0);
	MR_CHECK_INT(mr_bench_asked(&bench, 2), MR_MSG_NONE);
}

MR_TEST(a_lease_that_lapsed_is_resumed_in_the_same_term)
{
	uint64_t term;

	start_leader();
	term = bench.disk.term;
	mr_bench_tick(&bench, 500); /* asks */
	mr_bench_tick(&bench, MR_BENCH_LEASE_MS);
	MR_CHECK(mr_bench_event(&bench, MR_EVENT_LEASE_LOST) != NULL);
	MR_CHECK(!mr_lease_is_open(&bench.lease, (INT64_C(1000000) + bench.now_ms) * MR_NS_PER_MS));
	mr_bench_unreachable(&bench, 1);
	mr_bench_tick(&bench, 500);
	grant(1, 10);
	MR_CHECK(mr_bench_event(&bench, MR_EVENT_LEASE_RESUMED) != NULL);
	MR_CHECK(bench.deadline_ms > bench.now_ms);
	MR_CHECK_INT(bench.disk.term, term);
}

MR_TEST(a_newer_term_ends_the_leadership)
{
	start_leader();
	mr_bench_tick(&bench, 500);
	mr_bench_answer(&bench, 1, MR_REFUSE_STALE_TERM)->term = bench.disk.term + 1;
	mr_bench_deliver_answer(&bench, 1);
	MR_CHECK_INT(bench.deadline_ms, 0);
	MR_CHECK_INT(bench.lease.role, MR_ROLE_FOLLOWER);
	start_leader();
	mr_bench_follow(&bench, 2, bench.disk.term + 1);
	MR_CHECK_INT(bench.deadline_ms, 0);
	MR_CHECK_INT(bench.stops, 1); /* a former primary is rejoined */
}

MR_TEST(a_promotion_that_takes_too_long_gives_the_lease_on)
{
	mr_bench_start(&bench, 3);
	bench.lease.durable.config.policy.promote_timeout_ms = 2000;
	mr_bench_tick(&bench, 0);
	grant(1, 1);
	grant(1, 1);
	MR_REQUIRE(bench.promotions == 1);
	mr_bench_tick(&bench, 1999);
	MR_CHECK_INT(bench.lease.role, MR_ROLE_LEADER);
	mr_bench_tick(&bench, 1);
	MR_CHECK(mr_bench_event(&bench, MR_EVENT_PROMOTION_TIMEOUT) != NULL);
	MR_CHECK_INT(bench.lease.role, MR_ROLE_FOLLOWER);
	MR_CHECK_INT(mr_bench_asked(&bench, 1), MR_MSG_RELEASE);
	MR_CHECK_INT(mr_bench_asked(&bench, 2), MR_MSG_RELEASE);
	MR_CHECK_INT(bench.sent[1].need_lsn, 0);
}

/* ---------- the last act ---------- */

typedef struct StopCase
{
	const char *what;
	bool server_dead; /* else an orderly stop */
	MrOnStop on_stop;
	bool auto_failover;
	bool same_region; /* slot 2's; slot 1 is elsewhere */
	int asked;        /* slot that gets the RELEASE, or MR_NO_SLOT */
} StopCase;

static const StopCase stop_cases[] = {
	{"dead", true, MR_ON_STOP_REGION, true, false, 1},
	{"dead, another in its region", true, MR_ON_STOP_STAY, true, true, 2},
	{"dead, no failover", true, MR_ON_STOP_ANY, false, true, MR_NO_SLOT},
	{"stopped, region, nobody there", false, MR_ON_STOP_REGION, true, false, MR_NO_SLOT},
	{"stopped, region", false, MR_ON_STOP_REGION, true, true, 2},
	{"stopped, any", false, MR_ON_STOP_ANY, true, false, 1},
	{"stopped, stay", false, MR_ON_STOP_STAY, true, true, MR_NO_SLOT},
};

MR_TEST(the_lease_is_handed_to_whom_the_policy_names)
{
	size_t i;

	for (i = 0; i < sizeof(stop_cases) / sizeof(stop_cases[0]); i++)
	{
		const StopCase *the = &stop_cases[i];
		MrConfig *config = &bench.lease.durable.config;
		int slot;

		mr_unit_about("%s", the->what);
		start_leader();
		config->policy.on_stop = the->on_stop;
		config->policy.auto_failover = the->auto_failover;
		if (the->same_region)
			config->members[2].region[1] = config->members[0].region[1];
		bench.local.server_dead = the->server_dead;
		bench.local.handover_stop = bench.local.server_stopping = !the->server_dead;
		mr_bench_tick(&bench, 1);
		MR_CHECK_INT(bench.deadline_ms, 0); /* the fence is up before the last byte is read */
		bench.local.last_commit = 1042;
		mr_bench_tick(&bench, 1);
		for (slot = 1; slot < 3; slot++)
			MR_CHECK_INT(mr_bench_asked(&bench, slot) == MR_MSG_RELEASE, slot == the->asked);
		if (the->asked != MR_NO_SLOT)
			MR_CHECK_INT(bench.sent[the->asked].need_lsn,
						 bench.disk.stamp.lsn > 1042 ? bench.disk.stamp.lsn : 1042);
	}
}

MR_TEST(who_refuses_or_is_silent_is_followed_by_the_next)
{
	start_leader();
	bench.local.server_dead = true;
	mr_bench_tick(&bench, 1);
	mr_bench_tick(&bench, 1);
	MR_REQUIRE(mr_bench_asked(&bench, 1) == MR_MSG_RELEASE);
	(void) mr_bench_answer(&bench, 1, MR_REFUSE_BEHIND);
	mr_bench_deliver_answer(&bench, 1);
	MR_REQUIRE(mr_bench_asked(&bench, 2) == MR_MSG_RELEASE);
	MR_CHECK_INT(bench.exits, 0);
	/* who was behind may hold by now what the dead server's walsenders sent last */
	mr_bench_unreachable(&bench, 2);
	MR_CHECK_INT(bench.exits, 0);
	mr_bench_tick(&bench, 2);
	MR_REQUIRE(mr_bench_asked(&bench, 1) == MR_MSG_RELEASE);
	(void) mr_bench_answer(&bench, 1, MR_REFUSE_BEHIND);
	mr_bench_deliver_answer(&bench, 1);
	MR_CHECK_INT(bench.exits, 0);
	mr_bench_tick(&bench, 250);
	(void) mr_bench_answer(&bench, 1, MR_REFUSE_BEHIND);
	mr_bench_deliver_answer(&bench, 1);
	MR_CHECK_INT(bench.exits, 1);
	MR_CHECK(mr_bench_event(&bench, MR_EVENT_RELEASE_WITHHELD) != NULL);
}

/* Nothing can arrive at somebody who is no candidate, or who is not there. */
MR_TEST(who_is_unreachable_is_not_waited_for)
{
	start_leader();
	bench.local.server_dead = true;
	mr_bench_tick(&bench, 1);
	mr_bench_tick(&bench, 1);
	mr_bench_unreachable(&bench, 1);
	mr_bench_unreachable(&bench, 2);
	MR_CHECK_INT(bench.exits, 1);
}

/* From the first RELEASE on the term is dead: no late grant opens it again. */
MR_TEST(a_grant_that_comes_after_a_release_opens_nothing)
{
	MrMessage late;

	start_leader();
	mr_bench_tick(&bench, 500);
	MR_REQUIRE(mr_bench_asked(&bench, 2) == MR_MSG_GRANT);
	late = *mr_bench_answer(&bench, 2, MR_REFUSE_NONE);
	bench.local.handover_stop = bench.local.server_stopping = true;
	bench.lease.durable.config.policy.on_stop = MR_ON_STOP_ANY;
	mr_bench_tick(&bench, 1);
	mr_bench_tick(&bench, 1);
	MR_REQUIRE(mr_bench_asked(&bench, 1) == MR_MSG_RELEASE);
	bench.message = late;
	mr_bench_deliver_answer(&bench, 1);
	MR_CHECK_INT(bench.deadline_ms, 0);
	(void) mr_bench_answer(&bench, 1, MR_REFUSE_NONE);
	mr_bench_deliver_answer(&bench, 1);
	MR_CHECK_INT(bench.exits, 1);
	MR_CHECK_INT(bench.deadline_ms, 0);
}
