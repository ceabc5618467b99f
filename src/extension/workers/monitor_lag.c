/*
 * Lag of the members, in bytes and milliseconds.
 *
 * Where everybody is comes from the lease state: each node reports its positions to
 * the leader with every heartbeat, and the leader repeats them to all, so a standby
 * knows as much as the primary. pg_stat_replication.replay_lag is not used: it freezes
 * while a link is cut in one direction. Time is this node's own clock (core/lag.c).
 *
 * Lag is that of replay, what a reader of the node would see. Reports are as old as
 * a heartbeat, so under load the figures may be that much too high, and they
 * must never be too low: where the leader is not heard, nobody knows how far it has
 * gone, and the time is at least that of its silence.
 *
 * No SQL, no waiting. Called by the loop of monitor_worker.c every turn.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "replication/walreceiver.h"
#include "utils/timestamp.h"

#include "extension/mr_alerts_shared.h"
#include "extension/mr_shared_state.h"
#include "extension/workers/mr_monitor.h"

/* Where this node itself is, from the server and not from a report. */
static MrReport
report_of_self(const MrMonitor *monitor)
{
	MrReport report = monitor->lease->peers[monitor->lease->self].report;

	if (RecoveryInProgress())
	{
		report.flags = MR_REPORT_IN_RECOVERY;
		report.replay_lsn = GetXLogReplayRecPtr(&report.timeline);
		report.wal_end = Max(report.replay_lsn, GetWalRcvFlushRecPtr(NULL, NULL));
	}
	else
	{
		report.flags = 0;
		report.wal_end = GetFlushRecPtr(&report.timeline);
		report.replay_lsn = report.wal_end;
	}
	return report;
}

/* The newest position of the leader this node knows, into the history. */
static void
follow_leader(MrMonitor *monitor, const MrReport *self)
{
	const MrLease *lease = monitor->lease;
	const MrPeer *leader;

	if (lease->leader == MR_NO_SLOT)
		return;
	if (lease->leader == lease->self)
	{
		mr_lag_report(&monitor->lag, lease->durable.term, self->wal_end, monitor->now_ns);
		return;
	}
	leader = &lease->peers[lease->leader];
	if (leader->reported_ns != 0)
		mr_lag_report(&monitor->lag, lease->durable.term, leader->report.wal_end,
					  leader->reported_ns);
}

/* How long the leader has been silent, 0 while it is heard as often as it should. */
static int64
silence_ms(const MrMonitor *monitor)
{
	int64 age_ms = mr_lag_age_ms(&monitor->lag, monitor->now_ns);

	return age_ms > monitor->lease->durable.config.policy.lease_ms / 2 ? age_ms : 0;
}

/* Into the windows of the last hour. */
static void
remember(const MrMonitor *monitor, int slot)
{
	const MrMember *member = &MR_MONITOR_CONFIG(monitor)->members[slot];
	const MrNodeHealth *node = &mr_shared->monitor.nodes[slot];

	mr_lag_window_add(&mr_member_history(slot, &member->uuid)->lag, monitor->now_ns,
					  node->lag_bytes, node->lag_ms);
}

static void
publish(MrMonitor *monitor, int slot, const MrReport *report)
{
	MrNodeHealth *node = &mr_shared->monitor.nodes[slot];
	MrLagValue lag = {.bytes = 0, .ms = 0};

	if (MR_MONITOR_CONFIG(monitor)->members[slot].witness)
	{
		node->lag_bytes = node->lag_ms = -1; /* it has nothing that could lag */
		node->covered_ns = 0;
		return;
	}
	if (slot != monitor->lease->leader)
		lag = mr_lag_of(&monitor->lag, report->replay_lsn, monitor->now_ns);
	if (lag.ms >= 0 && slot != monitor->lease->leader)
		lag.ms = Max(lag.ms, silence_ms(monitor));
	node->lag_bytes = lag.bytes;
	node->lag_ms = lag.ms;
	node->lag_at_least = lag.at_least;
	node->covered_ns = mr_lag_covered_ns(&monitor->lag, report->replay_lsn);
	node->in_recovery = (report->flags & MR_REPORT_IN_RECOVERY) != 0;
	node->timeline = report->timeline;
	node->receive_lsn = report->wal_end;
	node->replay_lsn = report->replay_lsn;
}

void
mr_monitor_lag(MrMonitor *monitor)
{
	const MrLease *lease = monitor->lease;
	MrReport self;

	if (monitor->now_ns < monitor->next_lag_ns)
		return;
	monitor->next_lag_ns = monitor->now_ns + MR_MONITOR_TICK_NS;
	self = report_of_self(monitor);
	follow_leader(monitor, &self);

	LWLockAcquire(mr_shared->monitor_lock, LW_EXCLUSIVE);
	mr_shared->monitor.updated_at = GetCurrentTimestamp();
	mr_shared->monitor.measured_ns = monitor->now_ns;
	publish(monitor, lease->self, &self);
	remember(monitor, lease->self);
	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		if (!mr_monitor_is_peer(monitor, slot))
			continue;
		if (lease->peers[slot].reported_ns != 0)
			publish(monitor, slot, &lease->peers[slot].report);
		else
		{
			mr_shared->monitor.nodes[slot].lag_bytes = -1;
			mr_shared->monitor.nodes[slot].lag_ms = -1;
			mr_shared->monitor.nodes[slot].covered_ns = 0;
		}
		remember(monitor, slot);
	}
	mr_routing_publish_monitor();
	LWLockRelease(mr_shared->monitor_lock);
}
