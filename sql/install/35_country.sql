-- Where clients come from: which regions serve a country, and what is known of a client.

-- A country, or a subdivision of it, may have several regions: clients are distributed by
-- weight. An empty subdivision is the whole country.
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
