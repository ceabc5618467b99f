/*
 * The metrics of the cluster, its regions, members, failovers and alerts: the other half of
 * mr_metric_list.h, which explains it.
 */
#ifndef MR_METRIC_CLUSTER_LIST_H
#define MR_METRIC_CLUSTER_LIST_H

/* X(symbol, name, type, when, labels, unit, help) */
#define MR_METRIC_CLUSTER_LIST(X) \
	X(PRIMARY, "multiregion_primary", GAUGE, FRESH, "region,node", "", \
	  "1 for the node that holds the lease, as the local one knows; no sample while it knows " \
	  "none.") \
	X(REGION_ROLE, "multiregion_region_role", GAUGE, FRESH, "region,role", "", \
	  "1 for the role of each region (primary, standby, unknown), 0 for the others.") \
	X(REGION_UP, "multiregion_region_up", GAUGE, FRESH, "region", "", \
	  "1 while a node of the region passes its health checks.") \
	X(VOTERS, "multiregion_voters", GAUGE, FRESH, "region,node", "", \
	  "How many nodes have a vote.") \
	X(VOTERS_PRESENT, "multiregion_voters_present", GAUGE, FRESH, "region,node", "", \
	  "How many of the voters pass their health checks.") \
	X(QUORUM_SIZE, "multiregion_quorum_size", GAUGE, FRESH, "region,node", "", \
	  "How many voters are a majority.") \
	X(MEMBER_UP, "multiregion_member_up", GAUGE, FRESH, "region,node", "", \
	  "1 while the member passes its health checks.") \
	X(MEMBER_VOTER, "multiregion_member_voter", GAUGE, FRESH, "region,node", "", \
	  "1 if the member has a vote.") \
	X(MEMBER_ELIGIBLE, "multiregion_member_eligible", GAUGE, FRESH, "region,node", "", \
	  "1 if the member leads, or could be promoted now.") \
	X(CONSECUTIVE_FAILURES, "multiregion_consecutive_failures", GAUGE, FRESH, "region,node", "", \
	  "Health checks of the member that failed in a row.") \
	X(HEALTH_CHECKS, "multiregion_health_checks_total", COUNTER, KEPT, "region,node,result", "", \
	  "Health checks of the member by the local node since its server started; result ok, " \
	  "failed.") \
	X(ROUND_TRIP, "multiregion_member_round_trip_seconds", GAUGE, FRESH, "region,node", "seconds", \
	  "Round trip from the local node to the member, smoothed.") \
	X(LAG_SECONDS, "multiregion_replication_lag_seconds", GAUGE, FRESH, "region,node", "seconds", \
	  "How long ago the primary had written what the member has replayed.") \
	X(LAG_BYTES, "multiregion_replication_lag_bytes", GAUGE, FRESH, "region,node", "bytes", \
	  "WAL of the primary that the member has not replayed.") \
	X(WAL_POSITION, "multiregion_wal_position_bytes", GAUGE, FRESH, "region,node", "bytes", \
	  "End of the WAL that the member has on its disk, from 0/0.") \
	X(REPLAY_POSITION, "multiregion_replay_position_bytes", GAUGE, FRESH, "region,node", "bytes", \
	  "End of the WAL that the member has replayed, from 0/0.") \
	X(TIMELINE, "multiregion_timeline", GAUGE, FRESH, "region,node", "", \
	  "Timeline of the member.") \
	X(SUCCESSOR, "multiregion_failover_possible", GAUGE, FRESH, "region,node", "", \
	  "1 while somebody could take over if the primary died now.") \
	X(FORECAST_OUTAGE, "multiregion_failover_forecast_outage_seconds", GAUGE, FRESH, \
	  "region,node", "seconds", "How long nobody could write if the primary died now.") \
	X(FORECAST_BYTES, "multiregion_failover_forecast_lost_bytes", GAUGE, FRESH, "region,node", \
	  "bytes", "WAL that the successor may lack if the primary died now.") \
	X(FORECAST_COMMITS, "multiregion_failover_forecast_lost_commits", GAUGE, FRESH, "region,node", \
	  "", "Acknowledged commits that the successor may lack; only the primary counts them.") \
	X(FAILOVER_EVENTS, "multiregion_failover_events_total", COUNTER, KEPT, "from,to,kind,cause", \
	  "", \
	  "Changes of the primary, from the table of failovers: by regions, kind (automatic, manual, " \
	  "failback, observed) and cause.") \
	X(FAILOVER_DURATION, "multiregion_failover_duration_seconds", HISTOGRAM, KEPT, "phase", \
	  "seconds", \
	  "How long they took: elect, promote, open, and total, in which nobody could write.") \
	X(FAILOVER_LOST_BYTES, "multiregion_failover_lost_bytes_total", COUNTER, KEPT, "kind", \
	  "bytes", "WAL of the old primary that the new one did not have when it was elected.") \
	X(LAST_FAILOVER, "multiregion_last_failover_timestamp_seconds", GAUGE, KEPT, "from,to", \
	  "seconds", "When the primary changed last, in Unix time.") \
	X(FAILOVERS_LAST_HOUR, "multiregion_failovers_last_hour", GAUGE, FRESH, "region,node", "", \
	  "Unplanned failovers of the last hour, which max_failovers_per_hour limits.") \
	X(FAILBACK_DUE, "multiregion_failback_due_timestamp_seconds", GAUGE, FRESH, "region,node", \
	  "seconds", "On the primary, while a failback is ahead: when it is due, in Unix time.") \
	X(PAUSED, "multiregion_paused", GAUGE, FRESH, "scope", "", \
	  "Pauses of failover in force, by scope (cluster, region, node).") \
	X(ALERT_ACTIVE, "multiregion_alert_active", GAUGE, FRESH, "alert,severity,subject,region", "", \
	  "1 for each alert that is raised on the local node now (multiregion.alerts).") \
	X(POLICY, "multiregion_policy_value", GAUGE, KEPT, "policy,unit", "", \
	  "Policies of the cluster that are numbers or on (1) and off (0).")

#endif /* MR_METRIC_CLUSTER_LIST_H */
