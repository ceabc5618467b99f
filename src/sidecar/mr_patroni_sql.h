/*
 * SQL texts for what Patroni's contract tells beside the status: the server itself, plans,
 * timelines, switchovers to come. The columns are read by name in status.c. A part of
 * mr_catalog_sql.h, which is included instead.
 */
#ifndef MR_PATRONI_SQL_H
#define MR_PATRONI_SQL_H

/* The server itself; of these only what a role without rights may see. */
#define MR_SQL_SERVER \
	" pg_catalog.to_char(pg_catalog.pg_postmaster_start_time() AT TIME ZONE 'UTC'," \
	" 'YYYY-MM-DD HH24:MI:SS.US+00:00') AS started_at," \
	" (SELECT system_identifier FROM pg_catalog.pg_control_system()) AS identifier," \
	" pg_catalog.current_setting('server_version_num') AS version," \
	" CASE WHEN NOT pg_catalog.pg_is_in_recovery()" \
	" THEN pg_catalog.pg_current_wal_flush_lsn() - '0/0' END AS location," \
	" pg_catalog.pg_last_wal_receive_lsn() - '0/0' AS received," \
	" pg_catalog.pg_last_wal_replay_lsn() - '0/0' AS replayed," \
	" pg_catalog.to_char(pg_catalog.pg_last_xact_replay_timestamp() AT TIME ZONE 'UTC'," \
	" 'YYYY-MM-DD HH24:MI:SS.US+00:00') AS replayed_at," \
	" CASE WHEN pg_catalog.pg_is_in_recovery()" \
	" THEN pg_catalog.pg_is_wal_replay_paused() ELSE false END AS replay_paused," \
	" EXISTS (SELECT FROM pg_catalog.pg_stat_get_wal_receiver() AS w" \
	" WHERE w.pid IS NOT NULL) AS streaming"

/* Not of version 0.1. Always one row. */
#define MR_SQL_PLANS \
	"SELECT EXISTS (SELECT FROM multiregion.pauses WHERE scope = 'cluster') AS paused," \
	" s.due_at, s.target FROM (SELECT 1) AS always LEFT JOIN (SELECT target, " MR_SQL_TIMESTAMP( \
		"due_at") " FROM multiregion.scheduled_switchovers WHERE state = 'waiting'" \
				  " ORDER BY scheduled_switchovers.due_at LIMIT 1) AS s ON true"

/* Ends of timelines as Patroni lists them: the timeline, its end, why, when, who came next. */
#define MR_SQL_TIMELINES \
	"SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_array(h.before," \
	" h.fork_lsn - '0/0', h.cause, h.at, h.to_node) ORDER BY h.epoch), '[]')::text" \
	" FROM (SELECT f.epoch, f.cause, f.to_node, f.fork_lsn, f.timeline," \
	" COALESCE(pg_catalog.lag(f.timeline) OVER (ORDER BY f.epoch), f.timeline - 1) AS before," \
	" pg_catalog.to_char(f.open_at AT TIME ZONE 'UTC'," \
	" 'YYYY-MM-DD\"T\"HH24:MI:SS.US+00:00') AS at FROM multiregion.failovers AS f" \
	" ORDER BY f.epoch DESC LIMIT 1000) AS h" \
	" WHERE h.fork_lsn IS NOT NULL AND h.timeline <> h.before"

/* $1 when, $2 region or node or null. In place of what waits for its time already. */
#define MR_SQL_SCHEDULE_FORMAT \
	"SELECT (SELECT count(*) FROM (" MR_SQL_CANCEL_WAITING ") AS c) AS cancelled," \
	" %s.schedule_switchover($1::timestamptz, $2, false, 'POST /switchover') AS schedule_id"
#define MR_SQL_CANCEL_WAITING \
	"SELECT %s.cancel_switchover(s.schedule_id) AS done" \
	" FROM multiregion.scheduled_switchovers AS s WHERE s.state = 'waiting' OFFSET 0"
#define MR_SQL_UNSCHEDULE_FORMAT \
	"SELECT count(*) FILTER (WHERE c.done) FROM (" MR_SQL_CANCEL_WAITING ") AS c"

#endif /* MR_PATRONI_SQL_H */
