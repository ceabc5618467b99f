/*
 * What arrives from other nodes: is the sender in its right mind, what does its
 * message teach, and which part of the protocol takes it. Called by lease.c.
 */
#include "core/mr_lease_internal.h"

static void
learn_report(MrPeer *peer, const MrReport *report, int64_t at_ns)
{
	if (at_ns < peer->reported_ns)
		return;
	peer->report = *report;
	peer->reported_ns = at_ns;
}

/* The leader repeats in its grants what it knows of everybody, ourselves included. */
static void
learn_broadcast(MrStep *step, const MrMessage *message)
{
	MrLease *lease = step->lease;
	int i;

	for (i = 0; i < message->npeers; i++)
	{
		const MrPeerReport *peer = &message->peers[i];

		if (peer->slot == lease->self)
			lease->marked_down = (peer->report.flags & MR_REPORT_DOWN) != 0;
		else
			learn_report(&lease->peers[peer->slot], &peer->report,
						 step->now - (int64_t) peer->age_ms * MR_NS_PER_MS);
	}
}

/*
 * Who sent it, and is it in its right mind? A sequence number that went back
 * between two starts means a state file restored from the past: such a node may
 * have forgotten a vote.
 */
static MrRefusal
check_sender(MrStep *step, int *slot)
{
	MrLease *lease = step->lease;
	const MrMessage *message = step->event->message;
	MrDurable *durable = &lease->durable;
	MrPeer *peer;
	bool same_generation;

	*slot = MR_NO_SLOT;
	if (!lease->loaded)
		return MR_REFUSE_FENCED_STATE;
	if (!mr_uuid_equal(&message->cluster, &durable->cluster))
		return MR_REFUSE_FOREIGN_CLUSTER;
	same_generation = mr_configuration_learn(step);
	*slot = mr_config_slot_of(&durable->config, &message->sender);
	if (*slot != MR_NO_SLOT && *slot == lease->self && message->kind == MR_MSG_ORDER &&
		message->nonce == lease->nonce)
		return MR_REFUSE_NONE; /* from a session of this server */
	if (!same_generation)
		return MR_REFUSE_OTHER_GENERATION;
	if (*slot == MR_NO_SLOT || *slot == lease->self)
		return MR_REFUSE_UNKNOWN_MEMBER;
	peer = &lease->peers[*slot];
	if (message->sequence < durable->peer_sequence[*slot] && message->nonce != peer->nonce)
	{
		if (peer->accused_nonce != message->nonce)
			mr_step_event(step, MR_EVENT_AMNESIA, *slot, MR_REFUSE_AMNESIA,
						  (int64_t) durable->peer_sequence[*slot]);
		peer->accused_nonce = message->nonce;
		return MR_REFUSE_AMNESIA;
	}
	peer->nonce = message->nonce;
	if (message->sequence > durable->peer_sequence[*slot])
		durable->peer_sequence[*slot] = message->sequence;
	return MR_REFUSE_NONE;
}

static void
learn_message(MrStep *step, int slot)
{
	const MrMessage *message = step->event->message;
	MrLease *lease = step->lease;
	MrPeer *peer = &lease->peers[slot];

	peer->heard_ns = step->now;
	peer->config_term = message->config_term;
	peer->config_version = message->config_version;
	learn_report(peer, &message->report, step->now);
	if (message->kind == MR_MSG_GRANT && !message->is_reply)
		learn_broadcast(step, message);
	/* a prevote only asks what would be: its term is nobody's yet */
	if ((message->is_reply || message->kind != MR_MSG_PREVOTE) && message->term > lease->seen_term)
		lease->seen_term = message->term;
	if (message->stamp.term > lease->seen_stamp.term)
		lease->seen_stamp = message->stamp;
	/* a candidate has reserved the very timeline it asks for: that is no obstacle */
	if ((message->is_reply || message->kind != MR_MSG_VOTE) &&
		message->reserved_timeline > lease->durable.reserved_timeline)
	{
		lease->durable.reserved_timeline = message->reserved_timeline;
		lease->dirty = true;
	}
}

void
mr_contact_request(MrStep *step)
{
	int slot;
	MrRefusal refusal = check_sender(step, &slot);

	if (refusal != MR_REFUSE_NONE)
	{
		mr_step_refuse(step, refusal, 0);
		return;
	}
	if (slot != step->lease->self)
		learn_message(step, slot);
	if (step->event->message->kind == MR_MSG_ORDER)
		mr_order_request(step, slot);
	else
		mr_voter_request(step, slot);
}

/*
 * One refusal proves nothing: a request that our own later message overtook, while
 * the peer's worker was restarted, looks as old as one from a restored file. What was
 * written after a refusal arrived cannot have been overtaken: refused, it is proof.
 */
static void
note_amnesia(MrStep *step, MrPeer *peer)
{
	MrLease *lease = step->lease;

	if (peer->amnesia_after_id == 0)
		peer->amnesia_after_id = lease->next_id;
	if (lease->durable.amnesiac || step->event->message->id <= peer->amnesia_after_id)
		return;
	lease->durable.amnesiac = true;
	lease->dirty = true;
	mr_step_down(step);
	mr_step_event(step, MR_EVENT_AMNESIA, lease->self, MR_REFUSE_AMNESIA, 0);
}

void
mr_contact_reply(MrStep *step)
{
	MrLease *lease = step->lease;
	const MrMessage *reply = step->event->message;
	int64_t round_trip_ns = step->now - step->event->sent_ns;
	int slot;

	lease->peers[step->event->slot].in_flight = false;
	if (check_sender(step, &slot) != MR_REFUSE_NONE)
	{
		/* it answers, but it is not (or no longer) a member we can count */
		mr_candidate_unreachable(step, step->event->slot);
		mr_handover_unreachable(step, step->event->slot);
		return;
	}
	learn_message(step, slot);
	lease->peers[slot].round_trip_us = (uint32_t) (round_trip_ns / 1000);
	if (!reply->ok && reply->refusal == MR_REFUSE_AMNESIA)
		note_amnesia(step, &lease->peers[slot]);
	else
		lease->peers[slot].amnesia_after_id = 0;
	if (reply->kind == MR_MSG_ORDER)
		mr_order_reply(step);
	if (lease->handover >= MR_HANDOVER_WAIT)
		mr_handover_reply(step, slot);
	else if (lease->role == MR_ROLE_LEADER)
		mr_leader_reply(step, slot);
	else
	{
		mr_voter_learn_leader(step, slot);
		mr_candidate_reply(step, slot);
	}
}

void
mr_contact_unreachable(MrStep *step)
{
	step->lease->peers[step->event->slot].in_flight = false;
	mr_candidate_unreachable(step, step->event->slot);
	mr_handover_unreachable(step, step->event->slot);
}
