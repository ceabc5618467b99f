-- Proves who may do what: for PUBLIC and each role, every function it may call and every
-- view it may read, and that nobody but the owner touches a table.

SET client_min_messages = error;
DROP EXTENSION IF EXISTS multiregion;
CREATE EXTENSION multiregion;
DROP ROLE IF EXISTS regress_nobody, regress_admin;
RESET client_min_messages;
CREATE ROLE regress_nobody;
CREATE ROLE regress_admin IN ROLE multiregion_admin;

-- ---------- functions ----------

CREATE TEMPORARY VIEW ours AS
SELECT p.oid, p.proname, r.who, has_function_privilege(r.who, p.oid, 'EXECUTE') AS may
FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
	AND d.deptype = 'e'
	JOIN pg_extension AS e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
	CROSS JOIN (VALUES ('regress_nobody'), ('multiregion_admin'), ('multiregion_peer'),
		('multiregion_api'), ('pg_monitor')) AS r (who)
WHERE e.extname = 'multiregion';

SELECT proname AS function,
	bool_or(may) FILTER (WHERE who = 'regress_nobody') AS public,
	bool_or(may) FILTER (WHERE who = 'multiregion_admin') AS admin,
	bool_or(may) FILTER (WHERE who = 'multiregion_peer') AS peer,
	bool_or(may) FILTER (WHERE who = 'multiregion_api') AS api,
	bool_or(may) FILTER (WHERE who = 'pg_monitor') AS monitor
FROM ours GROUP BY oid, proname ORDER BY proname COLLATE "C";

-- ---------- tables, sequences and views ----------

CREATE TEMPORARY VIEW relations AS
SELECT c.oid, c.relname, c.relkind, r.who,
	has_table_privilege(r.who, c.oid, 'SELECT') AS reads,
	has_table_privilege(r.who, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
	AS changes
FROM pg_class AS c CROSS JOIN (VALUES ('regress_nobody'), ('multiregion_admin'),
	('multiregion_peer'), ('multiregion_api'), ('pg_monitor')) AS r (who)
WHERE c.relnamespace = 'multiregion'::regnamespace AND c.relkind IN ('r', 'v');

-- Nobody reads or changes a table, and nobody changes anything through a view but
-- administrators, who may import tenants.
SELECT relname, who, reads, changes FROM relations WHERE changes OR (relkind = 'r' AND reads);
SELECT c.relname FROM pg_class AS c
WHERE c.relnamespace = 'multiregion'::regnamespace AND c.relkind = 'S' AND c.relacl IS NOT NULL;

SELECT relname AS view,
	bool_or(reads) FILTER (WHERE who = 'regress_nobody') AS public,
	bool_or(reads) FILTER (WHERE who = 'multiregion_admin') AS admin,
	bool_or(reads) FILTER (WHERE who = 'multiregion_peer') AS peer,
	bool_or(reads) FILTER (WHERE who = 'multiregion_api') AS api,
	bool_or(reads) FILTER (WHERE who = 'pg_monitor') AS monitor
FROM relations WHERE relkind = 'v' GROUP BY relname ORDER BY relname COLLATE "C";

SELECT has_schema_privilege('regress_nobody', 'multiregion', 'USAGE') AS uses,
	has_schema_privilege('multiregion_admin', 'multiregion', 'CREATE') AS creates;

-- A view that may be read can be read: the functions in it are called as the reader.
CREATE FUNCTION pg_temp.reads_views(who text) RETURNS TABLE (view text, problem text)
	LANGUAGE plpgsql AS $$
BEGIN
	FOR view IN SELECT r.relname FROM pg_temp.relations AS r
		WHERE r.who = reads_views.who AND r.relkind = 'v' AND r.reads ORDER BY 1
	LOOP
		BEGIN
			EXECUTE format('SET LOCAL ROLE %I', who);
			EXECUTE format('SELECT FROM multiregion.%I', view);
			RESET ROLE;
		EXCEPTION WHEN OTHERS THEN
			problem := SQLERRM;
			RETURN NEXT;
		END;
	END LOOP;
END
$$;
SELECT w.who, v.* FROM (VALUES ('regress_nobody'), ('multiregion_admin'), ('multiregion_peer'),
	('multiregion_api'), ('pg_monitor')) AS w (who) CROSS JOIN pg_temp.reads_views(w.who) AS v;

-- ---------- as those who are meant ----------

SET ROLE regress_admin;
SELECT add_region('US_EAST', 'us-east-1', latitude => 39, longitude => -77);
SELECT version FROM set_tenant_region('acme', 'US_EAST', 'because');
SELECT multiregion.set_policy('failback_delay', '10min');
-- Tables stay closed even so, and the caller is who is written down.
SELECT * FROM multiregion.tenant;
\echo :SQLSTATE
SELECT changed_by FROM multiregion.tenants;
SELECT multiregion.rpc('\x00');
SELECT multiregion.note_change();
RESET ROLE;
SELECT changed_by FROM multiregion.policy_history;

-- Everybody routes, without any right on the tables.
SET ROLE regress_nobody;
SELECT region_for_tenant('acme'), nearest_region(40, -74), primary_region(), gateway_region();
SELECT region_key, is_primary FROM multiregion.regions;
SELECT set_tenant_region('acme', 'US_EAST');
\echo :SQLSTATE
SELECT drop_region('US_EAST');
SELECT add_node('a', 'US_EAST', 'host=127.0.0.1');
SELECT multiregion.set_policy('lease', '1s');
SELECT multiregion.init('a', 'US_EAST');
SELECT multiregion.leave();
SELECT * FROM multiregion.tenants;
SELECT * FROM multiregion.nodes;
SELECT * FROM multiregion.lease_status();
SELECT * FROM multiregion.list_policies();
INSERT INTO multiregion.region (region_key, region_id, name) VALUES ('X', 'x', 'x');
RESET ROLE;

-- The sidecar moves tenants, and nothing else: what it cannot do here, no token of its API
-- can. A commit has a token.
SET ROLE multiregion_api;
SELECT region_key, version FROM set_tenant_region('acme', 'us-east-1', 'by http', 1);
SELECT multiregion.commit_token() ~ '^mr1\.[0-9a-f]{16}\.0\.1\.[1-9a-f][0-9a-f]*\.[0-9a-f]{8}$' AS good;
SELECT clear_tenant_region('acme', expected_version => 1);
SELECT clear_tenant_region('acme', expected_version => 1);
\echo :SQLSTATE
SELECT count(*) FROM multiregion.member_conninfo();
SELECT drop_region('US_EAST');
SELECT add_node('a', 'US_EAST', 'host=127.0.0.1');
SELECT drop_node('a');
SELECT multiregion.set_policy('lease', '1s');
SELECT multiregion.init('a', 'US_EAST');
SELECT multiregion.rpc('\x00');
SELECT * FROM multiregion.node;
UPDATE multiregion.tenant SET region_key = NULL;
CREATE TABLE multiregion.mine ();
RESET ROLE;
SELECT version, region_key, reason, changed_by FROM multiregion.tenant_history ORDER BY version;

-- Status does not hand out what only a superuser may see.
SET ROLE multiregion_api;
SELECT count(*) FROM multiregion.settings WHERE name = 'multiregion.state_directory';
SELECT managed, writable FROM multiregion.lease_status();
SELECT ok, detail FROM multiregion.check() WHERE name = 'pg_hba.conf';
RESET ROLE;

-- A trigger of a user on his own table cannot count in ours.
GRANT CREATE ON SCHEMA public TO regress_nobody;
SET ROLE regress_nobody;
CREATE TABLE own (id integer);
CREATE TRIGGER t AFTER INSERT ON own FOR EACH STATEMENT EXECUTE FUNCTION multiregion.note_change();
DROP TABLE own;
RESET ROLE;
REVOKE CREATE ON SCHEMA public FROM regress_nobody;

-- After an error, and after ROLLBACK TO, the caller is himself again.
SET ROLE regress_nobody;
BEGIN;
SAVEPOINT s;
SELECT nearest_region(91, 0);
ROLLBACK TO s;
SELECT current_user;
COMMIT;
RESET ROLE;

-- What pg_rewind asks of a source server is granted by init(), not here.
SELECT bool_and(has_function_privilege('multiregion_peer', f, 'EXECUTE')) AS may_rewind FROM (VALUES
	('pg_ls_dir(text, boolean, boolean)'), ('pg_stat_file(text, boolean)'),
	('pg_read_binary_file(text)'), ('pg_read_binary_file(text, bigint, bigint, boolean)')) AS v (f);

DROP VIEW ours, relations;
DROP EXTENSION multiregion;
DROP ROLE regress_admin, regress_nobody;
