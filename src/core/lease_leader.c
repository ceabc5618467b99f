/*
 * The leader: from the won election to the stamp, heartbeats, the deadline.
 *
 * The deadline counts from the SEND of the grants that make a majority, never
 * from their replies. It is published only after this leadership has left its
 * stamp, and never again once a RELEASE was queued. Called by lease.c.
 */
#include "core/mr_governor.h"
#include "core/mr_lease_internal.h"

#include <string.h>

#define MR_PROMOTE_EVERY_NS (200 * MR_NS_PER_MS)

/*
 * The lease that a leader asks for, in ms. During a pause it reaches to the end of it:
 * nobody else shall lead before, and this node may even if it is cut off.
 */
static int64_t
leader_lease_ms(const MrStep *step)
{
	const MrConfig *config = &step->lease->durable.config;
	int64_t usual = config->policy.lease_ms;
	int64_t until = config->paused_until_ms;
	int64_t left;

	if (step->lease->self != MR_NO_SLOT &&
		config->members[step->lease->self].paused_until_ms > until)
		until = config->members[step->lease->self].paused_until_ms;
	left = until - step->lease->wall_ms;
	if (left > MR_MAX_PAUSE_MS)
		left = MR_MAX_PAUSE_MS;
	return left > usual ? left : usual;
}

/* Recovery has ended (or there was none): this leadership's own WAL begins here. */
static void
stamp(MrStep *step)
{
	MrLease *lease = step->lease;
	MrDurable *durable = &lease->durable;
	const MrLocal *local = step->local;
	bool promoted =
		lease->round_timeline != 0 || (!lease->bound && durable->stamp.timeline < local->timeline);

	durable->stamp.term = durable->term;
	durable->stamp.node = durable->node;
	durable->stamp.timeline = local->timeline;
	durable->stamp.lsn = promoted && local->fork_lsn != 0 ? local->fork_lsn : local->wal_end;
	if (durable->reserved_timeline < local->timeline)
		durable->reserved_timeline = local->timeline;
	durable->last_led_term = durable->term;
	lease->dirty = true;
	lease->stamped = true;
	lease->transition.promoted_ns = step->now;
	lease->transition.timeline = local->timeline;
	lease->transition.fork_lsn = durable->stamp.lsn;
	if (promoted)
		mr_step_event(step, MR_EVENT_PROMOTION_DONE, lease->self, 0, (int64_t) durable->stamp.lsn);
	mr_leader_heartbeat_now(step);
}

/*
 * Why this leadership began, and whose it ended. A server that started meanwhile has
 * heard no leader: then the newest stamp it knows of tells who led.
 */
static int
find_cause(const MrStep *step, int *from)
{
	const MrLease *lease = step->lease;
	const MrStamp *own = &lease->durable.stamp;
	bool missed_one = lease->seen_stamp.term > own->term;
	const MrStamp *newest = missed_one ? &lease->seen_stamp : own;
	bool restart = lease->pending_cause == MR_CAUSE_RESTART;

	*from = lease->transition.from_slot;
	if (newest->term != 0 && (*from == MR_NO_SLOT || (restart && missed_one)))
		*from = mr_config_slot_of(&lease->durable.config, &newest->node);
	if (lease->pending_cause != MR_CAUSE_NONE && !(restart && missed_one) &&
		(lease->bound || restart))
		return lease->pending_cause;
	if (!lease->bound && *from != lease->self && newest->term != 0)
		return MR_CAUSE_OBSERVED;
	return newest->term == 0 ? MR_CAUSE_BOOTSTRAP : MR_CAUSE_LEASE_EXPIRED;
}

void
mr_leader_begin(MrStep *step)
{
	MrLease *lease = step->lease;
	MrTransition *transition = &lease->transition;
	int from;
	int cause = find_cause(step, &from);

	memset(transition, 0, sizeof(*transition));
	if (from != lease->self)
		lease->dirty |=
			mr_governor_note(&lease->durable, lease->durable.term, cause, lease->wall_ms);
	transition->term = lease->durable.term;
	transition->cause = cause;
	transition->order_id = lease->handed_order;
	if (transition->order_id == 0 && mr_order_is_ours(lease))
		transition->order_id = lease->order.id;
	transition->from_slot = from;
	transition->to_slot = lease->self;
	transition->detected_ns = lease->detected_ns != 0 ? lease->detected_ns : step->now;
	transition->elected_ns = step->now;
	transition->lag_bytes = mr_candidate_lost_bytes(lease, step->local);
	if (cause == MR_CAUSE_TAKEN_BACK)
		mr_order_end(step, MR_ORDER_REFUSED, lease->order.refusal);
	lease->pending_cause = MR_CAUSE_NONE;
	lease->detected_ns = 0;
	lease->role = MR_ROLE_LEADER;
	lease->leader = lease->self;
	lease->election_at_ns = 0;
	lease->round_failures = 0;
	lease->stamped = false;
	lease->lapsed = false;
	lease->renounced = false;
	lease->handover = MR_HANDOVER_NONE;
	lease->ordered = false;
	lease->hold_wal = false;
	lease->handed_order = 0;
	lease->deadline_ns = 0;
	lease->promote_at_ns = 0;
	lease->promote_until_ns = step->now + mr_step_policy(step)->promote_timeout_ms * MR_NS_PER_MS;
	mr_step_event(step, MR_EVENT_LEASE_ACQUIRED, lease->self, cause,
				  (int64_t) transition->lag_bytes);
	mr_mode_compare(step, lease->self);
	mr_configuration_restamp(step);
	lease->next_heartbeat_ns = step->now;
	mr_leader_tick(step);
}

/* What the leader knows of everybody, for everybody. */
static void
broadcast(MrStep *step, MrMessage *message)
{
	MrLease *lease = step->lease;
	int64_t fresh_ns = 3 * mr_step_policy(step)->heartbeat_ms * MR_NS_PER_MS;
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		const MrPeer *peer = &lease->peers[slot];
		MrPeerReport *out;
		int64_t age_ns = step->now - peer->reported_ns;

		if (slot == lease->self || !mr_step_member(step, slot)->used || peer->heard_ns == 0)
			continue;
		out = &message->peers[message->npeers++];
		out->slot = (uint8_t) slot;
		out->age_ms =
			age_ns / MR_NS_PER_MS < UINT32_MAX ? (uint32_t) (age_ns / MR_NS_PER_MS) : UINT32_MAX;
		out->round_trip_us = peer->round_trip_us;
		out->report = peer->report;
		if (step->local->down_mask & (UINT32_C(1) << slot))
			out->report.flags |= MR_REPORT_DOWN;
		if (step->now - peer->heard_ns < fresh_ns)
			out->report.flags |= MR_REPORT_REACHABLE;
	}
}

/*
 * A leader votes for nobody else while its lease runs. Once it has lapsed, our vote may
 * be the one another candidate needs: a leader whom nobody grants must not hold it back.
 */
static void
keep_own_promise(MrStep *step)
{
	MrLease *lease = step->lease;
	int64_t lease_ms = leader_lease_ms(step);
	int64_t until_ns = step->now + mr_promise_ns(lease_ms);
	bool begins =
		!lease->stamped && step->now < lease->transition.elected_ns + lease_ms * MR_NS_PER_MS;

	if (!begins && lease->deadline_ns <= step->now)
		return;
	lease->promise_term = lease->durable.term;
	lease->promise_to = lease->durable.node;
	lease->promise_nonce = lease->nonce;
	if (lease->promise_until_ns < until_ns)
		lease->promise_until_ns = until_ns;
}

static void
send_heartbeats(MrStep *step)
{
	MrLease *lease = step->lease;
	int64_t lease_ms = leader_lease_ms(step);
	MrMessage *message;
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		if (slot == lease->self || !mr_step_member(step, slot)->used ||
			lease->peers[slot].in_flight)
			continue;
		message = mr_step_send(step, slot, MR_MSG_GRANT);
		message->lease_ms = (uint32_t) lease_ms;
		message->nmarks = (uint8_t) mr_governor_known(&lease->durable);
		memcpy(message->marks, lease->durable.failovers, sizeof(message->marks));
		message->shorten = lease_ms == mr_step_policy(step)->lease_ms;
		broadcast(step, message);
	}
	/* our own grant runs out like the others' */
	lease->peers[lease->self].granted_until_ns = step->now + lease_ms * MR_NS_PER_MS;
	keep_own_promise(step);
	lease->next_heartbeat_ns = step->now + mr_step_policy(step)->heartbeat_ms * MR_NS_PER_MS;
}

void
mr_leader_heartbeat_now(MrStep *step)
{
	step->lease->next_heartbeat_ns = step->now;
}

/*
 * A pause that ended early leaves grants that reach too far. They are not counted on any
 * more before the first grant goes out that lets the voters shorten their promises.
 */
static void
shorten_grants(MrStep *step)
{
	MrLease *lease = step->lease;
	int64_t longest_ns = step->now + leader_lease_ms(step) * MR_NS_PER_MS;
	int slot;

	if (leader_lease_ms(step) != mr_step_policy(step)->lease_ms)
		return;
	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
		if (lease->peers[slot].granted_until_ns > longest_ns)
			lease->peers[slot].granted_until_ns = longest_ns;
	if (lease->deadline_ns > longest_ns)
		mr_step_deadline(step, longest_ns);
	longest_ns = step->now + mr_promise_ns(leader_lease_ms(step));
	if (mr_uuid_equal(&lease->promise_to, &lease->durable.node) &&
		lease->promise_until_ns > longest_ns)
		lease->promise_until_ns = longest_ns;
}

/* The instant up to which a majority lets us acknowledge; two, while they change. */
static int64_t
granted_until(const MrLease *lease)
{
	int64_t grants[MR_MAX_MEMBERS];
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
		grants[slot] = lease->peers[slot].granted_until_ns;
	return mr_config_majority_time(&lease->durable.config, grants);
}

bool
mr_leader_rests_on_both(MrStep *step)
{
	MrLease *lease = step->lease;
	int64_t until_ns = granted_until(lease);

	if (lease->deadline_ns <= step->now)
		return true; /* none runs */
	if (until_ns < step->now + mr_step_policy(step)->lease_ms * MR_NS_PER_MS / 2)
		return false;
	if (lease->deadline_ns > until_ns)
		mr_step_deadline(step, until_ns);
	return true;
}

/* Publishes it. */
static void
publish_deadline(MrStep *step)
{
	MrLease *lease = step->lease;
	int64_t deadline;

	if (lease->renounced || !lease->stamped || lease->handover > MR_HANDOVER_DRAIN)
		return;
	deadline = granted_until(lease);
	if (deadline <= lease->deadline_ns || deadline <= step->now)
		return;
	if (lease->transition.open_ns == 0)
	{
		lease->transition.open_ns = step->now;
		lease->open_id = lease->next_id;
		mr_step_event(step, MR_EVENT_LEASE_OPEN, lease->self, 0, 0);
		mr_leader_heartbeat_now(step); /* whoever ordered it waits for the news */
	}
	else if (lease->lapsed)
		mr_step_event(step, MR_EVENT_LEASE_RESUMED, lease->self, 0,
					  (step->now - lease->deadline_ns) / MR_NS_PER_MS);
	lease->lapsed = false;
	mr_step_deadline(step, deadline);
}

/* A lapsed lease may be renewed in the same term: nobody else can have led in it. */
static void
note_lapse(MrStep *step)
{
	MrLease *lease = step->lease;

	if (lease->deadline_ns == 0 || lease->lapsed || step->now < lease->deadline_ns)
		return;
	lease->lapsed = true;
	mr_step_event(step, MR_EVENT_LEASE_LOST, lease->self, 0, 0);
}

/* Too long in recovery: somebody else may be quicker. */
static void
give_up_promotion(MrStep *step)
{
	MrLease *lease = step->lease;
	int slot;

	mr_step_event(step, MR_EVENT_PROMOTION_TIMEOUT, lease->self, 0, 0);
	lease->renounced = true;
	mr_step_down(step);
	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
		if (slot != lease->self && mr_step_member(step, slot)->used)
			mr_step_send(step, slot, MR_MSG_RELEASE)->cause = MR_CAUSE_LEASE_EXPIRED;
	lease->leader = MR_NO_SLOT;
	lease->election_at_ns = step->now + 2 * mr_promise_ns(mr_step_policy(step)->lease_ms);
}

static void
finish_recovery(MrStep *step)
{
	MrLease *lease = step->lease;

	if (lease->stamped)
		return;
	if (!step->local->in_recovery)
	{
		stamp(step);
		return;
	}
	if (step->now >= lease->promote_until_ns)
	{
		give_up_promotion(step);
		return;
	}
	if (step->now < lease->promote_at_ns)
		return;
	if (lease->promote_at_ns == 0)
		mr_step_event(step, MR_EVENT_PROMOTION_STARTED, lease->self, 0,
					  (int64_t) lease->round_timeline);
	mr_step_add(step, MR_ACT_PROMOTE)->timeline = lease->round_timeline;
	lease->promote_at_ns = step->now + MR_PROMOTE_EVERY_NS;
}

void
mr_leader_tick(MrStep *step)
{
	MrLease *lease = step->lease;

	if (lease->self == MR_NO_SLOT || !step->local->manage ||
		(lease->stamped && step->local->in_recovery))
	{
		mr_step_down(step);
		return;
	}
	note_lapse(step);
	finish_recovery(step);
	if (lease->role != MR_ROLE_LEADER)
		return;
	shorten_grants(step);
	if (step->now >= lease->next_heartbeat_ns)
		send_heartbeats(step);
	publish_deadline(step);
	mr_configuration_advance(step);
}

void
mr_leader_overtaken(MrStep *step, int slot, int refusal, uint64_t term)
{
	MrLease *lease = step->lease;

	mr_step_event(step, MR_EVENT_STEPPED_DOWN, slot, refusal, (int64_t) term);
	lease->transition.from_slot = lease->self;
	mr_step_down(step);
	lease->leader = MR_NO_SLOT;
	lease->promise_until_ns = 0;
}

void
mr_leader_reply(MrStep *step, int slot)
{
	MrLease *lease = step->lease;
	const MrMessage *reply = step->event->message;
	MrPeer *peer = &lease->peers[slot];
	int64_t wanted_ms = leader_lease_ms(step);
	int64_t granted_ms = reply->lease_ms < wanted_ms ? reply->lease_ms : wanted_ms;
	int64_t until = step->event->sent_ns + granted_ms * MR_NS_PER_MS;

	if (reply->term > lease->durable.term)
	{
		mr_leader_overtaken(step, slot, reply->refusal, reply->term);
		return;
	}
	if (reply->ok && reply->term == lease->durable.term && !lease->renounced &&
		(reply->kind == MR_MSG_GRANT || reply->kind == MR_MSG_VOTE) &&
		until > peer->granted_until_ns)
		peer->granted_until_ns = until;
	publish_deadline(step);
	if (reply->id <= lease->open_id)
		mr_leader_heartbeat_now(step);
	mr_configuration_advance(step);
}
