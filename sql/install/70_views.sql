-- Views: what people and programs read. All of them work on every node, standby or
-- fenced; none of them shows a connection string.

CREATE VIEW multiregion.regions AS
SELECT r.region_key,
	r.region_id,
	r.name,
	r.latitude,
	r.longitude,
	r.priority,
	r.api_endpoint,
	r.cdn_endpoint,
	coalesce(s.is_primary, false) AS is_primary,
	coalesce(s.status, 'unknown') AS status
FROM multiregion.region AS r
	LEFT JOIN multiregion.region_status() AS s ON s.region_key = r.region_key
ORDER BY r.priority, r.added_at, r.region_key;

CREATE VIEW multiregion.nodes AS
SELECT n.node_name,
	n.region_key,
	n.uuid IS NOT NULL AS joined,
	n.no_promote,
	n.witness,
	coalesce(s.role, 'none') AS role,
	coalesce(s.voter, false) AS voter,
	coalesce(s.status, 'unknown') AS status,
	s.consecutive_failures,
	s.eligible,
	s.reason,
	s.heard_ms,
	s.checked_at
FROM multiregion.node AS n
	LEFT JOIN multiregion.member_status() AS s ON s.node_name = n.node_name
ORDER BY n.region_key, n.node_name;

CREATE VIEW multiregion.replication AS
SELECT s.node_name,
	s.region_key,
	s.role,
	s.status,
	s.lag_bytes,
	s.lag_ms,
	s.wal_end,
	s.replay_lsn,
	s.timeline,
	s.log_term,
	s.round_trip_ms,
	s.checked_at,
	l.median_bytes,
	l.p99_bytes,
	l.max_bytes,
	l.median_ms,
	l.p99_ms,
	l.max_ms
FROM multiregion.member_status() AS s
	LEFT JOIN multiregion.lag_status('5 minutes') AS l ON l.node_name = s.node_name
ORDER BY s.lag_bytes NULLS LAST, s.node_name;

CREATE VIEW multiregion.lag_windows AS
SELECT l.node_name,
	l.region_key,
	p.period,
	l.samples,
	l.min_bytes,
	l.median_bytes,
	l.p99_bytes,
	l.max_bytes,
	l.min_ms,
	l.median_ms,
	l.p99_ms,
	l.max_ms
FROM pg_catalog.unnest('{1 minute,5 minutes,1 hour}'::interval[]) AS p (period)
	CROSS JOIN LATERAL multiregion.lag_status(p.period) AS l
WHERE l.node_name IS NOT NULL
ORDER BY l.node_name, p.period;

CREATE VIEW multiregion.region_lag AS
SELECT l.region_key,
	p.period,
	s.lag_bytes,
	s.lag_ms,
	l.samples,
	l.min_bytes,
	l.median_bytes,
	l.p99_bytes,
	l.max_bytes,
	l.min_ms,
	l.median_ms,
	l.p99_ms,
	l.max_ms
FROM pg_catalog.unnest('{1 minute,5 minutes,1 hour}'::interval[]) AS p (period)
	CROSS JOIN LATERAL multiregion.lag_status(p.period) AS l
	LEFT JOIN (SELECT m.region_key, max(m.lag_bytes) AS lag_bytes, max(m.lag_ms) AS lag_ms
		FROM multiregion.member_status() AS m GROUP BY m.region_key) AS s ON s.region_key = l.region_key
WHERE l.node_name IS NULL
ORDER BY l.region_key, p.period;

CREATE VIEW multiregion.alerts AS
SELECT s.alert,
	s.severity,
	s.subject,
	s.region_key,
	s.since,
	s.value,
	s.threshold,
	s.unit,
	s.reason,
	s.sentence,
	s.runbook
FROM multiregion.alert_status() AS s
ORDER BY s.severity = 'critical' DESC, s.severity = 'warning' DESC, s.since, s.alert, s.subject;

CREATE VIEW multiregion.alert_history AS
SELECT a.alert_id,
	a.alert,
	a.severity,
	nullif(a.subject, '') AS subject,
	a.region_key,
	a.since,
	a.raised_at,
	a.cleared_at,
	a.value,
	a.threshold,
	a.reason,
	a.node
FROM multiregion.alert AS a
ORDER BY a.raised_at DESC, a.alert_id DESC;

CREATE VIEW multiregion.tenants AS
SELECT t.tenant_id,
	t.region_key,
	r.region_id,
	t.version,
	t.reason,
	t.changed_by,
	t.changed_at,
	t.mode,
	t.fallbacks,
	t.zone,
	coalesce(z.strict, false) AS confined
FROM multiregion.tenant AS t
	JOIN multiregion.region AS r ON r.region_key = t.region_key
	LEFT JOIN multiregion.zone AS z ON z.zone = t.zone;

CREATE VIEW multiregion.zones AS
SELECT z.zone,
	z.regions,
	z.strict,
	z.changed_by,
	z.changed_at
FROM multiregion.zone AS z
ORDER BY z.zone;

-- For whoever routes requests by a copy of the tenants. Nothing is known here of the health of
-- regions: the first that is up serves. Where a strict zone allows more than the tenant's own
-- regions, they come after these.
CREATE VIEW multiregion.tenant_routes AS
SELECT t.tenant_id,
	t.region_key,
	CASE
		WHEN t.mode = 'pin' THEN ARRAY[t.region_key]
		WHEN z.zone IS NULL THEN t.region_key || t.fallbacks
		ELSE array_remove(t.region_key || t.fallbacks, NULL) || ARRAY(
			SELECT r.region_key
			FROM unnest(z.regions) WITH ORDINALITY AS r(region_key, place)
			WHERE r.region_key <> ALL (array_remove(t.region_key || t.fallbacks, NULL))
			ORDER BY r.place)
	END AS regions,
	t.mode = 'pin' OR z.zone IS NOT NULL AS confined
FROM multiregion.tenant AS t
	LEFT JOIN multiregion.zone AS z ON z.zone = t.zone AND z.strict
WHERE t.region_key IS NOT NULL OR z.zone IS NOT NULL;

CREATE VIEW multiregion.country_regions AS
SELECT c.country,
	nullif(c.subdivision, '') AS subdivision,
	c.region_key,
	c.weight,
	round(100.0 * c.weight / sum(c.weight) OVER (PARTITION BY c.country, c.subdivision), 1) AS percent,
	c.changed_by,
	c.changed_at
FROM multiregion.country_region AS c
ORDER BY c.country, c.subdivision, c.weight DESC, c.region_key;

CREATE VIEW multiregion.pauses AS
SELECT p.scope,
	nullif(p.name, '') AS name,
	p.paused_until,
	p.reason,
	p.paused_by,
	p.paused_at
FROM multiregion.pause AS p
WHERE p.paused_until > pg_catalog.clock_timestamp()
ORDER BY p.scope, p.name;

CREATE VIEW multiregion.scheduled_switchovers AS
SELECT s.schedule_id,
	s.due_at,
	s.target,
	s.away,
	s.reason,
	s.state,
	s.rule,
	s.epoch,
	s.scheduled_by,
	s.scheduled_at,
	s.started_at,
	s.ended_at,
	s.cancelled_by
FROM multiregion.schedule AS s
ORDER BY s.due_at DESC, s.schedule_id DESC;

CREATE VIEW multiregion.hooks AS
SELECT h.epoch,
	h.hook,
	h.state,
	h.attempts,
	h.started_at,
	h.ended_at,
	h.detail
FROM multiregion.hook_run AS h
WHERE h.state <> 'skipped'
ORDER BY h.epoch DESC, h.hook;

CREATE VIEW multiregion.failovers AS
SELECT f.failover_id,
	f.epoch,
	f.cause,
	f.rule,
	f.from_node,
	f.from_region,
	f.to_node,
	f.to_region,
	f.detected_at,
	f.elected_at,
	f.promoted_at,
	f.open_at,
	f.first_write_at,
	(1000 * extract(epoch FROM f.open_at - f.detected_at))::bigint AS duration_ms,
	f.lag_bytes,
	f.timeline,
	f.fork_lsn,
	f.recorded_at,
	f.order_id
FROM multiregion.failover AS f
ORDER BY f.epoch DESC;

CREATE VIEW multiregion.events AS
SELECT e.event_id,
	e.at,
	e.node,
	e.kind,
	e.severity,
	e.term,
	e.subject,
	e.reason,
	e.value,
	e.detail,
	e.boot,
	e.sequence
FROM multiregion.event AS e
ORDER BY e.at DESC, e.event_id DESC;

CREATE VIEW multiregion.policies AS
SELECT l.name,
	coalesce(p.value, l.default_value) AS value,
	l.unit,
	l.default_value,
	l.in_force,
	l.min_value,
	l.max_value,
	l.description,
	p.name IS NOT NULL AS is_set,
	p.reason,
	p.changed_by,
	p.changed_at,
	coalesce(h.version, 0) AS version
FROM multiregion.list_policies() AS l
	LEFT JOIN multiregion.policy AS p ON p.name = l.name
	LEFT JOIN (SELECT c.name, max(coalesce(c.change_id, c.history_id)) AS version
		FROM multiregion.policy_history AS c GROUP BY c.name) AS h ON h.name = l.name
ORDER BY l.name;

CREATE VIEW multiregion.policy_changes AS
SELECT coalesce(h.change_id, h.history_id) AS version,
	h.name,
	h.old_value,
	h.value,
	h.reason,
	h.changed_by,
	h.changed_at
FROM multiregion.policy_history AS h
ORDER BY version DESC, h.name;

CREATE VIEW multiregion.settings AS
SELECT p.name,
	'cluster' AS owner,
	p.value,
	p.default_value,
	p.unit,
	p.description,
	CASE WHEN p.is_set THEN 'set_policy' ELSE 'default' END AS source,
	p.in_force,
	false AS pending_restart,
	'set_policy' AS change
FROM multiregion.policies AS p
UNION ALL
SELECT s.name,
	'node',
	s.setting,
	s.boot_val,
	s.unit,
	s.short_desc,
	s.source,
	s.setting,
	s.pending_restart,
	CASE s.context WHEN 'postmaster' THEN 'restart' WHEN 'sighup' THEN 'reload' ELSE s.context END
FROM pg_catalog.pg_settings AS s
WHERE s.name LIKE 'multiregion.%'
UNION ALL
SELECT v.name,
	v.owner,
	NULL,
	v.default_value,
	NULL,
	v.description,
	'environment',
	NULL,
	NULL,
	'environment'
FROM multiregion.list_variables() AS v
WHERE v.owner IN ('sidecar', 'join')
ORDER BY owner, name;

CREATE VIEW multiregion.tenant_cache AS
SELECT c.in_use, c.size_bytes, c.slots, c.tenants, c.hits, c.misses, c.evictions, c.changes
FROM multiregion.cache_status() AS c;
