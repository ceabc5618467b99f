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

-- Copies of the regions in memory depend on it.
ALTER TABLE multiregion.region ENABLE ALWAYS TRIGGER note_change;
