/*
 * The leader gives the lease back to the preferred primary region, by an order of its
 * own, once a node there has proven its health for long enough. Why it waits is kept in
 * lease->failback_refusal and recorded when it changes. Called by lease.c.
 */
#include "core/mr_governor.h"
#include "core/mr_lease_internal.h"

#include <string.h>

#define MR_FAILBACK_WAIT_NS (30 * MR_NS_PER_S)  /* for the order to be carried out */
#define MR_FAILBACK_AGAIN_NS (60 * MR_NS_PER_S) /* after one that was refused */
#define MR_FAILBACK_LAG (1024 * 1024)           /* more is not "lag 0" for a moving target */

/* Why a member could not take the lease without loss now. */
static MrRefusal
unwell(const MrStep *step, int slot)
{
	const MrLease *lease = step->lease;
	const MrPeer *peer = &lease->peers[slot];
	MrRefusal refusal =
		mr_candidate_refusal_of(lease, slot, step->local->down_mask, MR_FIT_ORDERED_LOSSY);

	if (refusal != MR_REFUSE_NONE)
		return refusal;
	if (step->now - peer->heard_ns > mr_step_policy(step)->lease_ms * MR_NS_PER_MS)
		return MR_REFUSE_UNREACHABLE;
	if (!(peer->report.flags & MR_REPORT_STREAMING))
		return MR_REFUSE_NOT_STREAMING;
	if (peer->report.replay_lsn + MR_FAILBACK_LAG < step->local->wal_end)
		return MR_REFUSE_LAG;
	return MR_REFUSE_NONE;
}

/* Since when each member has been well, without a break. */
static void
watch_health(MrStep *step)
{
	MrLease *lease = step->lease;
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		MrPeer *peer = &lease->peers[slot];

		if (slot == lease->self || !mr_step_member(step, slot)->used ||
			unwell(step, slot) != MR_REFUSE_NONE)
			peer->well_since_ns = 0;
		else if (peer->well_since_ns == 0)
			peer->well_since_ns = step->now;
	}
}

/* The node of the preferred region that would get the lease, well or not. */
static int
find_home(const MrLease *lease)
{
	const MrConfig *config = &lease->durable.config;
	uint32_t well = 0;
	uint32_t all = 0;
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		if (!config->members[slot].used || config->members[slot].no_promote ||
			config->members[slot].witness ||
			strcmp(config->members[slot].region, config->preferred_region) != 0)
			continue;
		all |= UINT32_C(1) << slot;
		if (lease->peers[slot].well_since_ns != 0)
			well |= UINT32_C(1) << slot;
	}
	return mr_candidate_first(config, config->preferred_region, well != 0 ? well : all);
}

/* When a node of the preferred region will have been well for long enough, if it stays so. */
static int64_t
proven_ns(const MrLease *lease, int home)
{
	int64_t since_ns = lease->peers[home].well_since_ns;

	if (since_ns < lease->transition.open_ns)
		since_ns = lease->transition.open_ns;
	return since_ns + mr_governor_failback_delay_ms(&lease->durable, lease->wall_ms) * MR_NS_PER_MS;
}

int64_t
mr_failback_due_ns(const MrLease *lease)
{
	int home = find_home(lease);

	if (lease->role != MR_ROLE_LEADER || lease->failback_refusal != MR_REFUSE_NOT_PROVEN ||
		home == MR_NO_SLOT || lease->peers[home].well_since_ns == 0)
		return 0;
	return proven_ns(lease, home);
}

/* Why there is no failback now; NONE: it is due, to *home. */
static MrRefusal
postponed(const MrStep *step, int *home)
{
	const MrLease *lease = step->lease;
	const MrConfig *config = &lease->durable.config;
	MrRefusal refusal;

	if (!config->policy.failback_enabled || config->preferred_region[0] == '\0')
		return MR_REFUSE_FAILBACK_OFF;
	if (strcmp(config->members[lease->self].region, config->preferred_region) == 0)
		return MR_REFUSE_ALREADY_LEADING;
	*home = find_home(lease);
	if (*home == MR_NO_SLOT)
		return MR_REFUSE_UNKNOWN_MEMBER;
	refusal = unwell(step, *home);
	if (refusal != MR_REFUSE_NONE)
		return refusal;
	if (mr_candidate_is_paused(lease, *home) || mr_candidate_is_paused(lease, lease->self))
		return MR_REFUSE_PAUSED;
	if (step->now < proven_ns(lease, *home))
		return MR_REFUSE_NOT_PROVEN;
	if (step->now < lease->failback_again_ns)
		return MR_REFUSE_TRIED;
	return MR_REFUSE_NONE;
}

static void
give_back(MrStep *step, int home)
{
	MrLease *lease = step->lease;
	MrOrder *order = &lease->order;

	memset(order, 0, sizeof(*order));
	order->id = (lease->nonce ^ (++lease->next_id * UINT64_C(0x9E3779B97F4A7C15))) >> 1 | 1;
	order->cause = MR_CAUSE_FAILBACK;
	order->target = home;
	order->began_ns = step->now;
	order->until_ns = step->now + MR_FAILBACK_WAIT_NS;
	order->state = MR_ORDER_ACTIVE;
	lease->failback_again_ns = step->now + MR_FAILBACK_AGAIN_NS;
	mr_step_event(step, MR_EVENT_ORDER_ACCEPTED, home, order->cause, 0);
	mr_switchover_begin(step);
}

void
mr_failback_tick(MrStep *step)
{
	MrLease *lease = step->lease;
	int home = MR_NO_SLOT;
	MrRefusal refusal;

	if (!lease->stamped || !mr_lease_is_open(lease, step->now) || !lease->bound ||
		!mr_config_elects(&lease->durable.config))
		return;
	watch_health(step);
	if (lease->order.state == MR_ORDER_ACTIVE || lease->handover != MR_HANDOVER_NONE)
		return;
	refusal = postponed(step, &home);
	if (refusal != (MrRefusal) lease->failback_refusal && refusal != MR_REFUSE_NONE &&
		refusal != MR_REFUSE_ALREADY_LEADING && refusal != MR_REFUSE_FAILBACK_OFF)
		mr_step_event(step, MR_EVENT_FAILBACK_POSTPONED, home, (int) refusal,
					  mr_governor_failback_delay_ms(&lease->durable, lease->wall_ms));
	lease->failback_refusal = (int) refusal;
	if (refusal == MR_REFUSE_NONE)
		give_back(step, home);
}
