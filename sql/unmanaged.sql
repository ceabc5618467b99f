-- Proves that CREATE EXTENSION on a preloaded server leaves it a plain PostgreSQL: nothing
-- is fenced, status says unmanaged, and DROP EXTENSION takes all away again.

SET client_min_messages = error;
DROP EXTENSION IF EXISTS multiregion;
RESET client_min_messages;

-- No warning: the library is preloaded, and multiregion.database is this database.
CREATE EXTENSION multiregion;
SELECT current_setting('multiregion.database') = current_database() AS right_database;

-- Every kind of write that the fence would refuse.
CREATE TABLE plain (id integer PRIMARY KEY, word text);
INSERT INTO plain VALUES (1, 'one');
COPY plain FROM stdin;
2	two
\.
BEGIN;
INSERT INTO plain VALUES (3, 'three');
PREPARE TRANSACTION 'plain';
COMMIT PREPARED 'plain';
WITH gone AS (DELETE FROM plain WHERE id = 1 RETURNING word) SELECT word FROM gone;
VACUUM plain;
NOTIFY plain;
SELECT count(*) FROM plain;
DROP TABLE plain;
SHOW default_transaction_read_only;

-- Status.
SELECT managed, node, region, role, term, primary_node, primary_region, is_primary, writable,
	lease_remaining_ms, reason, fenced, stopping
FROM multiregion.lease_status() \gx
SELECT * FROM multiregion.member_status();
SELECT * FROM multiregion.region_status();
SELECT primary_region(), gateway_region();
SELECT count(*) FROM multiregion.nodes;
SELECT count(*) FROM multiregion.replication;
SELECT bool_and(in_force IS NULL) AS nothing_in_force FROM multiregion.policies;

-- What needs a managed server says so, and what to do.
SELECT multiregion.rpc('\x00');
SELECT multiregion.register_node('a', '00000000-0000-4000-8000-000000000001');
SELECT multiregion.leave();

-- The schema belongs to the extension, and the extension goes without leaving anything behind.
DROP SCHEMA multiregion CASCADE;
DROP EXTENSION multiregion;
SELECT to_regnamespace('multiregion') AS schema, to_regproc('region_for_tenant') AS function;

-- Roles may be in use in other databases: they stay, and do no harm to the next one.
SELECT rolname, rolcanlogin, rolsuper FROM pg_roles WHERE rolname LIKE 'multiregion%' ORDER BY 1;
CREATE EXTENSION multiregion;
DROP EXTENSION multiregion;

-- Not over a schema of somebody else, whose objects ours would call.
\set SHOW_CONTEXT never
CREATE SCHEMA multiregion;
CREATE EXTENSION multiregion;
DROP SCHEMA multiregion;
\set SHOW_CONTEXT errors

-- In a schema of its own, and with a search_path that does not hold it.
CREATE SCHEMA "Elsewhere";
CREATE EXTENSION multiregion SCHEMA "Elsewhere";
SELECT "Elsewhere".add_region('US_EAST', 'us-east-1', latitude => 39, longitude => -77);
SELECT tenant_id, region_key, version FROM "Elsewhere".set_tenant_region('acme', 'us-east-1');
SELECT "Elsewhere".region_for_tenant('acme'), "Elsewhere".nearest_region(0, 0);
ALTER EXTENSION multiregion SET SCHEMA public;
DROP EXTENSION multiregion;
DROP SCHEMA "Elsewhere";
