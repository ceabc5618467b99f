/*
 * From facts to alerts: one function an alert, or a few that belong together. See
 * mr_alert_rules.h.
 *
 * Every node judges for itself, by what it has heard: a primary and a standby may see
 * different things, and a node that is cut off sees that. What only a node itself knows
 * (a veto function that fails, a certificate) only it has an alert for. Where nothing can
 * be said of a subject now, the alert stays what it was.
 *
 * Pure. Called by the monitor worker.
 */
#include "core/mr_alert_rules.h"

#include <string.h>

#include "core/mr_forced.h"
#include "core/mr_governor.h"
#include "core/mr_health.h"
#include "core/mr_policy.h"

#define MR_SHORTEST_SILENCE_NS (5 * MR_NS_PER_S) /* voters without a leader ask every 2 s */

typedef struct Round
{
	const MrAlertFacts *facts;
	const MrLease *lease;
	const MrConfig *config;
	MrAlerts *alerts;
} Round;

/* ---------- what the rules ask ---------- */

static const MrMember *
member_of(const Round *round, int slot)
{
	return &round->config->members[slot];
}

static bool
has_data(const Round *round, int slot)
{
	return member_of(round, slot)->used && !member_of(round, slot)->witness;
}

static bool
is_self(const Round *round, int slot)
{
	return slot == round->lease->self;
}

/* What is known of a member is of now. */
static bool
is_heard(const Round *round, int slot)
{
	int64_t patience_ns = 2 * round->config->policy.lease_ms * MR_NS_PER_MS;
	int64_t reported_ns = round->lease->peers[slot].reported_ns;

	if (patience_ns < MR_SHORTEST_SILENCE_NS)
		patience_ns = MR_SHORTEST_SILENCE_NS;
	return is_self(round, slot) ||
		   (reported_ns != 0 && round->facts->now_ns - reported_ns < patience_ns);
}

/* Where the leader is, is known: it has missed no more than a heartbeat or two. */
static bool
hears_leader(const Round *round)
{
	int leader = round->lease->leader;
	int64_t patience_ns = round->config->policy.lease_ms / 2 * MR_NS_PER_MS;

	return leader != MR_NO_SLOT &&
		   (is_self(round, leader) ||
			round->facts->now_ns - round->lease->peers[leader].reported_ns <= patience_ns);
}

static bool
has_flag(const Round *round, int slot, uint32_t flag)
{
	return (round->lease->peers[slot].report.flags & flag) != 0;
}

static MrAlertCondition
when(bool beyond)
{
	return beyond ? MR_ALERT_BEYOND : MR_ALERT_CLEAR;
}

/* Of what a member says of itself. */
static MrAlertCondition
when_heard(const Round *round, int slot, bool beyond)
{
	return is_heard(round, slot) ? when(beyond) : MR_ALERT_BETWEEN;
}

static int64_t
threshold_of(const Round *round, MrAlertKind kind)
{
	const MrPolicySetting *setting = mr_policy_find(mr_alert_spec(kind)->policy);

	return setting != NULL ? mr_policy_get(&round->config->policy, setting) : 0;
}

/* ---------- what the rules say ---------- */

static void
observe(const Round *round, MrAlertKind kind, MrAlertCondition condition, int64_t value,
		int64_t threshold)
{
	MrAlertSeen seen = {.kind = kind,
						.subject = "",
						.region = "",
						.condition = condition,
						.value = value,
						.threshold = threshold};

	mr_alert_observe(round->alerts, &seen);
}

static void
observe_refused(const Round *round, MrAlertKind kind, bool beyond, int refusal)
{
	MrAlertSeen seen = {.kind = kind,
						.subject = "",
						.region = "",
						.condition = when(beyond),
						.refusal = beyond ? refusal : MR_REFUSE_NONE};

	mr_alert_observe(round->alerts, &seen);
}

static void
observe_node(const Round *round, MrAlertKind kind, int slot, MrAlertCondition condition,
			 int64_t value, int64_t threshold)
{
	MrAlertSeen seen = {.kind = kind,
						.subject = member_of(round, slot)->name,
						.region = member_of(round, slot)->region,
						.condition = condition,
						.value = value,
						.threshold = threshold};

	mr_alert_observe(round->alerts, &seen);
}

/* ---------- members ---------- */

/*
 * While the leader is silent nobody knows how far behind it a member is: all would seem to
 * fall back, and what is wrong then is no_primary.
 */
static void
judge_lag(const Round *round, int slot)
{
	static const struct
	{
		MrAlertKind kind;
		bool in_bytes;
	} kinds[] = {{MR_ALERT_LAG_WARNING, false},
				 {MR_ALERT_LAG_CRITICAL, false},
				 {MR_ALERT_LAG_BYTES_WARNING, true},
				 {MR_ALERT_LAG_BYTES_CRITICAL, true}};
	const MrAlertNode *node = &round->facts->nodes[slot];
	bool leads = slot == round->lease->leader;
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
	{
		int64_t threshold = threshold_of(round, kinds[i].kind);
		int64_t value = leads ? 0 : kinds[i].in_bytes ? node->lag_bytes : node->lag_ms;
		MrAlertCondition condition = mr_alert_compare(value, threshold);

		if (threshold >= 0 && !leads && (value < 0 || !hears_leader(round)))
		{
			condition = MR_ALERT_BETWEEN;
			value = -1;
		}
		else if (condition == MR_ALERT_CLEAR && node->lag_at_least && !kinds[i].in_bytes &&
				 threshold >= 0 && !leads)
			condition = MR_ALERT_BETWEEN;
		observe_node(round, kinds[i].kind, slot, condition, value, threshold);
	}
}

static void
judge_health(const Round *round, int slot)
{
	const MrAlertNode *node = &round->facts->nodes[slot];
	MrAlertCondition condition = MR_ALERT_BETWEEN;

	if (is_self(round, slot) || node->status == MR_HEALTH_UP)
		condition = MR_ALERT_CLEAR;
	else if (node->status == MR_HEALTH_DOWN)
		condition = MR_ALERT_BEYOND;
	observe_node(round, MR_ALERT_NODE_DOWN, slot, condition, node->failures,
				 threshold_of(round, MR_ALERT_NODE_DOWN));
}

/* A node that leads and acknowledges nothing is no_primary, and so is all without a leader. */
static MrAlertCondition
fenced(const Round *round, int slot)
{
	const MrLease *lease = round->lease;

	if (is_self(round, slot) &&
		(lease->durable.amnesiac || mr_durable_is_discarded(&lease->durable)))
		return MR_ALERT_BEYOND;
	if (slot == lease->leader)
		return MR_ALERT_CLEAR;
	if (lease->leader == MR_NO_SLOT)
		return MR_ALERT_BETWEEN;
	if (is_self(round, slot))
		return when(!round->facts->in_recovery && !round->facts->fence_open);
	return when_heard(round, slot, !has_flag(round, slot, MR_REPORT_IN_RECOVERY));
}

static void
judge_member(const Round *round, int slot)
{
	const MrAlertFacts *facts = round->facts;
	const MrReport *report = &round->lease->peers[slot].report;
	bool self = is_self(round, slot);
	bool standby = slot != round->lease->leader &&
				   (self ? facts->in_recovery : has_flag(round, slot, MR_REPORT_IN_RECOVERY));
	bool streams = !standby || has_flag(round, slot, MR_REPORT_STREAMING);
	bool paused = self ? facts->replay_paused : report->refusal == MR_REFUSE_REPLAY_PAUSED;
	bool sick = self ? facts->sick : report->refusal == MR_REFUSE_SICK;
	bool diverged = self ? round->lease->diverged : has_flag(round, slot, MR_REPORT_DIVERGED);

	observe_node(round, MR_ALERT_REPLAY_PAUSED, slot, when_heard(round, slot, standby && paused), 0,
				 0);
	observe_node(round, MR_ALERT_SICK, slot, when_heard(round, slot, sick), 0, 0);
	if (!mr_config_binds(round->config))
		return;
	observe_node(round, MR_ALERT_NODE_FENCED, slot, fenced(round, slot), 0, 0);
	observe_node(round, MR_ALERT_DIVERGED, slot, when_heard(round, slot, diverged), 0, 0);
	observe_node(round, MR_ALERT_NOT_STREAMING, slot,
				 hears_leader(round) ? when_heard(round, slot, !streams) : MR_ALERT_BETWEEN, 0, 0);
}

static void
judge_clock(const Round *round, int slot)
{
	int64_t skew_ms = round->facts->nodes[slot].skew_ms;
	int64_t threshold = threshold_of(round, MR_ALERT_CLOCK_SKEW);

	observe_node(round, MR_ALERT_CLOCK_SKEW, slot,
				 skew_ms < 0 && threshold >= 0 ? MR_ALERT_BETWEEN
											   : mr_alert_compare(skew_ms, threshold),
				 skew_ms, threshold);
}

static void
judge_members(const Round *round)
{
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		if (!member_of(round, slot)->used)
			continue;
		judge_health(round, slot);
		if (!is_self(round, slot))
			judge_clock(round, slot);
		if (!has_data(round, slot))
			continue;
		judge_lag(round, slot);
		judge_member(round, slot);
	}
}

/* ---------- regions ---------- */

/* Whether slot is the first member of its region, so that each region comes once. */
static bool
is_first_of_region(const Round *round, int slot)
{
	int other;

	for (other = 0; other < slot; other++)
		if (member_of(round, other)->used &&
			strcmp(member_of(round, other)->region, member_of(round, slot)->region) == 0)
			return false;
	return member_of(round, slot)->used;
}

static MrAlertCondition
health_of_region(const Round *round, const char *region)
{
	MrHealth nodes[MR_MAX_MEMBERS];
	MrHealth health;
	int count = 0;
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
		if (has_data(round, slot) && strcmp(member_of(round, slot)->region, region) == 0)
			nodes[count++] = is_self(round, slot) ? MR_HEALTH_UP : round->facts->nodes[slot].status;
	health = mr_health_of_region(nodes, count);
	if (count == 0 || health == MR_HEALTH_UP)
		return MR_ALERT_CLEAR;
	return health == MR_HEALTH_DOWN ? MR_ALERT_BEYOND : MR_ALERT_BETWEEN;
}

/* The voters that are not in a region. */
static uint32_t
voters_elsewhere(const Round *round, const char *region)
{
	uint32_t mask = 0;
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
		if (mr_config_is_voter(round->config, slot) &&
			strcmp(member_of(round, slot)->region, region) != 0)
			mask |= UINT32_C(1) << slot;
	return mask;
}

static void
judge_region(const Round *round, const char *region)
{
	int voters = mr_config_count_voters(round->config);
	uint32_t others = voters_elsewhere(round, region);
	MrAlertSeen seen = {.kind = MR_ALERT_REGION_DOWN,
						.subject = region,
						.region = region,
						.condition = health_of_region(round, region)};

	mr_alert_observe(round->alerts, &seen);
	if (!mr_config_binds(round->config))
		return;
	seen.kind = MR_ALERT_REGION_MAJORITY;
	seen.condition = when(voters >= 3 && !mr_config_has_majority(round->config, others));
	seen.value = mr_slots_count(others);
	seen.threshold = voters / 2 + 1;
	mr_alert_observe(round->alerts, &seen);
}

/* ---------- the cluster ---------- */

static void
judge_primary(const Round *round)
{
	const MrLease *lease = round->lease;
	const MrAlertFacts *facts = round->facts;
	bool open = false;
	int64_t silence_ms = 0;

	if (lease->leader == lease->self && lease->leader != MR_NO_SLOT)
		open = facts->fence_open && !facts->in_recovery;
	else if (lease->leader != MR_NO_SLOT)
		open = !mr_config_binds(round->config) ||
			   (is_heard(round, lease->leader) &&
				has_flag(round, lease->leader, MR_REPORT_LEASE_OPEN));
	if (!open && lease->leader_heard_ns != 0 && lease->leader_heard_ns < facts->now_ns)
		silence_ms = (facts->now_ns - lease->leader_heard_ns) / MR_NS_PER_MS;
	observe(round, MR_ALERT_NO_PRIMARY, when(!open), silence_ms, 0);
}

/* Whether the loss of one more voter would take the majority, or has. */
static bool
is_quorum_at_risk(const Round *round, uint32_t heard)
{
	int slot;

	if (!mr_config_has_majority(round->config, heard))
		return true;
	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
		if (mr_slots_have(heard, slot) &&
			!mr_config_has_majority(round->config, heard & ~(UINT32_C(1) << slot)))
			return true;
	return false;
}

static void
judge_votes(const Round *round)
{
	int voters = mr_config_count_voters(round->config);
	bool several = mr_config_count_members(round->config) > 1;
	uint32_t heard = 0;
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
		if (mr_config_is_voter(round->config, slot) && is_heard(round, slot))
			heard |= UINT32_C(1) << slot;
	observe(round, MR_ALERT_VOTES_MISSING, when(several && voters < 3), voters, 3);
	observe(round, MR_ALERT_QUORUM_AT_RISK, when(voters >= 3 && is_quorum_at_risk(round, heard)),
			mr_slots_count(heard), voters / 2 + 1);
}

static void
judge_failover(const Round *round)
{
	const MrLease *lease = round->lease;
	const MrPolicy *policy = &round->config->policy;
	const MrForecast *forecast = round->facts->forecast;
	bool suspended = policy->auto_failover == 0 || round->config->paused_until_ms > lease->wall_ms;

	observe(round, MR_ALERT_FAILOVER_SUSPENDED, when(suspended), 0, 0);
	/* a limit of 0 is a way to say that it shall never move by itself */
	observe(round, MR_ALERT_GOVERNOR,
			when(policy->max_failovers_per_hour > 0 &&
				 mr_governor_holds(&lease->durable, lease->wall_ms)),
			mr_governor_count(&lease->durable, lease->wall_ms),
			threshold_of(round, MR_ALERT_GOVERNOR));
	if (forecast != NULL && lease->leader != MR_NO_SLOT)
		observe_refused(round, MR_ALERT_NO_SUCCESSOR,
						!suspended && mr_config_count_voters(round->config) >= 3 &&
							forecast->successor == MR_NO_SLOT,
						(int) forecast->refusal);
	else
		observe(round, MR_ALERT_NO_SUCCESSOR, MR_ALERT_BETWEEN, -1, 0);
}

/* Only the leader knows why it stays where it is. */
static void
judge_failback(const Round *round)
{
	int refusal = round->lease->failback_refusal;

	if (round->lease->role != MR_ROLE_LEADER)
		return;
	observe_refused(round, MR_ALERT_FAILBACK_POSTPONED,
					refusal != MR_REFUSE_NONE && refusal != MR_REFUSE_ALREADY_LEADING &&
						refusal != MR_REFUSE_FAILBACK_OFF,
					refusal);
}

/* ---------- this server ---------- */

static void
judge_own(const Round *round)
{
	const MrAlertFacts *facts = round->facts;
	int self = round->lease->self;
	int64_t days = facts->certificate_days;
	int i;

	observe_node(round, MR_ALERT_WAL_GONE, self, when(facts->in_recovery && facts->wal_gone), 0, 0);
	observe_node(round, MR_ALERT_VETO_FAILED, self, when(facts->veto_failed), 0, 0);
	observe_node(round, MR_ALERT_CERTIFICATE_EXPIRES, self,
				 when(days >= 0 && days < MR_CERTIFICATE_DAYS), days, MR_CERTIFICATE_DAYS);
	observe(round, MR_ALERT_HOOK_FAILED, when(facts->hook_failed), 0, 0);
	for (i = 0; i < facts->slot_count; i++)
	{
		int64_t threshold = threshold_of(round, MR_ALERT_SLOT_RETAINS_WAL);
		MrAlertSeen seen = {.kind = MR_ALERT_SLOT_RETAINS_WAL,
							.subject = facts->slots[i].name,
							.region = member_of(round, self)->region,
							.condition = mr_alert_compare(facts->slots[i].bytes, threshold),
							.value = facts->slots[i].bytes,
							.threshold = threshold};

		mr_alert_observe(round->alerts, &seen);
	}
}

void
mr_alert_rules(const MrAlertFacts *facts, int64_t stamp, MrAlerts *alerts)
{
	const MrConfig *config = &facts->lease->durable.config;
	Round round = {.facts = facts, .lease = facts->lease, .config = config, .alerts = alerts};
	int slot;

	mr_alerts_begin(alerts, facts->now_ns, stamp, config->policy.alert_delay_ms);
	if (config->policy.mode != MR_MODE_OFF)
	{
		judge_members(&round);
		for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
			if (is_first_of_region(&round, slot))
				judge_region(&round, member_of(&round, slot)->region);
		judge_primary(&round);
		if (mr_config_binds(config))
		{
			judge_votes(&round);
			judge_failover(&round);
			judge_failback(&round);
		}
		judge_own(&round);
	}
	mr_alerts_end(alerts);
}
