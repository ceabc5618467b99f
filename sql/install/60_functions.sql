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
	mode text DEFAULT 'prefer',
	fallbacks text[] DEFAULT NULL,
	OUT tenant_id text,
	OUT region_key text,
	OUT region_id text,
	OUT version bigint,
	OUT tenant_mode text,
	OUT tenant_fallbacks text[],
	OUT tenant_zone text)
	RETURNS record
	AS 'MODULE_PATHNAME', 'multiregion_set_tenant_rule'
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

CREATE FUNCTION @extschema@.add_witness(
	name text,
	region text,
	conninfo text,
	allow_unreachable boolean DEFAULT false)
	RETURNS text
	AS 'MODULE_PATHNAME', 'multiregion_add_witness'
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

CREATE FUNCTION @extschema@.switchover(
	target text DEFAULT NULL,
	away boolean DEFAULT false,
	dry_run boolean DEFAULT false,
	wait interval DEFAULT '30 seconds',
	OUT failover_id text,
	OUT kind text,
	OUT from_node text,
	OUT from_region text,
	OUT to_node text,
	OUT to_region text,
	OUT epoch bigint,
	OUT duration_ms bigint,
	OUT lost_bytes bigint)
	RETURNS record
	AS 'MODULE_PATHNAME', 'multiregion_switchover'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION @extschema@.failover(
	target text DEFAULT NULL,
	allow_data_loss boolean DEFAULT false,
	dry_run boolean DEFAULT false,
	wait interval DEFAULT '30 seconds',
	OUT failover_id text,
	OUT kind text,
	OUT from_node text,
	OUT from_region text,
	OUT to_node text,
	OUT to_region text,
	OUT epoch bigint,
	OUT duration_ms bigint,
	OUT lost_bytes bigint)
	RETURNS record
	AS 'MODULE_PATHNAME', 'multiregion_failover'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION @extschema@.pause_failover(
	duration interval,
	region text DEFAULT NULL,
	node text DEFAULT NULL,
	reason text DEFAULT NULL)
	RETURNS timestamptz
	AS 'MODULE_PATHNAME', 'multiregion_pause_failover'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION @extschema@.resume_failover(region text DEFAULT NULL, node text DEFAULT NULL)
	RETURNS boolean
	AS 'MODULE_PATHNAME', 'multiregion_resume_failover'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION @extschema@.explain_failover(
	assume_down text[] DEFAULT NULL,
	OUT node text,
	OUT region text,
	OUT rule text,
	OUT input text,
	OUT passes boolean,
	OUT rank integer,
	OUT wins boolean)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'multiregion_explain_failover'
	LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 60;

CREATE FUNCTION @extschema@.schedule_switchover(
	at timestamptz,
	target text DEFAULT NULL,
	away boolean DEFAULT false,
	reason text DEFAULT NULL)
	RETURNS bigint
	AS 'MODULE_PATHNAME', 'multiregion_schedule_switchover'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION @extschema@.cancel_switchover(schedule_id bigint) RETURNS boolean
	AS 'MODULE_PATHNAME', 'multiregion_cancel_switchover'
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE;

CREATE FUNCTION @extschema@.session_token() RETURNS text
	AS 'MODULE_PATHNAME', 'multiregion_session_token'
	LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED;

CREATE FUNCTION @extschema@.last_commit_lsn() RETURNS pg_catalog.pg_lsn
	AS 'MODULE_PATHNAME', 'multiregion_last_commit_lsn'
	LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED;

CREATE FUNCTION @extschema@.wait_for_token(token text, timeout interval DEFAULT '5 s')
	RETURNS text
	AS 'MODULE_PATHNAME', 'multiregion_wait_for_token'
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE;

CREATE FUNCTION @extschema@.token_reached(token text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'multiregion_token_reached'
	LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED;

CREATE FUNCTION @extschema@.replication_staleness() RETURNS interval
	AS 'MODULE_PATHNAME', 'multiregion_replication_staleness'
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE;

CREATE FUNCTION @extschema@.assert_max_staleness(max_staleness interval) RETURNS void
	AS 'MODULE_PATHNAME', 'multiregion_assert_max_staleness'
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE;
