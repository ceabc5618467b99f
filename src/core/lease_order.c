/*
 * Orders: taking one, passing it on to who can execute it, and how it ends.
 *
 * The leader executes an order (lease_switchover.c); with no leader the target stands
 * for election (lease_candidate.c). Everybody else passes it on, again and again: that
 * it was passed on before does no harm, and the answer tells how far it is. Who gave the
 * order looks at lease->order of the node it asked. Called by lease.c.
 */
#include "core/mr_lease_internal.h"

#define MR_PASS_EVERY_NS (50 * MR_NS_PER_MS)

bool
mr_order_is_ours(const MrLease *lease)
{
	return lease->order.state == MR_ORDER_ACTIVE && lease->order.target == lease->self &&
		   lease->order.cause == MR_CAUSE_MANUAL;
}

MrFitness
mr_order_fitness(const MrLease *lease)
{
	if (lease->handed_order != 0)
		return MR_FIT_ORDERED_LOSSY; /* it held every byte when it took the lease */
	if (lease->skip_prevote)
		return MR_FIT_HANDED;
	if (!mr_order_is_ours(lease))
		return MR_FIT_ELECTION;
	return lease->order.allow_loss ? MR_FIT_ORDERED_LOSSY : MR_FIT_ORDERED;
}

void
mr_order_end(MrStep *step, MrOrderState state, int refusal)
{
	MrOrder *order = &step->lease->order;

	if (order->state != MR_ORDER_ACTIVE)
		return;
	order->state = state;
	order->refusal = refusal;
	if (state == MR_ORDER_REFUSED)
		mr_step_event(step, MR_EVENT_ORDER_REFUSED, order->target, refusal, 0);
}

/* Whom this node follows, or leads itself; MR_NO_SLOT once its promise has run out. */
static int
present_leader(const MrStep *step)
{
	const MrLease *lease = step->lease;

	if (lease->role == MR_ROLE_LEADER)
		return lease->self;
	return mr_step_promise_running(step) ? lease->leader : MR_NO_SLOT;
}

/* A reason that will not pass by itself while somebody waits for the order. */
static bool
is_lasting(MrRefusal refusal)
{
	return refusal != MR_REFUSE_NONE && refusal != MR_REFUSE_WAL_END_UNKNOWN &&
		   refusal != MR_REFUSE_INCONSISTENT && refusal != MR_REFUSE_CRASH_RECOVERY;
}

/* Whether this node can begin with the order, or may pass it on. */
static MrRefusal
refusal_to_accept(const MrStep *step, const MrOrder *order, bool from_here)
{
	const MrLease *lease = step->lease;
	int leader = present_leader(step);
	MrRefusal refusal;

	if (!step->local->manage || !lease->bound || !mr_config_elects(&lease->durable.config))
		return MR_REFUSE_OBSERVE;
	if (order->target == MR_NO_SLOT)
		return MR_REFUSE_UNKNOWN_MEMBER;
	if (order->target == leader)
		return MR_REFUSE_ALREADY_LEADING;
	if (lease->order.state == MR_ORDER_ACTIVE || lease->handover != MR_HANDOVER_NONE ||
		(leader == lease->self && !lease->stamped))
		return MR_REFUSE_IN_PROGRESS;
	if (leader == lease->self)
		return MR_REFUSE_NONE; /* how the target is, it says itself in a moment */
	if (order->target != lease->self)
		return from_here ? MR_REFUSE_NONE : MR_REFUSE_NOT_LEADING;
	refusal = mr_candidate_refusal(lease, step->local,
								   order->allow_loss ? MR_FIT_ORDERED_LOSSY : MR_FIT_ORDERED);
	return leader == MR_NO_SLOT && is_lasting(refusal) ? refusal : MR_REFUSE_NONE;
}

static void
read_order(const MrStep *step, MrOrder *order)
{
	const MrMessage *message = step->event->message;

	order->id = message->order_id;
	order->cause = message->cause;
	order->target = mr_config_slot_of(&step->lease->durable.config, &message->successor);
	order->allow_loss = message->allow_loss;
	order->until_ns = step->now + (int64_t) message->wait_ms * MR_NS_PER_MS;
	order->began_ns = step->now;
	order->state = MR_ORDER_ACTIVE;
	order->refusal = MR_REFUSE_NONE;
	order->handed = false;
	order->asked_id = 0;
	order->next_pass_ns = step->now;
}

/* A new order, or the question how far one is that was passed on before. */
void
mr_order_request(MrStep *step, int slot)
{
	MrLease *lease = step->lease;
	MrOrder order;
	MrRefusal refusal;

	read_order(step, &order);
	if (order.id != 0 && order.id == lease->order.id)
		refusal = lease->order.state == MR_ORDER_REFUSED ? (MrRefusal) lease->order.refusal
														 : MR_REFUSE_NONE;
	else
	{
		refusal = order.id == 0 ? MR_REFUSE_MALFORMED
								: refusal_to_accept(step, &order, slot == lease->self);
		if (refusal == MR_REFUSE_NONE)
		{
			lease->order = order;
			mr_step_event(step, MR_EVENT_ORDER_ACCEPTED, order.target, order.cause, 0);
		}
	}
	if (refusal == MR_REFUSE_NONE)
		(void) mr_step_reply(step);
	else
		mr_step_refuse(step, refusal, 0);
}

/*
 * Who was asked says no. That another order is under way, or that it does not lead
 * (any more), may be over when it is asked again.
 */
void
mr_order_reply(MrStep *step)
{
	MrOrder *order = &step->lease->order;
	const MrMessage *reply = step->event->message;

	if (order->state != MR_ORDER_ACTIVE || reply->id != order->asked_id || reply->ok)
		return;
	if (reply->refusal == MR_REFUSE_NOT_LEADING || reply->refusal == MR_REFUSE_ALREADY_LEADING)
		order->refusal = reply->refusal;
	else
		mr_order_end(step, MR_ORDER_REFUSED, reply->refusal);
}

static void
pass_on(MrStep *step, int slot)
{
	MrLease *lease = step->lease;
	MrOrder *order = &lease->order;
	MrMessage *message;

	if (step->now < order->next_pass_ns || lease->peers[slot].in_flight)
		return;
	order->next_pass_ns = step->now + MR_PASS_EVERY_NS;
	message = mr_step_send(step, slot, MR_MSG_ORDER);
	message->order_id = order->id;
	message->cause = (uint8_t) order->cause;
	message->successor = mr_step_member(step, order->target)->uuid;
	message->allow_loss = order->allow_loss;
	message->wait_ms = (uint32_t) ((order->until_ns - step->now) / MR_NS_PER_MS);
	order->asked_id = message->id;
}

/* The target leads; whether it acknowledges writes it tells itself. */
static bool
is_done(const MrStep *step)
{
	const MrLease *lease = step->lease;
	int target = lease->order.target;

	if (present_leader(step) != target)
		return false;
	return target == lease->self ? mr_lease_is_open(lease, step->now)
								 : (lease->peers[target].report.flags & MR_REPORT_LEASE_OPEN) != 0;
}

void
mr_order_tick(MrStep *step)
{
	MrLease *lease = step->lease;
	MrOrder *order = &lease->order;
	int leader = present_leader(step);

	if (order->state != MR_ORDER_ACTIVE)
		return;
	if (is_done(step))
		mr_order_end(step, MR_ORDER_DONE, MR_REFUSE_NONE);
	else if (lease->role == MR_ROLE_LEADER && order->target != lease->self)
	{
		if (lease->handover == MR_HANDOVER_NONE && lease->stamped)
			mr_switchover_begin(step);
	}
	else if (step->now >= order->until_ns && leader != order->target)
		mr_order_end(step, MR_ORDER_REFUSED,
					 order->refusal != MR_REFUSE_NONE ? order->refusal : MR_REFUSE_TIMED_OUT);
	else if (leader != MR_NO_SLOT && leader != order->target && leader != lease->self)
		pass_on(step, leader);
	else if (leader == MR_NO_SLOT && order->cause == MR_CAUSE_MANUAL)
	{
		if (order->target != lease->self)
			pass_on(step, order->target);
	}
	else if (leader == MR_NO_SLOT && !mr_lease_is_passing(lease, step->now) && !order->handed &&
			 lease->handed_order != order->id)
		mr_order_end(step, MR_ORDER_REFUSED, MR_REFUSE_NO_LEADER);
}
