/*
 * The other end of a hand-over: a RELEASE of the leader has arrived. Whoever it names takes
 * the lease if it holds every byte that is asked for; the others let it go. Called by
 * lease_voter.c.
 */
#include "core/mr_lease_internal.h"

#define MR_RELEASE_WAIT_NS (40 * MR_NS_PER_MS) /* for bytes still on their way */
#define MR_HEAD_START_NS MR_NS_PER_S           /* of a named successor */

/* Can the releasing leader's last byte be found here? */
static bool
holds(const MrStep *step, const MrMessage *message)
{
	return step->local->wal_end_known &&
		   mr_candidate_compare_log(step->lease->durable.log_term, step->local->wal_end,
									message->report.log_term, message->need_lsn) >= 0;
}

static bool
release_matches(const MrStep *step)
{
	const MrMessage *message = step->event->message;
	const MrDurable *durable = &step->lease->durable;

	return message->term == durable->term && message->nonce == durable->voted_nonce &&
		   mr_uuid_equal(&durable->voted_for, &message->sender);
}

/* The lease is void; a named successor stands at once, the others let it go first. */
static void
accept_release(MrStep *step, int slot, bool mine)
{
	MrLease *lease = step->lease;
	const MrMessage *message = step->event->message;

	lease->released.term = message->term;
	lease->released.holder = message->sender;
	lease->released.nonce = message->nonce;
	lease->released.cause = message->cause;
	lease->released.need_lsn = message->need_lsn;
	lease->promise_until_ns = 0;
	lease->leader = MR_NO_SLOT;
	lease->transition.from_slot = slot;
	lease->detected_ns = step->now;
	lease->pending_cause = message->cause;
	lease->skip_prevote = mine;
	lease->handed_order = mine ? message->order_id : 0;
	mr_step_event(step, MR_EVENT_RELEASE_RECEIVED, slot, 0, (int64_t) message->need_lsn);
	(void) mr_step_reply(step);
	mr_candidate_schedule(step, mine ? step->now : step->now + MR_HEAD_START_NS);
}

void
mr_release_request(MrStep *step, int slot)
{
	const MrMessage *message = step->event->message;
	bool mine = mr_uuid_equal(&message->successor, &step->lease->durable.node);
	MrRefusal refusal = MR_REFUSE_NONE;

	if (!release_matches(step))
		refusal = MR_REFUSE_STALE_TERM;
	else if (message->need_lsn != 0 && !mine)
		refusal = MR_REFUSE_MALFORMED;
	else if (mine && step->lease->bound && !mr_config_elects(&step->lease->durable.config))
		refusal = MR_REFUSE_OBSERVE; /* the cluster is leaving "manage" */
	else if (mine)
		refusal =
			mr_candidate_refusal(step->lease, step->local,
								 message->order_id != 0 ? MR_FIT_ORDERED_LOSSY : MR_FIT_HANDED);
	if (refusal == MR_REFUSE_AMNESIA)
		refusal = MR_REFUSE_SELF_AMNESIA; /* ours, not the sender's */
	if (refusal == MR_REFUSE_NONE && message->need_lsn != 0 && !holds(step, message))
	{
		if (step->now - step->event->received_ns < MR_RELEASE_WAIT_NS)
		{
			(void) mr_step_add(step, MR_ACT_DEFER);
			return;
		}
		refusal = MR_REFUSE_BEHIND;
	}
	if (refusal != MR_REFUSE_NONE)
		mr_step_refuse(step, refusal, 0);
	else
		accept_release(step, slot, mine);
}
