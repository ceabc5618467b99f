/*
 * The last act of a leader: its server died (last gasp), is being stopped, or is sick;
 * and the last step of one that hands over by order (lease_switchover.c).
 *
 * Fence first; then the end of the last acknowledged commit is final. A
 * successor is asked by a conditional RELEASE: it takes the lease only if it
 * holds that byte, else nothing has changed for it, and it may be asked again while the
 * last of the WAL can still be on its way. Without such a successor the
 * leader keeps silent: a restart in place loses nothing, and so does waiting. A
 * sick one goes on leading then, and asks again later.
 * From the first RELEASE on the term is dead for us. Called by lease.c.
 */
#include "core/mr_lease_internal.h"

#include <string.h>

#include "core/mr_governor.h"

#define MR_LAST_GASP_NS (1500 * MR_NS_PER_MS)
#define MR_LAST_WORDS_NS (250 * MR_NS_PER_MS) /* for what a dead server's walsenders still send */
#define MR_ASK_TIMEOUT_NS (400 * MR_NS_PER_MS)
#define MR_DRAIN_NS (200 * MR_NS_PER_MS) /* for commits under way when we fenced */

/* Neither dead nor stopping: this hand-over is a sick leader's, and its process goes on. */
static bool
lives_on(const MrStep *step)
{
	return !step->local->server_dead && !step->local->handover_stop;
}

/*
 * A sick leader fences itself only when there is somebody to take over; while
 * there is nobody it looks again with every health check, and says so.
 */
static bool
sickness_is_due(MrStep *step)
{
	MrLease *lease = step->lease;
	const MrPolicy *policy = mr_step_policy(step);

	if (!step->local->sick || !lease->stamped || step->now < lease->sick_again_ns)
		return false;
	lease->sick_again_ns = step->now + policy->health_check_interval_ms * MR_NS_PER_MS;
	if (policy->auto_failover && !mr_candidate_is_paused(lease, lease->self) &&
		mr_candidate_best(lease, mr_step_member(step, lease->self)->region, false, 0,
						  step->local->down_mask) != MR_NO_SLOT)
	{
		mr_step_event(step, MR_EVENT_SICK, lease->self, MR_REFUSE_SICK, 0);
		return true;
	}
	mr_step_event(step, MR_EVENT_SICK_ALONE, lease->self, MR_REFUSE_SICK, 0);
	return false;
}

bool
mr_handover_is_due(MrStep *step)
{
	return step->local->server_dead || step->local->handover_stop ||
		   (step->lease->bound && sickness_is_due(step));
}

static void
begin_handover(MrStep *step)
{
	MrLease *lease = step->lease;
	int64_t wait_ns = step->local->handover_stop && !step->local->server_dead
						  ? mr_step_policy(step)->stop_timeout_ms * MR_NS_PER_MS
						  : MR_LAST_GASP_NS;

	mr_step_deadline(step, 0);
	lease->handover = MR_HANDOVER_FENCED;
	lease->ordered = false;
	lease->hold_wal = false;
	lease->need_lsn = 0;
	lease->handover_until_ns = step->now + wait_ns;
	lease->handover_tried = 0;
	lease->handover_behind = 0;
	lease->successor = MR_NO_SLOT;
	lease->next_heartbeat_ns = step->now;
	lease->round_until_ns = step->now + MR_DRAIN_NS;
}

/*
 * Every commit that was acknowledged ends at or before this byte. A leadership
 * without a stamp has acknowledged nothing, but may have been handed all that its
 * predecessor did: then it is all we hold.
 */
static MrLsn
needed_lsn(const MrStep *step)
{
	MrLsn commit = step->local->last_commit;
	MrLsn stamp = step->lease->durable.stamp.lsn;

	if (step->lease->need_lsn != 0)
		return step->lease->need_lsn;
	/* still promoting: all of the former leaders' commits that we hold */
	if (!step->lease->stamped)
		return step->local->wal_end > 0 ? step->local->wal_end : 1;
	return commit > stamp ? commit : stamp > 0 ? stamp : 1;
}

/*
 * The process of a sick leader lives on: as a follower once a RELEASE was sent, even
 * one that was refused; else nothing has happened and it resumes.
 */
static void
live_on(MrStep *step)
{
	MrLease *lease = step->lease;

	lease->handover = MR_HANDOVER_NONE;
	if (!lease->renounced || lease->role != MR_ROLE_LEADER)
		return;
	mr_step_down(step);
	lease->leader = MR_NO_SLOT;
	lease->transition.from_slot = lease->self;
	lease->promise_until_ns = 0;
	mr_candidate_schedule(step, step->now + mr_promise_ns(mr_step_policy(step)->lease_ms));
}

static void
leave(MrStep *step, bool released)
{
	MrLease *lease = step->lease;

	if (!released)
		mr_step_event(step, MR_EVENT_RELEASE_WITHHELD, lease->self, 0, (int64_t) needed_lsn(step));
	if (lives_on(step))
	{
		live_on(step);
		return;
	}
	lease->handover = MR_HANDOVER_DONE;
	mr_step_add(step, MR_ACT_EXIT)->slot = released ? lease->successor : MR_NO_SLOT;
}

/* Does somebody else hold the last commit already? Then an orderly stop may go on. */
static bool
held_elsewhere(const MrStep *step)
{
	const MrLease *lease = step->lease;
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
		if (slot != lease->self && mr_step_member(step, slot)->used &&
			!mr_step_member(step, slot)->witness &&
			mr_candidate_compare_log(lease->peers[slot].report.log_term,
									 lease->peers[slot].report.wal_end, lease->durable.log_term,
									 needed_lsn(step)) >= 0)
			return true;
	return false;
}

/* Staying at home: the lease runs on, so keep the grants fresh while we wait. */
static void
wait_at_home(MrStep *step)
{
	MrLease *lease = step->lease;
	int slot;

	if (held_elsewhere(step) || step->now >= lease->handover_until_ns)
	{
		leave(step, false);
		return;
	}
	if (step->now < lease->next_heartbeat_ns)
		return;
	lease->next_heartbeat_ns = step->now + 10 * MR_NS_PER_MS;
	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
		if (slot != lease->self && mr_step_member(step, slot)->used &&
			!lease->peers[slot].in_flight)
			(void) mr_step_send(step, slot, MR_MSG_STATUS);
}

static int
cause_of_handover(const MrStep *step)
{
	if (step->lease->ordered)
		return step->lease->order.cause == MR_CAUSE_FAILBACK ? MR_CAUSE_FAILBACK
															 : MR_CAUSE_SWITCHOVER;
	if (step->local->server_dead)
		return MR_CAUSE_PRIMARY_CRASH;
	return step->local->handover_stop ? MR_CAUSE_ORDERLY_STOP : MR_CAUSE_SICK;
}

void
mr_handover_ask(MrStep *step, int slot)
{
	MrLease *lease = step->lease;
	MrMessage *message;
	int i;

	lease->renounced = true;
	for (i = 0; i < MR_MAX_MEMBERS; i++)
		lease->peers[i].granted_until_ns = 0;
	lease->successor = slot;
	lease->handover = MR_HANDOVER_ASKED;
	lease->round_until_ns =
		step->now + MR_ASK_TIMEOUT_NS + 2 * (int64_t) lease->peers[slot].round_trip_us * 1000;
	message = mr_step_send(step, slot, MR_MSG_RELEASE);
	message->successor = mr_step_member(step, slot)->uuid;
	message->need_lsn = needed_lsn(step);
	message->cause = (uint8_t) cause_of_handover(step);
	message->order_id = lease->ordered ? lease->order.id : 0;
	lease->order.handed |= lease->ordered;
	mr_step_event(step, MR_EVENT_RELEASE_SENT, slot, 0, (int64_t) message->need_lsn);
}

/* Those that lacked bytes on their way may hold them by now: ask them again. */
static bool
can_ask_again(MrStep *step)
{
	MrLease *lease = step->lease;
	uint32_t behind = lease->handover_behind;

	lease->handover_tried &= ~behind;
	lease->handover_behind = 0;
	return behind != 0;
}

/* The walsenders of a dead server outlive it for a moment, to send what is not sent yet. */
static bool
may_still_arrive(const MrStep *step)
{
	return step->local->server_dead && step->now < step->lease->dead_ns + MR_LAST_WORDS_NS;
}

static void
look_for_successor(MrStep *step)
{
	MrLease *lease = step->lease;
	const MrPolicy *policy = mr_step_policy(step);
	bool stays = !step->local->server_dead && step->local->handover_stop;
	bool anywhere = !stays || policy->on_stop == MR_ON_STOP_ANY;
	const char *region = mr_step_member(step, lease->self)->region;
	int slot;

	if (step->now >= lease->handover_until_ns)
	{
		leave(step, false);
		return;
	}
	slot = MR_NO_SLOT;
	if (policy->auto_failover && !mr_candidate_is_paused(lease, lease->self) &&
		(stays || !mr_governor_holds(&lease->durable, lease->wall_ms)) &&
		(!stays || policy->on_stop != MR_ON_STOP_STAY))
		slot = mr_candidate_best(lease, region, !anywhere, lease->handover_tried,
								 step->local->down_mask);
	if (slot != MR_NO_SLOT)
		mr_handover_ask(step, slot);
	else if (!stays)
	{
		/* everybody was asked and lacks something, or nobody may be promoted */
		if (!may_still_arrive(step) || !can_ask_again(step))
			leave(step, false);
	}
	else if (!can_ask_again(step))
		wait_at_home(step);
}

/*
 * A commit that was under way when we fenced will not be acknowledged, but whoever
 * receives it is ahead of a successor that was named before: let it end first.
 */
static bool
is_draining(const MrStep *step)
{
	return step->local->handover_stop && !step->local->server_dead && step->local->writers &&
		   step->now < step->lease->round_until_ns && step->now < step->lease->handover_until_ns;
}

/*
 * An observer must not keep its server from ending for a moment: it says to whom it would
 * hand over, and does not wait for the answer.
 */
static void
part_as_observer(MrStep *step)
{
	MrLease *lease = step->lease;
	const MrPolicy *policy = mr_step_policy(step);
	bool dead = step->local->server_dead;
	bool anywhere = dead || policy->on_stop == MR_ON_STOP_ANY;
	int slot = MR_NO_SLOT;

	mr_step_deadline(step, 0);
	if (policy->mode == MR_MODE_OBSERVE && policy->auto_failover && lease->stamped &&
		(dead || policy->on_stop != MR_ON_STOP_STAY))
		slot = mr_candidate_best(lease, mr_step_member(step, lease->self)->region, !anywhere, 0,
								 step->local->down_mask);
	if (slot != MR_NO_SLOT)
		mr_handover_ask(step, slot);
	lease->renounced = true;
	lease->handover = MR_HANDOVER_DONE;
	(void) mr_step_add(step, MR_ACT_EXIT);
}

/* It refused or does not answer: the next one. It may have taken the lease: so what. */
static void
next_successor(MrStep *step, int slot, int refusal)
{
	MrLease *lease = step->lease;

	if (lease->handover != MR_HANDOVER_ASKED || slot != lease->successor)
		return;
	if (lease->ordered && lives_on(step))
	{
		mr_switchover_take_back(step, refusal);
		return;
	}
	lease->handover_tried |= UINT32_C(1) << slot;
	lease->handover = MR_HANDOVER_WAIT;
	lease->ordered = false;
	look_for_successor(step);
}

void
mr_handover_tick(MrStep *step)
{
	MrLease *lease = step->lease;

	if (!lease->bound && lease->handover == MR_HANDOVER_NONE)
	{
		part_as_observer(step);
		return;
	}
	if (lease->ordered && mr_switchover_tick(step) && lease->handover != MR_HANDOVER_ASKED)
		return;
	switch (lease->handover)
	{
		case MR_HANDOVER_NONE:
		case MR_HANDOVER_CATCH_UP:
		case MR_HANDOVER_DRAIN:
			begin_handover(step);
			return;
		case MR_HANDOVER_FENCED:
			if (is_draining(step))
				return;
			lease->handover = MR_HANDOVER_WAIT;
			look_for_successor(step);
			return;
		case MR_HANDOVER_WAIT:
			look_for_successor(step);
			return;
		case MR_HANDOVER_ASKED:
			if (step->now >= lease->round_until_ns)
				next_successor(step, lease->successor, MR_REFUSE_UNREACHABLE);
			return;
		case MR_HANDOVER_DONE:
			(void) mr_step_add(step, MR_ACT_EXIT);
			return;
	}
}

void
mr_handover_reply(MrStep *step, int slot)
{
	MrLease *lease = step->lease;
	const MrMessage *reply = step->event->message;

	if (lease->ordered && lease->handover == MR_HANDOVER_WAIT)
		mr_handover_tick(step);
	if (lease->handover != MR_HANDOVER_ASKED || reply->kind != MR_MSG_RELEASE ||
		slot != lease->successor)
		return;
	if (reply->ok)
	{
		leave(step, true);
		return;
	}
	if (reply->refusal == MR_REFUSE_BEHIND)
		lease->handover_behind |= UINT32_C(1) << slot;
	next_successor(step, slot, reply->refusal);
}

void
mr_handover_unreachable(MrStep *step, int slot)
{
	next_successor(step, slot, MR_REFUSE_UNREACHABLE);
}
