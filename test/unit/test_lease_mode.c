/*
 * The mode of the cluster: who is bound by the lease, how a cluster enters and leaves
 * "manage", and what an observer plays. Slot 0 is the node under test.
 */
#include "core/mr_candidate.h"
#include "unit/mr_lease_bench.h"
#include "unit/mr_unit.h"

static MrBench bench;
static MrConfig next;

static void
propose(int mode)
{
	next = bench.lease.durable.config;
	next.policy.mode = mode;
	mr_bench_propose(&bench, &next);
}

/* A peer grants, and says that it has our newest configuration on disk. */
static void
confirm(int slot, uint64_t version)
{
	while (mr_bench_asked(&bench, slot) == MR_MSG_NONE)
		mr_bench_tick(&bench, 50);
	mr_bench_answer(&bench, slot, MR_REFUSE_NONE)->config_version = version;
	mr_bench_deliver_answer(&bench, 1);
}

/* Slot 1 leads `term` and sends a configuration of that term with its grant. */
static void
receive(int mode, bool leaving, uint64_t term)
{
	MrMessage *grant = mr_bench_request(&bench, MR_MSG_GRANT, 1, term);

	bench.config = bench.lease.durable.config;
	bench.config.term = term;
	bench.config.version++;
	bench.config.policy.mode = mode;
	bench.config.leaving = leaving;
	grant->has_config = true;
	grant->config_term = bench.config.term;
	grant->config_version = bench.config.version;
	grant->leader = grant->sender;
	grant->stamp.term = term;
	grant->stamp.node = grant->sender;
	grant->stamp.timeline = bench.local.timeline;
	grant->stamp.lsn = bench.local.wal_end;
	mr_bench_deliver(&bench);
}

static uint64_t
version(void)
{
	return bench.lease.durable.config.version;
}

/* ---------- out of "manage", and in again ---------- */

MR_TEST(the_fence_opens_only_when_a_majority_elects_nobody_any_more)
{
	mr_bench_start(&bench, 5);
	mr_bench_lead(&bench);
	propose(MR_MODE_OBSERVE);
	MR_CHECK(bench.lease.bound && bench.disk.config.leaving);
	confirm(1, version());
	MR_CHECK(bench.lease.bound);
	confirm(2, version() - 1); /* it has the one before */
	MR_CHECK(bench.lease.bound);
	confirm(2, version());
	MR_CHECK(!bench.lease.bound && !bench.disk.config.leaving);
	MR_CHECK_INT(bench.disk.config.policy.mode, MR_MODE_OBSERVE);
	MR_CHECK(mr_bench_event(&bench, MR_EVENT_MODE_CHANGED) != NULL);
}

MR_TEST(a_configuration_on_disk_counts_only_with_a_grant_that_runs)
{
	mr_bench_start(&bench, 3);
	mr_bench_lead(&bench);
	propose(MR_MODE_OBSERVE);
	mr_bench_unreachable(&bench, 1);
	mr_bench_unreachable(&bench, 2);
	bench.now_ms += MR_BENCH_LEASE_MS + 1;
	/* a question of its own tells of the configuration, but it may have voted meanwhile */
	mr_bench_request(&bench, MR_MSG_STATUS, 1, 1)->config_version = version();
	mr_bench_deliver(&bench);
	mr_bench_tick(&bench, 1);
	MR_CHECK(bench.lease.bound);
	confirm(1, version());
	MR_CHECK(!bench.lease.bound);
}

MR_TEST(the_fence_is_closed_before_anybody_can_be_elected)
{
	mr_bench_start(&bench, 3);
	bench.lease.durable.config.policy.mode = MR_MODE_OBSERVE;
	bench.lease.bound = false;
	bench.local.in_recovery = bench.local.standby = false;
	mr_bench_lead(&bench);
	MR_CHECK(bench.lease.role == MR_ROLE_LEADER && !bench.lease.bound);
	MR_CHECK(bench.deadline_ms > bench.now_ms);
	propose(MR_MODE_MANAGE);
	MR_CHECK(bench.lease.bound);
	MR_CHECK_INT(bench.persisted, 0); /* with it goes the marker, before any message leaves */
	MR_CHECK(bench.deadline_ms > bench.now_ms);
}

MR_TEST(who_leads_no_more_can_propose_nothing)
{
	mr_bench_start(&bench, 3);
	mr_bench_lead(&bench);
	/* another's configuration arrives by way of a third one */
	bench.config = bench.lease.durable.config;
	bench.config.term = bench.disk.term + 1;
	bench.config.policy.mode = MR_MODE_OBSERVE;
	mr_bench_request(&bench, MR_MSG_STATUS, 2, bench.disk.term)->has_config = true;
	mr_bench_deliver(&bench);
	MR_CHECK(bench.lease.bound); /* a former primary, for all it knows */
	propose(MR_MODE_OFF);
	mr_bench_tick(&bench, 1);
	MR_CHECK_INT(bench.disk.config.term, bench.config.term);
	MR_CHECK(bench.lease.bound);
}

typedef struct LetGoCase
{
	const char *what;
	bool in_recovery;
	bool standby;
	uint64_t last_led_term; /* the configuration is of term 4 */
	bool leaving;
	bool promotion_told;
	bool free;
} LetGoCase;

static const LetGoCase let_go_cases[] = {
	{"a standby", true, true, 0, false, false, true},
	{"a standby while the leader still waits", true, true, 0, true, false, false},
	{"a standby that will be promoted all the same", true, true, 0, false, true, false},
	{"a former primary", false, false, 3, false, false, false},
	{"a former primary in crash recovery", true, false, 3, false, false, false},
	{"the leader that made the configuration", false, false, 4, false, false, true},
};

MR_TEST(a_former_primary_stays_fenced_until_it_is_a_standby)
{
	size_t i;

	for (i = 0; i < sizeof(let_go_cases) / sizeof(let_go_cases[0]); i++)
	{
		const LetGoCase *the = &let_go_cases[i];

		mr_unit_about("%s", the->what);
		mr_bench_start(&bench, 3);
		bench.local.in_recovery = the->in_recovery;
		bench.local.standby = the->standby;
		bench.local.promotion_told = the->promotion_told;
		bench.lease.durable.last_led_term = the->last_led_term;
		receive(MR_MODE_OBSERVE, the->leaving, 4);
		MR_CHECK(bench.lease.bound != the->free);
		mr_bench_tick(&bench, 1);
		MR_CHECK(bench.lease.bound != the->free);
		MR_CHECK(!the->free || bench.disk.config.policy.mode == MR_MODE_OBSERVE);
	}
}

MR_TEST(a_candidate_gives_up_when_nobody_is_elected_any_more)
{
	mr_bench_start(&bench, 3);
	mr_bench_tick(&bench, 1);
	(void) mr_bench_answer(&bench, 1, MR_REFUSE_NONE);
	mr_bench_deliver_answer(&bench, 1);
	MR_REQUIRE(bench.lease.role == MR_ROLE_CANDIDATE);
	receive(MR_MODE_OBSERVE, true, bench.disk.term - 1);
	MR_CHECK_INT(bench.lease.role, MR_ROLE_FOLLOWER);
	mr_bench_tick(&bench, 10 * MR_BENCH_LEASE_MS);
	MR_CHECK_INT(bench.lease.role, MR_ROLE_FOLLOWER);
	MR_CHECK_INT(bench.promotions, 0);
}

/* ---------- an observer ---------- */

/* A standby that observes and has heard slot 1 lead term 4, ten bytes ahead of it. */
static void
start_observer(void)
{
	mr_bench_start(&bench, 3);
	bench.lease.durable.config.policy.mode = MR_MODE_OBSERVE;
	bench.lease.bound = false;
	bench.local.severed = false;
	mr_bench_follow(&bench, 1, 4);
	bench.lease.leader_lsn = bench.local.wal_end + 10;
}

/* The leader falls silent, and slot 2 would elect us. */
static void
win_play(void)
{
	mr_bench_tick(&bench, MR_BENCH_PROMISE_MS + 1000);
	while (mr_bench_asked(&bench, 2) != MR_MSG_PREVOTE && bench.now_ms < 20000)
		mr_bench_tick(&bench, 10);
	MR_REQUIRE(mr_bench_asked(&bench, 2) == MR_MSG_PREVOTE);
	(void) mr_bench_answer(&bench, 2, MR_REFUSE_NONE);
	mr_bench_deliver_answer(&bench, 1);
}

MR_TEST(an_observer_says_what_it_would_do_and_does_nothing)
{
	const MrAction *event;

	start_observer();
	win_play();
	event = mr_bench_event(&bench, MR_EVENT_WOULD_FAIL_OVER);
	MR_REQUIRE(event != NULL);
	MR_CHECK_INT(event->slot, 0);
	MR_CHECK_INT(event->refusal, MR_CAUSE_LEASE_EXPIRED);
	MR_CHECK_INT(event->value, 10);
	MR_CHECK_INT(bench.lease.role, MR_ROLE_FOLLOWER);
	MR_CHECK_INT(bench.disk.term, 4);
	MR_CHECK(!bench.local.severed); /* the stream was left alone */
	MR_CHECK_INT(bench.promotions + bench.stops, 0);
	mr_bench_tick(&bench, 60000);
	MR_CHECK(mr_bench_event(&bench, MR_EVENT_WOULD_FAIL_OVER) == NULL); /* once is enough */
}

MR_TEST(there_is_one_winner_of_a_play)
{
	start_observer();
	win_play();
	mr_bench_request(&bench, MR_MSG_PREVOTE, 2, 5);
	mr_bench_deliver(&bench);
	MR_CHECK_INT(mr_bench_refusal(&bench), MR_REFUSE_LEADING);
	MR_CHECK(mr_bench_reply(&bench)->report.flags & MR_REPORT_WOULD_LEAD);

	start_observer();
	bench.now_ms = 10;
	mr_bench_request(&bench, MR_MSG_STATUS, 2, 4)->report.flags |= MR_REPORT_WOULD_LEAD;
	mr_bench_deliver(&bench);
	mr_bench_tick(&bench, 60000);
	mr_bench_tick(&bench, 1000);
	MR_CHECK(mr_bench_asked(&bench, 2) != MR_MSG_PREVOTE);
}

MR_TEST(what_came_instead_is_compared_once)
{
	const MrAction *event;

	start_observer();
	win_play();
	bench.now_ms = 20000;
	mr_bench_follow(&bench, 2, 5);
	event = mr_bench_event(&bench, MR_EVENT_OBSERVED_FAILOVER);
	MR_REQUIRE(event != NULL);
	MR_CHECK_INT(event->slot, 2);
	MR_CHECK_INT(event->value, 20000);
	MR_CHECK(mr_bench_did(&bench, MR_ACT_CLOSE_GATE) == NULL);
	mr_bench_follow(&bench, 2, 5);
	MR_CHECK(mr_bench_event(&bench, MR_EVENT_OBSERVED_FAILOVER) == NULL);
}

/* Somebody has promoted this node: it leads, and a standby that holds more agrees. */
MR_TEST(a_primary_by_the_will_of_others_leads)
{
	start_observer();
	bench.local.in_recovery = bench.local.standby = false;
	bench.local.timeline = 2;
	bench.local.fork_lsn = 900;
	bench.now_ms = 2 * MR_BENCH_PROMISE_MS;
	mr_bench_lead(&bench);
	MR_CHECK_INT(bench.lease.role, MR_ROLE_LEADER);
	MR_CHECK_INT(bench.lease.transition.cause, MR_CAUSE_OBSERVED);
	MR_CHECK_INT(bench.lease.transition.from_slot, 1);
	MR_CHECK_INT(bench.disk.stamp.lsn, 900);
	MR_CHECK_INT(bench.promotions, 0);

	start_observer();
	bench.now_ms = 2 * MR_BENCH_PROMISE_MS;
	mr_bench_request(&bench, MR_MSG_VOTE, 2, 5)->report.wal_end = 1;
	bench.message.report.flags = MR_REPORT_WAL_END_KNOWN;
	mr_bench_deliver(&bench);
	MR_CHECK_INT(mr_bench_refusal(&bench), MR_REFUSE_NONE);
	MR_CHECK(!bench.local.severed);
}

MR_TEST(a_stray_primary_is_not_stopped)
{
	start_observer();
	bench.local.in_recovery = bench.local.standby = false;
	mr_bench_follow(&bench, 1, 4);
	MR_CHECK_INT(bench.stops, 0);
	MR_CHECK(!bench.lease.diverged);
}

MR_TEST(an_observers_server_ends_without_waiting)
{
	mr_bench_start(&bench, 3);
	bench.lease.durable.config.policy.mode = MR_MODE_OBSERVE;
	bench.lease.bound = false;
	bench.local.in_recovery = bench.local.standby = false;
	mr_bench_lead(&bench);
	confirm(1, version());
	confirm(2, version());
	bench.local.server_dead = true;
	mr_bench_tick(&bench, 1);
	MR_CHECK_INT(bench.exits, 1);
	MR_CHECK_INT(mr_bench_asked(&bench, 1), MR_MSG_RELEASE); /* to whom it would hand over */
}

/* ---------- ready? ---------- */

typedef struct ReadyCase
{
	const char *what;
	uint32_t flags_off;
	int64_t age_ms;
	bool old_config;
	bool old_log;
	bool ready;
} ReadyCase;

static const ReadyCase ready_cases[] = {
	{"all is well", 0, 0, false, false, true},
	{"silent", 0, 2000, false, false, false},
	{"no standby", MR_REPORT_STANDBY, 0, false, false, false},
	{"does not stream", MR_REPORT_STREAMING, 0, false, false, false},
	{"an older configuration", 0, 0, true, false, false},
	{"no WAL of this leadership", 0, 0, false, true, false},
};

MR_TEST(all_members_go_into_manage_or_none)
{
	size_t i;

	for (i = 0; i < sizeof(ready_cases) / sizeof(ready_cases[0]); i++)
	{
		const ReadyCase *the = &ready_cases[i];
		int64_t now_ns;
		const char *problem;
		int slot;

		mr_unit_about("%s", the->what);
		mr_bench_start(&bench, 3);
		bench.lease.durable.config.policy.mode = MR_MODE_OBSERVE;
		bench.lease.bound = false;
		bench.local.in_recovery = bench.local.standby = false;
		mr_bench_lead(&bench);
		confirm(1, version());
		confirm(2, version());
		now_ns = (1000000 + bench.now_ms) * MR_NS_PER_MS;
		for (slot = 1; slot < 3; slot++)
			bench.lease.peers[slot].report.log_term = bench.disk.term;
		bench.lease.peers[2].report.flags &= ~the->flags_off;
		bench.lease.peers[2].heard_ns -= the->age_ms * MR_NS_PER_MS;
		bench.lease.peers[2].config_version -= the->old_config;
		bench.lease.peers[2].report.log_term -= the->old_log;
		problem = mr_lease_unready(&bench.lease, now_ns, &slot);
		MR_CHECK((problem == NULL) == the->ready);
		MR_CHECK_INT(slot, the->ready ? MR_NO_SLOT : 2);
	}
}
