-- Read/write splitting: where a read, a write, a tenant belongs now. Everybody may ask:
-- who is connected to one node has to know where the others are, and of a node no more is
-- shown than host and port.

CREATE FUNCTION @extschema@.route_for_read(
	max_lag interval DEFAULT NULL,
	min_token text DEFAULT NULL,
	tenant text DEFAULT NULL,
	from_region text DEFAULT NULL,
	max_lag_bytes bigint DEFAULT NULL,
	OUT region text,
	OUT node text,
	OUT host text,
	OUT port integer,
	OUT lag interval,
	OUT lag_bytes bigint,
	OUT staleness_bound interval,
	OUT is_primary boolean,
	OUT round_trip_ms double precision,
	OUT age interval,
	OUT reason text,
	OUT sentence text)
	RETURNS record
	AS 'MODULE_PATHNAME', 'multiregion_route_for_read'
	LANGUAGE c VOLATILE PARALLEL RESTRICTED;

CREATE FUNCTION @extschema@.route_for_write(
	tenant text DEFAULT NULL,
	OUT region text,
	OUT node text,
	OUT host text,
	OUT port integer,
	OUT lag interval,
	OUT lag_bytes bigint,
	OUT staleness_bound interval,
	OUT is_primary boolean,
	OUT round_trip_ms double precision,
	OUT age interval,
	OUT reason text,
	OUT sentence text)
	RETURNS record
	AS 'MODULE_PATHNAME', 'multiregion_route_for_write'
	LANGUAGE c VOLATILE PARALLEL RESTRICTED;

CREATE FUNCTION @extschema@.tenant_route(
	tenant text,
	for_write boolean DEFAULT false,
	latitude double precision DEFAULT NULL,
	longitude double precision DEFAULT NULL,
	OUT region text,
	OUT node text,
	OUT role text,
	OUT host text,
	OUT port integer,
	OUT reason text,
	OUT sentence text,
	OUT pinned boolean,
	OUT fallback_rank integer,
	OUT home_region text)
	RETURNS record
	AS 'MODULE_PATHNAME', 'multiregion_tenant_route'
	LANGUAGE c VOLATILE PARALLEL RESTRICTED;

CREATE FUNCTION @extschema@.explain_route(
	tenant text DEFAULT NULL,
	for_write boolean DEFAULT false,
	assume_down text[] DEFAULT '{}',
	max_lag interval DEFAULT NULL,
	min_token text DEFAULT NULL,
	from_region text DEFAULT NULL,
	max_lag_bytes bigint DEFAULT NULL,
	latitude double precision DEFAULT NULL,
	longitude double precision DEFAULT NULL,
	OUT step integer,
	OUT subject text,
	OUT region text,
	OUT node text,
	OUT chosen boolean,
	OUT reason text,
	OUT sentence text,
	OUT input text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'multiregion_explain_route'
	LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 10;

CREATE FUNCTION @extschema@.conninfo_for(role text DEFAULT 'any', region text DEFAULT NULL)
	RETURNS text
	AS 'MODULE_PATHNAME', 'multiregion_conninfo_for'
	LANGUAGE c VOLATILE PARALLEL RESTRICTED;
