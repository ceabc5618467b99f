/*
 * Forced quorums; see mr_forced.h.
 *
 * Pure. Never decides that a node is lost: an operator says so. Called by lease.c and
 * lease_configuration.c, and by multiregion-join --force-new-quorum.
 */
#include "core/mr_forced.h"

#include <string.h>

#define BIT(slot) (UINT32_C(1) << (slot))

/* What the others may have promoted to without our hearing of it. */
#define TIMELINES_LEFT_OUT 16

/* More writes of a state file than those that stay can have seen of ours. */
#define SEQUENCES_LEFT_OUT (UINT64_C(1) << 32)

bool
mr_durable_is_discarded(const MrDurable *durable)
{
	return mr_generation(durable->config.term) > mr_generation(durable->term) &&
		   mr_config_slot_of(&durable->config, &durable->node) == MR_NO_SLOT;
}

bool
mr_durable_is_forced(const MrDurable *durable)
{
	return durable->term != 0 && (durable->term & UINT32_MAX) == 0;
}

const char *
mr_forced_problem(const MrDurable *durable, uint32_t discard)
{
	const MrConfig *config = &durable->config;
	int self = mr_config_slot_of(config, &durable->node);

	if (mr_durable_is_discarded(durable))
		return "a new quorum was forced without this node";
	if (self == MR_NO_SLOT)
		return "this node is not a member of the cluster";
	if (config->members[self].witness)
		return "this node is a witness: it holds no data";
	if (!mr_config_elects(config))
		return "the cluster only observes: whoever is promoted leads";
	if ((discard & BIT(self)) != 0)
		return "a node cannot discard itself";
	if (mr_config_has_majority(config, ~discard))
		return "the nodes that stay have a majority of the votes: start them, and they elect a "
			   "leader";
	return NULL;
}

/* Whatever could keep the node from leading, were it asked again. */
static void
ask_no_policy(MrConfig *config, int self)
{
	config->members[self].no_promote = false;
	config->members[self].paused_until_ms = 0;
	config->paused_until_ms = 0;
	config->policy.auto_failover = 1;
	config->policy.max_failovers_per_hour = -1;
	config->policy.max_failover_lag_bytes = -1;
}

void
mr_forced_apply(MrDurable *durable, uint32_t discard)
{
	MrConfig *config = &durable->config;
	int self = mr_config_slot_of(config, &durable->node);
	uint64_t newest = config->term > durable->term ? config->term : durable->term;
	int slot;

	durable->ndiscarded = 0;
	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		if (!config->members[slot].used || (discard & BIT(slot)) == 0)
			continue;
		if (mr_uuid_is_set(&config->members[slot].uuid))
			durable->discarded[durable->ndiscarded++] = config->members[slot].uuid;
		memset(&config->members[slot], 0, sizeof(config->members[slot]));
		durable->peer_sequence[slot] = 0;
	}
	durable->term = (mr_generation(newest) + 1) << 32;
	durable->sequence += SEQUENCES_LEFT_OUT;
	durable->voted_for = durable->node;
	durable->voted_nonce = 0;
	durable->rebuilding_term = 0;
	durable->reserved_timeline += TIMELINES_LEFT_OUT;
	durable->leader_lsn = 0;
	durable->amnesiac = false;
	config->term = durable->term;
	config->version++;
	config->voters = BIT(self);
	config->voters_old = 0;
	ask_no_policy(config, self);
}

int64_t
mr_forced_longest_lease_ms(const MrDurable *durable)
{
	int64_t usual_ms = durable->config.policy.lease_ms;

	if (durable->last_led_term == durable->term)
		return 0; /* its own, and it is down */
	return durable->max_lease_ms > usual_ms ? durable->max_lease_ms : usual_ms;
}

bool
mr_forced_brings_back(const MrDurable *durable, const MrConfig *config)
{
	int i;

	for (i = 0; i < durable->ndiscarded; i++)
		if (mr_config_slot_of(config, &durable->discarded[i]) != MR_NO_SLOT)
			return true;
	return false;
}
