-- Tenants beyond a preference: zones, the past, import, tables of the application.

CREATE FUNCTION @extschema@.region_for_tenant_at(tenant text, at timestamptz) RETURNS text
	AS 'MODULE_PATHNAME', 'multiregion_region_for_tenant_at'
	LANGUAGE c STABLE STRICT PARALLEL SAFE;

CREATE FUNCTION @extschema@.set_tenant_zone(
	tenant text,
	zone text,
	reason text DEFAULT NULL,
	expected_version bigint DEFAULT NULL,
	OUT tenant_id text,
	OUT region_key text,
	OUT region_id text,
	OUT version bigint,
	OUT tenant_mode text,
	OUT tenant_fallbacks text[],
	OUT tenant_zone text)
	RETURNS record
	AS 'MODULE_PATHNAME', 'multiregion_set_tenant_zone'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION @extschema@.add_zone(zone text, regions text[], strict boolean DEFAULT false)
	RETURNS text
	AS 'MODULE_PATHNAME', 'multiregion_add_zone'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION @extschema@.alter_zone(
	zone text,
	regions text[] DEFAULT NULL,
	strict boolean DEFAULT NULL)
	RETURNS text
	AS 'MODULE_PATHNAME', 'multiregion_alter_zone'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION @extschema@.drop_zone(zone text) RETURNS void
	AS 'MODULE_PATHNAME', 'multiregion_drop_zone'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

-- "column" is a word of SQL: by name it is "column" => 'regionPreference', in quotes.
CREATE FUNCTION @extschema@.add_region_preference(
	table_name text,
	tenant_column text,
	"column" text DEFAULT 'region_preference',
	winner text DEFAULT 'table')
	RETURNS void
	AS 'MODULE_PATHNAME', 'multiregion_add_region_preference'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION @extschema@.remove_region_preference(table_name text) RETURNS void
	AS 'MODULE_PATHNAME', 'multiregion_remove_region_preference'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION multiregion.list_preferences(
	OUT schema_name text,
	OUT table_name text,
	OUT tenant_column text,
	OUT region_column text,
	OUT state text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'multiregion_list_preferences'
	LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 1;

CREATE FUNCTION multiregion.keep_region_preference() RETURNS trigger
	AS 'MODULE_PATHNAME', 'multiregion_keep_region_preference'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION multiregion.import_tenant() RETURNS trigger
	AS 'MODULE_PATHNAME', 'multiregion_import_tenant'
	LANGUAGE c VOLATILE PARALLEL UNSAFE;
