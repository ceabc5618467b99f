-- Proves where clients are found to be: by the headers of CDNs that are trusted and of those
-- that are not, by mapped countries and by distance; what cannot be believed, and what the
-- settings refuse. Each header's format is in test/unit/test_geo_headers.c.

SET client_min_messages = error;
DROP EXTENSION IF EXISTS multiregion;
CREATE EXTENSION multiregion;
RESET client_min_messages;
SELECT add_region('US_EAST', 'us-east-1', latitude => 38.95, longitude => -77.45, priority => 1);
SELECT add_region('US_WEST', 'us-west-2', latitude => 45.9, longitude => -119.3, priority => 2);
SELECT add_region('EU_WEST', 'eu-west-1', latitude => 53.35, longitude => -6.26, priority => 3);
SELECT add_region('AP_SOUTHEAST', 'ap-southeast-1', latitude => 1.35, longitude => 103.8, priority => 4);

-- ---------- nobody is believed unless somebody says so ----------

SELECT * FROM resolve_geo('{"CF-IPCountry": "DE"}', '192.0.2.1') \gx
SET multiregion.geo_providers = 'cloudflare, akamai';
SELECT * FROM resolve_geo('{"CF-IPCountry": "DE"}', '192.0.2.1') \gx
SET multiregion.trusted_proxies = '10.0.0.0/8, 2001:db8:1::/48';
SELECT * FROM resolve_geo('{"Host": "x", "CF-IPCountry": "br", "CF-IPCity": "S\\u00c3\\u00a3o Paulo", "cf-region-code": "SP",
	"CF-IPLatitude": "-23.55", "CF-IPLongitude": "-46.63", "cf-timezone": "America/Sao_Paulo",
	"CF-Connecting-IP": "2001:db8::7"}', '10.1.2.3') \gx
-- Another address in front, or none at all.
SELECT country, trusted, source FROM resolve_geo('{"CF-IPCountry": "DE"}', '11.1.2.3');
SELECT country, trusted, source FROM resolve_geo('{"CF-IPCountry": "DE"}');
-- A provider that is not on the list.
SELECT country, trusted, source FROM resolve_geo('{"x-vercel-ip-country": "DE"}', '10.1.2.3');
-- It does not know, and says so in many ways.
SELECT word, country, source FROM unnest('{XX,T1,ZZ,A1,A2,O1,EU,AP,?,"",DEU,D,"D E"}'::text[]) AS word,
	resolve_geo(jsonb_build_object('CF-IPCountry', word), '10.1.2.3');

-- ---------- what is there twice ----------

SELECT country, trusted, source FROM resolve_geo('{"CF-IPCountry": ["DE", "US"]}', '10.1.2.3');
SELECT country, trusted, source FROM resolve_geo('{"CF-IPCountry": "DE", "cf-ipcountry": "DE"}', '10.1.2.3');
SELECT country, trusted, source FROM resolve_geo('{"CF-IPCountry": ["DE"]}', '10.1.2.3');
SELECT country, trusted, source FROM resolve_geo('{"CF-IPCountry": [], "cf-ipcountry": {"a": "US"}, "CF-ipcountry": 7}', '10.1.2.3');
-- The next provider is asked.
SELECT country, city, trusted, source FROM resolve_geo('{"CF-IPCountry": ["DE", "US"],
	"X-Akamai-Edgescape": "georegion=263,country_code=US,region_code=MA,city=CAMBRIDGE,lat=42.3933,long=-71.1333,timezone=EST,continent=NA"}',
	'10.1.2.3');

-- ---------- a provider's own networks, and its proof ----------

SET multiregion.trusted_proxies = '10.0.0.0/8, cloudflare=198.51.100.0/24';
-- Straight from Cloudflare; through our own balancer; past Cloudflare to our balancer.
SELECT country, client_address, trusted FROM resolve_geo(
	'{"CF-IPCountry": "DE", "CF-Connecting-IP": "203.0.113.5"}', '198.51.100.9');
SELECT country, client_address, trusted FROM resolve_geo(
	'{"CF-IPCountry": "DE", "CF-Connecting-IP": "203.0.113.5", "X-Forwarded-For": "203.0.113.5, 198.51.100.9"}', '10.1.2.3');
SELECT country, client_address, trusted FROM resolve_geo(
	'{"CF-IPCountry": "DE", "CF-Connecting-IP": "203.0.113.5", "X-Forwarded-For": "203.0.113.5, 198.51.100.9, 192.0.2.66"}', '10.1.2.3');
SELECT country, client_address, trusted FROM resolve_geo(
	'{"CF-IPCountry": "DE", "CF-Connecting-IP": "203.0.113.5"}', '192.0.2.66');
-- Its network vouches for no other provider.
SELECT country, trusted FROM resolve_geo('{"X-Akamai-Edgescape": "country_code=FR"}', '198.51.100.9');
SET multiregion.geo_proofs = 'akamai=x-edge-secret:sesame, akamai=x-edge-secret:old';
SELECT country, trusted FROM resolve_geo('{"X-Akamai-Edgescape": "country_code=FR", "X-Edge-Secret": "sesame"}', '192.0.2.66');
SELECT country, trusted FROM resolve_geo('{"X-Akamai-Edgescape": "country_code=FR", "X-Edge-Secret": "old"}', '192.0.2.66');
SELECT country, trusted FROM resolve_geo('{"X-Akamai-Edgescape": "country_code=FR", "X-Edge-Secret": "open"}', '10.1.2.3');
SELECT country, trusted FROM resolve_geo('{"X-Akamai-Edgescape": "country_code=FR", "X-Edge-Secret": ["open", "sesame"]}', '10.1.2.3');
SELECT country, trusted FROM resolve_geo('{"X-Akamai-Edgescape": "country_code=FR"}', '10.1.2.3');
RESET multiregion.geo_proofs;

-- ---------- the address of a client ----------

SET multiregion.trusted_proxies = '10.0.0.0/8 fd00::/8';
SELECT client_address('{"X-Forwarded-For": "6.6.6.6, 203.0.113.5, 10.9.9.9"}', '10.1.2.3');
SELECT client_address('{"X-Forwarded-For": ["6.6.6.6", "203.0.113.5, 10.9.9.9"]}', '10.1.2.3');
SELECT client_address('{"X-Forwarded-For": "6.6.6.6"}', '192.0.2.66');
SELECT client_address('{"Forwarded": "for=6.6.6.6, for=\"[2001:db8::5]:4711\";proto=https, for=10.9.9.9"}', 'fd00::1');
SELECT client_address('{"X-Forwarded-For": "203.0.113.5", "Forwarded": "for=203.0.113.5"}', '10.1.2.3');
SELECT client_address, source FROM resolve_geo('{"X-Forwarded-For": "203.0.113.5", "Forwarded": "for=6.6.6.6"}', '10.1.2.3');
SELECT client_address, source FROM resolve_geo('{"X-Forwarded-For": "203.0.113.5, unknown"}', '10.1.2.3');
SELECT client_address, source FROM resolve_geo('{"X-Forwarded-For": "203.0.113.5", "x-forwarded-for": "6.6.6.6"}', '10.1.2.3');
SELECT client_address('{"x-forwarded-for": "203.0.113.5"}', '::ffff:10.1.2.3');
SELECT client_address('{}', '192.0.2.66'), client_address(NULL, '2001:db8::1/64'), client_address('{}', NULL), client_address(NULL, NULL);
-- As many proxies as are said, whoever they are.
RESET multiregion.trusted_proxies;
SET multiregion.trusted_hops = 2;
SELECT client_address('{"X-Forwarded-For": "6.6.6.6, 203.0.113.5, 192.0.2.66"}', '192.0.2.67');
SELECT client_address('{"X-Forwarded-For": "6.6.6.6, 203.0.113.5, 192.0.2.66"}', NULL);
RESET multiregion.trusted_hops;

SELECT resolve_geo('[]');
\echo :SQLSTATE
SELECT resolve_geo('"x"');

-- ---------- headers of one's own ----------

SET multiregion.trusted_proxies = '10.0.0.0/8';
SET multiregion.geo_providers = 'custom,google';
SET multiregion.geo_headers = 'country=X-My-Country, city=x-my-city:percent, google.country=x-goog-country';
SELECT country, city, source FROM resolve_geo('{"x-my-country": "gb", "X-MY-CITY": "Z%C3%BCrich"}', '10.1.2.3');
SELECT country, subdivision, city, source FROM resolve_geo('{"x-goog-country": "US", "x-client-region-subdivision": "USCA", "x-client-city": "Palo Alto"}', '10.1.2.3');
SELECT country FROM resolve_geo('{"x-client-region": "US"}', '10.1.2.3');

-- ---------- settings ----------

\set VERBOSITY default
SET multiregion.geo_providers = 'cloudflare,nobody';
SET multiregion.geo_providers = 'cloudflare,cloudflare';
SET multiregion.geo_headers = 'country';
SET multiregion.geo_headers = 'nobody.country=x';
SET multiregion.geo_headers = 'age=x';
SET multiregion.geo_headers = 'country=x:base64';
SET multiregion.geo_headers = 'country=x:rot13';
SET multiregion.geo_headers = 'country=x y';
SET multiregion.geo_headers = 'country=x/y';
SET multiregion.geo_proofs = 'cloudflare=secret';
SET multiregion.geo_proofs = 'nobody=x-secret:secret';
SET multiregion.geo_proofs = 'cloudflare=x-secret:';
SET multiregion.trusted_proxies = '10.0.0.0/33';
SET multiregion.trusted_proxies = '10.0.0.1/8';
SET multiregion.trusted_proxies = 'localhost';
SET multiregion.trusted_proxies = 'nobody=10.0.0.0/8';
SET multiregion.trusted_hops = -1;
SHOW multiregion.geo_providers;
-- A setting that is rolled back is undone in what was made of it, too.
BEGIN;
SET LOCAL multiregion.geo_providers = 'cloudflare';
SELECT country, source FROM resolve_geo('{"CF-IPCountry": "DE"}', '10.1.2.3');
ROLLBACK;
SELECT country, source FROM resolve_geo('{"CF-IPCountry": "DE"}', '10.1.2.3');

-- ---------- nearest region ----------

SELECT nearest_region('DE'), nearest_region('de'), nearest_region('UK'), nearest_region('US'), nearest_region('JP'),
	nearest_region('NZ'), nearest_region('XK');
SELECT nearest_region('XX'), nearest_region(''), nearest_region('Germany'), nearest_region(NULL::text), nearest_region('DE', NULL);
SELECT nearest_region(48.85, 2.35), nearest_region('192.0.2.1'::inet);
-- What a driver sends without types means coordinates, as ever.
SELECT nearest_region('48.85', '2.35'), nearest_region('37.7', '-122.4');
SELECT nearest_region('91', '2.35');
SELECT round(region_distance('us_east', 'eu-west-1')), region_distance('US_EAST', 'US_EAST'), region_distance(NULL, 'US_EAST');
SELECT region_distance('US_EAST', 'nowhere');
\echo :SQLSTATE
SELECT add_region('DARK', 'dark');
SELECT region_distance('US_EAST', 'DARK');

-- ---------- mapped countries ----------

SELECT map_country('us', 'us-west-2', subdivision => 'us-ca');
SELECT map_country('US', 'US_EAST');
SELECT map_country('CH', 'AP_SOUTHEAST', 30), map_country('CH', 'EU_WEST', 60);
SELECT country, subdivision, region_key, weight, percent, changed_by = current_user AS mine FROM multiregion.country_regions;
SELECT nearest_region('US', 'CA'), nearest_region('US', 'US-CA'), nearest_region('US', 'NY'), nearest_region('US'), nearest_region('CH');
SELECT map_country('CH', 'EU_WEST', 20);
SELECT nearest_region('CH');
SELECT unmap_country('CH', 'EU_WEST'), unmap_country('CH', 'EU_WEST'), unmap_country('CH');
SELECT nearest_region('CH');
-- Of a region that goes, nothing stays.
SELECT map_country('CH', 'DARK');
SELECT nearest_region('CH');
SELECT drop_region('DARK');
SELECT nearest_region('CH');
SELECT map_country('Germany', 'US_EAST');
\echo :SQLSTATE
SELECT map_country('XX', 'US_EAST');
SELECT map_country('DE', 'nowhere');
SELECT map_country('DE', 'US_EAST', 0);
SELECT map_country('DE', 'US_EAST', 1000001);
SELECT map_country('DE', 'US_EAST', NULL);
SELECT map_country('DE', 'US_EAST', subdivision => 'FR-75');
SELECT map_country('DE', 'US_EAST', subdivision => 'BAVARIA');
SELECT map_country(NULL, 'US_EAST');
SELECT map_country('DE', NULL);
SELECT unmap_country('nowhere');

-- ---------- tenants ----------

SET multiregion.geo_providers = 'cloudflare';
SELECT region_for_tenant('acme', '{"CF-IPCountry": "DE"}', '10.1.2.3'), region_for_tenant('acme', '{"CF-IPCountry": "VN"}', '10.1.2.3');
-- What anybody could have written decides nothing.
SELECT region_for_tenant('acme', '{"CF-IPCountry": "DE"}', '192.0.2.66');
SELECT region_for_tenant('acme', NULL, NULL), region_for_tenant(NULL, '{}', NULL);
-- What is set for the tenant goes before where its clients are.
SELECT version FROM set_tenant_region('acme', 'US_EAST');
SELECT region_for_tenant('acme', '{"CF-IPCountry": "DE"}', '10.1.2.3'), region_for_tenant('other', '{"CF-IPCountry": "DE"}', '10.1.2.3');
-- By weight, and each tenant always the same.
SELECT map_country('JP', 'US_WEST', 1), map_country('JP', 'AP_SOUTHEAST', 3);
SELECT region, count(*) BETWEEN CASE region WHEN 'US_WEST' THEN 200 ELSE 650 END AND CASE region WHEN 'US_WEST' THEN 350 ELSE 800 END AS share
FROM (SELECT region_for_tenant('t' || i, '{"CF-IPCountry": "JP"}', '10.1.2.3') AS region FROM generate_series(1, 1000) AS i) AS r
GROUP BY region ORDER BY region;
SELECT count(*) FROM generate_series(1, 100) AS i
WHERE region_for_tenant('t' || i, '{"CF-IPCountry": "JP"}', '10.1.2.3') <> region_for_tenant('t' || i, '{"CF-IPCountry": "jp"}', '10.1.2.9');
-- The two forms are told apart.
SELECT region_for_tenant('acme', true), region_for_tenant('acme', NULL);

-- ---------- who may ----------

CREATE ROLE regress_geo_nobody;
SET ROLE regress_geo_nobody;
SELECT (resolve_geo('{"CF-IPCountry": "DE"}', '10.1.2.3')).country, nearest_region('DE'), client_address('{}', '10.1.2.3');
SELECT map_country('DE', 'US_EAST');
\echo :SQLSTATE
SELECT unmap_country('DE');
SET multiregion.trusted_proxies = '0.0.0.0/0';
\set VERBOSITY sqlstate
SHOW multiregion.geo_proofs;
\set VERBOSITY default
RESET ROLE;
DROP ROLE regress_geo_nobody;

-- ---------- a database of addresses ----------

-- None is no error, nor is an absent one; test/tap/520_geo.pl tells the rest.
SET multiregion.mmdb_path = '/nonexistent/places.mmdb';
SELECT nearest_region('192.0.2.1'::inet);
SELECT pg_catalog.set_config('multiregion.mmdb_path', pg_catalog.current_setting('data_directory') || '/postgresql.conf', false) <> '' AS set;
\set VERBOSITY terse
SET client_min_messages = error;
SELECT nearest_region('192.0.2.1'::inet);
RESET client_min_messages;
\set VERBOSITY default
RESET multiregion.mmdb_path;

DROP EXTENSION multiregion;
