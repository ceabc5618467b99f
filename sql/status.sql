-- Proves that every view and every function of status can be read, and that none of their
-- columns has changed: programs rely on names, types and order.

SET client_min_messages = error;
DROP EXTENSION IF EXISTS multiregion;
CREATE EXTENSION multiregion;
SELECT add_region('US_EAST', 'us-east-1', latitude => 39, longitude => -77);
SELECT add_node('us-a', 'US_EAST', 'host=127.0.0.1 port=1');
SELECT version FROM set_tenant_region('acme', 'US_EAST');
RESET client_min_messages;

-- ---------- columns ----------

SELECT c.relname AS view, string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod),
	E'\n' ORDER BY a.attnum) AS columns
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace = 'multiregion'::regnamespace AND c.relkind = 'v'
GROUP BY c.relname ORDER BY c.relname;

SELECT p.proname AS function, string_agg(p.proargnames[i] || ' ' || format_type(p.proallargtypes[i], NULL), E'\n' ORDER BY i)
	AS columns
FROM pg_proc AS p CROSS JOIN generate_subscripts(p.proargmodes, 1) AS i
WHERE p.pronamespace = 'multiregion'::regnamespace AND p.proargmodes[i] IN ('o', 't')
GROUP BY p.oid, p.proname ORDER BY p.proname;

-- ---------- every view can be read ----------

SELECT region_key, region_id, is_primary, status FROM multiregion.regions;
SELECT node_name, joined, role, voter, status, eligible, reason FROM multiregion.nodes;
SELECT * FROM multiregion.replication;
SELECT tenant_id, region_key, region_id, version FROM multiregion.tenants;
SELECT * FROM multiregion.failovers;
SELECT * FROM multiregion.events;
SELECT count(*) > 0 AS has_policies FROM multiregion.policies;
SELECT multiregion.set_policy('stop_timeout', '2s');
SELECT name, owner, value, default_value, unit, source, in_force, pending_restart, change FROM multiregion.settings
WHERE name IN ('multiregion.connect_timeout', 'multiregion.mode', 'multiregion.database', 'lease', 'stop_timeout',
	'MULTIREGION_HTTP_LISTEN', 'MULTIREGION_RECLONE', 'DEPLOYMENT_REGION');
SELECT name, value FROM multiregion.settings WHERE owner NOT IN ('cluster', 'node') AND value IS NOT NULL;
SELECT owner, count(*) > 0 AS has_some FROM multiregion.settings GROUP BY owner ORDER BY owner;

-- What the primary's monitor records, shown.
INSERT INTO multiregion.failover (epoch, cause, from_node, from_region, to_node, to_region,
	detected_at, open_at) VALUES (7, 'expiry', 'us-a', 'US_EAST', 'eu-a', 'EU_WEST',
	'2026-01-01 00:00:00Z', '2026-01-01 00:00:02.5Z');
SELECT epoch, cause, from_node, to_node, duration_ms FROM multiregion.failovers;
INSERT INTO multiregion.event (node, boot, sequence, at, kind, severity, term)
	VALUES ('us-a', 1, 1, '2026-01-01', 'older', 'info', 7), ('us-a', 1, 2, '2026-01-02', 'newer', 'info', 7);
SELECT node, kind, term FROM multiregion.events;

-- ---------- functions ----------

SELECT count(*) FROM multiregion.lease_status();
SELECT count(*) FROM multiregion.member_status();
SELECT count(*) FROM multiregion.region_status();
-- Numbers that this start of the node never had mean: all there are.
SELECT (SELECT count(*) FROM multiregion.pending_events()) = ALL (ARRAY[
	(SELECT count(*) FROM multiregion.pending_events(-1)),
	(SELECT count(*) FROM multiregion.pending_events(9223372036854775807))]) AS same;
SELECT count(*) > 0 AS has_findings, count(*) FILTER (WHERE ok AND hint IS NOT NULL) AS idle_hints,
	count(*) FILTER (WHERE NOT ok AND hint IS NULL) AS missing_hints FROM multiregion.check();
SELECT name, severity, detail, hint FROM multiregion.check()
WHERE NOT ok AND name IN ('fsync', 'wal_log_hints') ORDER BY name \gx

-- Returns at once when the status is another one already, and at the timeout when it is not.
SELECT multiregion.wait_for_change(-1, 600000) >= 0 AS differs;
SELECT multiregion.wait_for_change(generation, 1) = generation AS same FROM multiregion.lease_status();
SELECT multiregion.wait_for_change(NULL, 600000);
SELECT generation FROM multiregion.lease_status() \gset
SELECT multiregion.wait_for_change(:generation, -5) = :generation AS same;
-- Alone in its statement it gives the snapshots back while it waits, in whatever way it runs.
SELECT multiregion.wait_for_change(:generation, 1) AS seen \gset
SELECT :seen = :generation AS same;
PREPARE wait AS SELECT multiregion.wait_for_change($1, $2) AS seen;
EXECUTE wait (:generation, 1) \gset
BEGIN;
SELECT multiregion.wait_for_change(:generation, 1) AS seen \gset
DECLARE c CURSOR WITH HOLD FOR SELECT multiregion.wait_for_change(:generation, 1) AS seen;
FETCH c \gset
DECLARE d CURSOR WITH HOLD FOR SELECT multiregion.wait_for_change(:generation, 1) AS seen;
COMMIT;
FETCH d \gset
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT multiregion.wait_for_change(:generation, 1) AS seen \gset
COMMIT;
DO $$BEGIN PERFORM multiregion.wait_for_change(generation, 1) FROM multiregion.lease_status(); END$$;
SELECT :seen = :generation AS same;

-- Divergences are recorded once.
SELECT multiregion.record_divergence('us-a', 7, 1, '0/100', '0/200', '/kept');
SELECT multiregion.record_divergence('us-a', 7, 1, '0/100', '0/200');
SELECT multiregion.record_divergence('us-a', 7, 1, '0/200', '0/100');
\echo :SQLSTATE
SELECT multiregion.record_divergence('us-a', NULL, 1, '0/100', '0/200');
SELECT multiregion.record_divergence('u a', 7, 1, '0/100', '0/200');
SELECT node, term, timeline, fork_lsn, end_lsn, kept_path FROM multiregion.divergence;

DROP EXTENSION multiregion;
