-- What 0.2 changes in the tables and rights of 0.1. While 0.2 is the newest version, the
-- build appends the pieces of sql/install that can replace what is there (functions,
-- views, privileges, comments; see build.mk). Here stands the rest: new tables and
-- columns, in the words of sql/install, and DROP of whatever changes its signature or its
-- columns. Once released this file never changes again (docs/developing.md).

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

CREATE TABLE multiregion.pause
(
	scope text NOT NULL CHECK (scope IN ('cluster', 'region', 'node')),
	name text COLLATE "C" NOT NULL,
	paused_until timestamptz NOT NULL,
	reason text,
	paused_by text NOT NULL,
	paused_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	PRIMARY KEY (scope, name)
);

CREATE TRIGGER note_change
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON multiregion.pause
	FOR EACH STATEMENT EXECUTE FUNCTION multiregion.note_change();

-- Identities that may not come back: whoever has one joins anew, as a clone.
CREATE TABLE multiregion.retired_identity
(
	uuid uuid PRIMARY KEY,
	node_name text COLLATE "C" NOT NULL,
	reason text NOT NULL CHECK (reason IN ('forced', 'replaced')),
	retired_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

ALTER TABLE multiregion.policy_history ADD COLUMN change_id bigint;

CREATE TABLE multiregion.hook_run
(
	epoch bigint NOT NULL,
	hook text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL
		CHECK (state IN ('waiting', 'running', 'done', 'failed', 'skipped')),
	attempts integer NOT NULL DEFAULT 0,
	started_at timestamptz,
	ended_at timestamptz,
	detail text,
	PRIMARY KEY (epoch, hook)
);

CREATE TABLE multiregion.schedule
(
	schedule_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	due_at timestamptz NOT NULL,
	target text,
	away boolean NOT NULL,
	reason text,
	state text COLLATE "C" NOT NULL DEFAULT 'waiting' CHECK (state IN
		('waiting', 'running', 'done', 'refused', 'interrupted', 'missed', 'cancelled')),
	rule text,
	epoch bigint,
	order_id bigint UNIQUE,
	scheduled_by text NOT NULL,
	scheduled_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	started_at timestamptz,
	ended_at timestamptz,
	cancelled_by text
);

CREATE INDEX schedule_open ON multiregion.schedule (due_at)
	WHERE state IN ('waiting', 'running');

-- What is in memory of regions and tenants learns of each change.
ALTER TABLE multiregion.region ENABLE ALWAYS TRIGGER note_change;

CREATE FUNCTION multiregion.note_tenant_change() RETURNS trigger
	AS 'MODULE_PATHNAME', 'multiregion_note_tenant_change'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE TRIGGER note_change
	AFTER INSERT OR UPDATE OR DELETE ON multiregion.tenant
	FOR EACH ROW EXECUTE FUNCTION multiregion.note_tenant_change();

CREATE TRIGGER note_truncate
	AFTER TRUNCATE ON multiregion.tenant
	FOR EACH STATEMENT EXECUTE FUNCTION multiregion.note_tenant_change();

ALTER TABLE multiregion.tenant ENABLE ALWAYS TRIGGER note_change;
ALTER TABLE multiregion.tenant ENABLE ALWAYS TRIGGER note_truncate;

-- What is wrong, or was: a row each time an alert was raised. The subject of an alert that is
-- about the cluster is empty.
CREATE TABLE multiregion.alert
(
	alert_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	alert text COLLATE "C" NOT NULL,
	severity text NOT NULL,
	subject text COLLATE "C" NOT NULL,
	region_key text,
	since timestamptz NOT NULL,
	raised_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	cleared_at timestamptz,
	value bigint,
	threshold bigint,
	reason text,
	node text NOT NULL
);

CREATE UNIQUE INDEX alert_open ON multiregion.alert (alert, subject) WHERE cleared_at IS NULL;

CREATE TABLE multiregion.country_region
(
	country text COLLATE "C" NOT NULL CHECK (country OPERATOR(pg_catalog.~) '^[A-Z]{2}$'),
	subdivision text COLLATE "C" NOT NULL DEFAULT ''
		CHECK (subdivision OPERATOR(pg_catalog.~) '^[A-Z0-9]{0,3}$'),
	region_key text COLLATE "C" NOT NULL REFERENCES multiregion.region ON DELETE CASCADE,
	weight integer NOT NULL CHECK (weight BETWEEN 1 AND 1000000),
	changed_by text NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	PRIMARY KEY (country, subdivision, region_key)
);

CREATE INDEX country_by_region ON multiregion.country_region (region_key);

CREATE TRIGGER note_change
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON multiregion.country_region
	FOR EACH STATEMENT EXECUTE FUNCTION multiregion.note_change();

ALTER TABLE multiregion.country_region ENABLE ALWAYS TRIGGER note_change;

CREATE TYPE multiregion.geo AS
(
	country text,
	subdivision text,
	continent text,
	city text,
	latitude double precision,
	longitude double precision,
	time_zone text,
	client_address inet,
	source text,
	trusted boolean
);

CREATE TABLE multiregion.zone
(
	zone text COLLATE "C" PRIMARY KEY
		CHECK (zone OPERATOR(pg_catalog.~) '^[A-Z][A-Z0-9_]{0,62}$'),
	regions text[] COLLATE "C" NOT NULL
		CHECK (pg_catalog.cardinality(regions) BETWEEN 1 AND 64),
	strict boolean NOT NULL,
	changed_by text NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

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
