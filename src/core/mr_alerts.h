/*
 * The alerts there are, once: what is wrong at this moment, as long as it is.
 *
 * The views multiregion.alerts and alert_history, NOTIFY, the docs and the runbook take
 * their words from here, and what is to come does, too: Prometheus' rules and webhooks.
 * Lines are appended, and a word never changes: it is kept in tables and in configurations
 * of those who receive alerts.
 *
 * An event (mr_events.h) says that something happened; an alert lasts.
 */
#ifndef MR_ALERTS_H
#define MR_ALERTS_H

/* How long it has to last before it is raised, in ms: a time, or the policy alert_delay. */
#define MR_ALERT_NOW 0
#define MR_ALERT_DELAYED (-1)
#define MR_ALERT_HOUR 3600000

/*
 * X(symbol, word, severity, about, unit, policy, after_ms, entry, sentence)
 *   about   what its subject is: node, region, slot; or cluster, which has none
 *   unit    of its value and threshold; empty: it has no value
 *   policy  that holds its threshold (mr_topology.h); empty: there is nothing to set
 *   entry   heading of the runbook that has cause, check and action
 */
#define MR_ALERT_LIST(X) \
	X(MR_ALERT_LAG_WARNING, "lag_warning", "warning", "node", "ms", "lag_warning", \
	  MR_ALERT_DELAYED, "replication_lag", "a standby replays too late") \
	X(MR_ALERT_LAG_CRITICAL, "lag_critical", "critical", "node", "ms", "lag_critical", \
	  MR_ALERT_DELAYED, "replication_lag", "a standby replays far too late") \
	X(MR_ALERT_LAG_BYTES_WARNING, "lag_bytes_warning", "warning", "node", "bytes", \
	  "lag_bytes_warning", MR_ALERT_DELAYED, "replication_lag", \
	  "a standby has too much WAL to replay") \
	X(MR_ALERT_LAG_BYTES_CRITICAL, "lag_bytes_critical", "critical", "node", "bytes", \
	  "lag_bytes_critical", MR_ALERT_DELAYED, "replication_lag", \
	  "a standby has far too much WAL to replay") \
	X(MR_ALERT_NODE_DOWN, "node_down", "warning", "node", "checks", "max_consecutive_failures", \
	  MR_ALERT_NOW, "node_down", "a node fails its health checks") \
	X(MR_ALERT_REGION_DOWN, "region_down", "critical", "region", "", "", MR_ALERT_NOW, \
	  "region_down", "every node of a region is down") \
	X(MR_ALERT_NO_PRIMARY, "no_primary", "critical", "cluster", "ms", "", MR_ALERT_DELAYED, \
	  "no_primary", "no node that this one knows of may acknowledge writes") \
	X(MR_ALERT_NO_SUCCESSOR, "no_successor", "warning", "cluster", "", "", MR_ALERT_DELAYED, \
	  "no_successor", "nobody could take over if the primary died now") \
	X(MR_ALERT_QUORUM_AT_RISK, "quorum_at_risk", "warning", "cluster", "voters", "", \
	  MR_ALERT_DELAYED, "quorum_at_risk", "one more voter less, and there is no majority") \
	X(MR_ALERT_VOTES_MISSING, "votes_missing", "warning", "cluster", "voters", "", \
	  MR_ALERT_DELAYED, "votes_missing", \
	  "fewer than three nodes have a vote: there is no automatic failover") \
	X(MR_ALERT_REGION_MAJORITY, "region_majority", "warning", "region", "voters", "", \
	  MR_ALERT_DELAYED, "region_majority", \
	  "without this one region the others have no majority of the votes") \
	X(MR_ALERT_NODE_FENCED, "node_fenced", "warning", "node", "", "", MR_ALERT_DELAYED, \
	  "node_fenced", "a node is fenced and follows no primary") \
	X(MR_ALERT_DIVERGED, "diverged", "critical", "node", "", "", MR_ALERT_DELAYED, "diverged", \
	  "a node has WAL that the primary never had, and waits to be rewound") \
	X(MR_ALERT_WAL_GONE, "wal_gone", "critical", "node", "", "", MR_ALERT_DELAYED, "wal_gone", \
	  "the primary has removed WAL that this standby needs") \
	X(MR_ALERT_NOT_STREAMING, "not_streaming", "warning", "node", "", "", MR_ALERT_DELAYED, \
	  "not_streaming", "a standby runs, and receives nothing from the primary") \
	X(MR_ALERT_REPLAY_PAUSED, "replay_paused", "warning", "node", "", "", MR_ALERT_DELAYED, \
	  "replay_paused", "replay of a standby is paused or delayed on purpose") \
	X(MR_ALERT_SLOT_RETAINS_WAL, "slot_retains_wal", "warning", "slot", "bytes", \
	  "slot_wal_warning", MR_ALERT_DELAYED, "slot_retains_wal", \
	  "a replication slot of this server keeps much WAL on its disk") \
	X(MR_ALERT_CLOCK_SKEW, "clock_skew", "warning", "node", "ms", "clock_skew_warning", \
	  MR_ALERT_DELAYED, "clock_skew", "the clock of a node differs from this one's") \
	X(MR_ALERT_SICK, "sick", "critical", "node", "", "", MR_ALERT_NOW, "sick", \
	  "a node cannot write to its disk") \
	X(MR_ALERT_FAILBACK_POSTPONED, "failback_postponed", "warning", "cluster", "", "", \
	  MR_ALERT_HOUR, "failback_postponed", \
	  "for an hour the primary could not return to the preferred region") \
	X(MR_ALERT_FAILOVER_SUSPENDED, "failover_suspended", "info", "cluster", "", "", MR_ALERT_NOW, \
	  "failover_suspended", "automatic failover is paused or switched off") \
	X(MR_ALERT_GOVERNOR, "governor", "critical", "cluster", "failovers", "max_failovers_per_hour", \
	  MR_ALERT_NOW, "governor", \
	  "after so many failovers in an hour only an order moves the primary") \
	X(MR_ALERT_HOOK_FAILED, "hook_failed", "warning", "cluster", "", "", MR_ALERT_NOW, \
	  "hook_failed", "a hook after the last failover has failed, less than a day ago") \
	X(MR_ALERT_VETO_FAILED, "veto_failed", "warning", "node", "", "", MR_ALERT_DELAYED, \
	  "veto_failed", "the pre-promotion function does not work") \
	X(MR_ALERT_CERTIFICATE_EXPIRES, "certificate_expires", "warning", "node", "days", "", \
	  MR_ALERT_NOW, "certificate_expires", \
	  "a certificate of this node, or a list of revoked ones, runs out soon") \
	X(MR_ALERT_MONITOR_STALE, "monitor_stale", "warning", "node", "ms", "", MR_ALERT_NOW, \
	  "monitor_stale", "the monitor of this node has stopped looking: what it says is old")

#endif /* MR_ALERTS_H */
