/*
 * Every SQL text the serving sidecar sends, but for mr_where_sql.h and mr_haproxy_sql.h.
 * Nothing takes a value except as a parameter. The columns are read by name in status.c,
 * tenant_answer.c and endpoint_failover.c.
 */
#ifndef MR_CATALOG_SQL_H
#define MR_CATALOG_SQL_H

#include "sidecar/mr_patroni_sql.h"

#define MR_SQL_TIMESTAMP(column) \
	"pg_catalog.to_char(" column \
	" AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') AS " column

/* Version 0.1 of the extension, which may wait for its update, has no forecast. */
#define MR_SQL_FORECASTS \
	"pg_catalog.to_regprocedure('multiregion.failover_forecast()') IS NOT NULL AS forecasts"
#define MR_SQL_FORECAST "multiregion.failover_forecast()"
#define MR_SQL_NO_FORECAST \
	"(SELECT NULL::text AS successor, NULL::text AS successor_region, NULL::bigint AS outage_ms," \
	" NULL::bigint AS commits_at_risk, NULL::bigint AS bytes_at_risk, NULL::text AS reason)"

/* Whether the extension is here, and in which schema its public functions are. */
#define MR_SQL_IDENTITY \
	"SELECT pg_catalog.quote_ident(n.nspname) AS schema, " MR_SQL_FORECASTS \
	" FROM pg_catalog.pg_extension e" \
	" JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace" \
	" WHERE e.extname = 'multiregion'"

/* With the forecast or without it; the answer says which one to use next time. */
#define MR_SQL_LEASE(forecast) \
	"SELECT " MR_SQL_FORECASTS \
	", l.managed, l.mode, l.node, l.region, pg_catalog.pg_is_in_recovery() AS in_recovery," \
	" l.term, l.primary_node, l.primary_region, l.is_primary, l.writable," \
	" l.lease_remaining_ms, l.reason, l.fenced, l.stopping, l.generation," \
	" f.successor, f.successor_region, f.outage_ms, f.commits_at_risk, f.bytes_at_risk," \
	" f.reason AS forecast_reason, l.timeline AS own_timeline," MR_SQL_SERVER "," \
	" m.node_name, m.region_key AS node_region, m.role AS node_role, m.voter," \
	" m.status AS node_status, m.consecutive_failures, m.lag_bytes, m.lag_ms, m.wal_end," \
	" m.replay_lsn, m.timeline, m.round_trip_ms, m.eligible, m.reason AS " \
	"node_reason, " MR_SQL_TIMESTAMP( \
		"checked_at") " FROM multiregion.lease_status() AS l" \
					  " CROSS JOIN " forecast " AS f" \
					  " LEFT JOIN multiregion.member_status() AS m ON true" \
					  " ORDER BY m.region_key, m.node_name"

#define MR_SQL_REGIONS \
	"SELECT region_key, region_id, name, latitude, longitude, priority, api_endpoint," \
	" cdn_endpoint FROM multiregion.regions"

#define MR_SQL_POLICIES "SELECT name, value FROM multiregion.policies"

#define MR_SQL_FAILOVER \
	"SELECT epoch, cause, rule, from_node, from_region, to_node, to_region," \
	" duration_ms, lag_bytes, " MR_SQL_TIMESTAMP("detected_at") ", " MR_SQL_TIMESTAMP( \
		"open_at") " FROM multiregion.failovers LIMIT 1"

#define MR_SQL_MEMBERS "SELECT node_name, conninfo, hostaddr FROM multiregion.member_conninfo()"

/* $1 generation, $2 ms. Alone in its statement, so that it holds no snapshot. */
#define MR_SQL_WAIT "SELECT multiregion.wait_for_change($1, $2)"

/*
 * $1 tenant. %s is the quoted schema of the public functions. Always one row. A tenant
 * without preference belongs to the primary region, which is not known while there is
 * none.
 */
#define MR_SQL_TENANT_FORMAT \
	"SELECT COALESCE(t.region_key, e.region_key) AS region_key," \
	" COALESCE(t.region_id, r.region_id) AS region_id," \
	" t.tenant_id IS NOT NULL AS known, e.region_key AS effective, t.version" \
	" FROM (SELECT %s.region_for_tenant($1) AS region_key) AS e" \
	" LEFT JOIN multiregion.tenants AS t ON t.tenant_id = $1" \
	" LEFT JOIN multiregion.regions AS r ON r.region_key = e.region_key"

/* $1 tenant, $2 region, $3 reason, $4 version expected. */
#define MR_SQL_SET_TENANT_FORMAT \
	"SELECT s.region_key, s.region_id, true AS known, s.region_key AS effective, s.version" \
	" FROM %s.set_tenant_region($1, $2, $3, $4::bigint) AS s"

/*
 * $1 tenant, $2 reason, $3 version expected. The statement's snapshot is older than the
 * change, so what the tenant has afterwards is not looked up but known. The transaction id
 * makes a commit, and so a token, even where nothing was to be removed.
 */
#define MR_SQL_CLEAR_TENANT_FORMAT \
	"SELECT r.region_key, r.region_id, false AS known, r.region_key AS effective," \
	" NULL::bigint AS version FROM (SELECT %s.clear_tenant_region($1, $2, $3::bigint)," \
	" pg_catalog.pg_current_xact_id()) AS c" \
	" LEFT JOIN multiregion.regions AS r ON r.region_key = %s.primary_region()"

/* The session acts as role $1, with the claims $2 (JSON, or empty). */
#define MR_SQL_ACT_AS "SELECT multiregion.act_as($1, $2)"

/* In the session of the change, after it. */
#define MR_SQL_TOKEN "SELECT multiregion.commit_token()"

/* What became of an order, of a function in FROM that is called f. */
#define MR_SQL_ORDER(id) \
	"SELECT f.status, " id " AS failover_id, f.kind, f.from_node, f.from_region, f.to_node," \
	" f.to_region, f.epoch, f.duration_ms, f.lost_bytes, f.rule, f.reason," \
	" (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('nodeName', n.node," \
	" 'regionKey', n.region, 'eligible', n.eligible," \
	" 'rule', CASE WHEN NOT n.eligible THEN n.rule END," \
	" 'reason', CASE WHEN NOT n.eligible THEN n.reason END))" \
	" FROM pg_catalog.jsonb_to_recordset(f.nodes)" \
	" AS n(node text, region text, eligible boolean, rule text, reason text)) AS nodes FROM "

/* $1 region or node, $2 allow data loss, $3 dry run, $4 ms. Returns when it is done, or late. */
#define MR_FAILOVER_EXTRA_MS 4000 /* at the latest so much after the time that it is given */
#define MR_SQL_REQUEST_FAILOVER \
	MR_SQL_ORDER("f.failover_id") \
	"multiregion.request_failover($1, $2::boolean, $3::boolean, $4::integer) AS f"

/* $1 id. */
#define MR_SQL_FAILOVER_RESULT MR_SQL_ORDER("f.order_id") "multiregion.failover_result($1) AS f"

#endif /* MR_CATALOG_SQL_H */
