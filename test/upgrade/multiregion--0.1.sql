\echo Use "CREATE EXTENSION multiregion" to load this file. \quit

-- from sql/install/00_schema_roles.sql

-- Roles and the schema of everything that is not the public API.
--
-- The schema must not exist yet: one that somebody else made could hold objects that
-- ours would call.

DO $roles$
DECLARE
	wanted text[] := ARRAY[
		['multiregion_admin', 'May change regions, nodes, tenants and policy of multiregion.'],
		['multiregion_peer', 'What the nodes of a multiregion cluster may ask of each other.'],
		['multiregion_api', 'What multiregiond, the sidecar, logs in as: may read status.']];
	entry text[];
BEGIN
	FOREACH entry SLICE 1 IN ARRAY wanted
	LOOP
		IF pg_catalog.to_regrole(entry[1]) IS NULL THEN
			EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', entry[1]);
			EXECUTE pg_catalog.format('COMMENT ON ROLE %I IS %L', entry[1], entry[2]);
		END IF;
	END LOOP;
END
$roles$;

CREATE SCHEMA multiregion;

-- What the library needs beyond this script is said now, not when it is missed.
DO $warnings$
BEGIN
	IF pg_catalog.current_setting('shared_preload_libraries')
		!~ '(^|[[:space:],/"])multiregion(\.so)?($|[[:space:],"])' THEN
		RAISE WARNING 'multiregion is not preloaded: regions and tenants can be kept, nothing else works'
			USING HINT = 'Add multiregion to shared_preload_libraries and restart.';
	ELSIF pg_catalog.current_setting('multiregion.database', true)
		IS DISTINCT FROM pg_catalog.current_database()::text THEN
		RAISE WARNING 'multiregion.database is "%", not this database: no cluster can be managed from here',
			pg_catalog.current_setting('multiregion.database', true)
			USING HINT = pg_catalog.format(
				'Create the extension there, or set multiregion.database = %L and restart.',
				pg_catalog.current_database());
	END IF;
END
$warnings$;

-- from sql/install/10_region.sql

-- Regions, and the counter that tells a monitor that its configuration may have changed.

CREATE TABLE multiregion.configuration_version
(
	is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
	version bigint NOT NULL
);

CREATE FUNCTION multiregion.note_change() RETURNS trigger
	AS 'MODULE_PATHNAME', 'multiregion_note_change'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE TABLE multiregion.region
(
	region_key text COLLATE "C" PRIMARY KEY
		CHECK (region_key OPERATOR(pg_catalog.~) '^[A-Z][A-Z0-9_]{0,62}$'),
	region_id text COLLATE "C" NOT NULL UNIQUE
		CHECK (region_id OPERATOR(pg_catalog.~) '^[a-z0-9][a-z0-9-]{0,62}$'),
	name text NOT NULL CHECK (pg_catalog.octet_length(name) BETWEEN 1 AND 127),
	latitude double precision CHECK (latitude BETWEEN -90 AND 90),
	longitude double precision CHECK (longitude BETWEEN -180 AND 180),
	priority integer NOT NULL DEFAULT 100 CHECK (priority BETWEEN 0 AND 1000000),
	api_endpoint text CHECK (pg_catalog.octet_length(api_endpoint) BETWEEN 1 AND 255),
	cdn_endpoint text CHECK (pg_catalog.octet_length(cdn_endpoint) BETWEEN 1 AND 255),
	added_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	CHECK ((latitude IS NULL) = (longitude IS NULL))
);

CREATE TRIGGER note_change
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON multiregion.region
	FOR EACH STATEMENT EXECUTE FUNCTION multiregion.note_change();

-- from sql/install/20_node.sql

-- Nodes. conninfo never leaves this table through a view, a log line or an error.

CREATE TABLE multiregion.node
(
	node_name text COLLATE "C" PRIMARY KEY
		CHECK (node_name OPERATOR(pg_catalog.~) '^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$'),
	region_key text COLLATE "C" NOT NULL REFERENCES multiregion.region,
	conninfo text NOT NULL CHECK (pg_catalog.octet_length(conninfo) BETWEEN 1 AND 511),
	hostaddr text NOT NULL DEFAULT '' CHECK (pg_catalog.octet_length(hostaddr) <= 63),
	uuid uuid UNIQUE,
	no_promote boolean NOT NULL DEFAULT false,
	witness boolean NOT NULL DEFAULT false,
	added_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

-- Names that differ only in case would be taken for one another.
CREATE UNIQUE INDEX node_name_in_any_case ON multiregion.node (pg_catalog.lower(node_name));

CREATE INDEX node_by_region ON multiregion.node (region_key);

CREATE TRIGGER note_change
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON multiregion.node
	FOR EACH STATEMENT EXECUTE FUNCTION multiregion.note_change();

-- from sql/install/30_tenant.sql

-- Tenants. A tenant whose preference was cleared keeps its row with region_key null, so
-- that its version never starts again: a writer with an old version cannot win by accident.

CREATE TABLE multiregion.tenant
(
	tenant_id text COLLATE "C" PRIMARY KEY
		CHECK (pg_catalog.octet_length(tenant_id) BETWEEN 1 AND 255),
	region_key text COLLATE "C" REFERENCES multiregion.region,
	version bigint NOT NULL CHECK (version > 0),
	reason text,
	changed_by text NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

CREATE INDEX tenant_by_region ON multiregion.tenant (region_key) WHERE region_key IS NOT NULL;

-- Every change there ever was; regions that are gone may be named.
CREATE TABLE multiregion.tenant_history
(
	tenant_id text COLLATE "C",
	version bigint,
	region_key text COLLATE "C",
	reason text,
	changed_by text NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	PRIMARY KEY (tenant_id, version)
);

-- from sql/install/40_policy.sql

-- Policy of the cluster: only what somebody has set. Defaults, ranges and units are in
-- the library; multiregion.policies shows both together.

CREATE TABLE multiregion.policy
(
	name text COLLATE "C" PRIMARY KEY,
	value text NOT NULL,
	reason text,
	changed_by text NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

CREATE TRIGGER note_change
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON multiregion.policy
	FOR EACH STATEMENT EXECUTE FUNCTION multiregion.note_change();

CREATE TABLE multiregion.policy_history
(
	history_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name text COLLATE "C" NOT NULL,
	old_value text,
	value text,
	reason text,
	changed_by text NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

-- from sql/install/50_event_failover.sql

-- What happened. Each node keeps its own events in memory; the primary collects them.

CREATE TABLE multiregion.event
(
	event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	node text COLLATE "C" NOT NULL,
	boot bigint NOT NULL,
	sequence bigint NOT NULL,
	at timestamptz NOT NULL,
	kind text NOT NULL,
	severity text NOT NULL,
	term bigint NOT NULL,
	subject text,
	reason text,
	value bigint,
	detail text,
	UNIQUE (node, boot, sequence)
);

CREATE INDEX event_by_time ON multiregion.event (at);

CREATE TABLE multiregion.failover
(
	failover_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	epoch bigint NOT NULL UNIQUE,
	cause text NOT NULL,
	rule text,
	from_node text,
	from_region text,
	to_node text NOT NULL,
	to_region text NOT NULL,
	detected_at timestamptz,
	elected_at timestamptz,
	promoted_at timestamptz,
	open_at timestamptz,
	first_write_at timestamptz,
	lag_bytes bigint,
	timeline bigint,
	fork_lsn pg_lsn,
	recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

CREATE TABLE multiregion.divergence
(
	divergence_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	node text COLLATE "C" NOT NULL,
	term bigint NOT NULL,
	timeline bigint NOT NULL,
	fork_lsn pg_lsn NOT NULL,
	end_lsn pg_lsn NOT NULL,
	kept_path text,
	at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	UNIQUE (node, timeline, fork_lsn, end_lsn),
	CHECK (end_lsn >= fork_lsn)
);

-- from sql/install/60_functions.sql

-- The public API, in the extension's target schema.

CREATE FUNCTION @extschema@.region_for_tenant(tenant text, strict boolean DEFAULT false)
	RETURNS text
	AS 'MODULE_PATHNAME', 'multiregion_region_for_tenant'
	LANGUAGE c STABLE STRICT PARALLEL SAFE;

CREATE FUNCTION @extschema@.set_tenant_region(
	tenant text,
	region text,
	reason text DEFAULT NULL,
	expected_version bigint DEFAULT NULL,
	OUT tenant_id text,
	OUT region_key text,
	OUT region_id text,
	OUT version bigint)
	RETURNS record
	AS 'MODULE_PATHNAME', 'multiregion_set_tenant_region'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION @extschema@.clear_tenant_region(
	tenant text,
	reason text DEFAULT NULL,
	expected_version bigint DEFAULT NULL)
	RETURNS boolean
	AS 'MODULE_PATHNAME', 'multiregion_clear_tenant_region'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION @extschema@.gateway_region() RETURNS text
	AS 'MODULE_PATHNAME', 'multiregion_gateway_region'
	LANGUAGE c STABLE STRICT PARALLEL SAFE;

CREATE FUNCTION @extschema@.primary_region() RETURNS text
	AS 'MODULE_PATHNAME', 'multiregion_primary_region'
	LANGUAGE c STABLE STRICT PARALLEL SAFE;

CREATE FUNCTION @extschema@.nearest_region(latitude double precision, longitude double precision)
	RETURNS text
	AS 'MODULE_PATHNAME', 'multiregion_nearest_region'
	LANGUAGE c STABLE STRICT PARALLEL SAFE;

CREATE FUNCTION @extschema@.add_region(
	region_key text,
	region_id text,
	name text DEFAULT NULL,
	latitude double precision DEFAULT NULL,
	longitude double precision DEFAULT NULL,
	priority integer DEFAULT 100,
	api_endpoint text DEFAULT NULL,
	cdn_endpoint text DEFAULT NULL)
	RETURNS text
	AS 'MODULE_PATHNAME', 'multiregion_add_region'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION @extschema@.alter_region(
	region text,
	name text DEFAULT NULL,
	latitude double precision DEFAULT NULL,
	longitude double precision DEFAULT NULL,
	priority integer DEFAULT NULL,
	api_endpoint text DEFAULT NULL,
	cdn_endpoint text DEFAULT NULL)
	RETURNS text
	AS 'MODULE_PATHNAME', 'multiregion_alter_region'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION @extschema@.drop_region(region text) RETURNS void
	AS 'MODULE_PATHNAME', 'multiregion_drop_region'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION @extschema@.add_node(
	name text,
	region text,
	conninfo text,
	no_promote boolean DEFAULT false,
	allow_unreachable boolean DEFAULT false)
	RETURNS text
	AS 'MODULE_PATHNAME', 'multiregion_add_node'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION @extschema@.alter_node(
	name text,
	conninfo text DEFAULT NULL,
	no_promote boolean DEFAULT NULL,
	allow_unreachable boolean DEFAULT false)
	RETURNS text
	AS 'MODULE_PATHNAME', 'multiregion_alter_node'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION @extschema@.drop_node(name text) RETURNS void
	AS 'MODULE_PATHNAME', 'multiregion_drop_node'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

-- from sql/install/61_operating_functions.sql

-- Operating functions: what administrators, peers, multiregion-join and the sidecar call.

-- The protocol between nodes. Name, signature and C symbol never change: nodes of
-- different versions talk through it.
CREATE FUNCTION multiregion.rpc(message bytea) RETURNS bytea
	AS 'MODULE_PATHNAME', 'multiregion_rpc'
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE;

CREATE FUNCTION multiregion.init(
	node text,
	region text,
	conninfo text DEFAULT NULL,
	ignore text[] DEFAULT NULL)
	RETURNS void
	AS 'MODULE_PATHNAME', 'multiregion_init'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION multiregion.leave() RETURNS void
	AS 'MODULE_PATHNAME', 'multiregion_leave'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION multiregion.register_node(node_name text, uuid uuid) RETURNS bytea
	AS 'MODULE_PATHNAME', 'multiregion_register_node'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION multiregion.replace_node(node_name text) RETURNS void
	AS 'MODULE_PATHNAME', 'multiregion_replace_node'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION multiregion.check(
	OUT name text,
	OUT ok boolean,
	OUT severity text,
	OUT detail text,
	OUT hint text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'multiregion_check'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION multiregion.set_policy(name text, value text, reason text DEFAULT NULL)
	RETURNS text
	AS 'MODULE_PATHNAME', 'multiregion_set_policy'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION multiregion.list_policies(
	OUT name text,
	OUT default_value text,
	OUT in_force text,
	OUT unit text,
	OUT min_value text,
	OUT max_value text,
	OUT description text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'multiregion_list_policies'
	LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 20;

CREATE FUNCTION multiregion.lease_status(
	OUT managed boolean,
	OUT mode text,
	OUT node text,
	OUT region text,
	OUT role text,
	OUT term bigint,
	OUT primary_node text,
	OUT primary_region text,
	OUT is_primary boolean,
	OUT writable boolean,
	OUT lease_remaining_ms bigint,
	OUT timeline bigint,
	OUT log_term bigint,
	OUT stamp_term bigint,
	OUT stamp_timeline bigint,
	OUT stamp_lsn pg_lsn,
	OUT config_version bigint,
	OUT reason text,
	OUT fenced boolean,
	OUT stopping boolean,
	OUT generation bigint)
	RETURNS record
	AS 'MODULE_PATHNAME', 'multiregion_lease_status'
	LANGUAGE c VOLATILE PARALLEL RESTRICTED;

CREATE FUNCTION multiregion.member_status(
	OUT node_name text,
	OUT region_key text,
	OUT role text,
	OUT voter boolean,
	OUT status text,
	OUT consecutive_failures integer,
	OUT lag_bytes bigint,
	OUT lag_ms bigint,
	OUT wal_end pg_lsn,
	OUT replay_lsn pg_lsn,
	OUT timeline bigint,
	OUT log_term bigint,
	OUT round_trip_ms double precision,
	OUT eligible boolean,
	OUT reason text,
	OUT heard_ms bigint,
	OUT checked_at timestamptz)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'multiregion_member_status'
	LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 5;

CREATE FUNCTION multiregion.region_status(
	OUT region_key text,
	OUT is_primary boolean,
	OUT status text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'multiregion_region_status'
	LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 5;

CREATE FUNCTION multiregion.pending_events(
	after bigint DEFAULT 0,
	OUT boot bigint,
	OUT sequence bigint,
	OUT at timestamptz,
	OUT kind text,
	OUT severity text,
	OUT term bigint,
	OUT subject text,
	OUT reason text,
	OUT value bigint,
	OUT detail text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'multiregion_pending_events'
	LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED ROWS 20;

CREATE FUNCTION multiregion.wait_for_change(generation bigint, timeout_ms integer) RETURNS bigint
	AS 'MODULE_PATHNAME', 'multiregion_wait_for_change'
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE;

CREATE FUNCTION multiregion.request_checkpoint() RETURNS void
	AS 'MODULE_PATHNAME', 'multiregion_request_checkpoint'
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE;

CREATE FUNCTION multiregion.record_divergence(
	node_name text,
	term bigint,
	timeline bigint,
	fork_lsn pg_lsn,
	end_lsn pg_lsn,
	kept_path text DEFAULT NULL)
	RETURNS boolean
	AS 'MODULE_PATHNAME', 'multiregion_record_divergence'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

-- from sql/install/70_views.sql

-- Views: what people and programs read. All of them work on every node, standby or
-- fenced; none of them shows a connection string.

CREATE VIEW multiregion.regions AS
SELECT r.region_key,
	r.region_id,
	r.name,
	r.latitude,
	r.longitude,
	r.priority,
	r.api_endpoint,
	r.cdn_endpoint,
	coalesce(s.is_primary, false) AS is_primary,
	coalesce(s.status, 'unknown') AS status
FROM multiregion.region AS r
	LEFT JOIN multiregion.region_status() AS s ON s.region_key = r.region_key
ORDER BY r.priority, r.added_at, r.region_key;

CREATE VIEW multiregion.nodes AS
SELECT n.node_name,
	n.region_key,
	n.uuid IS NOT NULL AS joined,
	n.no_promote,
	n.witness,
	coalesce(s.role, 'none') AS role,
	coalesce(s.voter, false) AS voter,
	coalesce(s.status, 'unknown') AS status,
	s.consecutive_failures,
	s.eligible,
	s.reason,
	s.heard_ms,
	s.checked_at
FROM multiregion.node AS n
	LEFT JOIN multiregion.member_status() AS s ON s.node_name = n.node_name
ORDER BY n.region_key, n.node_name;

CREATE VIEW multiregion.replication AS
SELECT s.node_name,
	s.region_key,
	s.role,
	s.status,
	s.lag_bytes,
	s.lag_ms,
	s.wal_end,
	s.replay_lsn,
	s.timeline,
	s.log_term,
	s.round_trip_ms,
	s.checked_at
FROM multiregion.member_status() AS s
ORDER BY s.lag_bytes NULLS LAST, s.node_name;

CREATE VIEW multiregion.tenants AS
SELECT t.tenant_id,
	t.region_key,
	r.region_id,
	t.version,
	t.reason,
	t.changed_by,
	t.changed_at
FROM multiregion.tenant AS t
	JOIN multiregion.region AS r ON r.region_key = t.region_key;

CREATE VIEW multiregion.failovers AS
SELECT f.failover_id,
	f.epoch,
	f.cause,
	f.rule,
	f.from_node,
	f.from_region,
	f.to_node,
	f.to_region,
	f.detected_at,
	f.elected_at,
	f.promoted_at,
	f.open_at,
	f.first_write_at,
	(1000 * extract(epoch FROM f.open_at - f.detected_at))::bigint AS duration_ms,
	f.lag_bytes,
	f.timeline,
	f.fork_lsn,
	f.recorded_at
FROM multiregion.failover AS f
ORDER BY f.epoch DESC;

CREATE VIEW multiregion.events AS
SELECT e.event_id,
	e.at,
	e.node,
	e.kind,
	e.severity,
	e.term,
	e.subject,
	e.reason,
	e.value,
	e.detail,
	e.boot,
	e.sequence
FROM multiregion.event AS e
ORDER BY e.at DESC, e.event_id DESC;

CREATE VIEW multiregion.policies AS
SELECT l.name,
	coalesce(p.value, l.default_value) AS value,
	l.unit,
	l.default_value,
	l.in_force,
	l.min_value,
	l.max_value,
	l.description,
	p.name IS NOT NULL AS is_set,
	p.reason,
	p.changed_by,
	p.changed_at
FROM multiregion.list_policies() AS l
	LEFT JOIN multiregion.policy AS p ON p.name = l.name
ORDER BY l.name;

CREATE VIEW multiregion.settings AS
SELECT p.name,
	'cluster' AS owner,
	p.value,
	p.default_value,
	p.unit,
	p.description
FROM multiregion.policies AS p
UNION ALL
SELECT s.name,
	'node',
	s.setting,
	s.boot_val,
	s.unit,
	s.short_desc
FROM pg_catalog.pg_settings AS s
WHERE s.name LIKE 'multiregion.%'
ORDER BY owner, name;

-- from sql/install/80_privileges.sql

-- Who may do what. Tables: nobody but their owner; functions do their work as the owner
-- of the schema after the privilege to call them was checked.

GRANT USAGE ON SCHEMA multiregion TO PUBLIC;

-- The public API lives in the schema the extension was created in. Everybody may use
-- "public"; of another one the sidecar has to be let in.
DO $do$
BEGIN
	IF NOT pg_catalog.has_schema_privilege('multiregion_api',
		pg_catalog.to_regnamespace('@extschema@')::oid, 'USAGE') THEN
		GRANT USAGE ON SCHEMA @extschema@ TO multiregion_api;
	END IF;
END
$do$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA multiregion FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.set_tenant_region(text, text, text, bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.clear_tenant_region(text, text, bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.add_region(text, text, text, double precision, double precision, integer, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.alter_region(text, text, double precision, double precision, integer, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.drop_region(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.add_node(text, text, text, boolean, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.alter_node(text, text, boolean, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.drop_node(text) FROM PUBLIC;

-- Everybody: the answers of routing (region_for_tenant and its like keep PUBLIC's right).
GRANT EXECUTE ON FUNCTION multiregion.region_status() TO PUBLIC;
GRANT SELECT ON multiregion.regions TO PUBLIC;

-- Administrators.
GRANT EXECUTE ON FUNCTION
	@extschema@.set_tenant_region(text, text, text, bigint),
	@extschema@.clear_tenant_region(text, text, bigint),
	@extschema@.add_region(text, text, text, double precision, double precision, integer, text, text),
	@extschema@.alter_region(text, text, double precision, double precision, integer, text, text),
	@extschema@.drop_region(text),
	@extschema@.add_node(text, text, text, boolean, boolean),
	@extschema@.alter_node(text, text, boolean, boolean),
	@extschema@.drop_node(text),
	multiregion.init(text, text, text, text[]),
	multiregion.leave(),
	multiregion.replace_node(text),
	multiregion.set_policy(text, text, text)
	TO multiregion_admin;

-- Peers: the lease workers and monitors of other nodes, and multiregion-join.
GRANT EXECUTE ON FUNCTION
	multiregion.rpc(bytea),
	multiregion.register_node(text, uuid),
	multiregion.pending_events(bigint),
	multiregion.request_checkpoint(),
	multiregion.record_divergence(text, bigint, bigint, pg_lsn, pg_lsn, text)
	TO multiregion_peer;

-- What pg_rewind asks of the server it copies from.
GRANT EXECUTE ON FUNCTION
	pg_catalog.pg_ls_dir(text, boolean, boolean),
	pg_catalog.pg_stat_file(text, boolean),
	pg_catalog.pg_read_binary_file(text),
	pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean)
	TO multiregion_peer;

-- Status.
GRANT EXECUTE ON FUNCTION
	multiregion.check(),
	multiregion.list_policies(),
	multiregion.lease_status(),
	multiregion.member_status(),
	multiregion.wait_for_change(bigint, integer)
	TO multiregion_admin, multiregion_peer, multiregion_api, pg_monitor;
GRANT SELECT ON
	multiregion.nodes,
	multiregion.replication,
	multiregion.failovers,
	multiregion.events,
	multiregion.policies,
	multiregion.settings
	TO multiregion_admin, multiregion_peer, multiregion_api, pg_monitor;
GRANT SELECT ON multiregion.tenants TO multiregion_admin, multiregion_api, pg_monitor;

-- Tables are data: pg_dump takes them along. The counter is not: triggers count anew.
SELECT pg_catalog.pg_extension_config_dump('multiregion.region', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.node', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.tenant', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.tenant_history', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.policy', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.policy_history', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.policy_history_history_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.event', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.event_event_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.failover', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.failover_failover_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.divergence', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.divergence_divergence_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('multiregion.configuration_version', 'WHERE false');

-- from sql/install/90_comments.sql

-- One comment for every object, so that \d+ and \df+ explain themselves.

COMMENT ON SCHEMA multiregion IS 'Tables, views and operating functions of the extension multiregion.';

COMMENT ON TABLE multiregion.configuration_version IS 'Counts changes of region, node and policy; a monitor reads them when it differs.';
COMMENT ON COLUMN multiregion.configuration_version.is_only IS 'Keeps the table at one row.';
COMMENT ON COLUMN multiregion.configuration_version.version IS 'Number of statements that changed region, node or policy.';

COMMENT ON TABLE multiregion.region IS 'Regions of the service.';
COMMENT ON COLUMN multiregion.region.region_key IS 'Key in upper case, like US_EAST.';
COMMENT ON COLUMN multiregion.region.region_id IS 'Id in lower case, like us-east-1.';
COMMENT ON COLUMN multiregion.region.name IS 'Display name.';
COMMENT ON COLUMN multiregion.region.latitude IS 'Degrees north; null if unknown.';
COMMENT ON COLUMN multiregion.region.longitude IS 'Degrees east; null if unknown.';
COMMENT ON COLUMN multiregion.region.priority IS 'The smallest number is preferred, as with MX records; among equals the region added first.';
COMMENT ON COLUMN multiregion.region.api_endpoint IS 'URL of the service in this region.';
COMMENT ON COLUMN multiregion.region.cdn_endpoint IS 'URL of the CDN for this region.';
COMMENT ON COLUMN multiregion.region.added_at IS 'When it was added.';
COMMENT ON TRIGGER note_change ON multiregion.region IS 'Counts in configuration_version.';

COMMENT ON TABLE multiregion.node IS 'PostgreSQL servers of the service.';
COMMENT ON COLUMN multiregion.node.node_name IS 'Name of the node.';
COMMENT ON COLUMN multiregion.node.region_key IS 'Region it stands in.';
COMMENT ON COLUMN multiregion.node.conninfo IS 'How other nodes connect to it; holds no password.';
COMMENT ON COLUMN multiregion.node.hostaddr IS 'Numeric address of its host, so that nobody resolves names when it matters; empty for a socket.';
COMMENT ON COLUMN multiregion.node.uuid IS 'Identity of the node that has joined under this name; null until one has.';
COMMENT ON COLUMN multiregion.node.no_promote IS 'True: never becomes primary by itself.';
COMMENT ON COLUMN multiregion.node.witness IS 'True: votes, but holds no data.';
COMMENT ON COLUMN multiregion.node.added_at IS 'When it was added.';
COMMENT ON INDEX multiregion.node_name_in_any_case IS 'Keeps two names from differing in case only.';
COMMENT ON INDEX multiregion.node_by_region IS 'Nodes of a region.';
COMMENT ON TRIGGER note_change ON multiregion.node IS 'Counts in configuration_version.';

COMMENT ON TABLE multiregion.tenant IS 'Region preferences of tenants.';
COMMENT ON COLUMN multiregion.tenant.tenant_id IS 'Id of the tenant in the application; case matters.';
COMMENT ON COLUMN multiregion.tenant.region_key IS 'Preferred region; null after the preference was cleared.';
COMMENT ON COLUMN multiregion.tenant.version IS 'Grows by one with each change; never starts again.';
COMMENT ON COLUMN multiregion.tenant.reason IS 'Why it was changed last.';
COMMENT ON COLUMN multiregion.tenant.changed_by IS 'Role that changed it last.';
COMMENT ON COLUMN multiregion.tenant.changed_at IS 'When it was changed last.';
COMMENT ON INDEX multiregion.tenant_by_region IS 'Tenants of a region.';

COMMENT ON TABLE multiregion.tenant_history IS 'Every change of a region preference.';
COMMENT ON COLUMN multiregion.tenant_history.tenant_id IS 'Id of the tenant.';
COMMENT ON COLUMN multiregion.tenant_history.version IS 'Version that this change made.';
COMMENT ON COLUMN multiregion.tenant_history.region_key IS 'Region chosen; null if the preference was cleared.';
COMMENT ON COLUMN multiregion.tenant_history.reason IS 'Why.';
COMMENT ON COLUMN multiregion.tenant_history.changed_by IS 'Role that changed it.';
COMMENT ON COLUMN multiregion.tenant_history.changed_at IS 'When.';

COMMENT ON TABLE multiregion.policy IS 'Values of the cluster policy that somebody has set.';
COMMENT ON COLUMN multiregion.policy.name IS 'Name of the policy.';
COMMENT ON COLUMN multiregion.policy.value IS 'Value in the unit of the policy.';
COMMENT ON COLUMN multiregion.policy.reason IS 'Why it was set.';
COMMENT ON COLUMN multiregion.policy.changed_by IS 'Role that set it.';
COMMENT ON COLUMN multiregion.policy.changed_at IS 'When it was set.';
COMMENT ON TRIGGER note_change ON multiregion.policy IS 'Counts in configuration_version.';

COMMENT ON TABLE multiregion.policy_history IS 'Every change of the cluster policy.';
COMMENT ON COLUMN multiregion.policy_history.history_id IS 'Number of the change.';
COMMENT ON COLUMN multiregion.policy_history.name IS 'Name of the policy.';
COMMENT ON COLUMN multiregion.policy_history.old_value IS 'Value before; null if it was the default.';
COMMENT ON COLUMN multiregion.policy_history.value IS 'Value after; null if it is the default again.';
COMMENT ON COLUMN multiregion.policy_history.reason IS 'Why.';
COMMENT ON COLUMN multiregion.policy_history.changed_by IS 'Role that changed it.';
COMMENT ON COLUMN multiregion.policy_history.changed_at IS 'When.';

COMMENT ON TABLE multiregion.event IS 'What the nodes saw and did, collected by the primary.';
COMMENT ON COLUMN multiregion.event.event_id IS 'Number of the event.';
COMMENT ON COLUMN multiregion.event.node IS 'Node that saw it.';
COMMENT ON COLUMN multiregion.event.boot IS 'Random number of that start of the node.';
COMMENT ON COLUMN multiregion.event.sequence IS 'Number of the event in that start.';
COMMENT ON COLUMN multiregion.event.at IS 'When, by the clock of that node.';
COMMENT ON COLUMN multiregion.event.kind IS 'What happened, in a word.';
COMMENT ON COLUMN multiregion.event.severity IS 'info, warning or critical.';
COMMENT ON COLUMN multiregion.event.term IS 'Lease term (epoch) it belongs to.';
COMMENT ON COLUMN multiregion.event.subject IS 'Node or region it is about.';
COMMENT ON COLUMN multiregion.event.reason IS 'Why, in a word; the cause for lease_acquired.';
COMMENT ON COLUMN multiregion.event.value IS 'A number that belongs to it; its meaning depends on kind.';
COMMENT ON COLUMN multiregion.event.detail IS 'More, as text.';
COMMENT ON INDEX multiregion.event_by_time IS 'Events of a time.';

COMMENT ON TABLE multiregion.failover IS 'Changes of the primary.';
COMMENT ON COLUMN multiregion.failover.failover_id IS 'Number of the failover.';
COMMENT ON COLUMN multiregion.failover.epoch IS 'Lease term it began.';
COMMENT ON COLUMN multiregion.failover.cause IS 'Why the leadership began, in a word.';
COMMENT ON COLUMN multiregion.failover.rule IS 'Why this successor.';
COMMENT ON COLUMN multiregion.failover.from_node IS 'Primary before; null if unknown.';
COMMENT ON COLUMN multiregion.failover.from_region IS 'Its region.';
COMMENT ON COLUMN multiregion.failover.to_node IS 'Primary after.';
COMMENT ON COLUMN multiregion.failover.to_region IS 'Its region.';
COMMENT ON COLUMN multiregion.failover.detected_at IS 'When the successor learned that the lease was free.';
COMMENT ON COLUMN multiregion.failover.elected_at IS 'When it won the lease.';
COMMENT ON COLUMN multiregion.failover.promoted_at IS 'When its recovery had ended.';
COMMENT ON COLUMN multiregion.failover.open_at IS 'First moment at which a write could be acknowledged.';
COMMENT ON COLUMN multiregion.failover.first_write_at IS 'When the first write was acknowledged.';
COMMENT ON COLUMN multiregion.failover.lag_bytes IS 'Last known distance to the old primary when it was decided.';
COMMENT ON COLUMN multiregion.failover.timeline IS 'Timeline of the new primary.';
COMMENT ON COLUMN multiregion.failover.fork_lsn IS 'Where that timeline begins.';
COMMENT ON COLUMN multiregion.failover.recorded_at IS 'When this row was written.';

COMMENT ON TABLE multiregion.divergence IS 'WAL of a former primary that the new one never had; kept aside by multiregion-join.';
COMMENT ON COLUMN multiregion.divergence.divergence_id IS 'Number of the divergence.';
COMMENT ON COLUMN multiregion.divergence.node IS 'Node that held the WAL.';
COMMENT ON COLUMN multiregion.divergence.term IS 'Newest lease term whose WAL it held.';
COMMENT ON COLUMN multiregion.divergence.timeline IS 'Timeline of the diverged WAL.';
COMMENT ON COLUMN multiregion.divergence.fork_lsn IS 'Where it leaves the history of the new primary.';
COMMENT ON COLUMN multiregion.divergence.end_lsn IS 'Where it ends.';
COMMENT ON COLUMN multiregion.divergence.kept_path IS 'Where its segments are, on that node.';
COMMENT ON COLUMN multiregion.divergence.at IS 'When it was recorded.';

COMMENT ON FUNCTION @extschema@.region_for_tenant(text, boolean) IS 'Home region of a tenant: its preference, else the primary region; strict: null for a tenant without preference.';
COMMENT ON FUNCTION @extschema@.set_tenant_region(text, text, text, bigint) IS 'Sets the region preference of a tenant.';
COMMENT ON FUNCTION @extschema@.clear_tenant_region(text, text, bigint) IS 'Removes the region preference of a tenant; false if it had none.';
COMMENT ON FUNCTION @extschema@.gateway_region() IS 'Region of the node this session is connected to; null on an unmanaged server.';
COMMENT ON FUNCTION @extschema@.primary_region() IS 'Region of the newest primary this node knows of; null on an unmanaged server.';
COMMENT ON FUNCTION @extschema@.nearest_region(double precision, double precision) IS 'Region nearest to a place on earth; null if no region has coordinates.';
COMMENT ON FUNCTION @extschema@.add_region(text, text, text, double precision, double precision, integer, text, text) IS 'Adds a region; the smallest priority is preferred.';
COMMENT ON FUNCTION @extschema@.alter_region(text, text, double precision, double precision, integer, text, text) IS 'Changes what is given of a region; null leaves as it is, an empty endpoint removes it.';
COMMENT ON FUNCTION @extschema@.drop_region(text) IS 'Removes a region that no node and no tenant uses.';
COMMENT ON FUNCTION @extschema@.add_node(text, text, text, boolean, boolean) IS 'Registers a node before it is built; multiregion-join makes it a member.';
COMMENT ON FUNCTION @extschema@.alter_node(text, text, boolean, boolean) IS 'Changes what is given of a node.';
COMMENT ON FUNCTION @extschema@.drop_node(text) IS 'Removes a node from the cluster.';

COMMENT ON FUNCTION multiregion.note_change() IS 'Trigger: counts a change in configuration_version.';
COMMENT ON FUNCTION multiregion.rpc(bytea) IS 'One message of the lease protocol, from the lease worker of a peer; its signature never changes.';
COMMENT ON FUNCTION multiregion.init(text, text, text, text[]) IS 'Makes this server the first node of a managed cluster.';
COMMENT ON FUNCTION multiregion.leave() IS 'Makes the last node of a cluster a plain server again.';
COMMENT ON FUNCTION multiregion.register_node(text, uuid) IS 'Binds a registered name to the identity of the node that joins; returns the configuration in force.';
COMMENT ON FUNCTION multiregion.replace_node(text) IS 'Unbinds a name from an identity that is lost, so that a new node can join under it.';
COMMENT ON FUNCTION multiregion.check() IS 'Looks for settings of this server that would bite later.';
COMMENT ON FUNCTION multiregion.set_policy(text, text, text) IS 'Sets a policy of the cluster; null returns to the default. Returns the value as stored.';
COMMENT ON FUNCTION multiregion.list_policies() IS 'Every policy with its default, range, unit and the value in force; behind the view policies.';
COMMENT ON FUNCTION multiregion.lease_status() IS 'The lease as this node sees it.';
COMMENT ON FUNCTION multiregion.member_status() IS 'The members of the cluster as this node sees them.';
COMMENT ON FUNCTION multiregion.region_status() IS 'Health of the regions that have members, as this node sees it.';
COMMENT ON FUNCTION multiregion.pending_events(bigint) IS 'Events of this node since its start, after the given sequence number.';
COMMENT ON FUNCTION multiregion.wait_for_change(bigint, integer) IS 'Waits until the status differs from the given generation, or for the timeout; returns the generation. Call it alone: SELECT multiregion.wait_for_change(g, ms).';
COMMENT ON FUNCTION multiregion.request_checkpoint() IS 'Immediate checkpoint, so that the control file shows the current timeline; for multiregion-join.';
COMMENT ON FUNCTION multiregion.record_divergence(text, bigint, bigint, pg_lsn, pg_lsn, text) IS 'Records diverged WAL that multiregion-join has kept aside; false if it was recorded before.';

COMMENT ON VIEW multiregion.regions IS 'Regions, which of them is primary, and their health.';
COMMENT ON VIEW multiregion.nodes IS 'Nodes, their role and health.';
COMMENT ON VIEW multiregion.replication IS 'How far every member has got.';
COMMENT ON VIEW multiregion.tenants IS 'Tenants with a region preference.';
COMMENT ON VIEW multiregion.failovers IS 'Changes of the primary, newest first.';
COMMENT ON VIEW multiregion.events IS 'What the nodes saw and did, newest first.';
COMMENT ON VIEW multiregion.policies IS 'The cluster policy: values wanted and in force, defaults, ranges.';
COMMENT ON VIEW multiregion.settings IS 'Every setting of cluster and node in one list.';
