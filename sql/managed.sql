-- Proves the life of a managed server with one member: init() makes it hold the lease and
-- protects the ground it stands on, leave() makes it a plain server again.

SET client_min_messages = error;
DROP EXTENSION IF EXISTS multiregion;
CREATE EXTENSION multiregion;
RESET client_min_messages;
SELECT add_region('US_EAST', 'us-east-1');
SELECT add_region('EU_WEST', 'eu-west-1');

-- How others would reach this server; as the user that stands in for one without a name.
ALTER ROLE multiregion_peer LOGIN REPLICATION;
SELECT format('host=%s port=%s', split_part(current_setting('unix_socket_directories'), ',', 1),
	current_setting('port')) AS here \gset

-- Waits until the condition holds, for a minute at most.
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

-- ---------- init ----------

-- Refused, and nothing happened.
SELECT multiregion.init('us-a', 'nowhere', :'here');
SELECT multiregion.init('us a', 'US_EAST', :'here');
SELECT multiregion.init(NULL, 'US_EAST', :'here');
SELECT multiregion.init('us-a', NULL, :'here');
SELECT multiregion.init('us-a', 'US_EAST');
\echo :SQLSTATE
SELECT multiregion.init('us-a', 'US_EAST', 'host=127.0.0.1 password=secret');
-- The test's server has fsync off, and pg_rewind could not work on it.
SELECT multiregion.init('us-a', 'US_EAST', :'here');
\echo :SQLSTATE
SELECT multiregion.init('us-a', 'US_EAST', :'here', ignore => '{fsync,NULL}');
SELECT multiregion.init('us-a', 'US_EAST', 'host=127.0.0.1 port=1', '{fsync,wal_log_hints}');
\echo :SQLSTATE
BEGIN;
SAVEPOINT s;
SELECT multiregion.init('us-a', 'US_EAST', :'here', '{fsync,wal_log_hints}');
ROLLBACK;
BEGIN;
SELECT multiregion.init('us-a', 'US_EAST', :'here', '{fsync,wal_log_hints}');
SELECT multiregion.init('us-a', 'US_EAST', :'here', '{fsync,wal_log_hints}');
ROLLBACK;
BEGIN;
SELECT multiregion.init('us-a', 'US_EAST', :'here', '{fsync,wal_log_hints}');
PREPARE TRANSACTION 'init';
SELECT managed, writable FROM multiregion.lease_status();
SELECT count(*) FROM multiregion.nodes;

-- It takes the lease without asking anybody: it is the only voter.
SELECT multiregion.init('us-a', 'us-east-1', :'here', '{fsync,wal_log_hints}');
CALL wait_for('l.writable FROM multiregion.lease_status() AS l');
SELECT managed, mode, node, region, role, primary_node, primary_region, is_primary, writable,
	lease_remaining_ms BETWEEN 1 AND 3000 AS valid, reason, fenced, stopping
FROM multiregion.lease_status() \gx
SELECT node_name, region_key, joined, role, voter, status, eligible, reason FROM multiregion.nodes;
SELECT node_name, lag_bytes, lag_ms, wal_end IS NOT NULL AS has_end FROM multiregion.replication;
SELECT region_key, is_primary, status FROM multiregion.regions;
SELECT primary_region(), gateway_region(), region_for_tenant('nobody'), region_for_tenant('nobody', true);
SELECT count(*) FROM multiregion.policies WHERE in_force IS DISTINCT FROM value;

-- Writes pass. No member is in the region that the tenant prefers.
CREATE TABLE written AS SELECT 1 AS id;
SELECT version FROM set_tenant_region('acme', 'EU_WEST');
SELECT region_for_tenant('acme');
BEGIN;
INSERT INTO written VALUES (2);
PREPARE TRANSACTION 'written';
COMMIT PREPARED 'written';
SELECT count(*) FROM written;
DROP TABLE written;

-- ---------- again ----------

SELECT multiregion.init('us-a', 'US_EAST', :'here');
SELECT multiregion.init('us-b', 'US_EAST', :'here');
\echo :SQLSTATE
SELECT multiregion.init('us-a', 'EU_WEST', :'here');

-- ---------- the ground it stands on ----------

DROP EXTENSION multiregion;
\echo :SQLSTATE
DROP SCHEMA multiregion CASCADE;
-- Whatever takes the extension along takes nothing.
SET client_min_messages = warning;
DROP SCHEMA public CASCADE;
RESET client_min_messages;
DO $$BEGIN EXECUTE 'DROP EXTENSION multiregion'; END$$;
SELECT current_database() AS here_database \gset
\c template1
DROP DATABASE :"here_database";
\echo :SQLSTATE
DROP DATABASE IF EXISTS :"here_database" WITH (FORCE);
ALTER DATABASE :"here_database" RENAME TO elsewhere;
-- The extension in the wrong database is nobody's ground.
CREATE EXTENSION multiregion;
DROP EXTENSION multiregion;
\c :here_database
SELECT count(*) FROM pg_extension WHERE extname = 'multiregion';

-- ---------- members ----------

SELECT drop_node('us-a');
\echo :SQLSTATE
SELECT multiregion.replace_node('us-a');
SELECT drop_region('US_EAST');
SET client_min_messages = error;
SELECT add_node('us-b', 'US_EAST', 'host=127.0.0.1 port=1');
RESET client_min_messages;
SELECT multiregion.leave();
\echo :SQLSTATE
-- A name is bound to whoever joins first, once and for all.
SELECT length(multiregion.register_node('us-b', '00000000-0000-4000-8000-00000000000b')) > 0 AS bound;
SELECT length(multiregion.register_node('us-b', '00000000-0000-4000-8000-00000000000b')) > 0 AS again;
SELECT multiregion.register_node('us-b', '00000000-0000-4000-8000-00000000000c');
\echo :SQLSTATE
SELECT multiregion.register_node('us-c', '00000000-0000-4000-8000-00000000000c');
-- It becomes a member, without a vote before it is healthy, and WAL is kept for it.
CALL wait_for($c$count(*) = 2 FROM multiregion.member_status()$c$);
CALL wait_for($c$count(*) = 1 FROM pg_replication_slots$c$);
SELECT node_name, joined, role, voter, eligible FROM multiregion.nodes WHERE node_name = 'us-b';
-- One that is lost makes room for another, or goes for good.
SELECT multiregion.replace_node('us-b');
SELECT node_name, joined FROM multiregion.nodes WHERE node_name = 'us-b';
SELECT drop_node('us-b');
CALL wait_for('count(*) = 1 FROM multiregion.member_status()');
CALL wait_for('count(*) = 0 FROM pg_replication_slots');

-- A message that is none is not answered, and harms nobody.
SELECT multiregion.rpc('');
\echo :SQLSTATE
SELECT multiregion.rpc(decode(repeat('00', 40961), 'hex'));
\echo :SQLSTATE

-- A policy takes effect once the cluster has it.
SELECT multiregion.set_policy('failback_delay', '10min');
CALL wait_for($c$in_force = '600000' FROM multiregion.policies WHERE name = 'failback_delay'$c$);

-- ---------- leave ----------

BEGIN;
SELECT multiregion.leave();
ROLLBACK;
SELECT managed, fenced FROM multiregion.lease_status();
BEGIN;
SAVEPOINT s;
SELECT multiregion.leave();
ROLLBACK;
SELECT multiregion.leave();
SELECT managed, node, region, term, is_primary, writable, lease_remaining_ms, reason, fenced
FROM multiregion.lease_status();
SELECT count(*) FROM multiregion.nodes;
SELECT count(*) FROM multiregion.member_status();
SELECT region_for_tenant('acme'), region_for_tenant('nobody'), primary_region();
CREATE TABLE written AS SELECT 1 AS id;
DROP TABLE written;
SELECT multiregion.leave();

-- The same server can begin another cluster, under another name, and nothing of the last
-- one shows.
SELECT multiregion.init('us-z', 'us-east-1', :'here', '{fsync,wal_log_hints}');
CALL wait_for('l.writable FROM multiregion.lease_status() AS l');
SELECT managed, node, role, term FROM multiregion.lease_status();
SELECT node_name, role, voter FROM multiregion.nodes;
SELECT multiregion.leave();

-- What a worker had begun before it heard of it has ended: it might lock what is dropped.
CALL wait_for($$NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type ~ '^multiregion' AND xact_start IS NOT NULL)$$);
DROP PROCEDURE wait_for(text);
DROP EXTENSION multiregion;
ALTER ROLE multiregion_peer NOLOGIN NOREPLICATION;
