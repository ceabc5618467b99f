-- Proves what can be set for a tenant besides its region: pin, fallbacks and zone; that
-- every change has a version and a past; and what zones forbid and cannot forbid.

SET client_min_messages = error;
DROP EXTENSION IF EXISTS multiregion;
CREATE EXTENSION multiregion;
RESET client_min_messages;

SELECT add_region(key, id) FROM (VALUES ('US_EAST', 'us-east-1'), ('US_WEST', 'us-west-2'),
	('EU_WEST', 'eu-west-1'), ('EU_NORTH', 'eu-north-1')) AS r (key, id);

-- ---------- pin and fallbacks ----------

SELECT * FROM set_tenant_region('acme', 'us-east-1', mode => 'PIN');
SELECT * FROM set_tenant_region('acme', 'US_EAST', fallbacks => '{us-west-2,Eu_West}');
-- The same again is no change; another order is.
SELECT version FROM set_tenant_region('acme', 'US_EAST', fallbacks => '{US_WEST,EU_WEST}');
SELECT version FROM set_tenant_region('acme', 'US_EAST', fallbacks => '{EU_WEST,US_WEST}');
-- A call says all: what it does not name is not there any more.
SELECT * FROM set_tenant_region('acme', 'US_EAST', 'the rest is gone', 3);
SELECT tenant_id, region_key, region_id, version, mode, fallbacks, zone FROM multiregion.tenants;
SELECT version FROM set_tenant_region('acme', 'US_EAST', NULL, NULL, NULL, '{}');

\set VERBOSITY default
SELECT set_tenant_region('acme', 'US_EAST', mode => 'never');
SELECT set_tenant_region('acme', 'US_EAST', fallbacks => '{nowhere}');
SELECT set_tenant_region('acme', 'US_EAST', fallbacks => '{EU_WEST,NULL}');
SELECT set_tenant_region('acme', 'US_EAST', fallbacks => '{EU_WEST,us-east-1}');
\echo :SQLSTATE
SELECT set_tenant_region('acme', 'US_EAST', fallbacks => '{EU_WEST,eu-west-1}');
SELECT set_tenant_region('acme', 'US_EAST', fallbacks => array_fill('EU_WEST'::text, '{8}'));
\echo :SQLSTATE

-- ---------- zones ----------

SELECT add_zone('eu', '{eu-west-1,EU_NORTH,eu-west-1}');
SELECT add_zone('US', '{US_EAST,US_WEST}', strict => true);
-- They may overlap.
SELECT add_zone('IRELAND', '{EU_WEST}', true);
SELECT zone, regions, strict, changed_by = current_user AS mine FROM multiregion.zone ORDER BY zone;
SELECT add_zone('EU', '{EU_WEST}');
\echo :SQLSTATE
SELECT add_zone('a b', '{EU_WEST}');
SELECT add_zone('X', '{}');
SELECT add_zone('X', '{mars}');
\echo :SQLSTATE
SELECT add_zone('X', NULL), add_zone(NULL, '{EU_WEST}');
SELECT alter_zone('X', '{EU_WEST}');
\echo :SQLSTATE

SELECT * FROM set_tenant_zone('acme', 'eu', 'contract');
SELECT * FROM set_tenant_zone('acme', 'EU');
SELECT set_tenant_zone('acme', 'mars');
\echo :SQLSTATE
SELECT set_tenant_zone('acme', 'EU', expected_version => 1);
\echo :SQLSTATE
-- A tenant can have a zone before it has a region.
SELECT * FROM set_tenant_zone('later', 'US');
SELECT region_for_tenant('later', true), clear_tenant_region('later');
-- A strict zone is never left, and each change of it is seen at once.
SELECT region_for_tenant('later');
SELECT alter_zone('US', '{US_WEST}'), region_for_tenant('later') AS before;
SELECT region_for_tenant('later');
SELECT alter_zone('US', strict => false);
SELECT region_for_tenant('later') IS NULL AS anywhere;
SELECT alter_zone('US', '{US_EAST,US_WEST}', strict => true);
SELECT region_for_tenant('later');

-- Outside a zone nobody is pinned; outside a strict one nobody prefers anything.
SELECT set_tenant_region('acme', 'US_EAST', mode => 'pin');
\echo :SQLSTATE
SELECT version FROM set_tenant_region('acme', 'EU_WEST', mode => 'pin', fallbacks => '{US_EAST}');
SELECT set_tenant_zone('acme', 'US');
SELECT set_tenant_region('later', 'EU_WEST');
SELECT set_tenant_region('later', 'US_WEST', fallbacks => '{EU_WEST}');
SELECT version FROM set_tenant_region('later', 'US_WEST', fallbacks => '{US_EAST}');

-- Where edges send them.
SELECT version FROM set_tenant_region('pinned', 'US_EAST', mode => 'pin');
SELECT version FROM set_tenant_zone('only', 'US');
SELECT version FROM set_tenant_zone('anywhere', 'EU');
SELECT version FROM set_tenant_region('several', 'US_WEST', fallbacks => '{EU_WEST,US_EAST}');
SELECT zone, regions, strict, changed_by = current_user AS mine FROM multiregion.zones;
SELECT * FROM multiregion.tenant_routes ORDER BY tenant_id;
SELECT (set_tenant_zone('anywhere', NULL)).version AS anywhere, (set_tenant_zone('only', NULL)).version AS only,
	clear_tenant_region('pinned') AS pinned, clear_tenant_region('several') AS several;

-- A zone does not change under its tenants' feet.
SELECT alter_zone('EU', '{EU_NORTH}');
\echo :SQLSTATE
SELECT alter_zone('EU', strict => true);
SELECT alter_zone('EU', '{EU_NORTH,EU_WEST,US_EAST}', true);
SELECT alter_zone('EU', '{EU_NORTH,EU_WEST}', false);
SELECT drop_zone('EU');
\echo :SQLSTATE
SELECT drop_zone('ireland');
-- What zone a tenant is in outlives its preference.
SELECT clear_tenant_region('acme');
SELECT version, region_key, mode, fallbacks, zone FROM multiregion.tenant WHERE tenant_id = 'acme';
SELECT version, tenant_zone FROM set_tenant_zone('acme', NULL);
SELECT drop_zone('EU');

-- ---------- regions stay while somebody names them ----------

SELECT add_region('AP', 'ap-1');
SELECT version FROM set_tenant_region('wide', 'EU_NORTH', fallbacks => '{AP}');
SELECT add_zone('ASIA', '{AP}');
SELECT drop_region('AP');
\echo :SQLSTATE
SELECT clear_tenant_region('wide');
SELECT drop_zone('ASIA');
SELECT drop_region('AP');

-- ---------- the past ----------

SELECT version, region_key, mode, fallbacks, zone, reason
FROM multiregion.tenant_changes WHERE tenant_id = 'acme' ORDER BY version;
SELECT h.version, region_for_tenant_at('acme', h.changed_at) IS NOT DISTINCT FROM h.region_key AS right_then,
	region_for_tenant_at('acme', h.changed_at - interval '1 microsecond') AS before
FROM multiregion.tenant_history AS h WHERE tenant_id = 'acme' ORDER BY version;
SELECT region_for_tenant_at('acme', '-infinity'), region_for_tenant_at('nobody', 'infinity'),
	region_for_tenant_at(NULL, now());

-- ---------- what zones cannot forbid ----------

-- Physical replication copies everything everywhere: that is said.
SET client_min_messages = warning;
SELECT add_node('eu-a', 'EU_WEST', 'host=127.0.0.1 port=1');
SELECT add_node('us-a', 'US_EAST', 'host=127.0.0.1 port=1');
SELECT add_witness('eu-w', 'EU_WEST', 'host=127.0.0.1 port=1');
SELECT * FROM multiregion.residency_violations;
-- Only who has joined holds data.
SELECT alter_zone('US', strict => true);
UPDATE multiregion.node SET uuid = gen_random_uuid() WHERE node_name <> 'eu-w';
SELECT alter_zone('US', strict => true);
SELECT alter_zone('US', strict => false);
SELECT version FROM set_tenant_region('later', 'EU_WEST', fallbacks => '{US_EAST,EU_NORTH}');
SELECT * FROM multiregion.residency_violations ORDER BY violation, region_key;
SELECT version FROM set_tenant_region('later', 'US_WEST', mode => 'pin');
SELECT violation, node_name FROM multiregion.residency_violations ORDER BY violation;

DROP EXTENSION multiregion;
