/*
 * What is wrong, by what a node knows: each case changes one thing of a cluster that is well,
 * as its primary (or a standby) sees it, and names every alert that follows.
 */
#include "unit/mr_alert_facts.h"
#include "unit/mr_unit.h"

#include <string.h>

/* ---------- the cases ---------- */

static MrPolicy *
policy(void)
{
	return &lease.durable.config.policy;
}

static MrReport *
report(int slot)
{
	return &lease.peers[slot].report;
}

static void
nothing(void)
{
}

static void
late(void)
{
	known.nodes[1].lag_ms = 10001;
}

static void
very_late(void)
{
	known.nodes[1].lag_ms = 60001;
}

static void
just_not_late(void)
{
	known.nodes[1].lag_ms = 10000;
	known.nodes[1].lag_bytes = 16 * MB;
}

static void
far_behind(void)
{
	known.nodes[1].lag_bytes = 16 * MB + 1;
	known.nodes[2].lag_bytes = 256 * MB + 1;
}

static void
lag_does_not_matter(void)
{
	very_late();
	far_behind();
	policy()->lag_warning_ms = policy()->lag_critical_ms = -1;
	policy()->lag_warning_bytes = policy()->lag_critical_bytes = -1;
}

static void
any_lag_matters(void)
{
	policy()->lag_warning_ms = 0;
	known.nodes[2].lag_ms = 1;
}

static void
the_leaders_own_lag_is_none(void)
{
	known.nodes[0].lag_ms = 1000000;
	known.nodes[0].lag_bytes = 1000 * MB;
}

static void
a_witness_cannot_lag(void)
{
	lease.durable.config.members[2].witness = true;
	known.nodes[2].lag_ms = 1000000;
	report(2)->flags = 0;
}

static void
node_down(void)
{
	known.nodes[2].status = MR_HEALTH_DOWN;
	known.nodes[2].failures = 3;
}

static void
one_of_two_down(void)
{
	node_down();
	mr_facts_name(lease.durable.config.members[1].region, "R2");
	mr_facts_name(lease.durable.config.members[0].region, "R2");
	lease.durable.config.voters = 1;
}

static void
node_suspect(void)
{
	known.nodes[2].status = MR_HEALTH_SUSPECT;
}

static void
node_silent(void)
{
	lease.peers[2].reported_ns = NOW_NS - 7 * S;
}

static void
two_silent(void)
{
	node_silent();
	lease.peers[1].reported_ns = 0;
}

static void
nobody_heard_and_no_vote(void)
{
	lease.durable.config.members[3] = lease.durable.config.members[1];
	mr_facts_name(lease.durable.config.members[3].name, "n3");
	mr_facts_name(lease.durable.config.members[3].region, "R3");
	lease.durable.config.voters = 13;
	lease.peers[0].reported_ns = lease.peers[2].reported_ns = 0;
}

static void
silent_for_a_moment(void)
{
	policy()->lease_ms = 300;
	lease.peers[2].reported_ns = NOW_NS - 4 * S;
}

static void
leader_lost(void)
{
	lease.leader = MR_NO_SLOT;
	lease.role = MR_ROLE_FOLLOWER;
	lease.leader_heard_ns = NOW_NS - 9 * S;
	known.in_recovery = true;
	known.fence_open = false;
	known.nodes[1].lag_ms = known.nodes[2].lag_ms = 100000;
}

static void
leader_silent(void)
{
	lease.peers[0].reported_ns = NOW_NS - 2 * S;
	known.nodes[1].lag_ms = known.nodes[2].lag_ms = 100000;
	report(1)->flags = report(2)->flags = MR_REPORT_IN_RECOVERY;
}

static void
lease_not_renewed(void)
{
	known.fence_open = false;
}

static void
being_promoted(void)
{
	known.in_recovery = true;
}

static void
its_lease_is_not_open(void)
{
	report(0)->flags = 0;
}

static void
nobody_could_follow(void)
{
	forecast.successor = MR_NO_SLOT;
	forecast.refusal = MR_REFUSE_NOBODY_FIT;
}

static void
nobody_may_follow(void)
{
	nobody_could_follow();
	policy()->auto_failover = 0;
}

static void
paused(void)
{
	nobody_could_follow();
	lease.durable.config.paused_until_ms = WALL_MS + 1;
}

static void
pause_is_over(void)
{
	lease.durable.config.paused_until_ms = WALL_MS;
}

static void
two_votes(void)
{
	nobody_could_follow();
	lease.durable.config.voters = 1;
}

static void
a_node_alone(void)
{
	lease.durable.config.members[1].used = lease.durable.config.members[2].used = false;
	lease.durable.config.voters = 1;
}

static void
two_regions(void)
{
	mr_facts_name(lease.durable.config.members[2].region, "R1");
}

static void
former_primary(void)
{
	report(1)->flags = 0;
}

static void
former_primary_ourselves(void)
{
	known.in_recovery = false;
	report(1)->flags = 0;
}

static void
amnesiac(void)
{
	lease.durable.amnesiac = true;
}

static void
diverged(void)
{
	report(2)->flags |= MR_REPORT_DIVERGED;
}

static void
diverged_ourselves(void)
{
	lease.diverged = true;
}

static void
does_not_stream(void)
{
	report(1)->flags = MR_REPORT_IN_RECOVERY;
}

static void
does_not_stream_and_is_silent(void)
{
	does_not_stream();
	lease.durable.config.voters = 5;
	lease.durable.config.voters_old = 0;
	lease.durable.config.members[3] = lease.durable.config.members[1];
	lease.durable.config.members[3].name[1] = '3';
	lease.durable.config.voters = 13;
	lease.peers[3].reported_ns = NOW_NS - S;
	lease.peers[3].report.flags = MR_REPORT_IN_RECOVERY | MR_REPORT_STREAMING;
	known.nodes[3].status = MR_HEALTH_UP;
	known.nodes[3].skew_ms = -1;
	lease.peers[1].reported_ns = 0;
}

static void
replay_paused(void)
{
	report(1)->refusal = MR_REFUSE_REPLAY_PAUSED;
}

static void
replay_paused_here(void)
{
	known.replay_paused = true;
}

static void
wal_gone(void)
{
	known.wal_gone = true;
}

static void
sick(void)
{
	known.sick = true;
	report(2)->refusal = MR_REFUSE_SICK;
}

static void
clocks_differ(void)
{
	known.nodes[1].skew_ms = 501;
	known.nodes[2].skew_ms = 500;
}

static void
slots(void)
{
	known.slot_count = 2;
	mr_facts_name(known.slots[0].name, "small");
	mr_facts_name(known.slots[1].name, "cdc");
	known.slots[0].bytes = 1024 * MB;
	known.slots[1].bytes = 1024 * MB + 1;
}

static void
governed(void)
{
	int i;

	policy()->max_failovers_per_hour = 2;
	for (i = 0; i < 2; i++)
	{
		lease.durable.failovers[i].term = (uint64_t) (9 - i);
		lease.durable.failovers[i].wall_ms = WALL_MS - 1000;
	}
}

static void
never_by_itself(void)
{
	policy()->max_failovers_per_hour = 0;
}

static void
own_things(void)
{
	known.hook_failed = true;
	known.veto_failed = true;
	known.certificate_days = 29;
}

static void
certificate_is_good(void)
{
	known.certificate_days = 30;
}

static void
observing(void)
{
	policy()->mode = MR_MODE_OBSERVE;
	two_votes();
	two_silent();
	former_primary();
	its_lease_is_not_open();
	late();
}

static void
switched_off(void)
{
	very_late();
	node_down();
	policy()->mode = MR_MODE_OFF;
}

static const struct
{
	const char *why;
	int self;
	void (*change)(void);
	const char *raised;
} cases[] = {
	{"nothing", 0, nothing, ""},
	{"nothing, on a standby", 1, nothing, ""},
	{"late", 0, late, "lag_warning:n1"},
	{"late itself", 1, late, "lag_warning:n1"},
	{"very late", 2, very_late, "lag_critical:n1 lag_warning:n1"},
	{"at the threshold", 0, just_not_late, ""},
	{"far behind", 0, far_behind,
	 "lag_bytes_critical:n2 lag_bytes_warning:n1 lag_bytes_warning:n2"},
	{"lag switched off", 0, lag_does_not_matter, ""},
	{"threshold 0", 0, any_lag_matters, "lag_warning:n2"},
	{"lag of the leader", 0, the_leaders_own_lag_is_none, ""},
	{"witness", 0, a_witness_cannot_lag, ""},
	{"down", 0, node_down, "node_down:n2 region_down:R2"},
	{"down, not its region", 0, one_of_two_down, "node_down:n2 votes_missing"},
	{"suspect", 0, node_suspect, ""},
	{"a voter silent", 0, node_silent, "quorum_at_risk"},
	{"two voters silent", 0, two_silent, "quorum_at_risk"},
	{"nobody heard", 1, nobody_heard_and_no_vote, "no_primary quorum_at_risk"},
	{"a voter silent for a moment", 0, silent_for_a_moment, ""},
	{"no leader", 1, leader_lost, "no_primary"},
	{"the leader is silent", 1, leader_silent, ""},
	{"lease not renewed", 0, lease_not_renewed, "no_primary"},
	{"being promoted", 0, being_promoted, "no_primary"},
	{"its lease is not open", 1, its_lease_is_not_open, "no_primary"},
	{"nobody could follow", 0, nobody_could_follow, "no_successor"},
	{"failover is off", 0, nobody_may_follow, "failover_suspended"},
	{"failover is paused", 0, paused, "failover_suspended"},
	{"the pause is over", 0, pause_is_over, ""},
	{"two votes", 0, two_votes, "votes_missing"},
	{"alone", 0, a_node_alone, ""},
	{"two of three votes in a region", 0, two_regions, "region_majority:R1"},
	{"a former primary", 0, former_primary, "node_fenced:n1"},
	{"... itself", 1, former_primary_ourselves, "node_fenced:n1"},
	{"amnesiac", 1, amnesiac, "node_fenced:n1"},
	{"diverged", 0, diverged, "diverged:n2"},
	{"diverged itself", 1, diverged_ourselves, "diverged:n1"},
	{"not streaming", 0, does_not_stream, "not_streaming:n1"},
	{"not streaming as far as we know", 0, does_not_stream_and_is_silent, ""},
	{"replay paused", 0, replay_paused, "replay_paused:n1"},
	{"replay paused here", 2, replay_paused_here, "replay_paused:n2"},
	{"a leader has nothing to replay", 0, replay_paused_here, ""},
	{"WAL gone", 1, wal_gone, "wal_gone:n1"},
	{"a leader misses no WAL", 0, wal_gone, ""},
	{"sick", 0, sick, "sick:n0 sick:n2"},
	{"clocks", 0, clocks_differ, "clock_skew:n1"},
	{"slots", 1, slots, "slot_retains_wal:cdc"},
	{"governor", 0, governed, "governor"},
	{"never by itself", 0, never_by_itself, ""},
	{"its own", 1, own_things, "certificate_expires:n1 hook_failed veto_failed:n1"},
	{"a certificate that is good", 1, certificate_is_good, ""},
	{"observing", 1, observing, "lag_warning:n1"},
	{"off", 0, switched_off, ""},
};

MR_TEST(each_thing_that_is_wrong_has_its_alert)
{
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		mr_facts_start(cases[i].self);
		cases[i].change();
		mr_unit_about("%s", cases[i].why);
		MR_CHECK_STRING(mr_facts_judge(), cases[i].raised);
	}
}

MR_TEST(what_is_well_again_is_cleared)
{
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		int self = cases[i].self;
		static MrAlerts kept;

		mr_facts_start(self);
		cases[i].change();
		(void) mr_facts_judge();
		kept = alerts;
		mr_facts_start(self);
		alerts = kept;
		known.nodes[1].skew_ms = 0;
		mr_unit_about("%s", cases[i].why);
		MR_CHECK_STRING(mr_facts_judge(), "");
	}
}
