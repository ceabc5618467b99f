/*
 * The metrics of Patroni, by its names, for GET /metrics?compat=patroni: dashboards and alerts
 * made for a cluster of Patroni go on. X(symbol, name, type, help)
 */
#ifndef MR_PATRONI_METRIC_LIST_H
#define MR_PATRONI_METRIC_LIST_H

#define MR_PATRONI_METRIC_LIST(X) \
	X(VERSION, "patroni_version", GAUGE, "Version as a number: of multiregiond.") \
	X(RUNNING, "patroni_postgres_running", GAUGE, "1 if the local database answers.") \
	X(START_TIME, "patroni_postmaster_start_time", GAUGE, "When it started, in Unix time.") \
	X(PRIMARY, "patroni_primary", GAUGE, "1 if it is the primary, and may write.") \
	X(XLOG_LOCATION, "patroni_xlog_location", COUNTER, \
	  "Position of the primary's WAL; 0 on a standby.") \
	X(STANDBY_LEADER, "patroni_standby_leader", GAUGE, "0: there are no standby clusters.") \
	X(REPLICA, "patroni_replica", GAUGE, "1 if it is a standby.") \
	X(SYNC_STANDBY, "patroni_sync_standby", GAUGE, \
	  "0: quorum durability names no single standby.") \
	X(QUORUM_STANDBY, "patroni_quorum_standby", GAUGE, "1 for a standby under quorum durability.") \
	X(RECEIVED, "patroni_xlog_received_location", COUNTER, "Position received; 0 on the primary.") \
	X(REPLAYED, "patroni_xlog_replayed_location", COUNTER, "Position replayed; 0 on the primary.") \
	X(REPLAYED_AT, "patroni_xlog_replayed_timestamp", GAUGE, \
	  "Time of the newest commit replayed, in Unix time; 0 on the primary.") \
	X(PAUSED, "patroni_xlog_paused", GAUGE, "1 if replay is paused.") \
	X(STREAMING, "patroni_postgres_streaming", GAUGE, "1 if it receives WAL by streaming.") \
	X(ARCHIVE, "patroni_postgres_in_archive_recovery", GAUGE, \
	  "1 for a standby that does not stream.") \
	X(SERVER_VERSION, "patroni_postgres_server_version", GAUGE, \
	  "Version of PostgreSQL as a number.") \
	X(UNLOCKED, "patroni_cluster_unlocked", GAUGE, "1 if nobody is known to hold the lease.") \
	X(FAILSAFE, "patroni_failsafe_mode_is_active", GAUGE, "0: a lease needs no failsafe mode.") \
	X(FAILSAFE_ON, "patroni_failsafe_mode_enabled", GAUGE, "0: a lease needs no failsafe mode.") \
	X(FAILSAFE_MEMBER, "patroni_failsafe_member", GAUGE, "0: a lease needs no failsafe mode.") \
	X(TIMELINE, "patroni_postgres_timeline", COUNTER, "Timeline of the local database.") \
	X(DCS_SEEN, "patroni_dcs_last_seen", GAUGE, "When the status was read last, in Unix time.") \
	X(PENDING, "patroni_pending_restart", GAUGE, "1 if a setting waits for a restart.") \
	X(IS_PAUSED, "patroni_is_paused", GAUGE, "1 if automatic failover is paused or switched off.") \
	X(STATE, "patroni_postgres_state", GAUGE, "5 running, 12 stopped, 14 crashed or not reached.") \
	X(PRIORITY, "patroni_failover_priority", GAUGE, "1 if it could be promoted, else 0.")

#endif /* MR_PATRONI_METRIC_LIST_H */
