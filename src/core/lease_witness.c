/*
 * Witnesses: members that vote and hold no data of the service.
 *
 * A witness is a small PostgreSQL cluster of its own, so its WAL tells nothing. In place
 * of it, it has the highest (log term, position) that a leader has reported to it: that
 * goes wherever other nodes compare or report their own WAL. It is never a candidate,
 * follows nobody, and is always fenced. Called by lease.c and lease_voter.c.
 */
#include "core/mr_lease_internal.h"

bool
mr_lease_is_witness(const MrLease *lease)
{
	return lease->self != MR_NO_SLOT && lease->durable.config.members[lease->self].witness;
}

/*
 * After a restart the position may be behind by some megabytes, but not behind the
 * beginning of the leadership whose WAL it is.
 */
static MrLsn
known_end(const MrLease *lease)
{
	const MrDurable *durable = &lease->durable;

	if (durable->log_term != 0 && durable->log_term == durable->stamp.term &&
		lease->leader_lsn <= durable->stamp.lsn)
		return durable->stamp.lsn + 1;
	return lease->leader_lsn;
}

void
mr_witness_see(const MrLease *lease, const MrLocal *local, MrLocal *seen)
{
	*seen = *local;
	seen->in_recovery = false;
	seen->standby = false;
	seen->severed = true;
	seen->sever_failed = false;
	seen->streaming = false;
	seen->off_history = false;
	seen->wal_end_known = true;
	seen->wal_end = known_end(lease);
	seen->replay_lsn = seen->wal_end;
	seen->timeline = lease->durable.stamp.timeline;
	seen->fork_lsn = 0;
}

void
mr_lease_hear_position(MrStep *step)
{
	MrLease *lease = step->lease;
	const MrReport *report = &step->event->message->report;

	/* a leader that has not left its stamp yet may hold less than the one before it */
	if (!mr_lease_is_witness(lease) ||
		mr_candidate_compare_log(report->log_term, report->wal_end, lease->durable.log_term,
								 lease->leader_lsn) > 0)
		lease->leader_lsn = report->wal_end;
}

/*
 * Is the candidate's WAL a beginning of the WAL that the last leader reported? It is if
 * it holds some of that leadership, or followed that leader and ends before its fork.
 */
static bool
is_prefix(const MrStep *step)
{
	const MrDurable *durable = &step->lease->durable;
	const MrMessage *message = step->event->message;
	const MrReport *candidate = &message->report;

	if (candidate->log_term >= durable->log_term)
		return true;
	return (candidate->flags & MR_REPORT_IN_RECOVERY) != 0 &&
		   (candidate->flags & MR_REPORT_DIVERGED) == 0 &&
		   message->stamp.term == durable->stamp.term && candidate->wal_end <= durable->stamp.lsn;
}

bool
mr_witness_objects(const MrStep *step)
{
	int64_t limit = mr_step_policy(step)->max_failover_lag_bytes;
	MrLsn end = step->event->message->report.wal_end;

	if (limit < 0)
		return false;
	return !is_prefix(step) ||
		   (step->local->wal_end > end && step->local->wal_end - end > (uint64_t) limit);
}
