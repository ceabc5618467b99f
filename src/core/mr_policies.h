/*
 * The policies of a cluster, once; part of mr_topology.h.
 */
#ifndef MR_POLICIES_H
#define MR_POLICIES_H

/*
 * Cluster policy. X(name, field, default, min, max, unit, what).
 *
 * The list is also the order of the values in messages and in the state file:
 * new lines go to its end, lines are never moved or removed, and a range may be
 * widened but not narrowed, else a node could not read its own state file any more.
 */
#define MR_POLICY_LIST(X) \
	X("lease", lease_ms, 3000, 200, 600000, "ms", \
	  "how long a grant lets the primary acknowledge writes") \
	X("heartbeat", heartbeat_ms, 500, 20, 100000, "ms", \
	  "how often the primary renews its grants; at most a third of the lease") \
	X("health_check_interval", health_check_interval_ms, 30000, 100, 86400000, "ms", \
	  "how often the monitor checks a healthy node") \
	X("health_retry_interval", health_retry_interval_ms, 1000, 50, 86400000, "ms", \
	  "how often it checks a node whose last check failed") \
	X("max_consecutive_failures", max_consecutive_failures, 3, 1, 1000, "checks", \
	  "failed checks in a row that mark a node as down") \
	X("max_failover_lag", max_failover_lag_bytes, 16777216, -1, INT64_MAX, "bytes", \
	  "a standby further behind is not promoted by itself; -1 is no limit") \
	X("promote_timeout", promote_timeout_ms, 60000, 1000, 86400000, "ms", \
	  "a leader still in recovery after this gives the lease on") \
	X("stop_timeout", stop_timeout_ms, 1000, 0, 60000, "ms", \
	  "how long an orderly stop waits for standbys to hold the last commit") \
	X("auto_failover", auto_failover, 1, 0, 1, "boolean", \
	  "promote a standby when the primary's lease runs out or is handed over") \
	X("on_stop", on_stop, MR_ON_STOP_REGION, 0, MR_ON_STOP_COUNT - 1, "enum", \
	  "where an orderly stop may hand the lease: region, any, stay") \
	X("durability", durability, MR_DURABILITY_ASYNC, 0, MR_DURABILITY_COUNT - 1, "enum", \
	  "async, or quorum: a commit is acknowledged once a quorum has flushed it") \
	X("failback", failback_enabled, 1, 0, 1, "boolean", \
	  "return to the preferred primary region when it is healthy again") \
	X("failback_delay", failback_delay_ms, 300000, 0, 86400000, "ms", \
	  "proven health the preferred region needs before a failback") \
	X("max_failovers_per_hour", max_failovers_per_hour, 10, -1, MR_FAILOVERS_KEPT, "failovers", \
	  "unplanned failovers in an hour after which only an order moves the primary; -1 is no " \
	  "limit") \
	X("mode", mode, MR_MODE_MANAGE, 0, MR_MODE_COUNT - 1, "enum", \
	  "manage: lease, fence and failover; observe: only record what would be done; off: neither") \
	X("lag_warning", lag_warning_ms, 10000, -1, 3600000, "ms", \
	  "the alert lag_warning: a standby replays later than this; -1 is never") \
	X("lag_critical", lag_critical_ms, 60000, -1, 3600000, "ms", \
	  "the alert lag_critical: a standby replays later than this; -1 is never") \
	X("lag_bytes_warning", lag_warning_bytes, 16777216, -1, INT64_MAX, "bytes", \
	  "the alert lag_bytes_warning: a standby has more WAL to replay; -1 is never") \
	X("lag_bytes_critical", lag_critical_bytes, 268435456, -1, INT64_MAX, "bytes", \
	  "the alert lag_bytes_critical: a standby has more WAL to replay; -1 is never") \
	X("slot_wal_warning", slot_wal_warning_bytes, 1073741824, -1, INT64_MAX, "bytes", \
	  "the alert slot_retains_wal: a slot keeps more WAL; -1 is never") \
	X("clock_skew_warning", clock_skew_warning_ms, 500, -1, 86400000, "ms", \
	  "the alert clock_skew: two clocks differ by more; -1 is never") \
	X("alert_delay", alert_delay_ms, 5000, 0, 86400000, "ms", \
	  "how long most alerts wait before they are raised, and all before they are cleared")

#endif /* MR_POLICIES_H */
