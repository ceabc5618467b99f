-- Proves that a column of an application's own table and the preference of its tenants say
-- the same, whoever writes; and that nothing is left on the table but two triggers.

SET client_min_messages = error;
DROP EXTENSION IF EXISTS multiregion CASCADE;
CREATE EXTENSION multiregion;
DROP ROLE IF EXISTS app, app_owner, admin;
CREATE ROLE app;
CREATE ROLE app_owner;
CREATE ROLE admin IN ROLE multiregion_admin;
RESET client_min_messages;
SELECT add_region('US_EAST', 'us-east-1'), add_region('EU_WEST', 'eu-west-1'), add_region('AP', 'ap-1');

-- As Prisma makes it, with the column.
CREATE SCHEMA app AUTHORIZATION app_owner;
SET ROLE app_owner;
SET search_path = app;
CREATE TABLE "Organization" ("id" text PRIMARY KEY, "name" text, "regionPreference" text);
CREATE TABLE log (who name, path text, id text, region text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO app.log VALUES (current_user, current_setting('search_path'), NEW.id, NEW."regionPreference"); RETURN NULL; END $$;
GRANT USAGE ON SCHEMA app TO app, admin;
GRANT INSERT ON log TO app;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON "Organization" TO app;
INSERT INTO "Organization" VALUES ('acme', 'Acme', 'eu-west-1'), ('both', 'Both', 'EU_WEST'), ('none', 'None', NULL),
	('theirs', 'Theirs', NULL);
RESET ROLE;
RESET search_path;
SELECT version FROM set_tenant_region('both', 'US_EAST', mode => 'pin');
SELECT version FROM set_tenant_region('theirs', 'AP');
CREATE TEMPORARY VIEW both_sides AS
SELECT o.id, o."regionPreference" AS app, t.region_key AS tenant, t.version, t.mode,
	CASE WHEN t.changed_by = session_user THEN 'superuser' ELSE t.changed_by END AS changed_by, t.reason
FROM app."Organization" AS o LEFT JOIN multiregion.tenant AS t ON t.tenant_id = o.id ORDER BY o.id;

-- ---------- to begin with ----------

SELECT add_region_preference('app."Organization"', 'id', 'regionPreference');
TABLE both_sides;
TABLE multiregion.region_preferences;
-- Whatever a schema tool compares is as it was.
SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute
WHERE attrelid = 'app."Organization"'::regclass AND attnum > 0 ORDER BY attnum;
SELECT conname FROM pg_constraint WHERE conrelid = 'app."Organization"'::regclass AND contype <> 'n';
SELECT indexrelid::regclass FROM pg_index WHERE indrelid = 'app."Organization"'::regclass;
SELECT tgname FROM pg_trigger WHERE tgrelid = 'app."Organization"'::regclass ORDER BY tgname;

-- ---------- the application writes, without any right on our tables ----------

CREATE TRIGGER note AFTER UPDATE ON app."Organization" FOR EACH ROW EXECUTE FUNCTION app.note();
SET ROLE app;
SELECT set_tenant_region('acme', 'US_EAST');
INSERT INTO app."Organization" VALUES ('new', 'New', 'us-EAST-1'), ('silent', 'Silent', NULL);
UPDATE app."Organization" SET "regionPreference" = 'AP' WHERE id = 'acme';
UPDATE app."Organization" SET "regionPreference" = NULL WHERE id = 'new';
UPDATE app."Organization" SET name = upper(name);
UPDATE app."Organization" SET "regionPreference" = 'mars' WHERE id = 'acme';
\echo :SQLSTATE
INSERT INTO app."Organization" VALUES (E'a\nb', 'Newline', 'AP');
INSERT INTO app."Organization" VALUES (E'c\nd', 'Newline', NULL);
DELETE FROM app."Organization" WHERE name = 'Newline';
BEGIN;
UPDATE app."Organization" SET "regionPreference" = 'US_EAST' WHERE id = 'acme';
SELECT region_for_tenant('acme');
ROLLBACK;
RESET ROLE;
TABLE both_sides;

-- Mode and fallbacks stay, as far as they can; a pin is kept within its zone.
SELECT version FROM set_tenant_region('acme', 'AP', mode => 'pin', fallbacks => '{US_EAST,EU_WEST}');
UPDATE app."Organization" SET "regionPreference" = 'EU_WEST' WHERE id = 'acme';
SELECT add_zone('EU', '{EU_WEST}');
SELECT version, tenant_mode, tenant_fallbacks FROM set_tenant_zone('acme', 'EU');
UPDATE app."Organization" SET "regionPreference" = 'AP' WHERE id = 'acme';
\echo :SQLSTATE

-- A tenant that gets another id takes everything along.
UPDATE app."Organization" SET id = 'acme2' WHERE id = 'acme';
SELECT tenant_id, region_key, mode, fallbacks, zone FROM multiregion.tenant WHERE tenant_id ~ 'acme' ORDER BY 1;
UPDATE app."Organization" SET id = 'acme', "regionPreference" = NULL WHERE id = 'acme2';
SELECT tenant_id, region_key, mode, fallbacks, zone FROM multiregion.tenant WHERE tenant_id ~ 'acme' ORDER BY 1;
SELECT version FROM set_tenant_region('known', 'AP');
INSERT INTO app."Organization" VALUES ('unknown', 'Unknown', NULL);
UPDATE app."Organization" SET id = 'known' WHERE id = 'unknown';
UPDATE app."Organization" SET "regionPreference" = 'EU_WEST' WHERE id = 'acme';
-- A row that goes takes the preference with it.
DELETE FROM app."Organization" WHERE id = 'theirs';
SELECT tenant_id, region_key, version, reason FROM multiregion.tenant WHERE tenant_id = 'theirs';
-- A row for a tenant that has a preference takes it over.
SELECT version FROM set_tenant_region('early', 'AP');
INSERT INTO app."Organization" VALUES ('early', 'Early');
INSERT INTO app."Organization" VALUES ('early', 'Again', 'US_EAST')
ON CONFLICT (id) DO UPDATE SET "regionPreference" = excluded."regionPreference";
TABLE both_sides;

-- ---------- tenants are set ----------

TRUNCATE app.log;
SET ROLE admin;
SELECT version FROM set_tenant_region('acme', 'EU_WEST');
SELECT version FROM set_tenant_region('early', 'EU_WEST');
SELECT version FROM set_tenant_region('stranger', 'EU_WEST');
SELECT clear_tenant_region('both');
INSERT INTO multiregion.tenant_import (tenant_id, region) VALUES ('none', 'us-east-1'), ('new', 'ap-1'), ('silent', NULL);
RESET ROLE;
TABLE both_sides;
-- The application's own triggers ran as if the table's owner had written.
TABLE app.log;

-- ---------- all rows ----------

SET ROLE app;
TRUNCATE app."Organization";
RESET ROLE;
SELECT tenant_id, region_key FROM multiregion.tenant WHERE region_key IS NOT NULL;

-- ---------- other tables, other types ----------

CREATE TYPE app."Region" AS ENUM ('us_east', 'EU_WEST');
CREATE TABLE app.account (id uuid PRIMARY KEY, region app."Region");
INSERT INTO app.account VALUES ('00000000-0000-0000-0000-000000000001', 'EU_WEST');
CREATE TABLE app.shop (id int UNIQUE, "Region Of" varchar(9)) PARTITION BY RANGE (id);
CREATE TABLE app.shop_1 PARTITION OF app.shop FOR VALUES FROM (0) TO (10);
SELECT add_region_preference('app.account', 'id', 'region');
SELECT add_region_preference('app.shop', 'id', 'Region Of');
SELECT version FROM set_tenant_region('00000000-0000-0000-0000-000000000001', 'us-east-1');
SELECT version FROM set_tenant_region('00000000-0000-0000-0000-000000000001', 'AP');
INSERT INTO app.shop VALUES (1, 'US_EAST');
SELECT version FROM set_tenant_region('1', 'EU_WEST');
SELECT version FROM set_tenant_region('01', 'AP');
SELECT version FROM set_tenant_region('999999999999999999999', 'AP');
TABLE app.account;
TABLE app.shop;
-- A column that is missing is added; whoever wins is said.
CREATE TABLE app.team (id text PRIMARY KEY);
INSERT INTO app.team VALUES ('1'), ('2');
SELECT add_region_preference('app.team', 'id');
TABLE app.team ORDER BY id;
SELECT remove_region_preference('app.team');
UPDATE app.team SET region_preference = 'US_EAST';
SELECT add_region_preference('app.team', 'id', winner => 'tenant');
TABLE app.team ORDER BY id;
SELECT tenant_id, region_key FROM multiregion.tenant WHERE tenant_id IN ('1', '2') ORDER BY 1;
-- Two tables of the same tenants hear of each other.
UPDATE app.team SET region_preference = 'AP' WHERE id = '1';
TABLE app.shop;

-- ---------- the application's schema changes ----------

ALTER TABLE app.team RENAME TO crew;
UPDATE app.crew SET region_preference = 'EU_WEST' WHERE id = '2';
SELECT region_for_tenant('2');
ALTER TABLE app.crew DROP COLUMN region_preference;
INSERT INTO app.crew VALUES ('3');
SELECT version FROM set_tenant_region('2', 'AP');
ALTER TABLE app.shop DISABLE TRIGGER multiregion_region_preference;
DROP TABLE app.account;
TABLE multiregion.region_preferences;

-- ---------- refused ----------

SELECT add_region_preference('app.nothing', 'id');
\echo :SQLSTATE
SELECT add_region_preference('app.shop', 'id', 'Region Of');
\echo :SQLSTATE
SELECT add_region_preference('app.log', 'id');
\echo :SQLSTATE
SELECT add_region_preference('app.log', 'ID');
\echo :SQLSTATE
CREATE TABLE app.odd (id text PRIMARY KEY, f float8 UNIQUE, region text, other int);
SELECT add_region_preference('app.odd', 'f', 'region');
\echo :SQLSTATE
SELECT add_region_preference('app.odd', 'id', 'other');
SELECT add_region_preference('app.odd', 'id', 'region', 'nobody');
\echo :SQLSTATE
INSERT INTO app.odd VALUES ('x', 1, 'mars');
SELECT add_region_preference('app.odd', 'id', 'region');
\echo :SQLSTATE
SELECT add_region_preference('multiregion.tenant', 'tenant_id');
SELECT add_region_preference('app.shop_1', 'id');
SELECT add_region_preference('multiregion.tenants', 'tenant_id');
\echo :SQLSTATE
SELECT remove_region_preference('app.odd');
\echo :SQLSTATE
SET ROLE admin;
SET search_path = app, public;
SELECT public.add_region_preference('"Organization"', 'id', "column" => 'regionPreference');
\echo :SQLSTATE
RESET ROLE;
RESET search_path;
CREATE TABLE app.own (id text);
CREATE TRIGGER own AFTER INSERT ON app.own EXECUTE FUNCTION multiregion.keep_region_preference();
INSERT INTO app.own VALUES ('x');
GRANT CREATE ON SCHEMA app TO app;
SET ROLE app;
CREATE TABLE app.stolen (id text);
CREATE TRIGGER stolen AFTER INSERT ON app.stolen FOR EACH ROW
	EXECUTE FUNCTION multiregion.keep_region_preference('id', 'id');
RESET ROLE;

DROP TABLE app.own;

-- ---------- away ----------

SELECT remove_region_preference('app."Organization"');
SELECT tgname FROM pg_trigger WHERE tgrelid = 'app."Organization"'::regclass;
INSERT INTO app."Organization" VALUES ('free', 'Free', 'mars');
DROP VIEW both_sides;
DROP EXTENSION multiregion;
SELECT remove_region_preference('app.crew'), remove_region_preference('app.shop');
SET client_min_messages = error;
DROP SCHEMA app CASCADE;
DROP EXTENSION multiregion;
DROP ROLE app, app_owner, admin;
