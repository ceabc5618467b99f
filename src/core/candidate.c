/*
 * Candidate rules: see mr_candidate.h.
 *
 * Never looks at time or promises: when to stand is the election's business
 * (lease_candidate.c), whether a node is fit is decided here.
 */
#include "core/mr_candidate.h"

#include <string.h>

#include "core/mr_governor.h"

#define MR_STAGGER_NS (30 * MR_NS_PER_MS)

int
mr_candidate_compare_log(uint64_t a_term, MrLsn a_end, uint64_t b_term, MrLsn b_end)
{
	if (a_term != b_term)
		return a_term < b_term ? -1 : 1;
	if (a_end != b_end)
		return a_end < b_end ? -1 : 1;
	return 0;
}

/* What the configuration says about a member, whatever its state. */
static MrRefusal
refusal_by_configuration(const MrConfig *config, int slot)
{
	if (slot == MR_NO_SLOT || !config->members[slot].used)
		return MR_REFUSE_UNKNOWN_MEMBER;
	if (config->members[slot].witness)
		return MR_REFUSE_WITNESS;
	if (config->members[slot].no_promote)
		return MR_REFUSE_NO_PROMOTE;
	return MR_REFUSE_NONE;
}

/* Whether what a member reports tells how far the last leader was. */
static bool
heard_the_leader(const MrLease *lease, int slot)
{
	const uint32_t follows = MR_REPORT_STANDBY | MR_REPORT_WAL_END_KNOWN;
	uint32_t flags = lease->peers[slot].report.flags;

	return slot != lease->self && (lease->durable.config.members[slot].witness ||
								   (flags & (follows | MR_REPORT_DIVERGED)) == follows);
}

MrLsn
mr_candidate_leader_position(const MrLease *lease)
{
	MrLsn newest = lease->leader_lsn;
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		const MrReport *report = &lease->peers[slot].report;

		if (heard_the_leader(lease, slot) && report->log_term >= lease->durable.log_term &&
			report->wal_end > newest)
			newest = report->wal_end;
	}
	return newest;
}

bool
mr_candidate_lags(const MrLease *lease, MrLsn wal_end)
{
	int64_t limit = lease->durable.config.policy.max_failover_lag_bytes;
	MrLsn newest = mr_candidate_leader_position(lease);

	return limit >= 0 && newest > wal_end && newest - wal_end > (uint64_t) limit;
}

bool
mr_candidate_is_paused(const MrLease *lease, int slot)
{
	const MrConfig *config = &lease->durable.config;

	return config->paused_until_ms > lease->wall_ms ||
		   config->members[slot].paused_until_ms > lease->wall_ms;
}

/* Whether a rule of the policy stands against a standby; an order overrides most. */
static bool
policy_forbids(const MrLease *lease, int slot, MrLsn wal_end, MrFitness fitness, MrRefusal rule)
{
	bool ordered = fitness == MR_FIT_ORDERED || fitness == MR_FIT_ORDERED_LOSSY;
	bool measured = fitness == MR_FIT_ELECTION || fitness == MR_FIT_ORDERED;

	if (rule == MR_REFUSE_LAG)
		return measured && mr_candidate_lags(lease, wal_end);
	if (ordered)
		return false;
	if (rule == MR_REFUSE_FAILOVER_OFF)
		return !lease->durable.config.policy.auto_failover;
	if (rule == MR_REFUSE_PAUSED)
		return mr_candidate_is_paused(lease, slot);
	return mr_governor_holds(&lease->durable, lease->wall_ms);
}

/* What stands against a standby that could be promoted. */
static MrRefusal
refusal_by_policy(const MrLease *lease, int slot, MrLsn wal_end, bool marked_down,
				  MrFitness fitness)
{
	static const MrRefusal first[] = {MR_REFUSE_FAILOVER_OFF, MR_REFUSE_PAUSED, MR_REFUSE_GOVERNOR};
	size_t i;

	for (i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		if (policy_forbids(lease, slot, wal_end, fitness, first[i]))
			return first[i];
	if (fitness == MR_FIT_ELECTION && marked_down)
		return MR_REFUSE_MARKED_DOWN;
	return policy_forbids(lease, slot, wal_end, fitness, MR_REFUSE_LAG) ? MR_REFUSE_LAG
																		: MR_REFUSE_NONE;
}

int64_t
mr_candidate_lost_bytes(const MrLease *lease, const MrLocal *local)
{
	MrLsn newest = mr_candidate_leader_position(lease);

	if (newest == 0 || !local->wal_end_known)
		return -1;
	return newest > local->wal_end ? (int64_t) (newest - local->wal_end) : 0;
}

MrRefusal
mr_candidate_refusal(const MrLease *lease, const MrLocal *local, MrFitness fitness)
{
	const MrDurable *durable = &lease->durable;
	MrRefusal refusal;

	if (!lease->loaded)
		return MR_REFUSE_FENCED_STATE;
	if (!local->manage)
		return MR_REFUSE_OBSERVE;
	refusal = refusal_by_configuration(&durable->config, lease->self);
	if (refusal != MR_REFUSE_NONE)
		return refusal;
	if (durable->amnesiac)
		return MR_REFUSE_AMNESIA;
	if (local->server_dead || local->server_stopping)
		return MR_REFUSE_STOPPING;
	if (local->sick)
		return MR_REFUSE_SICK;
	if (local->in_recovery && !local->standby)
		return MR_REFUSE_CRASH_RECOVERY;
	if (!local->wal_end_known)
		return MR_REFUSE_WAL_END_UNKNOWN;
	if (lease->diverged || durable->rebuilding_term > durable->log_term)
		return MR_REFUSE_REBUILDING;
	if (!local->in_recovery)
		return MR_REFUSE_NONE;
	if (local->inconsistent)
		return MR_REFUSE_INCONSISTENT;
	if (local->replay_paused)
		return MR_REFUSE_REPLAY_PAUSED;
	/* one that has taken the lease from its leader does not think again: that one is gone */
	if (local->vetoed && !lease->skip_prevote && lease->handed_order == 0)
		return MR_REFUSE_VETO;
	return refusal_by_policy(lease, lease->self, local->wal_end, lease->marked_down, fitness);
}

/* The order in which they are asked; the first that stands is the answer. */
static const MrRefusal rules[] = {MR_REFUSE_UNKNOWN_MEMBER,
								  MR_REFUSE_WITNESS,
								  MR_REFUSE_NO_PROMOTE,
								  MR_REFUSE_MARKED_DOWN,
								  MR_REFUSE_STOPPING,
								  MR_REFUSE_REBUILDING,
								  MR_REFUSE_WAL_END_UNKNOWN,
								  MR_REFUSE_FENCED_STATE,
								  MR_REFUSE_OBSERVE,
								  MR_REFUSE_AMNESIA,
								  MR_REFUSE_SICK,
								  MR_REFUSE_CRASH_RECOVERY,
								  MR_REFUSE_INCONSISTENT,
								  MR_REFUSE_REPLAY_PAUSED,
								  MR_REFUSE_VETO,
								  MR_REFUSE_FAILOVER_OFF,
								  MR_REFUSE_PAUSED,
								  MR_REFUSE_GOVERNOR,
								  MR_REFUSE_LAG};

MrRefusal
mr_candidate_rule(int number)
{
	return number < (int) (sizeof(rules) / sizeof(rules[0])) ? rules[number] : MR_REFUSE_NONE;
}

bool
mr_candidate_rule_stands(const MrLease *lease, int slot, uint32_t down_mask, MrFitness fitness,
						 MrRefusal rule)
{
	const MrMember *member = &lease->durable.config.members[slot];
	const MrReport *report = &lease->peers[slot].report;

	switch ((int) rule)
	{
		case MR_REFUSE_UNKNOWN_MEMBER:
			return !member->used;
		case MR_REFUSE_WITNESS:
			return member->witness;
		case MR_REFUSE_NO_PROMOTE:
			return member->no_promote;
		case MR_REFUSE_MARKED_DOWN: /* who executes an order asks the node itself how it is */
			return (fitness == MR_FIT_ELECTION || fitness == MR_FIT_HANDED) &&
				   ((down_mask & (UINT32_C(1) << slot)) || (report->flags & MR_REPORT_DOWN));
		case MR_REFUSE_STOPPING:
			return (report->flags & MR_REPORT_STOPPING) != 0;
		case MR_REFUSE_REBUILDING:
			return (report->flags & MR_REPORT_DIVERGED) || report->refusal == rule;
		case MR_REFUSE_WAL_END_UNKNOWN:
			return !(report->flags & MR_REPORT_WAL_END_KNOWN);
		case MR_REFUSE_FAILOVER_OFF:
		case MR_REFUSE_PAUSED:
		case MR_REFUSE_GOVERNOR:
		case MR_REFUSE_LAG:
			return (report->flags & MR_REPORT_IN_RECOVERY) &&
				   policy_forbids(lease, slot, report->wal_end, fitness, rule);
		default: /* what it says of itself */
			return report->refusal == rule;
	}
}

MrRefusal
mr_candidate_refusal_of(const MrLease *lease, int slot, uint32_t down_mask, MrFitness fitness)
{
	MrRefusal rule;
	int i;

	if (slot == MR_NO_SLOT)
		return MR_REFUSE_UNKNOWN_MEMBER;
	for (i = 0; (rule = mr_candidate_rule(i)) != MR_REFUSE_NONE; i++)
		if (mr_candidate_rule_stands(lease, slot, down_mask, fitness, rule))
			return rule;
	/* a newer version may have a reason that is not among ours */
	return (MrRefusal) lease->peers[slot].report.refusal;
}

/* Whether member a comes before member b as successor in `region`. */
static bool
comes_before(const MrConfig *config, int a, int b, const char *region)
{
	const MrMember *first = &config->members[a];
	const MrMember *second = &config->members[b];
	bool first_here = strcmp(first->region, region) == 0;
	bool second_here = strcmp(second->region, region) == 0;

	if (first_here != second_here)
		return first_here;
	if (first->priority != second->priority)
		return first->priority < second->priority;
	return a < b;
}

int
mr_candidate_rank(const MrLease *lease, int slot, const char *region, uint32_t down_mask)
{
	int rank = 0;
	int other;

	for (other = 0; other < MR_MAX_MEMBERS; other++)
	{
		if (other == slot || other == lease->self)
			continue;
		if (mr_candidate_refusal_of(lease, other, down_mask, MR_FIT_HANDED) == MR_REFUSE_NONE &&
			comes_before(&lease->durable.config, other, slot, region))
			rank++;
	}
	return rank;
}

int
mr_candidate_first(const MrConfig *config, const char *region, uint32_t mask)
{
	int best = MR_NO_SLOT;
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
		if ((mask & (UINT32_C(1) << slot)) != 0 &&
			(best == MR_NO_SLOT || comes_before(config, slot, best, region)))
			best = slot;
	return best;
}

int
mr_candidate_best(const MrLease *lease, const char *region, bool same_region, uint32_t tried,
				  uint32_t down_mask)
{
	const MrConfig *config = &lease->durable.config;
	uint32_t fit = 0;
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		if (slot == lease->self || (tried & (UINT32_C(1) << slot)))
			continue;
		if (mr_candidate_refusal_of(lease, slot, down_mask, MR_FIT_HANDED) != MR_REFUSE_NONE)
			continue;
		if (same_region && strcmp(config->members[slot].region, region) != 0)
			continue;
		fit |= UINT32_C(1) << slot;
	}
	return mr_candidate_first(config, region, fit);
}

int64_t
mr_candidate_round_trip_us(const MrLease *lease)
{
	int64_t longest_us = 0;
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
		if (lease->peers[slot].round_trip_us > longest_us)
			longest_us = lease->peers[slot].round_trip_us;
	return longest_us;
}

int64_t
mr_candidate_stagger_ns(const MrLease *lease)
{
	int64_t longest_us = mr_candidate_round_trip_us(lease);

	return MR_STAGGER_NS + (longest_us < 1000000 ? longest_us : 1000000) * 1500;
}
