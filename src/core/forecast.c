/*
 * The forecast of an election; see mr_forecast.h.
 *
 * Candidates stand in the order of their rank. The first of whom a majority would elect
 * wins; a voter that is fit itself and holds more refuses, and stands later.
 */
#include "core/mr_forecast.h"

#include <string.h>

#define MR_SKEW_BYTES (1024 * 1024) /* reports are of different instants */
#define MR_PROMOTION_MS 60          /* of an idle standby: signal, end of recovery, stamp */

static bool
is_alive(const MrLease *lease, int64_t now_ns, int slot)
{
	int64_t patience_ns = 2 * lease->durable.config.policy.lease_ms * MR_NS_PER_MS;

	return lease->durable.config.members[slot].used &&
		   (slot == lease->self || now_ns - lease->peers[slot].reported_ns < patience_ns);
}

/* Whether voter holds what a candidate lacks, and could lead with it. */
static bool
stands_in_the_way(const MrLease *lease, const MrForecast *forecast, int voter, int candidate)
{
	const MrReport *mine = &lease->peers[voter].report;
	const MrReport *its = &lease->peers[candidate].report;

	return mr_candidate_compare_log(mine->log_term, mine->wal_end, its->log_term,
									its->wal_end + MR_SKEW_BYTES) > 0 &&
		   (forecast->refusals[voter] == MR_REFUSE_NONE ||
			lease->durable.config.policy.durability == MR_DURABILITY_QUORUM);
}

static bool
is_electable(const MrLease *lease, const MrForecast *forecast, int candidate)
{
	uint32_t votes = 0;
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
		if (mr_slots_have(forecast->alive, slot) &&
			(slot == candidate || !stands_in_the_way(lease, forecast, slot, candidate)))
			votes |= UINT32_C(1) << slot;
	return mr_config_has_majority(&lease->durable.config, votes);
}

static void
judge_each(const MrLease *lease, uint32_t down, MrForecast *forecast)
{
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		forecast->ranks[slot] = -1;
		if (!lease->durable.config.members[slot].used)
			forecast->refusals[slot] = MR_REFUSE_UNKNOWN_MEMBER;
		else if (!mr_slots_have(forecast->alive, slot))
			forecast->refusals[slot] = MR_REFUSE_UNREACHABLE;
		else
			forecast->refusals[slot] =
				(int) mr_candidate_refusal_of(lease, slot, down, MR_FIT_ELECTION);
	}
}

/* Gives out the ranks, and finds the first that would be elected. */
static void
elect(const MrLease *lease, const char *region, MrForecast *forecast)
{
	uint32_t left = 0;
	int rank = 0;
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
		if (forecast->refusals[slot] == MR_REFUSE_NONE)
			left |= UINT32_C(1) << slot;
	while ((slot = mr_candidate_first(&lease->durable.config, region, left)) != MR_NO_SLOT)
	{
		left &= ~(UINT32_C(1) << slot);
		forecast->ranks[slot] = rank++;
		if (forecast->successor != MR_NO_SLOT)
			continue;
		if (is_electable(lease, forecast, slot))
			forecast->successor = slot;
		else if (mr_config_has_majority(&lease->durable.config, forecast->alive))
			forecast->refusals[slot] = MR_REFUSE_BEHIND;
		else
			forecast->refusals[slot] = MR_REFUSE_NO_MAJORITY;
	}
}

void
mr_forecast(MrLease *lease, int64_t now_ns, uint32_t dead, uint32_t further_down,
			MrForecast *forecast)
{
	const MrPolicy *policy = &lease->durable.config.policy;
	const char *region =
		lease->leader != MR_NO_SLOT ? lease->durable.config.members[lease->leader].region : "";
	MrLsn newest;
	int slot;

	memset(forecast, 0, sizeof(*forecast));
	forecast->successor = MR_NO_SLOT;
	forecast->outage_ms = -1;
	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
		if (!mr_slots_have(dead, slot) && is_alive(lease, now_ns, slot))
			forecast->alive |= UINT32_C(1) << slot;
	if (lease->role == MR_ROLE_LEADER)
		lease->leader_lsn = lease->peers[lease->self].report.wal_end;
	newest = mr_candidate_leader_position(lease);
	judge_each(lease, further_down, forecast);
	elect(lease, region, forecast);
	if (forecast->successor == MR_NO_SLOT)
	{
		forecast->refusal = mr_config_has_majority(&lease->durable.config, forecast->alive)
								? MR_REFUSE_NOBODY_FIT
								: MR_REFUSE_NO_MAJORITY;
		return;
	}
	slot = forecast->successor;
	if (newest > lease->peers[slot].report.wal_end)
		forecast->bytes_at_risk = (int64_t) (newest - lease->peers[slot].report.wal_end);
	forecast->outage_ms = mr_promise_ns(policy->lease_ms) / MR_NS_PER_MS -
						  policy->heartbeat_ms / 2 +
						  3 * (mr_candidate_round_trip_us(lease) / 1000) + MR_PROMOTION_MS +
						  forecast->ranks[slot] * mr_candidate_stagger_ns(lease) / MR_NS_PER_MS;
}
