/*
 * The voter: answers prevotes, votes, grants, releases and questions.
 *
 * Each request ends in exactly one REPLY, or in DEFER or SEVER, after which the
 * caller steps the same request again. A promise is given only together with
 * the vote that covers it in the state file. Called by lease.c.
 */
#include "core/mr_lease_internal.h"

#include "core/mr_governor.h"

/* The candidate proves that the promise we gave is void: its holder released it. */
static bool
release_proven(const MrStep *step)
{
	const MrLease *lease = step->lease;
	const MrReleased *proof = &step->event->message->released;

	return proof->term != 0 && proof->term == lease->promise_term &&
		   mr_uuid_equal(&proof->holder, &lease->promise_to) &&
		   proof->nonce == lease->promise_nonce;
}

/* A new start of the node we promised to may ask at once: its old self is gone. */
static bool
promised_to_another(const MrStep *step)
{
	const MrLease *lease = step->lease;

	return mr_step_promise_running(step) &&
		   !mr_uuid_equal(&lease->promise_to, &step->event->message->sender) &&
		   !release_proven(step);
}

/*
 * What the leader wrote after it had released its lease was acknowledged to nobody: a
 * candidate that holds all before that lacks nothing, whatever else reached this node.
 */
static bool
holds_all_released(const MrStep *step)
{
	const MrMessage *message = step->event->message;

	return release_proven(step) && message->released.need_lsn != 0 &&
		   message->report.log_term == step->lease->durable.log_term &&
		   message->report.wal_end >= message->released.need_lsn;
}

/*
 * Does this node hold more than the candidate? In asynchronous mode a node that
 * cannot lead does not stand in the way: nobody could use what it holds. But it does in
 * that of a former primary: what that would lose began with its successor, and no
 * distance in bytes tells how much it is.
 */
static bool
ahead_of_candidate(const MrStep *step)
{
	const MrLease *lease = step->lease;
	const MrMessage *message = step->event->message;
	const MrReport *candidate = &message->report;
	MrRefusal refusal;

	if (mr_candidate_compare_log(lease->durable.log_term, step->local->wal_end, candidate->log_term,
								 candidate->wal_end) <= 0 ||
		holds_all_released(step))
		return false;
	if (mr_step_policy(step)->durability == MR_DURABILITY_QUORUM)
		return true;
	if (message->allow_loss || mr_lease_is_witness(lease))
		return !message->allow_loss && mr_witness_objects(step);
	if (lease->durable.log_term > candidate->log_term &&
		!(candidate->flags & MR_REPORT_IN_RECOVERY) &&
		mr_step_policy(step)->max_failover_lag_bytes >= 0)
		return true;
	refusal = mr_candidate_refusal(lease, step->local,
								   message->order_id != 0 ? MR_FIT_ORDERED : MR_FIT_ELECTION);
	/* a pause of all ends for all, only not at the same instant of their clocks */
	return refusal == MR_REFUSE_NONE || refusal == MR_REFUSE_GOVERNOR ||
		   (refusal == MR_REFUSE_PAUSED &&
			mr_step_member(step, lease->self)->paused_until_ms <= lease->wall_ms);
}

/*
 * It does not stand in the way, because it lags itself; but it may know better than a
 * candidate that lags even more, and has not heard of what it lacks.
 */
static bool
candidate_lags(const MrStep *step)
{
	const MrMessage *message = step->event->message;

	return message->report.log_term == step->lease->durable.log_term &&
		   (message->report.flags & MR_REPORT_IN_RECOVERY) && !message->allow_loss &&
		   !holds_all_released(step) && mr_candidate_lags(step->lease, message->report.wal_end);
}

/* Whether the term asked for is free on this node. */
static MrRefusal
term_refusal(const MrStep *step)
{
	const MrMessage *message = step->event->message;
	const MrDurable *durable = &step->lease->durable;

	if (message->term < durable->term)
		return MR_REFUSE_STALE_TERM;
	if (message->term > durable->term)
		return MR_REFUSE_NONE;
	if (message->kind == MR_MSG_PREVOTE)
		return MR_REFUSE_STALE_TERM;
	if (mr_uuid_equal(&durable->voted_for, &message->sender) &&
		durable->voted_nonce == message->nonce)
		return MR_REFUSE_NONE;
	return MR_REFUSE_ALREADY_VOTED;
}

/* Everything that can stand against a candidate. */
static MrRefusal
vote_refusal(const MrStep *step)
{
	const MrLease *lease = step->lease;
	const MrMessage *message = step->event->message;
	const MrDurable *durable = &lease->durable;
	MrRefusal refusal;

	if (!mr_config_is_voter(&durable->config, lease->self))
		return MR_REFUSE_NOT_VOTER;
	if (!step->local->manage)
		return MR_REFUSE_OBSERVE;
	if (durable->amnesiac)
		return MR_REFUSE_SELF_AMNESIA;
	if (mr_config_compare(message->config_term, message->config_version, durable->config.term,
						  durable->config.version) < 0)
		return MR_REFUSE_OLD_CONFIGURATION;
	refusal = term_refusal(step);
	if (refusal != MR_REFUSE_NONE)
		return refusal;
	if (mr_lease_is_open(lease, step->now))
		return MR_REFUSE_LEADING;
	if (promised_to_another(step))
		return MR_REFUSE_PROMISED;
	if (!mr_config_elects(&durable->config) && !(message->report.flags & MR_REPORT_IN_RECOVERY))
		return MR_REFUSE_NONE; /* nobody is elected: it is primary already */
	if (lease->would.pending)
		return MR_REFUSE_LEADING; /* in the play, that is */
	if (!step->local->wal_end_known)
		return MR_REFUSE_WAL_END_UNKNOWN;
	if (durable->rebuilding_term > durable->log_term &&
		mr_step_policy(step)->durability == MR_DURABILITY_QUORUM)
		return MR_REFUSE_REBUILDING;
	if (ahead_of_candidate(step))
		return mr_lease_is_witness(lease) ? MR_REFUSE_WITNESSED : MR_REFUSE_AHEAD;
	if (candidate_lags(step))
		return MR_REFUSE_LAG;
	if (message->timeline != 0 && message->timeline <= durable->reserved_timeline &&
		message->term > durable->term)
		return MR_REFUSE_TIMELINE_TAKEN;
	return MR_REFUSE_NONE;
}

/*
 * A voter that refuses because it is the better candidate stands at once itself; the
 * candidate's proof that the old lease is dead serves it as well.
 */
static void
refuse_candidate(MrStep *step, MrRefusal refusal)
{
	int64_t left = step->lease->promise_until_ns - step->now;
	int slot = mr_config_slot_of(&step->lease->durable.config, &step->event->message->sender);

	mr_step_refuse(step, refusal, refusal == MR_REFUSE_PROMISED ? left : 0);
	if (step->event->message->kind == MR_MSG_VOTE)
		mr_step_event(step, MR_EVENT_VOTE_REFUSED, slot, refusal,
					  (int64_t) step->event->message->term);
	if (refusal == MR_REFUSE_AHEAD && mr_step_promise_running(step) && release_proven(step))
	{
		step->lease->released = step->event->message->released;
		step->lease->promise_until_ns = 0;
	}
	if (refusal == MR_REFUSE_AHEAD || refusal == MR_REFUSE_OLD_CONFIGURATION)
		mr_candidate_schedule(step, step->now);
}

static void
answer_prevote(MrStep *step)
{
	MrRefusal refusal = vote_refusal(step);

	if (refusal != MR_REFUSE_NONE)
	{
		refuse_candidate(step, refusal);
		return;
	}
	mr_candidate_give_way(step);
	(void) mr_step_reply(step);
}

/*
 * The holder of a term from now on, in the file. What this node had in mind for
 * itself before is over: its own earlier term, and a lease that was handed to it.
 */
static void
record_holder(MrStep *step, uint64_t term, const MrMessage *message)
{
	MrLease *lease = step->lease;
	MrDurable *durable = &lease->durable;

	lease->own_term = 0;
	lease->skip_prevote = false;
	lease->handed_order = 0;
	if (durable->term != term || durable->voted_nonce != message->nonce ||
		!mr_uuid_equal(&durable->voted_for, &message->sender) ||
		durable->max_lease_ms < message->lease_ms)
	{
		durable->term = term;
		durable->voted_for = message->sender;
		durable->voted_nonce = message->nonce;
		if (durable->max_lease_ms < message->lease_ms)
			durable->max_lease_ms = message->lease_ms;
		lease->dirty = true;
	}
}

/*
 * The promise itself is volatile. To the same holder it is shortened only when that
 * says so, and not by a grant that was overtaken: the leader may count on a longer one.
 */
static void
promise(MrStep *step, uint64_t term, const MrMessage *message)
{
	MrLease *lease = step->lease;
	int64_t until_ns = step->now + mr_promise_ns(message->lease_ms);
	bool same = lease->promise_term == term && lease->promise_nonce == message->nonce &&
				mr_uuid_equal(&lease->promise_to, &message->sender);

	/* an answer to a question of ours carries our own number: it proves no order */
	bool overtaken = message->is_reply || (same && message->id <= lease->promise_id);

	record_holder(step, term, message);
	if (!same)
		lease->promise_id = 0;
	if (!overtaken)
		lease->promise_id = message->id;
	if (same && lease->promise_until_ns > until_ns && (overtaken || !message->shorten))
		return;
	lease->promise_term = term;
	lease->promise_to = message->sender;
	lease->promise_nonce = message->nonce;
	lease->promise_until_ns = until_ns;
}

static void
answer_vote(MrStep *step, int slot)
{
	MrLease *lease = step->lease;
	const MrMessage *message = step->event->message;
	MrRefusal refusal = vote_refusal(step);

	if (refusal == MR_REFUSE_NONE && step->local->sever_failed)
		refusal = MR_REFUSE_NOT_SEVERED;
	if (refusal == MR_REFUSE_NONE && lease->bound && !step->local->severed)
	{
		lease->gate_open = false;
		(void) mr_step_add(step, MR_ACT_SEVER);
		return;
	}
	if (refusal != MR_REFUSE_NONE)
	{
		refuse_candidate(step, refusal);
		return;
	}
	mr_step_down(step);
	lease->gate_open = false;
	lease->leader = MR_NO_SLOT;
	if (message->timeline > lease->durable.reserved_timeline)
	{
		lease->durable.reserved_timeline = message->timeline;
		lease->dirty = true;
	}
	promise(step, message->term, message);
	mr_step_event(step, MR_EVENT_VOTE_GIVEN, slot, 0, (int64_t) message->term);
	(void) mr_step_reply(step);
}

static MrRefusal
grant_refusal(const MrStep *step)
{
	const MrLease *lease = step->lease;
	const MrMessage *message = step->event->message;

	if (!step->local->manage)
		return MR_REFUSE_OBSERVE;
	if (lease->durable.amnesiac)
		return MR_REFUSE_SELF_AMNESIA;
	if (message->term < lease->durable.term)
		return MR_REFUSE_STALE_TERM;
	if (lease->released.term == message->term && lease->released.nonce == message->nonce &&
		mr_uuid_equal(&lease->released.holder, &message->sender))
		return MR_REFUSE_RELEASED;
	if (message->term > lease->durable.term)
		return MR_REFUSE_NONE;
	if (mr_uuid_equal(&lease->durable.voted_for, &message->sender) &&
		lease->durable.voted_nonce != message->nonce)
		return MR_REFUSE_WRONG_BOOT;
	return lease->role == MR_ROLE_LEADER ? MR_REFUSE_LEADING : MR_REFUSE_NONE;
}

/*
 * Does our WAL pass the leader's fork? Judged by what has been replayed: bytes
 * of a record that never became complete are nobody's data. The stamp tells of the
 * newest fork only; that we missed an earlier one shows when the leader is asked for WAL.
 */
static bool
passes_fork(const MrStep *step)
{
	const MrStamp *stamp = &step->lease->durable.stamp;
	const MrLocal *local = step->local;

	if (local->off_history)
		return true;
	if (local->timeline == stamp->timeline)
		return false;
	return local->timeline > stamp->timeline || local->replay_lsn > stamp->lsn;
}

/*
 * A server whose WAL is none of the cluster's, and that the configuration does not know yet: a
 * new witness. There is nothing to be rejoined; stopped, it would only be started again.
 */
static bool
will_be_witness(const MrStep *step)
{
	const MrDurable *durable = &step->lease->durable;

	return step->lease->self == MR_NO_SLOT && durable->log_term == 0 &&
		   durable->rebuilding_term == 0 && !step->local->in_recovery;
}

/*
 * Follow the leader: only after its stamp is in our file, and only if our WAL is
 * a prefix of its WAL. A former primary, or a node past the fork, stops; its
 * supervisor starts it again through multiregion-join.
 */
static void
follow(MrStep *step, int slot)
{
	MrLease *lease = step->lease;

	if (mr_lease_is_witness(lease) || will_be_witness(step) ||
		lease->durable.stamp.term != step->event->message->term)
		return;
	if (!lease->bound)
	{
		/* whom it streams from is not our business; the gate only remembers the address */
		if (!lease->gate_open && step->local->standby)
			mr_step_add(step, MR_ACT_OPEN_GATE)->slot = slot;
		lease->gate_open = step->local->standby;
		return;
	}
	if (!step->local->in_recovery || (step->local->standby && passes_fork(step)))
	{
		if (!lease->diverged && step->local->in_recovery)
			mr_step_event(step, MR_EVENT_DIVERGED, slot, 0, (int64_t) step->local->replay_lsn);
		lease->diverged = true;
		(void) mr_step_add(step, MR_ACT_STOP_SERVER);
		return;
	}
	if (lease->gate_open || !step->local->standby)
		return;
	lease->gate_open = true;
	mr_step_add(step, MR_ACT_OPEN_GATE)->slot = slot;
}

/* The sender leads its term: it is the holder from now on, and whom we follow. */
static void
accept_leader(MrStep *step, int slot, bool promised)
{
	MrLease *lease = step->lease;
	const MrMessage *message = step->event->message;

	if (lease->role != MR_ROLE_FOLLOWER)
		mr_step_down(step);
	if (message->term != lease->durable.term || lease->leader != slot)
	{
		lease->gate_open = false;
		if (lease->bound)
			(void) mr_step_add(step, MR_ACT_CLOSE_GATE);
		mr_step_event(step, MR_EVENT_LEADER_CHANGED, slot, 0, (int64_t) message->term);
	}
	lease->dirty |= mr_governor_merge(&lease->durable, message->marks, message->nmarks);
	if (promised)
		promise(step, message->term, message);
	else
		record_holder(step, message->term, message);
	lease->leader = slot;
	lease->leader_heard_ns = step->now;
	mr_mode_compare(step, slot);
	lease->gave_way = 0;
	mr_lease_hear_position(step);
	lease->election_at_ns = 0;
	lease->round_failures = 0;
	lease->detected_ns = 0;
	if (message->stamp.term > lease->durable.stamp.term)
	{
		lease->durable.stamp = message->stamp;
		lease->dirty = true;
	}
	follow(step, slot);
}

static void
answer_grant(MrStep *step, int slot)
{
	MrRefusal refusal = grant_refusal(step);

	if (refusal != MR_REFUSE_NONE)
	{
		mr_step_refuse(step, refusal, 0);
		return;
	}
	accept_leader(step, slot, true);
	(void) mr_step_reply(step);
}

/*
 * A standby accepts no connection before it is consistent, and may need the
 * leader's WAL to become so: then no grant can reach it, and it asks the leader
 * instead. It follows whoever leads, but makes a promise only to one whose lease is
 * open: the leader counts nothing on it, and one that reaches nobody any more must not
 * keep its followers from electing another by answering them.
 */
void
mr_voter_learn_leader(MrStep *step, int slot)
{
	const MrMessage *reply = step->event->message;

	if (reply->kind == MR_MSG_STATUS && reply->ok &&
		mr_uuid_equal(&reply->leader, &reply->sender) && reply->stamp.term == reply->term &&
		grant_refusal(step) == MR_REFUSE_NONE)
		accept_leader(step, slot, (reply->report.flags & MR_REPORT_LEASE_OPEN) != 0);
}

void
mr_voter_request(MrStep *step, int slot)
{
	switch ((MrMessageKind) step->event->message->kind)
	{
		case MR_MSG_PREVOTE:
			answer_prevote(step);
			return;
		case MR_MSG_VOTE:
			answer_vote(step, slot);
			return;
		case MR_MSG_GRANT:
			answer_grant(step, slot);
			return;
		case MR_MSG_RELEASE:
			mr_release_request(step, slot);
			return;
		case MR_MSG_STATUS:
			(void) mr_step_reply(step);
			return;
		case MR_MSG_ORDER: /* lease_order.c */
		case MR_MSG_NONE:
		case MR_MESSAGE_COUNT:
			break;
	}
	mr_step_refuse(step, MR_REFUSE_MALFORMED, 0);
}
