/*
 * The two statements that the watcher runs for GET /metrics alone. Their rows are samples:
 * metric is a name of mr_metric_list.h, or one of Patroni's (mr_patroni_metric_list.h), a to d
 * are the values of its labels in their order, value is the sample.
 */
#ifndef MR_SAMPLE_SQL_H
#define MR_SAMPLE_SQL_H

/*
 * With the details, every five seconds: shared memory, the few rows of pauses, settings. What
 * a server in recovery would refuse to say is not asked there, and the other way round. First
 * what the local node says of itself.
 */
#define MR_SQL_SAMPLES \
	"WITH s AS MATERIALIZED (SELECT l.region, l.node, l.mode," \
	" pg_catalog.pg_is_in_recovery() AS standby FROM multiregion.lease_status() AS l)" \
	" SELECT v.metric, s.region AS a, s.node AS b, v.c, NULL::text AS d, v.value FROM s" \
	" CROSS JOIN multiregion.node_counters() AS n CROSS JOIN multiregion.cache_status() AS t" \
	" CROSS JOIN LATERAL (VALUES ('multiregion_mode', s.mode, 1::float8)," \
	"('multiregion_postgres_info'," \
	" pg_catalog.split_part(pg_catalog.current_setting('server_version'), ' ', 1), 1)," \
	"('multiregion_fence_refused_statements_total', NULL, n.refused_statements)," \
	"('multiregion_fence_refused_commits_total', NULL, n.refused_commits)," \
	"('multiregion_unacked_commits_total', NULL, n.unacknowledged_commits)," \
	"('multiregion_write_check_failures', NULL, n.write_check_failures)," \
	"('multiregion_failovers_last_hour', NULL, n.failovers_last_hour)," \
	"('multiregion_failback_due_timestamp_seconds', NULL," \
	" pg_catalog.date_part('epoch', n.failback_due_at))," \
	"('multiregion_tenant_cache_size_bytes', NULL, t.size_bytes)," \
	"('multiregion_tenant_cache_tenants', NULL, t.tenants)," \
	"('multiregion_tenant_cache_hits_total', NULL, t.hits)," \
	"('multiregion_tenant_cache_misses_total', NULL, t.misses)," \
	"('multiregion_tenant_cache_evictions_total', NULL, t.evictions)," \
	"('multiregion_tenant_cache_changes_total', NULL, t.changes)," \
	"('multiregion_postmaster_start_timestamp_seconds', NULL," \
	" pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time()))," \
	"('multiregion_replay_paused', NULL," \
	" CASE WHEN s.standby THEN pg_catalog.pg_is_wal_replay_paused()::integer ELSE 0 END)," \
	"('patroni_postgres_server_version', NULL," \
	" pg_catalog.current_setting('server_version_num')::integer)," \
	"('patroni_postmaster_start_time', NULL," \
	" pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time()))," \
	"('patroni_xlog_location', NULL, CASE WHEN NOT s.standby" \
	" THEN pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), '0/0') END)," \
	"('patroni_xlog_received_location', NULL, CASE WHEN s.standby" \
	" THEN pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_last_wal_receive_lsn(), '0/0') END)," \
	"('patroni_xlog_replayed_location', NULL, CASE WHEN s.standby" \
	" THEN pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_last_wal_replay_lsn(), '0/0') END)," \
	"('patroni_xlog_replayed_timestamp', NULL, CASE WHEN s.standby" \
	" THEN pg_catalog.date_part('epoch', pg_catalog.pg_last_xact_replay_timestamp()) END)," \
	"('patroni_xlog_paused', NULL," \
	" CASE WHEN s.standby THEN pg_catalog.pg_is_wal_replay_paused()::integer ELSE 0 END)," \
	"('patroni_postgres_streaming', NULL, (SELECT pg_catalog.count(r.pid)" \
	" FROM pg_catalog.pg_stat_get_wal_receiver() AS r WHERE s.standby))," \
	"('patroni_is_paused', NULL, (SELECT pg_catalog.count(*) FROM multiregion.pauses AS u" \
	" WHERE u.scope OPERATOR(pg_catalog.=) 'cluster'))," \
	"('patroni_pending_restart', NULL, (SELECT pg_catalog.count(*) FROM" \
	" (SELECT FROM pg_catalog.pg_settings AS p WHERE p.pending_restart LIMIT 1) AS g))" \
	") AS v (metric, c, value) WHERE v.value IS NOT NULL" \
	" UNION ALL SELECT 'multiregion_alert_active', a.alert, a.severity, a.subject," \
	" a.region_key, 1 FROM multiregion.alert_status() AS a" \
	" UNION ALL SELECT 'multiregion_health_checks_total', m.region_key, m.node_name, r.result," \
	" NULL, r.value FROM multiregion.member_counters() AS m CROSS JOIN LATERAL (VALUES" \
	" ('ok', m.checks - m.failed_checks), ('failed', m.failed_checks)) AS r (result, value)" \
	" UNION ALL SELECT 'multiregion_paused', p.scope, NULL, NULL, NULL," \
	" pg_catalog.count(u.scope) FROM (VALUES ('cluster'), ('region'), ('node')) AS p (scope)" \
	" LEFT JOIN multiregion.pauses AS u ON u.scope OPERATOR(pg_catalog.=) p.scope" \
	" GROUP BY p.scope"

/*
 * Of all changes of the primary: after each new one, and with each new connection. The kinds
 * are explained in docs/metrics.md. Clocks that differ must not make a duration negative. For
 * a histogram b is its part, c the bound of a bucket.
 */
#define MR_SQL_HISTORY \
	"WITH f AS MATERIALIZED (SELECT h.*, CASE" \
	" WHEN h.cause IN ('failback', 'observed') THEN h.cause" \
	" WHEN h.cause IN ('switchover', 'manual', 'forced') THEN 'manual'" \
	" ELSE 'automatic' END AS kind FROM multiregion.failovers AS h)," \
	" d AS MATERIALIZED (SELECT p.phase," \
	" GREATEST(pg_catalog.date_part('epoch', p.took), 0) AS took FROM f" \
	" CROSS JOIN LATERAL (VALUES ('total', f.open_at - f.detected_at)," \
	" ('elect', f.elected_at - f.detected_at), ('promote', f.promoted_at - f.elected_at)," \
	" ('open', f.open_at - f.promoted_at)) AS p (phase, took) WHERE p.took IS NOT NULL)" \
	" SELECT 'multiregion_failover_events_total' AS metric, f.from_region AS a," \
	" f.to_region AS b, f.kind AS c, f.cause AS d, pg_catalog.count(*)::float8 AS value" \
	" FROM f GROUP BY f.from_region, f.to_region, f.kind, f.cause" \
	" UNION ALL SELECT 'multiregion_failover_lost_bytes_total', f.kind, NULL, NULL, NULL," \
	" pg_catalog.sum(COALESCE(f.lag_bytes, 0)) FROM f GROUP BY f.kind" \
	" UNION ALL (SELECT 'multiregion_last_failover_timestamp_seconds', f.from_region," \
	" f.to_region, NULL, NULL, pg_catalog.date_part('epoch'," \
	" COALESCE(f.open_at, f.elected_at, f.recorded_at)) FROM f ORDER BY f.epoch DESC LIMIT 1)" \
	" UNION ALL (SELECT 'multiregion_failover_duration_seconds', d.phase, '_bucket', b.le," \
	" NULL, pg_catalog.count(*) FILTER (WHERE d.took <= b.le::float8) FROM d" \
	" CROSS JOIN pg_catalog.unnest('{0.1,0.25,0.5,1.0,2.5,5.0,10.0,30.0,60.0,300.0,+Inf}'" \
	"::text[]) WITH ORDINALITY AS b (le, at) GROUP BY d.phase, b.le, b.at" \
	" ORDER BY d.phase, b.at)" \
	" UNION ALL SELECT 'multiregion_failover_duration_seconds', d.phase, k.kind, NULL, NULL," \
	" CASE k.kind WHEN '_sum' THEN pg_catalog.sum(d.took) ELSE pg_catalog.count(*) END FROM d" \
	" CROSS JOIN (VALUES ('_count'), ('_sum')) AS k (kind) GROUP BY d.phase, k.kind"

#endif /* MR_SAMPLE_SQL_H */
