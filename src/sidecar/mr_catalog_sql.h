/*
 * Every SQL text the serving sidecar sends. Nothing here writes, nothing takes a value
 * except as a parameter. The columns are read by name in status.c and
 * endpoint_tenant.c.
 */
#ifndef MR_CATALOG_SQL_H
#define MR_CATALOG_SQL_H

#define MR_SQL_TIMESTAMP(column) \
	"pg_catalog.to_char(" column \
	" AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') AS " column

/* Whether the extension is here, and in which schema its public functions are. */
#define MR_SQL_IDENTITY \
	"SELECT pg_catalog.quote_ident(n.nspname) AS schema, e.extversion AS version" \
	" FROM pg_catalog.pg_extension e" \
	" JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace" \
	" WHERE e.extname = 'multiregion'"

#define MR_SQL_LEASE \
	"SELECT l.managed, l.node, l.region, pg_catalog.pg_is_in_recovery() AS in_recovery," \
	" l.term, l.primary_node, l.primary_region, l.is_primary, l.writable," \
	" l.lease_remaining_ms, l.reason, l.fenced, l.stopping, l.generation," \
	" f.successor, f.successor_region, f.outage_ms, f.commits_at_risk, f.bytes_at_risk," \
	" f.reason AS forecast_reason," \
	" m.node_name, m.region_key AS node_region, m.role AS node_role, m.voter," \
	" m.status AS node_status, m.consecutive_failures, m.lag_bytes, m.lag_ms, m.wal_end," \
	" m.replay_lsn, m.timeline, m.round_trip_ms, m.eligible, m.reason AS " \
	"node_reason, " MR_SQL_TIMESTAMP( \
		"checked_at") " FROM multiregion.lease_status() AS l" \
					  " CROSS JOIN multiregion.failover_forecast() AS f" \
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

#endif /* MR_CATALOG_SQL_H */
