/*
 * The mode of the cluster: who is bound by the lease, and what an observer would do.
 *
 * The mode is part of the configuration. A bound node acknowledges by its deadline alone
 * and follows whom the lease names. An observer is a plain server: the primary is whoever
 * has ended recovery, its "lease" binds nobody, and elections of standbys are played: by
 * the same code and the same votes as real ones, up to the vote that would begin a term.
 * There the node records that it would have been promoted, and does nothing.
 *
 * Called by the other parts of the lease protocol.
 */
#include "core/mr_lease_internal.h"

/*
 * May a bound node let go of the fence? The leader that made the configuration may: it
 * waited until a majority had none in which somebody is elected. A standby may, since it
 * cannot write; but not one that a leadership which is over since told to end recovery. A
 * former primary may not: its successor writes, and the fence is all that keeps it from
 * doing so, too, until it has become a standby.
 */
static bool
may_let_go(const MrStep *step)
{
	const MrDurable *durable = &step->lease->durable;

	return (step->local->standby && !step->local->promotion_told) ||
		   durable->last_led_term == durable->config.term;
}

void
mr_mode_bind(MrStep *step)
{
	MrLease *lease = step->lease;
	bool binds = mr_config_binds(&lease->durable.config);

	if (!lease->loaded || lease->bound == binds || (!binds && !may_let_go(step)))
		return;
	lease->bound = binds;
	lease->gate_open = false;
	lease->diverged = false;
	lease->would.pending = false;
	lease->dirty = true;
	if (binds)
		(void) mr_step_add(step, MR_ACT_CLOSE_GATE);
	mr_step_event(step, MR_EVENT_MODE_CHANGED, lease->self, 0, lease->durable.config.policy.mode);
}

/* Here reality decides and not an election: only who has ended recovery may lead. */
static bool
is_reality(const MrStep *step)
{
	return !step->lease->bound && !mr_config_binds(&step->lease->durable.config);
}

bool
mr_mode_is_played(const MrStep *step)
{
	return is_reality(step) && step->local->in_recovery &&
		   mr_step_policy(step)->mode == MR_MODE_OBSERVE;
}

/* A primary by the will of others: only what keeps it from taking part at all counts. */
static MrRefusal
refusal_of_primary(const MrStep *step)
{
	const MrLease *lease = step->lease;

	if (!step->local->manage)
		return MR_REFUSE_OBSERVE;
	if (lease->self == MR_NO_SLOT)
		return MR_REFUSE_UNKNOWN_MEMBER;
	if (mr_step_member(step, lease->self)->witness)
		return MR_REFUSE_WITNESS;
	if (lease->durable.amnesiac)
		return MR_REFUSE_AMNESIA;
	if (step->local->server_dead || step->local->server_stopping)
		return MR_REFUSE_STOPPING;
	return MR_REFUSE_NONE;
}

/*
 * While the cluster leaves "manage", and for whoever is still bound afterwards, only the
 * leader that made the configuration may go on: it alone knows whether the fence is open.
 */
MrRefusal
mr_mode_refusal(const MrStep *step)
{
	const MrLease *lease = step->lease;
	const MrDurable *durable = &lease->durable;
	MrRefusal refusal;

	if (is_reality(step) && !step->local->in_recovery)
		return refusal_of_primary(step);
	refusal = mr_candidate_refusal(lease, step->local, mr_order_fitness(lease));
	if (refusal != MR_REFUSE_NONE || mr_config_elects(&durable->config) || mr_mode_is_played(step))
		return refusal;
	return step->local->in_recovery || durable->last_led_term != durable->config.term
			   ? MR_REFUSE_OBSERVE
			   : MR_REFUSE_NONE;
}

void
mr_mode_would_lead(MrStep *step)
{
	MrLease *lease = step->lease;
	MrWould *would = &lease->would;
	int slot;

	would->pending = true;
	would->cause =
		lease->pending_cause != MR_CAUSE_NONE ? lease->pending_cause : MR_CAUSE_LEASE_EXPIRED;
	would->from_slot = lease->transition.from_slot;
	would->heard_ns = lease->leader_heard_ns;
	would->at_ns = step->now;
	would->lost_bytes = mr_candidate_lost_bytes(lease, step->local);
	lease->role = MR_ROLE_FOLLOWER;
	lease->skip_prevote = false;
	lease->election_at_ns = 0;
	lease->round_failures = 0;
	mr_step_event(step, MR_EVENT_WOULD_FAIL_OVER, lease->self, would->cause, would->lost_bytes);
	/* the others need not look for a winner any more */
	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
		if (slot != lease->self && mr_step_member(step, slot)->used &&
			!lease->peers[slot].in_flight)
			(void) mr_step_send(step, slot, MR_MSG_STATUS);
}

bool
mr_mode_is_settled(const MrStep *step)
{
	const MrLease *lease = step->lease;
	int slot;

	if (!mr_mode_is_played(step))
		return false;
	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
		if (slot != lease->self && lease->peers[slot].reported_ns > lease->leader_heard_ns &&
			(lease->peers[slot].report.flags & MR_REPORT_WOULD_LEAD))
			return true;
	return lease->would.pending;
}

void
mr_mode_compare(MrStep *step, int slot)
{
	MrLease *lease = step->lease;
	MrWould *would = &lease->would;

	if (!would->pending)
		return;
	would->pending = false;
	mr_step_event(step, MR_EVENT_OBSERVED_FAILOVER, slot, would->cause,
				  would->heard_ns != 0 ? (step->now - would->heard_ns) / MR_NS_PER_MS : -1);
}

/* Why a member could not be bound now, NULL if it could. */
static const char *
unready_member(const MrLease *lease, int64_t now_ns, int slot)
{
	const MrConfig *config = &lease->durable.config;
	const MrPeer *peer = &lease->peers[slot];
	int64_t fresh_ns = 3 * config->policy.heartbeat_ms * MR_NS_PER_MS;

	if (peer->heard_ns == 0 || now_ns - peer->heard_ns > fresh_ns)
		return "It does not answer.";
	if (mr_config_compare(peer->config_term, peer->config_version, config->term, config->version) !=
		0)
		return "It does not have the newest configuration yet.";
	if (config->members[slot].witness)
		return NULL;
	if (!(peer->report.flags & MR_REPORT_STANDBY))
		return "It is no standby.";
	if (!(peer->report.flags & MR_REPORT_STREAMING))
		return "It does not stream.";
	if (peer->report.log_term != lease->durable.term)
		return "It has not yet received WAL of this primary.";
	return NULL;
}

const char *
mr_lease_unready(const MrLease *lease, int64_t now_ns, int *slot)
{
	const char *problem = NULL;

	*slot = lease->self;
	if (!lease->loaded || lease->self == MR_NO_SLOT || !mr_lease_is_open(lease, now_ns))
		return "A majority of the members does not agree that it is primary.";
	for (*slot = 0; *slot < MR_MAX_MEMBERS; (*slot)++)
	{
		if (*slot == lease->self || !lease->durable.config.members[*slot].used)
			continue;
		problem = unready_member(lease, now_ns, *slot);
		if (problem != NULL)
			return problem;
	}
	*slot = MR_NO_SLOT;
	return NULL;
}
