-- Proves what a managed server does when its lease runs out because its lease worker is
-- frozen: every session refuses to write by itself, reads go on, and writes come back.

SET client_min_messages = error;
DROP EXTENSION IF EXISTS multiregion;
CREATE EXTENSION multiregion;
RESET client_min_messages;
SELECT add_region('US_EAST', 'us-east-1');
SELECT version FROM set_tenant_region('acme', 'US_EAST');
CREATE TABLE written (id integer);
INSERT INTO written VALUES (0);
CREATE SEQUENCE counted;
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

SELECT multiregion.set_policy('heartbeat', '100');
SELECT multiregion.set_policy('lease', '2s');
-- Being an administrator is enough.
SET ROLE multiregion_admin;
SELECT multiregion.init('us-a', 'US_EAST', :'here', ignore => '{fsync,wal_log_hints}');
RESET ROLE;
CALL wait_for('l.writable FROM multiregion.lease_status() AS l');
SELECT in_force FROM multiregion.policies WHERE name = 'lease';

-- The lease worker has no session to be found by; it is the postmaster's child of this name.
CREATE TEMPORARY TABLE worker (pid integer);
COPY worker FROM PROGRAM 'server=$(head -n 1 postmaster.pid); for p in /proc/[0-9]*; do grep -qs "multiregion lease" $p/cmdline && grep -qsx "PPid:.$server" $p/status && echo ${p#/proc/}; done; true';
SELECT 'cat >/dev/null; kill -STOP ' || pid AS freeze, 'cat >/dev/null; kill -CONT ' || pid AS thaw FROM worker \gset

-- A session that has written is ended after the fence has closed; a new one has not.
\c
COPY (SELECT 1) TO PROGRAM :'freeze';
CALL wait_for('l.fenced FROM multiregion.lease_status() AS l');
SELECT managed, node, writable, fenced, lease_remaining_ms, reason FROM multiregion.lease_status();
INSERT INTO written VALUES (1);
\echo :SQLSTATE
SELECT clear_tenant_region('acme');
SELECT add_node('us-b', 'US_EAST', 'host=127.0.0.1 port=1');
CREATE TABLE other (id integer);
NOTIFY channel;
WITH new AS (INSERT INTO written VALUES (2) RETURNING id) SELECT id FROM new;
-- A query that writes without looking like it is refused at its commit.
SELECT nextval('counted');
SELECT id FROM written FOR UPDATE;
SELECT lo_create(4711);
-- pg_notify() writes only after that, so it is refused at once, like NOTIFY.
SELECT pg_notify('channel', 'word');
-- So is a message for logical decoding that belongs to no transaction.
SELECT pg_logical_emit_message(false, 'prefix', 'text');
SELECT pg_logical_emit_message(false, 'prefix', '\x00'::bytea);
-- Reads go on, routing among them.
SELECT count(*) FROM written;
SELECT region_for_tenant('acme'), primary_region();
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM written;
FETCH c;
COMMIT;
EXPLAIN (COSTS OFF) INSERT INTO written VALUES (1);
-- A session that begins now says so to clients that look for the primary.
\c
SHOW default_transaction_read_only;
SELECT multiregion.leave();
-- Saying otherwise does not open the fence.
BEGIN READ WRITE;
SELECT multiregion.leave();
ROLLBACK;
BEGIN READ WRITE;
INSERT INTO written VALUES (2);
ROLLBACK;
COPY (SELECT 1) TO PROGRAM :'thaw';
-- The first statement after the lease is back may fail; the next one writes all the same.
\set VERBOSITY terse
CALL wait_for('CASE WHEN l.writable THEN l.term / 0 = 1 END FROM multiregion.lease_status() AS l');
\set VERBOSITY default
INSERT INTO written VALUES (3) RETURNING id;
SHOW default_transaction_read_only;

-- What somebody else had made read-only stays so when the lease is back.
SELECT current_database() AS here_database \gset
ALTER DATABASE :"here_database" SET default_transaction_read_only = on;
\c
COPY (SELECT 1) TO PROGRAM :'freeze';
CALL wait_for('l.fenced FROM multiregion.lease_status() AS l');
\c
COPY (SELECT 1) TO PROGRAM :'thaw';
CALL wait_for('l.writable FROM multiregion.lease_status() AS l');
SHOW default_transaction_read_only;
INSERT INTO written VALUES (4);
BEGIN READ WRITE;
ALTER DATABASE :"here_database" RESET default_transaction_read_only;
COMMIT;
\c
DROP TABLE written;
DROP SEQUENCE counted;

SELECT multiregion.leave();
-- What a worker had begun before it heard of it has ended: it might lock what is dropped.
CALL wait_for($$NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type ~ '^multiregion' AND xact_start IS NOT NULL)$$);
DROP PROCEDURE wait_for(text);
DROP EXTENSION multiregion;
ALTER ROLE multiregion_peer NOLOGIN NOREPLICATION;
