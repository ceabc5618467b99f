-- Proves what the cache of tenants says of itself, that a transaction sees what it has written
-- itself, in parallel workers, too, and how far regions can be counted. What other sessions
-- and standbys see is in test/tap/500_tenant_cache.pl.

SET client_min_messages = error;
DROP EXTENSION IF EXISTS multiregion;
CREATE EXTENSION multiregion;
RESET client_min_messages;

SELECT add_region('US_EAST', 'us-east-1');
SELECT add_region('EU_WEST', 'eu-west-1');
SELECT version FROM set_tenant_region('acme', 'US_EAST');

-- ---------- what it says of itself ----------

SHOW multiregion.tenant_cache_size;
SELECT in_use, size_bytes / 1048576 AS mb, slots FROM multiregion.tenant_cache;
CREATE TEMPORARY TABLE before AS SELECT * FROM multiregion.tenant_cache;
-- From PostgreSQL 16 on what does not depend on the row is called once.
SELECT DISTINCT region_for_tenant('acme' || left(i::text, 0)) FROM generate_series(1, 512) AS i;
SELECT DISTINCT region_for_tenant('nobody' || left(i::text, 0)) FROM generate_series(1, 512) AS i;
-- An id that is too long is read each time.
SELECT DISTINCT region_for_tenant(repeat('l', 54) || left(i::text, 0)) FROM generate_series(1, 10) AS i;
SELECT c.hits - b.hits >= 768 AS hits, c.misses - b.misses AS misses, c.tenants - b.tenants AS tenants
FROM multiregion.tenant_cache AS c, before AS b;
DROP TABLE before;
CREATE TEMPORARY TABLE before AS SELECT * FROM multiregion.tenant_cache;
SELECT version FROM set_tenant_region('acme', 'EU_WEST');
SELECT region_for_tenant('acme'), region_for_tenant('nobody');
SELECT c.misses - b.misses AS misses, c.changes - b.changes AS changes
FROM multiregion.tenant_cache AS c, before AS b;

-- ---------- parallel workers ----------

DO $$ -- its name from PostgreSQL 16 on, and before
BEGIN
	PERFORM set_config(name, 'on', false) FROM pg_settings
	WHERE name IN ('debug_parallel_query', 'force_parallel_mode');
END $$;
SELECT region_for_tenant('acme'), region_for_tenant('fresh');
BEGIN;
SELECT version FROM set_tenant_region('acme', 'US_EAST');
SELECT version FROM set_tenant_region('fresh', 'EU_WEST');
SELECT region_for_tenant('acme'), region_for_tenant('fresh');
ROLLBACK;
SELECT region_for_tenant('acme'), region_for_tenant('fresh');
BEGIN;
SELECT alter_region('EU_WEST', priority => 1);
SELECT region_for_tenant('acme');
COMMIT;
SELECT region_for_tenant('acme');
DO $$
BEGIN
	PERFORM set_config(name, 'off', false) FROM pg_settings
	WHERE name IN ('debug_parallel_query', 'force_parallel_mode');
END $$;

-- ---------- its triggers ----------

SELECT multiregion.note_tenant_change();
CREATE TABLE own (id text);
CREATE TRIGGER t AFTER INSERT ON own FOR EACH ROW EXECUTE FUNCTION multiregion.note_tenant_change();
INSERT INTO own VALUES ('a');
\echo :SQLSTATE
DROP TABLE own;
SELECT tgname, tgenabled FROM pg_trigger
WHERE tgrelid IN ('multiregion.tenant'::regclass, 'multiregion.region'::regclass) AND NOT tgisinternal
ORDER BY tgrelid, tgname;
-- Without them it is not used.
ALTER TABLE multiregion.tenant DISABLE TRIGGER note_truncate;
SELECT in_use FROM multiregion.tenant_cache;
SELECT ok, severity, detail, hint IS NOT NULL AS helps FROM multiregion.check() WHERE name = 'tenant_cache';
SELECT region_for_tenant('acme');
ALTER TABLE multiregion.tenant ENABLE TRIGGER note_truncate;
SELECT in_use FROM multiregion.tenant_cache;
ALTER TABLE multiregion.tenant ENABLE ALWAYS TRIGGER note_truncate;
SELECT in_use FROM multiregion.tenant_cache;
SELECT ok, detail FROM multiregion.check() WHERE name = 'tenant_cache';

-- ---------- as many regions as there can be ----------

SELECT count(add_region('R' || i, 'r' || i)) FROM generate_series(1, 62) AS i;
SELECT version FROM set_tenant_region('acme', 'R62');
SELECT region_for_tenant('acme');
SELECT add_region('R63', 'r63');
\echo :SQLSTATE

DROP EXTENSION multiregion;
