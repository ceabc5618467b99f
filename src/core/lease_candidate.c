/*
 * Elections: when to stand, prevote, vote.
 *
 * A follower stands when the promise it gave has run out, staggered by its rank
 * among the fit successors; at once when it was named by a RELEASE, when it
 * refused a lesser candidate, or when its own earlier self held the term. A
 * prevote changes nothing anywhere; only a prevote that could win leads to a new
 * term. Called by lease.c.
 */
#include "core/mr_lease_internal.h"

#include "core/mr_assert.h"

#define MR_ROUND_NS MR_NS_PER_S
#define MR_GIVE_WAY 3 /* times; a candidate that never wins has had its chance then */
#define MR_RETRY_MIN_NS (10 * MR_NS_PER_MS)

/* A little spread that needs no random source: differs by boot and by attempt. */
static int64_t
jitter_ns(MrLease *lease, int64_t span_ns)
{
	uint64_t x = lease->nonce ^ (lease->next_id++ * UINT64_C(0x9E3779B97F4A7C15));

	x ^= x >> 29;
	x *= UINT64_C(0xBF58476D1CE4E5B9);
	x ^= x >> 32;
	return (int64_t) (x % (uint64_t) (span_ns > 0 ? span_ns : 1));
}

void
mr_candidate_schedule(MrStep *step, int64_t at_ns)
{
	MrLease *lease = step->lease;

	if (lease->role != MR_ROLE_FOLLOWER)
		return;
	if (lease->election_at_ns == 0 || at_ns < lease->election_at_ns || lease->skip_prevote)
		lease->election_at_ns = at_ns > 0 ? at_ns : 1;
}

/* Another candidate may win: let it, instead of splitting the votes. */
void
mr_candidate_give_way(MrStep *step)
{
	MrLease *lease = step->lease;

	if (lease->role != MR_ROLE_FOLLOWER || lease->election_at_ns == 0 || lease->skip_prevote ||
		lease->election_at_ns >= step->now + mr_candidate_stagger_ns(lease) ||
		lease->gave_way >= MR_GIVE_WAY)
		return;
	lease->gave_way++;
	lease->election_at_ns = step->now + mr_candidate_stagger_ns(lease);
}

static uint32_t
votes_of(const MrLease *lease)
{
	uint32_t mask = UINT32_C(1) << lease->self;
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
		if (lease->peers[slot].voted)
			mask |= UINT32_C(1) << slot;
	return mask;
}

static uint64_t
next_term(const MrLease *lease)
{
	uint64_t newest = lease->durable.term;

	return (lease->seen_term > newest ? lease->seen_term : newest) + 1;
}

/* The timeline a promotion would take: past every one known to be taken. */
static uint32_t
next_timeline(const MrStep *step)
{
	uint32_t newest = step->lease->durable.reserved_timeline;

	if (!step->local->in_recovery)
		return 0;
	if (step->local->newest_timeline > newest)
		newest = step->local->newest_timeline;
	if (step->local->timeline > newest)
		newest = step->local->timeline;
	return newest + 1;
}

static void
begin_round(MrStep *step, MrRole role)
{
	MrLease *lease = step->lease;
	int slot;

	lease->role = role;
	lease->round_until_ns = step->now + MR_ROUND_NS;
	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		lease->peers[slot].voted = false;
		lease->peers[slot].refusal = MR_REFUSE_NONE;
	}
}

/* The order this node stands by; 0 = of itself. */
static uint64_t
order_id(const MrLease *lease)
{
	if (lease->handed_order != 0)
		return lease->handed_order;
	return mr_order_is_ours(lease) ? lease->order.id : 0;
}

static void
ask_all(MrStep *step, MrMessageKind kind, uint64_t term)
{
	MrLease *lease = step->lease;
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		MrMessage *message;

		if (slot == lease->self || !mr_config_is_voter(&lease->durable.config, slot))
			continue;
		message = mr_step_send(step, slot, kind);
		message->term = term;
		message->timeline = lease->round_timeline;
		message->released = lease->released;
		message->order_id = order_id(lease);
		message->allow_loss =
			mr_order_fitness(lease) == MR_FIT_ORDERED_LOSSY && lease->handed_order == 0;
	}
}

static void check_round(MrStep *step);
static bool fit(MrStep *step);
static void start_vote(MrStep *step);

/* A standby that only observes has found out what it wanted to know. */
static void
win_prevote(MrStep *step)
{
	if (mr_mode_is_played(step))
		mr_mode_would_lead(step);
	else
		start_vote(step);
}

static void
start_prevote(MrStep *step)
{
	MrLease *lease = step->lease;

	begin_round(step, MR_ROLE_PRECANDIDATE);
	lease->round_timeline = next_timeline(step);
	ask_all(step, MR_MSG_PREVOTE, next_term(lease));
	check_round(step);
}

/*
 * The vote for ourselves is a vote like any other: our walreceiver must have
 * stopped, so that the position we compare is final.
 */
static void
start_vote(MrStep *step)
{
	MrLease *lease = step->lease;
	MrDurable *durable = &lease->durable;
	uint64_t term = next_term(lease);

	if (lease->bound && !step->local->severed)
	{
		lease->gate_open = false;
		if (step->local->sever_failed)
			lease->election_at_ns = step->now + mr_candidate_stagger_ns(lease);
		else
			(void) mr_step_add(step, MR_ACT_SEVER);
		if (step->local->sever_failed)
			lease->role = MR_ROLE_FOLLOWER;
		return;
	}
	begin_round(step, MR_ROLE_CANDIDATE);
	lease->gate_open = false;
	lease->leader = MR_NO_SLOT;
	lease->skip_prevote = false;
	lease->own_term = 0;
	lease->round_timeline = next_timeline(step);
	durable->term = term;
	durable->voted_for = durable->node;
	durable->voted_nonce = lease->nonce;
	if (lease->round_timeline > durable->reserved_timeline)
		durable->reserved_timeline = lease->round_timeline;
	if (durable->max_lease_ms < mr_step_policy(step)->lease_ms)
		durable->max_lease_ms = (uint32_t) mr_step_policy(step)->lease_ms;
	lease->dirty = true;
	lease->promise_term = term;
	lease->promise_to = durable->node;
	lease->promise_nonce = lease->nonce;
	lease->promise_until_ns = step->now + mr_promise_ns(mr_step_policy(step)->lease_ms);
	lease->peers[lease->self].granted_until_ns =
		step->now + mr_step_policy(step)->lease_ms * MR_NS_PER_MS;
	ask_all(step, MR_MSG_VOTE, term);
	check_round(step);
}

/* When asking again may help: as soon as enough promises have run out. */
static int64_t
retry_at(MrStep *step)
{
	MrLease *lease = step->lease;
	int64_t wait =
		mr_candidate_stagger_ns(lease) / 2 + jitter_ns(lease, mr_candidate_stagger_ns(lease));
	int slot;

	/* a voter's promise that is about to run out costs nobody its turn */
	if (lease->promised_until_ns > step->now &&
		lease->promised_until_ns < step->now + mr_candidate_stagger_ns(lease) &&
		lease->round_failures <= 5)
		return lease->promised_until_ns;
	if (lease->round_failures > 5)
		wait *= 3;
	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
		if (lease->peers[slot].refusal == MR_REFUSE_AHEAD)
			wait += 10 * mr_candidate_stagger_ns(lease); /* it stands itself now */
	return step->now + (wait > MR_RETRY_MIN_NS ? wait : MR_RETRY_MIN_NS);
}

/* Somebody who could lead holds more than this node. */
static bool
refused_as_behind(const MrLease *lease)
{
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
		if (lease->peers[slot].refusal == MR_REFUSE_AHEAD)
			return true;
	return false;
}

static void
lose_round(MrStep *step)
{
	MrLease *lease = step->lease;
	bool was_candidate = lease->role == MR_ROLE_CANDIDATE;

	if (mr_order_is_ours(lease) && refused_as_behind(lease))
		mr_order_end(step, MR_ORDER_REFUSED, MR_REFUSE_BEHIND);
	lease->role = MR_ROLE_FOLLOWER;
	lease->skip_prevote = false;
	lease->round_failures++;
	lease->election_at_ns = retry_at(step);
	if (was_candidate)
	{
		/* our own grant to ourselves: nobody counts on it, so it need not run out */
		lease->promise_until_ns = 0;
		lease->peers[lease->self].granted_until_ns = 0;
	}
}

/* Won, lost, or still open? */
static void
check_round(MrStep *step)
{
	MrLease *lease = step->lease;
	uint32_t possible = votes_of(lease);
	int slot;

	if (mr_config_has_majority(&lease->durable.config, votes_of(lease)))
	{
		if (lease->role == MR_ROLE_CANDIDATE)
			mr_leader_begin(step);
		else if (fit(step)) /* still, after what the voters told of themselves */
			win_prevote(step);
		else
			lose_round(step);
		return;
	}
	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
		if (mr_config_is_voter(&lease->durable.config, slot) &&
			lease->peers[slot].refusal == MR_REFUSE_NONE)
			possible |= UINT32_C(1) << slot;
	if (step->now >= lease->round_until_ns ||
		!mr_config_has_majority(&lease->durable.config, possible))
		lose_round(step);
}

/* Our own fitness, recorded when it changes: a refusal must be explainable later. */
static bool
fit(MrStep *step)
{
	MrLease *lease = step->lease;
	MrRefusal refusal = mr_mode_refusal(step);
	int64_t lost = mr_candidate_lost_bytes(lease, step->local);

	lease->self_refusal = refusal;
	if (refusal == MR_REFUSE_NONE)
	{
		lease->last_refusal = MR_REFUSE_NONE;
		return true;
	}
	lease->election_at_ns = 0;
	if (lease->last_refusal != (int) refusal &&
		(refusal != MR_REFUSE_OBSERVE || !step->local->manage))
	{
		lease->last_refusal = refusal;
		mr_step_event(step, MR_EVENT_CANDIDATE_REFUSED, lease->self, refusal, lost > 0 ? lost : 0);
	}
	return false;
}

static const char *
old_region(const MrStep *step)
{
	int slot = step->lease->transition.from_slot;

	if (slot == MR_NO_SLOT)
		slot = step->lease->self;
	return mr_step_member(step, slot)->region;
}

/* Who will not stand: those marked as down, and the leader that has gone. */
static uint32_t
absent_mask(const MrStep *step)
{
	int gone = step->lease->transition.from_slot;

	return step->local->down_mask | (gone != MR_NO_SLOT ? UINT32_C(1) << gone : 0);
}

static int
own_rank(const MrStep *step)
{
	return mr_candidate_rank(step->lease, step->lease->self, old_region(step), absent_mask(step));
}

/* The leader fell silent: remember who it was and when we noticed. */
static void
note_silence(MrStep *step)
{
	MrLease *lease = step->lease;

	if (lease->leader == MR_NO_SLOT)
		return;
	mr_step_event(step, MR_EVENT_LEADER_SILENT, lease->leader, 0, (int64_t) lease->durable.term);
	lease->transition.from_slot = lease->leader;
	lease->detected_ns = step->now;
	lease->pending_cause = MR_CAUSE_LEASE_EXPIRED;
	lease->leader = MR_NO_SLOT;
}

static void
follower_tick(MrStep *step)
{
	MrLease *lease = step->lease;

	if (step->local->standby)
		lease->own_term = 0; /* rejoined since: another has led */
	if (mr_step_promise_running(step) && lease->own_term == 0)
	{
		lease->self_refusal = mr_candidate_refusal(lease, step->local, MR_FIT_ELECTION);
		return;
	}
	if (lease->own_term == 0)
		note_silence(step);
	/* whoever was marked as down stands too, if nobody else has by now */
	if (lease->marked_down &&
		step->now - lease->promise_until_ns > 2 * mr_promise_ns(mr_step_policy(step)->lease_ms))
		lease->marked_down = false;
	if (mr_mode_is_settled(step) || !fit(step))
		return;
	if (lease->own_term != 0 && lease->round_failures == 0)
	{
		lease->skip_prevote = true;
		lease->transition.from_slot = lease->self;
		lease->pending_cause = MR_CAUSE_RESTART;
		lease->election_at_ns = step->now;
	}
	if (mr_order_is_ours(lease) && lease->handed_order == 0)
		lease->pending_cause = MR_CAUSE_MANUAL;
	if (lease->election_at_ns == 0)
		lease->election_at_ns =
			step->now +
			(mr_order_is_ours(lease) ? 0 : mr_candidate_stagger_ns(lease) * own_rank(step));
	if (step->now < lease->election_at_ns)
		return;
	if (lease->skip_prevote)
		win_prevote(step);
	else
		start_prevote(step);
}

void
mr_candidate_tick(MrStep *step)
{
	switch (step->lease->role)
	{
		case MR_ROLE_FOLLOWER:
			follower_tick(step);
			return;
		case MR_ROLE_PRECANDIDATE:
		case MR_ROLE_CANDIDATE:
			if (!fit(step))
				lose_round(step);
			else
				check_round(step);
			return;
		case MR_ROLE_LEADER:
		case MR_ROLE_COUNT:
			break;
	}
}

void
mr_candidate_reply(MrStep *step, int slot)
{
	MrLease *lease = step->lease;
	const MrMessage *reply = step->event->message;
	MrPeer *peer = &lease->peers[slot];
	MrMessageKind expected = lease->role == MR_ROLE_CANDIDATE ? MR_MSG_VOTE : MR_MSG_PREVOTE;

	if (lease->role == MR_ROLE_FOLLOWER || reply->kind != expected ||
		reply->id != peer->in_flight_id)
		return;
	if (reply->ok)
	{
		peer->voted = true;
		if (lease->role == MR_ROLE_CANDIDATE)
			peer->granted_until_ns =
				step->event->sent_ns + (int64_t) reply->lease_ms * MR_NS_PER_MS;
	}
	else
		peer->refusal = reply->refusal;
	if (!reply->ok && reply->refusal == MR_REFUSE_PROMISED)
		lease->promised_until_ns = step->now + (int64_t) reply->retry_after_ms * MR_NS_PER_MS;
	check_round(step);
}

void
mr_candidate_unreachable(MrStep *step, int slot)
{
	MrLease *lease = step->lease;

	if (lease->role != MR_ROLE_PRECANDIDATE && lease->role != MR_ROLE_CANDIDATE)
		return;
	if (lease->peers[slot].voted)
		return;
	lease->peers[slot].refusal = MR_REFUSE_UNREACHABLE;
	check_round(step);
}
