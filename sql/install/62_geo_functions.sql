-- Clients and countries, in the extension's target schema.

CREATE FUNCTION @extschema@.resolve_geo(headers jsonb, peer inet DEFAULT NULL)
	RETURNS multiregion.geo
	AS 'MODULE_PATHNAME', 'multiregion_resolve_geo'
	LANGUAGE c STABLE PARALLEL SAFE;

CREATE FUNCTION @extschema@.client_address(headers jsonb, peer inet)
	RETURNS inet
	AS 'MODULE_PATHNAME', 'multiregion_client_address'
	LANGUAGE c STABLE PARALLEL SAFE;

CREATE FUNCTION @extschema@.nearest_region(country text, subdivision text DEFAULT NULL)
	RETURNS text
	AS 'MODULE_PATHNAME', 'multiregion_nearest_region_to_country'
	LANGUAGE c STABLE PARALLEL SAFE;

CREATE FUNCTION @extschema@.nearest_region(client inet)
	RETURNS text
	AS 'MODULE_PATHNAME', 'multiregion_nearest_region_to_address'
	LANGUAGE c STABLE STRICT PARALLEL SAFE;

CREATE FUNCTION @extschema@.region_distance(a text, b text)
	RETURNS double precision
	AS 'MODULE_PATHNAME', 'multiregion_region_distance'
	LANGUAGE c STABLE STRICT PARALLEL SAFE;

CREATE FUNCTION @extschema@.region_for_tenant(tenant text, headers jsonb, peer inet)
	RETURNS text
	AS 'MODULE_PATHNAME', 'multiregion_region_for_client'
	LANGUAGE c STABLE PARALLEL SAFE;

CREATE FUNCTION @extschema@.map_country(
	country text,
	region text,
	weight integer DEFAULT 100,
	subdivision text DEFAULT NULL)
	RETURNS text
	AS 'MODULE_PATHNAME', 'multiregion_map_country'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION @extschema@.unmap_country(
	country text,
	region text DEFAULT NULL,
	subdivision text DEFAULT NULL)
	RETURNS integer
	AS 'MODULE_PATHNAME', 'multiregion_unmap_country'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;
