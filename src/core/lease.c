/*
 * The lease protocol: dispatch of events and what all its parts share.
 *
 * A step never waits and never looks at a clock; it changes the state and lists
 * actions. Two things are arranged here so that no part can get them wrong: a
 * changed durable state is persisted before anything that depends on it leaves
 * (finish()), and every message carries who we are and what we hold.
 *
 * Called by mr_lease_step() only; the parts are lease_*.c.
 */
#include "core/mr_lease_internal.h"

#include <string.h>

#include "core/mr_assert.h"
#include "core/mr_forced.h"

#define MR_TICK_MAX_NS (200 * MR_NS_PER_MS)
#define MR_LSN_STEP (1024 * 1024)
#define MR_HOLD_WAL_NS (10 * MR_NS_PER_S)

void
mr_lease_start(MrLease *lease, const MrDurable *durable, uint64_t nonce, int64_t now_ns)
{
	memset(lease, 0, sizeof(*lease));
	lease->nonce = nonce;
	lease->next_id = nonce;
	lease->role = MR_ROLE_FOLLOWER;
	lease->self = MR_NO_SLOT;
	lease->leader = MR_NO_SLOT;
	lease->successor = MR_NO_SLOT;
	lease->transition.from_slot = MR_NO_SLOT;
	lease->transition.to_slot = MR_NO_SLOT;
	if (durable == NULL)
		return;
	lease->durable = *durable;
	lease->loaded = true;
	lease->bound = true;
	lease->self = mr_config_slot_of(&durable->config, &durable->node);
	lease->leader_lsn = durable->leader_lsn;
	lease->promise_term = durable->term;
	lease->skip_prevote = mr_durable_is_forced(durable); /* policy does not count */
	lease->pending_cause = lease->skip_prevote ? MR_CAUSE_FORCED : MR_CAUSE_NONE;
	if (mr_uuid_equal(&durable->voted_for, &durable->node))
	{
		/* our earlier self is gone, and its lease, if it had one, with it */
		if (durable->last_led_term == durable->term)
			lease->own_term = durable->term;
	}
	else if (mr_uuid_is_set(&durable->voted_for))
	{
		lease->promise_to = durable->voted_for;
		lease->promise_nonce = durable->voted_nonce;
		lease->promise_until_ns = now_ns + mr_promise_ns(durable->max_lease_ms);
	}
}

bool
mr_lease_is_open(const MrLease *lease, int64_t now_ns)
{
	return lease->role == MR_ROLE_LEADER && lease->deadline_ns > now_ns;
}

bool
mr_lease_is_passing(const MrLease *lease, int64_t now_ns)
{
	const MrDurable *durable = &lease->durable;

	if (lease->leader != MR_NO_SLOT || lease->role == MR_ROLE_LEADER)
		return false;
	return now_ns < lease->promise_until_ns ||
		   (lease->released.term != 0 && lease->released.term == durable->term &&
			now_ns - lease->detected_ns < mr_promise_ns(durable->config.policy.lease_ms));
}

/* ---------- building actions ---------- */

MrAction *
mr_step_add(MrStep *step, MrActionKind kind)
{
	MrActions *actions = step->actions;
	MrAction *action;

	MR_ASSERT(actions->count < MR_MAX_ACTIONS - 1);
	if (actions->count >= MR_MAX_ACTIONS - 1) /* cannot happen; lose the last one, not memory */
		actions->count--;
	action = &actions->list[actions->count++];
	memset(action, 0, sizeof(*action));
	action->kind = kind;
	action->slot = MR_NO_SLOT;
	action->term = step->lease->durable.term;
	return action;
}

void
mr_step_event(MrStep *step, MrEventKind kind, int slot, int refusal, int64_t value)
{
	MrAction *action = mr_step_add(step, MR_ACT_EVENT);

	action->event = kind;
	action->slot = slot;
	action->refusal = refusal;
	action->value = value;
}

void
mr_step_deadline(MrStep *step, int64_t deadline_ns)
{
	MrAction *action = mr_step_add(step, MR_ACT_DEADLINE);

	action->time_ns = deadline_ns;
	step->lease->deadline_ns = deadline_ns;
}

/* ---------- common state changes ---------- */

void
mr_step_down(MrStep *step)
{
	MrLease *lease = step->lease;
	int slot;

	if (lease->role == MR_ROLE_LEADER)
	{
		mr_step_deadline(step, 0);
		for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
			lease->peers[slot].granted_until_ns = 0;
	}
	lease->role = MR_ROLE_FOLLOWER;
	lease->ordered = false;
	lease->election_at_ns = 0;
	lease->round_failures = 0;
	lease->stamped = false;
	lease->lapsed = false;
	if (!step->local->server_dead && !step->local->handover_stop)
		lease->handover = MR_HANDOVER_NONE;
}

bool
mr_step_promise_running(const MrStep *step)
{
	return step->now < step->lease->promise_until_ns;
}

const MrMember *
mr_step_member(const MrStep *step, int slot)
{
	return &step->lease->durable.config.members[slot];
}

const MrPolicy *
mr_step_policy(const MrStep *step)
{
	return &step->lease->durable.config.policy;
}

/*
 * The log term follows once WAL of a leadership is on our disk. A timeline has
 * one writer (votes reserve it), so WAL of the stamp's timeline past the stamp
 * is WAL of that leadership.
 */
static void
update_log_term(MrStep *step)
{
	MrDurable *durable = &step->lease->durable;
	const MrLocal *local = step->local;

	if (!local->wal_end_known)
		return;
	if (durable->log_term == durable->stamp.term && durable->log_term != 0 &&
		(local->timeline < durable->stamp.timeline ||
		 (local->timeline == durable->stamp.timeline && local->wal_end < durable->stamp.lsn)))
	{
		/* the data directory is older than the state file: it holds what nobody knows */
		durable->log_term = 0;
		step->lease->dirty = true;
	}
	if (durable->stamp.term <= durable->log_term || local->timeline != durable->stamp.timeline ||
		local->wal_end <= durable->stamp.lsn)
		return;
	durable->log_term = durable->stamp.term;
	if (durable->rebuilding_term <= durable->log_term)
		durable->rebuilding_term = 0;
	step->lease->dirty = true;
}

/* ---------- time ---------- */

/* Keeps connections warm and pictures fresh where no heartbeat does. */
static void
ask_status(MrStep *step)
{
	MrLease *lease = step->lease;
	int slot;

	if (lease->role == MR_ROLE_LEADER || lease->self == MR_NO_SLOT)
		return;
	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		MrPeer *peer = &lease->peers[slot];

		if (slot == lease->self || !mr_step_member(step, slot)->used || peer->in_flight)
			continue;
		if (step->now >= peer->next_status_ns)
			(void) mr_step_send(step, slot, MR_MSG_STATUS);
	}
}

/*
 * What a restart must know and no other write would bring to the disk in time: where
 * the leader is, to judge our lag; and that a long lease is a thing of the past.
 */
static void
keep_facts(MrStep *step)
{
	MrLease *lease = step->lease;
	MrDurable *durable = &lease->durable;
	int64_t limit = mr_step_policy(step)->max_failover_lag_bytes;
	int64_t lease_ms = mr_step_policy(step)->lease_ms;

	if (limit >= 0 && lease->role != MR_ROLE_LEADER && lease->leader_lsn > durable->leader_lsn &&
		lease->leader_lsn - durable->leader_lsn > (uint64_t) limit / 2 + MR_LSN_STEP)
		lease->dirty = true;
	/* nobody has taken what was handed over: this server has to live on, and to write */
	if (lease->hold_wal && lease->role != MR_ROLE_LEADER &&
		step->now > lease->fenced_ns + MR_HOLD_WAL_NS)
		lease->hold_wal = false;
	if (durable->max_lease_ms > lease_ms &&
		lease->promise_until_ns <= step->now + mr_promise_ns(lease_ms))
	{
		durable->max_lease_ms = (uint32_t) lease_ms;
		lease->dirty = true;
	}
}

static void
handle_tick(MrStep *step)
{
	MrLease *lease = step->lease;

	if (!lease->loaded)
		return;
	keep_facts(step);
	if (step->local->manage && mr_durable_is_discarded(&lease->durable))
		(void) mr_step_add(step, MR_ACT_STOP_SERVER);
	if (lease->self != MR_NO_SLOT) /* for those who look at all of them */
	{
		mr_step_report(step, &lease->peers[lease->self].report);
		lease->peers[lease->self].reported_ns = step->now;
	}
	mr_order_tick(step);
	if (lease->role == MR_ROLE_LEADER)
		mr_failback_tick(step);
	if (lease->role == MR_ROLE_LEADER)
	{
		if (lease->handover == MR_HANDOVER_CATCH_UP || lease->handover == MR_HANDOVER_DRAIN)
			mr_leader_tick(step); /* writes go on so far */
		if (lease->handover != MR_HANDOVER_NONE || mr_handover_is_due(step))
			mr_handover_tick(step);
		else
			mr_leader_tick(step);
	}
	else if (step->local->server_dead || step->local->handover_stop)
		(void) mr_step_add(step, MR_ACT_EXIT);
	else
		mr_candidate_tick(step);
	ask_status(step);
}

/*
 * Whatever leaves this node may rest on what it promised: persist first. Only a
 * fence (deadline 0) goes before it, because it must not wait for a disk.
 */
static void
finish(MrStep *step)
{
	MrActions *actions = step->actions;
	int at = 0;
	int i;

	if (step->lease->dirty)
	{
		step->lease->dirty = false;
		step->lease->durable.leader_lsn = step->lease->leader_lsn;
		(void) mr_step_add(step, MR_ACT_PERSIST);
		while (at < actions->count - 1 && actions->list[at].kind == MR_ACT_DEADLINE &&
			   actions->list[at].time_ns == 0)
			at++;
		for (i = actions->count - 1; i > at; i--)
			actions->list[i] = actions->list[i - 1];
		memset(&actions->list[at], 0, sizeof(MrAction));
		actions->list[at].kind = MR_ACT_PERSIST;
		actions->list[at].slot = MR_NO_SLOT;
	}
	for (i = 0; i < actions->nmessages; i++)
		actions->messages[i].sequence = step->lease->durable.sequence;
}

void
mr_lease_step(MrLease *lease, const MrLocal *local, const MrLeaseEvent *event, MrActions *actions)
{
	MrStep step = {lease, local, event, actions, event->now_ns};
	MrLocal seen;

	if (mr_lease_is_witness(lease))
	{
		mr_witness_see(lease, local, &seen);
		step.local = &seen;
	}
	actions->count = 0;
	actions->nmessages = 0;
	lease->wall_ms = local->wall_ms;
	if (local->server_dead && lease->dead_ns == 0)
		lease->dead_ns = event->now_ns;
	if (lease->loaded)
		update_log_term(&step);
	mr_mode_bind(&step);
	switch (event->kind)
	{
		case MR_EV_TICK:
			handle_tick(&step);
			break;
		case MR_EV_REQUEST:
			mr_contact_request(&step);
			break;
		case MR_EV_REPLY:
			mr_contact_reply(&step);
			break;
		case MR_EV_UNREACHABLE:
			mr_contact_unreachable(&step);
			break;
		case MR_EV_PROPOSE:
			mr_configuration_propose(&step);
			break;
	}
	finish(&step);
}

int64_t
mr_lease_wakeup(const MrLease *lease, int64_t now_ns)
{
	int64_t at = now_ns + MR_TICK_MAX_NS;

	if (!lease->loaded)
		return at;
	if (lease->handover != MR_HANDOVER_NONE)
		return now_ns + 2 * MR_NS_PER_MS;
	if (lease->order.state == MR_ORDER_ACTIVE)
		at = now_ns + 5 * MR_NS_PER_MS;
	if (lease->role == MR_ROLE_LEADER)
	{
		if (lease->next_heartbeat_ns < at)
			at = lease->next_heartbeat_ns;
		if (!lease->stamped && now_ns + 5 * MR_NS_PER_MS < at)
			at = now_ns + 5 * MR_NS_PER_MS; /* watch recovery end */
	}
	else if (lease->role != MR_ROLE_FOLLOWER)
		at = lease->round_until_ns < at ? lease->round_until_ns : at;
	else
	{
		if (lease->promise_until_ns > now_ns && lease->promise_until_ns < at)
			at = lease->promise_until_ns;
		if (lease->election_at_ns > 0 && lease->election_at_ns < at)
			at = lease->election_at_ns;
	}
	return at > now_ns ? at : now_ns;
}
