-- Proves where a tenant is at home: its preference, else the primary region; and that
-- every change of a preference is checked, versioned and kept.

SET client_min_messages = error;
DROP EXTENSION IF EXISTS multiregion;
CREATE EXTENSION multiregion;
RESET client_min_messages;

SELECT set_tenant_region('acme', 'US_EAST');
\echo :SQLSTATE
SELECT add_region('US_EAST', 'us-east-1');
SELECT add_region('EU_WEST', 'eu-west-1');

-- ---------- set, look up, clear ----------

-- Nobody is primary here, so a tenant without preference has no region.
SELECT region_for_tenant('acme');
SELECT * FROM set_tenant_region('acme', 'eu-WEST-1', 'moved to Dublin');
SELECT region_for_tenant('acme'), region_for_tenant('acme', strict => true);
-- Key or id, any case; a change to the same region is none.
SELECT * FROM set_tenant_region('acme', 'Eu_West', 'again');
SELECT * FROM set_tenant_region('acme', 'us_east');
SELECT tenant_id, region_key, region_id, version, reason, changed_by = current_user AS mine
FROM multiregion.tenants;
SELECT clear_tenant_region('acme', 'left');
SELECT clear_tenant_region('acme');
SELECT clear_tenant_region('nobody');
SELECT region_for_tenant('acme'), region_for_tenant('acme', true);
SELECT count(*) FROM multiregion.tenants;
-- Its version goes on.
SELECT version FROM set_tenant_region('acme', 'EU_WEST');
SELECT tenant_id, version, region_key, reason FROM multiregion.tenant_history ORDER BY version;

-- ---------- versions ----------

SELECT version FROM set_tenant_region('acme', 'US_EAST', expected_version => 4);
SELECT version FROM set_tenant_region('acme', 'EU_WEST', expected_version => 4);
\echo :SQLSTATE
SELECT clear_tenant_region('acme', expected_version => 99);
SELECT version FROM set_tenant_region('fresh', 'EU_WEST', expected_version => 1);
SELECT version FROM set_tenant_region('fresh', 'EU_WEST', expected_version => 0);
SELECT clear_tenant_region('fresh', expected_version => 1);
-- What does not commit did not happen.
BEGIN;
SELECT version FROM set_tenant_region('acme', 'EU_WEST');
SELECT region_for_tenant('acme');
SAVEPOINT s;
SELECT clear_tenant_region('acme');
SELECT region_for_tenant('acme');
ROLLBACK TO s;
SELECT region_for_tenant('acme');
ROLLBACK;
SELECT region_for_tenant('acme');

-- ---------- refused ----------

SELECT set_tenant_region('acme', 'nowhere');
\echo :SQLSTATE
SELECT set_tenant_region('acme', '');
SELECT set_tenant_region('acme', NULL);
\echo :SQLSTATE
SELECT set_tenant_region(NULL, 'EU_WEST');
SELECT set_tenant_region('', 'EU_WEST');
\echo :SQLSTATE
SELECT clear_tenant_region(NULL);
SELECT clear_tenant_region('');
SELECT set_tenant_region(E'a\nb', 'EU_WEST');
SELECT set_tenant_region(E'a\x7f', 'EU_WEST');
SELECT set_tenant_region('acme', 'EU_WEST', repeat('r', 1001));
\echo :SQLSTATE
-- 255 bytes are an id, 256 are not.
SELECT octet_length(tenant_id), version FROM set_tenant_region(repeat('t', 255), 'EU_WEST');
SELECT set_tenant_region(repeat('t', 256), 'EU_WEST');
SELECT set_tenant_region(repeat('ü', 128), 'EU_WEST');

-- A look-up refuses nothing: what cannot be a tenant has no preference.
SELECT region_for_tenant(NULL), region_for_tenant(''), region_for_tenant(E'a\nb'),
	region_for_tenant(repeat('t', 1000000)), region_for_tenant('acme', NULL);
SELECT region_for_tenant(repeat('t', 255));

-- ---------- ids are text, as they are ----------

SELECT version FROM set_tenant_region('O''Brien "&" Söhne; DROP TABLE x; -- \', 'EU_WEST');
SELECT version FROM set_tenant_region('ACME', 'EU_WEST');
SELECT version FROM set_tenant_region(' acme', 'EU_WEST');
SELECT version FROM set_tenant_region('日本', 'EU_WEST');
SELECT region_for_tenant('O''Brien "&" Söhne; DROP TABLE x; -- \') AS quoted,
	region_for_tenant('ACME') AS upper, region_for_tenant('Acme', true) AS mixed,
	region_for_tenant('日本') AS wide;

-- ---------- callers cannot lead it astray ----------

-- A search_path full of look-alikes changes nothing.
CREATE SCHEMA trap;
CREATE FUNCTION trap.same(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.same);
CREATE FUNCTION trap.coalesce(text, text) RETURNS text LANGUAGE sql AS $$SELECT 'trap'$$;
SET search_path = trap, pg_catalog, public;
SELECT region_for_tenant('nobody', true), region_for_tenant('acme');
SELECT public.clear_tenant_region('nobody');
RESET search_path;
DROP SCHEMA trap CASCADE;

-- A temporary table of the same name neither.
CREATE TEMPORARY TABLE tenant (tenant_id text, region_key text);
INSERT INTO tenant VALUES ('nobody', 'EU_WEST');
SELECT region_for_tenant('nobody');

-- The plan of the look-up is remade when the table was.
DROP EXTENSION multiregion;
SELECT count(*) FROM pg_extension WHERE extname = 'multiregion';
CREATE EXTENSION multiregion;
SELECT add_region('US_EAST', 'us-east-1');
SELECT version FROM set_tenant_region('acme', 'US_EAST');
SELECT region_for_tenant('acme'), region_for_tenant('fresh');

DROP EXTENSION multiregion;
