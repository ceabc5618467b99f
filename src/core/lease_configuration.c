/*
 * Changes of the configuration, safe while elections go on.
 *
 * A change that touches the voters goes through a joint configuration: while it
 * is joint, elections and leases need a majority of the old and of the new
 * voters. The leader persists it before it sends it; the final one is made only
 * after majorities of both have persisted the joint one, and have granted the lease
 * as far as it reaches. A new leadership puts its own term on the configuration, so
 * that any two can be ordered; voters refuse a candidate with an older one. Called by
 * lease.c: on the leader, and wherever a message brings a newer configuration.
 */
#include "core/mr_lease_internal.h"

#include <string.h>

#include "core/mr_forced.h"

/* Its walreceiver was told an address that is no longer the leader's. */
static bool
leader_moved(const MrLease *lease, const MrConfig *config)
{
	const MrMember *before = &lease->durable.config.members[lease->leader];
	const MrMember *after = &config->members[lease->leader];

	return strcmp(before->conninfo, after->conninfo) != 0 ||
		   strcmp(before->hostaddr, after->hostaddr) != 0;
}

/* A slot whose owner changed starts with nothing known about it. */
static void
adopt_config(MrStep *step, const MrConfig *config)
{
	MrLease *lease = step->lease;
	MrDurable *durable = &lease->durable;
	MrUuid leader = {{0}};
	int slot;

	if (lease->leader != MR_NO_SLOT)
	{
		leader = durable->config.members[lease->leader].uuid;
		if (leader_moved(lease, config))
			lease->gate_open = false; /* opened again, with the new address */
	}
	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		if (mr_uuid_equal(&durable->config.members[slot].uuid, &config->members[slot].uuid))
			continue;
		memset(&lease->peers[slot], 0, sizeof(lease->peers[slot]));
		durable->peer_sequence[slot] = 0;
	}
	durable->config = *config;
	lease->dirty = true;
	lease->self = mr_config_slot_of(config, &durable->node);
	lease->leader = mr_uuid_is_set(&leader) ? mr_config_slot_of(config, &leader) : MR_NO_SLOT;
	if (lease->self == MR_NO_SLOT)
		mr_step_down(step); /* we are no member any more */
	/* who granted or voted before may have gone over to the leader whose voters these are */
	if (config->term > durable->term && lease->role == MR_ROLE_LEADER)
		mr_leader_overtaken(step, MR_NO_SLOT, MR_REFUSE_STALE_TERM, config->term);
	else if (config->term > durable->term && lease->role == MR_ROLE_CANDIDATE)
		mr_step_down(step);
	if (lease->role == MR_ROLE_CANDIDATE || lease->role == MR_ROLE_PRECANDIDATE)
	{
		if (!mr_config_elects(config))
			mr_step_down(step); /* votes that were asked for before count no more */
	}
	mr_mode_bind(step);
	if (mr_durable_is_discarded(durable))
	{
		lease->gate_open = false;
		(void) mr_step_add(step, MR_ACT_CLOSE_GATE);
		mr_step_event(step, MR_EVENT_DISCARDED, MR_NO_SLOT, MR_REFUSE_OTHER_GENERATION,
					  (int64_t) config->term);
	}
	mr_step_event(step, MR_EVENT_CONFIGURATION, lease->self, 0, (int64_t) config->version);
}

bool
mr_configuration_learn(MrStep *step)
{
	const MrMessage *message = step->event->message;
	const MrConfig *config = step->event->config;
	const MrDurable *durable = &step->lease->durable;

	if (config != NULL && message->has_config &&
		mr_config_compare(durable->config.term, durable->config.version, config->term,
						  config->version) < 0 &&
		mr_config_problem(config) == NULL)
		adopt_config(step, config);
	return mr_generation(message->config_term) == mr_generation(durable->config.term) &&
		   !mr_durable_is_discarded(durable);
}

/* A new version of our own configuration, in our own term. */
static void
advance_version(MrStep *step, MrConfig *config)
{
	config->term = step->lease->durable.term;
	config->version = step->lease->durable.config.version + 1;
	step->lease->dirty = true;
}

void
mr_configuration_restamp(MrStep *step)
{
	MrConfig *config = &step->lease->durable.config;

	advance_version(step, config);
}

/*
 * The way out of "manage" has two steps, as a change of voters has: first a configuration
 * in which nobody is elected any more and the fence still holds.
 */
static void
mark_way_out(const MrLease *lease, MrConfig *next)
{
	const MrConfig *current = &lease->durable.config;

	next->leaving = !mr_config_elects(next) && (lease->bound || mr_config_binds(current));
	if (next->policy.mode != current->policy.mode)
		next->voters = current->voters; /* one thing at a time */
}

void
mr_configuration_propose(MrStep *step)
{
	MrLease *lease = step->lease;
	const MrConfig *proposed = step->event->config;
	const MrConfig *current = &lease->durable.config;
	MrConfig next;

	/* of a newer term: another leads, and we have not been told yet */
	if (!lease->loaded || lease->role != MR_ROLE_LEADER || !lease->stamped ||
		current->term != lease->durable.term || current->voters_old != 0 ||
		mr_config_problem(proposed) != NULL ||
		mr_config_slot_of(proposed, &lease->durable.node) != lease->self ||
		!mr_uuid_equal(&proposed->cluster, &current->cluster) ||
		mr_forced_brings_back(&lease->durable, proposed))
		return;
	if (proposed->policy.mode != current->policy.mode && lease->handover != MR_HANDOVER_NONE)
		return; /* who leads is being decided; it is proposed again */
	next = *proposed;
	mark_way_out(lease, &next);
	next.voters_old = next.voters == current->voters ? 0 : current->voters;
	/* whoever has a vote stays a member until it has lost that */
	if (mr_config_problem(&next) != NULL)
		return;
	advance_version(step, &next);
	adopt_config(step, &next);
	mr_leader_heartbeat_now(step);
}

/* Members that have our configuration in their file, ourselves included. */
static uint32_t
persisted_by(const MrLease *lease)
{
	const MrConfig *config = &lease->durable.config;
	uint32_t mask = UINT32_C(1) << lease->self;
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
		if (slot != lease->self &&
			mr_config_compare(lease->peers[slot].config_term, lease->peers[slot].config_version,
							  config->term, config->version) == 0)
			mask |= UINT32_C(1) << slot;
	return mask;
}

/*
 * Those whose grant of this term still runs: they have voted for nobody else since, and
 * with our configuration in their file they will not for one with an older one.
 */
static uint32_t
granted_by(const MrStep *step)
{
	uint32_t mask = 0;
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
		if (step->lease->peers[slot].granted_until_ns > step->now)
			mask |= UINT32_C(1) << slot;
	return mask;
}

bool
mr_lease_configuration_is_settled(const MrLease *lease)
{
	const MrConfig *config = &lease->durable.config;

	return lease->role == MR_ROLE_LEADER && config->term == lease->durable.term &&
		   config->voters_old == 0 && mr_config_has_majority(config, persisted_by(lease));
}

/* May the next step of a change in two steps be taken? */
static bool
may_advance(const MrStep *step)
{
	const MrLease *lease = step->lease;
	const MrConfig *config = &lease->durable.config;
	uint32_t mask = persisted_by(lease);

	if (config->term != lease->durable.term)
		return false;
	if (config->voters_old != 0)
		return mr_config_has_majority(config, mask);
	return config->leaving && lease->stamped && !lease->renounced &&
		   lease->handover == MR_HANDOVER_NONE &&
		   mr_config_has_majority(config, mask & granted_by(step));
}

void
mr_configuration_advance(MrStep *step)
{
	MrLease *lease = step->lease;
	MrConfig next;

	if (lease->role != MR_ROLE_LEADER || !may_advance(step))
		return;
	/* the new voters alone elect from now on: a majority of them must not be free to */
	if (lease->durable.config.voters_old != 0 && !mr_leader_rests_on_both(step))
		return;
	next = lease->durable.config;
	if (next.voters_old == 0)
		next.leaving = false;
	next.voters_old = 0;
	advance_version(step, &next);
	adopt_config(step, &next);
	mr_leader_heartbeat_now(step);
}
