/*
 * Messages a step sends: each says who we are, what we hold and which
 * configuration we have persisted. Called by the parts of the lease protocol.
 */
#include "core/mr_lease_internal.h"

#include <string.h>

#include "core/mr_assert.h"

#define MR_STATUS_EVERY_NS (2 * MR_NS_PER_S)

void
mr_step_report(const MrStep *step, MrReport *report)
{
	const MrLocal *local = step->local;
	const MrLease *lease = step->lease;

	report->log_term = lease->durable.log_term;
	report->wal_end = local->wal_end;
	report->replay_lsn = local->in_recovery ? local->replay_lsn : local->wal_end;
	report->timeline = local->timeline;
	report->refusal = (uint8_t) mr_candidate_refusal(lease, local, MR_FIT_ORDERED_LOSSY);
	report->flags = (local->in_recovery ? MR_REPORT_IN_RECOVERY : 0) |
					(local->standby ? MR_REPORT_STANDBY : 0) |
					(local->wal_end_known ? MR_REPORT_WAL_END_KNOWN : 0) |
					(local->server_stopping ? MR_REPORT_STOPPING : 0) |
					(local->streaming ? MR_REPORT_STREAMING : 0) |
					(lease->diverged ? MR_REPORT_DIVERGED : 0) |
					(mr_lease_is_open(lease, step->now) ? MR_REPORT_LEASE_OPEN : 0) |
					(lease->would.pending ? MR_REPORT_WOULD_LEAD : 0) |
					(report->refusal == MR_REFUSE_NONE ? MR_REPORT_ELIGIBLE : 0);
}

static MrMessage *
new_message(MrStep *step, MrActionKind kind, int slot)
{
	MrActions *actions = step->actions;
	const MrLease *lease = step->lease;
	MrAction *action = mr_step_add(step, kind);
	MrMessage *message;

	MR_ASSERT(actions->nmessages < MR_MAX_MEMBERS + 2);
	action->slot = slot;
	action->message = actions->nmessages;
	message = &actions->messages[actions->nmessages++];
	memset(message, 0, sizeof(*message));
	message->cluster = lease->durable.cluster;
	message->sender = lease->durable.node;
	message->nonce = lease->nonce;
	message->config_term = lease->durable.config.term;
	message->config_version = lease->durable.config.version;
	message->term = lease->durable.term;
	message->stamp = lease->durable.stamp;
	message->reserved_timeline = lease->durable.reserved_timeline;
	if (lease->leader != MR_NO_SLOT && !(lease->leader == lease->self && lease->renounced))
		message->leader = lease->durable.config.members[lease->leader].uuid;
	mr_step_report(step, &message->report);
	return message;
}

MrMessage *
mr_step_send(MrStep *step, int slot, MrMessageKind kind)
{
	MrMessage *message = new_message(step, MR_ACT_SEND, slot);
	MrPeer *peer = &step->lease->peers[slot];

	message->kind = (uint8_t) kind;
	message->id = ++step->lease->next_id;
	message->lease_ms = (uint32_t) mr_step_policy(step)->lease_ms;
	message->has_config = mr_config_compare(peer->config_term, peer->config_version,
											message->config_term, message->config_version) < 0;
	peer->in_flight = true;
	peer->in_flight_id = message->id;
	/* elections may come more often than questions, and their answers teach less */
	if (kind != MR_MSG_PREVOTE && kind != MR_MSG_VOTE)
		peer->next_status_ns = step->now + MR_STATUS_EVERY_NS;
	return message;
}

MrMessage *
mr_step_reply(MrStep *step)
{
	const MrMessage *request = step->event->message;
	MrMessage *message = new_message(step, MR_ACT_REPLY, MR_NO_SLOT);

	message->kind = request->kind;
	message->id = request->id;
	message->is_reply = true;
	message->ok = true;
	message->lease_ms = request->lease_ms;
	return message;
}

void
mr_step_refuse(MrStep *step, MrRefusal refusal, int64_t retry_after_ns)
{
	MrMessage *message = mr_step_reply(step);

	message->ok = false;
	message->refusal = (uint8_t) refusal;
	if (retry_after_ns > 0)
		message->retry_after_ms = (uint32_t) (retry_after_ns / MR_NS_PER_MS) + 1;
	message->has_config =
		refusal == MR_REFUSE_OLD_CONFIGURATION || refusal == MR_REFUSE_OTHER_GENERATION;
}
