-- What 0.2 changes in the tables and rights of 0.1. While 0.2 is the newest version, the
-- build appends the pieces of sql/install that can replace what is there (functions,
-- views, privileges, comments; see build.mk). Here stands the rest: new pieces of
-- sql/install, which the build puts in place of "-- piece NAME", new columns, in the words
-- of sql/install, and DROP of whatever changes its signature or its columns. Once released
-- this file never changes again (docs/developing.md).

-- 0.1 granted on foreign functions within its script, and PostgreSQL took that for initial
-- privileges of theirs, which pg_dump and pg_upgrade leave out. They become ordinary grants;
-- without a cluster nobody needs them.
SET LOCAL allow_system_table_mods = on;
UPDATE pg_catalog.pg_init_privs AS p
SET initprivs = ARRAY(SELECT item FROM pg_catalog.unnest(p.initprivs) AS item
	WHERE NOT EXISTS (SELECT FROM pg_catalog.aclexplode(ARRAY[item]) AS a
		WHERE a.grantee OPERATOR(pg_catalog.=) 'multiregion_peer'::pg_catalog.regrole))
WHERE p.privtype OPERATOR(pg_catalog.=) 'i'
	AND p.initprivs::pg_catalog.text OPERATOR(pg_catalog.~) 'multiregion_peer=';
RESET allow_system_table_mods;

DO $do$
BEGIN
	IF NOT EXISTS (SELECT FROM multiregion.node WHERE uuid IS NOT NULL) THEN
		REVOKE EXECUTE ON FUNCTION
			pg_catalog.pg_ls_dir(text, boolean, boolean),
			pg_catalog.pg_stat_file(text, boolean),
			pg_catalog.pg_read_binary_file(text),
			pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean)
			FROM multiregion_peer;
	END IF;
END
$do$;

ALTER TABLE multiregion.failover ADD COLUMN order_id bigint UNIQUE;

-- piece 45_pause.sql

-- piece 22_retired_identity.sql

ALTER TABLE multiregion.policy_history ADD COLUMN change_id bigint;

-- piece 55_hook.sql

-- What is in memory of regions and tenants learns of each change.
ALTER TABLE multiregion.region ENABLE ALWAYS TRIGGER note_change;

-- piece 32_tenant_changes.sql

-- piece 52_alert.sql

-- piece 35_country.sql

-- piece 25_zone.sql

ALTER TABLE multiregion.tenant
	ADD COLUMN mode text NOT NULL DEFAULT 'prefer' CHECK (mode IN ('prefer', 'pin')),
	ADD COLUMN fallbacks text[] COLLATE "C" CHECK (pg_catalog.cardinality(fallbacks) BETWEEN 1 AND 7),
	ADD COLUMN zone text COLLATE "C" REFERENCES multiregion.zone,
	ADD CONSTRAINT tenant_rule
		CHECK (region_key IS NOT NULL OR (mode = 'prefer' AND fallbacks IS NULL));

CREATE INDEX tenant_by_zone ON multiregion.tenant (zone) WHERE zone IS NOT NULL;

ALTER TABLE multiregion.tenant_history
	ADD COLUMN mode text NOT NULL DEFAULT 'prefer',
	ADD COLUMN fallbacks text[] COLLATE "C",
	ADD COLUMN zone text COLLATE "C",
	ADD COLUMN changed_xid xid8;
ALTER TABLE multiregion.tenant_history
	ALTER COLUMN changed_xid SET DEFAULT pg_catalog.pg_current_xact_id();
CREATE INDEX tenant_history_by_xid ON multiregion.tenant_history (changed_xid);

-- They have got arguments more.
DROP FUNCTION @extschema@.set_tenant_region(text, text, text, bigint);
DROP FUNCTION multiregion.set_policy(text, text, text);
DROP FUNCTION multiregion.init(text, text, text, text[]);
