-- Proves what the functions of routing answer on a plain server, on a member that is alone,
-- and which arguments they refuse.

SET client_min_messages = error;
DROP EXTENSION IF EXISTS multiregion;
CREATE EXTENSION multiregion;
RESET client_min_messages;
SELECT add_region('US_EAST', 'us-east-1', latitude => 38.9, longitude => -77.4);
SELECT add_region('EU_WEST', 'eu-west-1', latitude => 53.3, longitude => -6.3);
SELECT (set_tenant_region('acme', 'EU_WEST')).region_key;

-- ---------- no member of a cluster ----------

SELECT * FROM route_for_read() \gx
SELECT node, reason FROM route_for_write();
SELECT region, node, reason, pinned, home_region FROM tenant_route('acme');
SELECT step, subject, node, chosen, reason FROM explain_route();
SELECT conninfo_for() IS NULL AS no_conninfo;

-- ---------- arguments ----------

SELECT route_for_read(max_lag => '-1 second');
\echo :SQLSTATE
SELECT route_for_read(max_lag_bytes => -1);
\echo :SQLSTATE
SELECT route_for_read(from_region => 'nowhere');
\echo :SQLSTATE
SELECT route_for_read(min_token => 'nonsense');
\echo :SQLSTATE
SELECT route_for_read(min_token => '');
-- A token of some other system, well-formed.
SELECT route_for_read(min_token => 'mr1.66f3a1c2d4e5b607.7.2.5000148.1046322a');
\echo :SQLSTATE
SELECT tenant_route('acme', latitude => 1);
\echo :SQLSTATE
SELECT tenant_route('acme', latitude => 91, longitude => 0);
\echo :SQLSTATE
SELECT tenant_route('acme', latitude => 'NaN', longitude => 0);
SELECT tenant_route(NULL) IS NULL AS null_for_null;
SELECT explain_route(assume_down => '{nowhere}');
\echo :SQLSTATE
SELECT conninfo_for('nothing');
\echo :SQLSTATE
SELECT conninfo_for(NULL);
\echo :SQLSTATE
SELECT conninfo_for('read', 'nowhere');
\echo :SQLSTATE
SELECT route_for_read(NULL, NULL, NULL, NULL, NULL) IS NULL AS all_null;
SELECT reason FROM route_for_read(max_lag => '100000 years', tenant => '', max_lag_bytes => 9223372036854775807);

-- ---------- alone ----------

ALTER ROLE multiregion_peer LOGIN REPLICATION;
SELECT format('host=%s port=%s', split_part(current_setting('unix_socket_directories'), ',', 1),
	current_setting('port')) AS here \gset
CREATE PROCEDURE wait_for(condition text) LANGUAGE plpgsql AS $$
DECLARE
	deadline timestamptz := clock_timestamp() + interval '1 minute';
	done boolean := false;
BEGIN
	LOOP
		EXECUTE 'SELECT ' || condition INTO done;
		EXIT WHEN done;
		IF clock_timestamp() > deadline THEN
			RAISE EXCEPTION 'waited in vain for %', condition;
		END IF;
		PERFORM multiregion.wait_for_change(generation, 100) FROM multiregion.lease_status();
		ROLLBACK;
	END LOOP;
END
$$;
SELECT multiregion.init('us-a', 'US_EAST', :'here', '{fsync,wal_log_hints}');
CALL wait_for('l.writable FROM multiregion.lease_status() AS l');

SELECT region, node, host = split_part(current_setting('unix_socket_directories'), ',', 1) AS host,
	port = current_setting('port')::int AS port, lag, lag_bytes, staleness_bound, is_primary, round_trip_ms,
	coalesce(age, '0') < '1 minute' AS age, reason, sentence
FROM route_for_read() \gx
SELECT node, is_primary, reason FROM route_for_read(max_lag => '0', max_lag_bytes => 0);
SELECT node, is_primary, reason, sentence FROM route_for_write();
SELECT node, reason FROM route_for_write('acme');
SELECT region, node, role, reason, pinned, fallback_rank, home_region FROM tenant_route('acme');
SELECT region, node, role, reason, pinned, fallback_rank, home_region FROM tenant_route('acme', true);
SELECT region, node, reason FROM tenant_route('nobody', latitude => 51, longitude => 0);
SELECT step, subject, region, node, chosen, reason, sentence FROM explain_route('acme');
SELECT subject, region, node, chosen, reason FROM explain_route(for_write => true, assume_down => '{us-a}');
SELECT subject, region, node, chosen, reason FROM explain_route(assume_down => '{us_east,NULL}') WHERE subject <> 'wish';
SELECT conninfo_for('write') ~ '^host=/.* port=\d+ target_session_attrs=read-write connect_timeout=2$' AS write;
SELECT regexp_replace(conninfo_for(role), '.*(target_session_attrs=\S+).*', '\1') AS attribute
FROM unnest('{any,read,standby,Write,PRIMARY}'::text[]) AS role;

-- A commit of this very system, by its token.
CREATE TABLE written (x int);
INSERT INTO written VALUES (1);
SELECT node, reason FROM route_for_read(min_token => multiregion.commit_token());

-- Everybody may ask where to go; what is known of each node is for others.
CREATE ROLE routed;
SET ROLE routed;
SELECT (route_for_read()).node, (route_for_write()).node, (tenant_route('acme')).node;
SELECT count(*) FROM explain_route();
\echo :SQLSTATE
SELECT conninfo_for();
\echo :SQLSTATE
RESET ROLE;
DROP ROLE routed;

SELECT multiregion.leave();
CALL wait_for('NOT l.managed FROM multiregion.lease_status() AS l');
-- What a worker had begun before it heard of it has ended: it might lock what is dropped.
CALL wait_for($$NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type ~ '^multiregion' AND xact_start IS NOT NULL)$$);
SELECT node, reason FROM route_for_read();
DROP TABLE written;
DROP PROCEDURE wait_for;
DROP EXTENSION multiregion;
ALTER ROLE multiregion_peer NOLOGIN NOREPLICATION;
