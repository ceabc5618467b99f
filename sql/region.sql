-- Proves which regions can be added, altered and dropped, which names and places are
-- refused and how, and which region is nearest to a place.

SET client_min_messages = error;
DROP EXTENSION IF EXISTS multiregion;
CREATE EXTENSION multiregion;
RESET client_min_messages;

-- Key and id are stored in their own case, whatever was given.
SELECT add_region('us_east', 'US-EAST-1', 'US East (Virginia)', 38.95, -77.45, 1);
SELECT add_region('EU_WEST', 'eu-west-1', 'EU West (Ireland)', 53.35, -6.26,
	api_endpoint => 'https://eu-west.example.com', cdn_endpoint => 'https://cdn-eu.example.com');
SELECT add_region('Ap_SouthEast', 'ap-southeast-1');
SELECT * FROM multiregion.regions \gx

-- ---------- names ----------

SELECT add_region('US_EAST', 'us-east-2');
\echo :SQLSTATE
SELECT add_region('US_EAST_2', 'Us-East-1');
-- The key of one must not be the id of another: either word may mean a region.
SELECT add_region('NORTH', 'south');
SELECT add_region('SOUTH', 'north');
SELECT drop_region('south');

SELECT add_region(NULL, 'x');
\echo :SQLSTATE
SELECT add_region('X', NULL);
SELECT add_region('', 'x');
\echo :SQLSTATE
SELECT add_region('X', '');
SELECT add_region('1X', '1x');
SELECT add_region('X-Y', 'x-y');
SELECT add_region('X_Y', 'x_y');
SELECT add_region('X''; DROP TABLE multiregion.region; --', 'x');
SELECT add_region('"X"', 'x');
SELECT add_region('X', 'x''y');
SELECT add_region('É', 'x');
SELECT add_region(E'X\n', 'x');
SELECT add_region(E'X\x01', 'x');
SELECT add_region('X', E'x\t');
-- No text holds a NUL, so none can cut a name short.
SELECT add_region(E'X\x00Y', 'x');
SELECT add_region(E'X\u0000Y', 'x');
SELECT add_region(convert_from('\x580059', 'UTF8'), 'x');
-- 63 bytes are a name, 64 are not.
SELECT length(add_region(repeat('K', 63), repeat('i', 63)));
SELECT drop_region(repeat('k', 63));
SELECT add_region(repeat('K', 64), 'x');
SELECT add_region('X', repeat('i', 64));
SELECT alter_region(repeat('K', 64), 'x');

-- ---------- places and the rest ----------

SELECT add_region('X', 'x', latitude => 90.01, longitude => 0);
\echo :SQLSTATE
SELECT add_region('X', 'x', latitude => -90.01, longitude => 0);
SELECT add_region('X', 'x', latitude => 0, longitude => 180.01);
SELECT add_region('X', 'x', latitude => 0, longitude => -180.01);
SELECT add_region('X', 'x', latitude => 'NaN', longitude => 0);
SELECT add_region('X', 'x', latitude => 0, longitude => '-Infinity');
SELECT add_region('X', 'x', latitude => 0);
\echo :SQLSTATE
SELECT add_region('X', 'x', priority => -1);
SELECT add_region('X', 'x', priority => 1000001);
SELECT add_region('X', 'x', '');
SELECT add_region('X', 'x', repeat('n', 128));
SELECT add_region('X', 'x', E'two\nlines');
SELECT add_region('X', 'x', api_endpoint => 'ftp://example.com');
SELECT add_region('X', 'x', api_endpoint => 'https://user:secret@example.com');
SELECT add_region('X', 'x', cdn_endpoint => 'https://example.com/<script>');
SELECT add_region('X', 'x', cdn_endpoint => 'https://' || repeat('x', 248));

-- The edges are places, and a name may hold what a name may hold.
SELECT add_region('X', 'x', 'Île d''Été "1"', -90, 180, 0);
SELECT name, latitude, longitude, priority FROM multiregion.regions WHERE region_key = 'X';

-- ---------- alter and drop ----------

-- Null leaves as it is, an empty endpoint removes it.
SELECT alter_region('Eu-West-1', priority => 5);
SELECT alter_region('eu_west', 'Ireland', cdn_endpoint => '');
SELECT name, latitude, longitude, priority, api_endpoint, cdn_endpoint
FROM multiregion.regions WHERE region_key = 'EU_WEST' \gx
SELECT alter_region('EU_WEST', latitude => 1);
SELECT alter_region('EU_WEST', latitude => 91, longitude => 1);
SELECT alter_region('EU_WEST', priority => -5);
SELECT alter_region('EU_WEST', api_endpoint => 'nowhere');
SELECT alter_region('nowhere', 'x');
\echo :SQLSTATE
SELECT alter_region(NULL, 'x');
SELECT drop_region('nowhere');
SELECT drop_region('');
SELECT drop_region(NULL);

-- A region in use stays.
SELECT version FROM set_tenant_region('acme', 'X');
SELECT drop_region('x');
\echo :SQLSTATE
SELECT clear_tenant_region('acme');
SELECT drop_region('x');
SET client_min_messages = error;
SELECT add_node('a', 'EU_WEST', 'host=127.0.0.1 port=1');
RESET client_min_messages;
SELECT drop_region('EU_WEST');
SELECT drop_node('a');

-- Nothing of it may go past the functions, not even for the owner of the tables.
\set VERBOSITY terse
INSERT INTO multiregion.region (region_key, region_id, name) VALUES ('lower', 'lower', 'x');
INSERT INTO multiregion.region (region_key, region_id, name, latitude)
	VALUES ('HALF', 'half', 'x', 1);
\set VERBOSITY default

-- The smallest priority is preferred; among equals the region added first.
SELECT region_key, priority FROM multiregion.regions;

-- Without regions the hint says what to do.
SELECT drop_region(region_key) FROM multiregion.regions;
SELECT drop_region('US_EAST');
SELECT nearest_region(0, 0);

-- ---------- nearest ----------

SELECT add_region('NOWHERE', 'nowhere');
SELECT nearest_region(0, 0);
SELECT add_region('US_EAST', 'us-east-1', latitude => 38.95, longitude => -77.45);
SELECT add_region('FIJI', 'fiji', latitude => -17.7, longitude => 178);
SELECT add_region('NORTH_CAPE', 'north-cape', latitude => 71.2, longitude => 25.8);
SELECT add_region('USHUAIA', 'ushuaia', latitude => -54.8, longitude => -68.3);
SELECT place, nearest_region(latitude, longitude) FROM (VALUES
	('New York', 40.7, -74.0),
	('Samoa, beyond the antimeridian', -13.8, -171.8),
	('on the antimeridian', -17.7, 180),
	('on its other side', -17.7, -180),
	('north pole', 90, 0),
	('north pole, by another name', 90, -180),
	('south pole', -90, 0),
	('south pole, by another name', -90, 179)) AS p (place, latitude, longitude);
-- Equally far: the smaller priority, then the older.
SELECT add_region('US_EAST_2', 'us-east-2', latitude => 38.95, longitude => -77.45);
SELECT nearest_region(40.7, -74);
SELECT alter_region('US_EAST_2', priority => 1);
SELECT nearest_region(40.7, -74);
-- No such place.
SELECT nearest_region('NaN', 0);
\echo :SQLSTATE
SELECT nearest_region(0, 'NaN');
SELECT nearest_region('Infinity', 0);
SELECT nearest_region(90.0000001, 0);
SELECT nearest_region(0, -180.0000001);
SELECT nearest_region(NULL, 0);
-- The same in parallel workers.
BEGIN;
DO $$ -- its name from PostgreSQL 16 on, and before
BEGIN
	PERFORM set_config(name, 'on', true) FROM pg_settings
	WHERE name IN ('debug_parallel_query', 'force_parallel_mode');
END $$;
SELECT nearest_region(40.7, -74), region_for_tenant('acme', true), primary_region();
COMMIT;

-- Nobody is primary on an unmanaged server.
SELECT primary_region(), gateway_region();
SELECT DISTINCT is_primary, status FROM multiregion.regions;

-- A region is read from a read-only transaction, but not added.
BEGIN READ ONLY;
SELECT nearest_region(40.7, -74);
SELECT add_region('X', 'x');
ROLLBACK;

DROP EXTENSION multiregion;
