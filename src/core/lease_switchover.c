/*
 * A leader hands over by order: a switchover, or a failback.
 *
 * Writes go on until the successor is near. Then new commits are refused and those
 * under way end; only then the fence closes, so that no commit ends without an answer.
 * Streams to others are cut before the last byte is looked for: nobody shall hold more
 * than the successor. On any doubt before the RELEASE the leader resumes in its term;
 * after it the term is dead, and a leader whose successor does not take the lease stands
 * for election like anybody else. Called by lease_order.c and lease_handover.c.
 */
#include "core/mr_lease_internal.h"

#define MR_NEAR_BYTES (4 * 1024 * 1024) /* left to send when writes are refused */
#define MR_NEAR_REPLAY (16 * 1024 * 1024)
#define MR_DRAIN_NS (300 * MR_NS_PER_MS)
#define MR_CUT_OFF_NS (100 * MR_NS_PER_MS) /* for the streams of others to end */
#define MR_FENCED_NS (400 * MR_NS_PER_MS)  /* for the last bytes to arrive; and round trips */
#define MR_ASK_EVERY_NS (4 * MR_NS_PER_MS) /* one that does not answer */

void
mr_switchover_begin(MrStep *step)
{
	MrLease *lease = step->lease;

	lease->handover = MR_HANDOVER_CATCH_UP;
	lease->ordered = true;
	lease->successor = lease->order.target;
	lease->need_lsn = 0;
	lease->handover_until_ns = lease->order.until_ns;
	lease->handover_tried = 0;
	lease->handover_behind = 0;
}

/* Nothing has happened: the lease goes on in the same term. */
static void
cancel(MrStep *step, int refusal)
{
	MrLease *lease = step->lease;

	lease->handover = MR_HANDOVER_NONE;
	lease->ordered = false;
	mr_order_end(step, MR_ORDER_REFUSED, refusal);
	mr_leader_heartbeat_now(step);
}

/* What the successor told last; asks for more, so that it is a round trip old at most. */
static const MrReport *
report_of_successor(MrStep *step)
{
	MrLease *lease = step->lease;
	MrPeer *peer = &lease->peers[lease->successor];

	if (!peer->in_flight && step->now >= lease->order.next_pass_ns)
	{
		lease->order.next_pass_ns = step->now + MR_ASK_EVERY_NS;
		(void) mr_step_send(step, lease->successor, MR_MSG_STATUS);
	}
	return &peer->report;
}

/* The successor has not said how it is since the order was given, or is silent again. */
static bool
is_silent(const MrStep *step)
{
	const MrLease *lease = step->lease;
	int64_t heard_ns = lease->peers[lease->successor].heard_ns;

	return heard_ns <= lease->order.began_ns ||
		   step->now - heard_ns >= mr_step_policy(step)->lease_ms * MR_NS_PER_MS / 2;
}

static void
catch_up(MrStep *step)
{
	MrLease *lease = step->lease;
	const MrReport *report = report_of_successor(step);
	int64_t patience_ns = mr_step_policy(step)->lease_ms * MR_NS_PER_MS;
	bool is_late = step->now >= lease->handover_until_ns;
	bool streams = (report->flags & MR_REPORT_STREAMING) != 0;
	MrRefusal refusal;

	if (is_silent(step))
	{
		if (is_late || step->now >= lease->order.began_ns + patience_ns)
			cancel(step, MR_REFUSE_UNREACHABLE);
		return;
	}
	refusal = mr_candidate_refusal_of(lease, lease->successor, step->local->down_mask,
									  MR_FIT_ORDERED_LOSSY);
	if (refusal != MR_REFUSE_NONE)
		cancel(step, refusal);
	else if (is_late)
		cancel(step, streams ? MR_REFUSE_LAG : MR_REFUSE_NOT_STREAMING);
	else if (streams && mr_lease_is_open(lease, step->now) &&
			 step->local->wal_end <= report->wal_end + MR_NEAR_BYTES &&
			 report->wal_end <= report->replay_lsn + MR_NEAR_REPLAY)
	{
		lease->handover = MR_HANDOVER_DRAIN;
		lease->round_until_ns = step->now + MR_DRAIN_NS;
	}
}

/* In the step before this one the fence began to refuse commits. */
static void
drain(MrStep *step)
{
	MrLease *lease = step->lease;
	int64_t fenced_ns = mr_step_policy(step)->lease_ms * MR_NS_PER_MS / 3;
	int64_t wait_ns =
		MR_FENCED_NS + 4 * (int64_t) lease->peers[lease->successor].round_trip_us * 1000;

	if (step->now >= lease->round_until_ns)
		cancel(step, MR_REFUSE_COMMITS_PENDING);
	else if (!step->local->committing)
	{
		mr_step_deadline(step, 0);
		lease->handover = MR_HANDOVER_FENCED;
		lease->fenced_ns = step->now;
		lease->round_until_ns = step->now + MR_CUT_OFF_NS;
		lease->handover_until_ns = step->now + (fenced_ns < wait_ns ? fenced_ns : wait_ns);
		(void) report_of_successor(step);
	}
}

/* Everything that anybody may have received is needed, not only what was acknowledged. */
static void
find_last_byte(MrStep *step)
{
	MrLease *lease = step->lease;
	const MrLocal *local = step->local;

	if (local->strays && step->now < lease->round_until_ns)
		return;
	lease->need_lsn = local->wal_end > local->last_commit ? local->wal_end : local->last_commit;
	lease->handover = MR_HANDOVER_WAIT;
}

static void
wait_for_last_byte(MrStep *step)
{
	MrLease *lease = step->lease;
	const MrReport *report = report_of_successor(step);

	/* what it said before is not enough: it may be gone since */
	if (lease->peers[lease->successor].heard_ns > lease->fenced_ns &&
		report->wal_end >= lease->need_lsn && report->replay_lsn >= lease->need_lsn &&
		report->log_term == lease->durable.log_term)
		mr_handover_ask(step, lease->successor);
	else if (step->now >= lease->handover_until_ns)
		cancel(step,
			   (report->flags & MR_REPORT_STREAMING) ? MR_REFUSE_BEHIND : MR_REFUSE_NOT_STREAMING);
}

bool
mr_switchover_tick(MrStep *step)
{
	MrLease *lease = step->lease;

	if (lease->handover >= MR_HANDOVER_ASKED)
		return true;
	if (step->local->server_dead || step->local->handover_stop)
	{
		cancel(step, MR_REFUSE_STOPPING);
		return false;
	}
	switch (lease->handover)
	{
		case MR_HANDOVER_CATCH_UP:
			catch_up(step);
			break;
		case MR_HANDOVER_DRAIN:
			drain(step);
			break;
		case MR_HANDOVER_FENCED:
			find_last_byte(step);
			break;
		case MR_HANDOVER_WAIT:
			wait_for_last_byte(step);
			break;
		case MR_HANDOVER_NONE:
		case MR_HANDOVER_ASKED:
		case MR_HANDOVER_DONE:
			break;
	}
	return true;
}

/*
 * The successor refused, or does not answer. Its voters may have let go of our term for
 * it: so has this node, and the RELEASE proves to all of them that they may.
 */
void
mr_switchover_take_back(MrStep *step, int refusal)
{
	MrLease *lease = step->lease;

	mr_step_event(step, MR_EVENT_LEASE_TAKEN_BACK, lease->successor, refusal, 0);
	lease->order.refusal = refusal;
	lease->order.handed = false;
	lease->released.term = lease->durable.term;
	lease->released.holder = lease->durable.node;
	lease->released.nonce = lease->nonce;
	lease->released.cause = MR_CAUSE_TAKEN_BACK;
	lease->released.need_lsn = lease->need_lsn;
	lease->handover = MR_HANDOVER_NONE;
	mr_step_down(step);
	lease->leader = MR_NO_SLOT;
	lease->transition.from_slot = lease->self;
	lease->promise_until_ns = 0;
	lease->pending_cause = MR_CAUSE_TAKEN_BACK;
	lease->skip_prevote = true;
	mr_candidate_schedule(step, step->now);
}
