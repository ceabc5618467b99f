-- Proves that tenants can be imported by COPY: words in any case, a row that changes a
-- tenant has its version and history, a bad one names tenant and line, and all or nothing
-- is written.

SET client_min_messages = error;
DROP EXTENSION IF EXISTS multiregion;
CREATE EXTENSION multiregion;
DROP ROLE IF EXISTS importer;
CREATE ROLE importer IN ROLE multiregion_admin;
RESET client_min_messages;

SELECT add_region('US_EAST', 'us-east-1'), add_region('EU_WEST', 'eu-west-1');
SELECT add_zone('EU', '{EU_WEST}'), add_zone('US', '{US_EAST}', true);
SELECT version FROM set_tenant_region('old', 'US_EAST', 'by hand');
SELECT version FROM set_tenant_region('same', 'US_EAST', 'by hand');
SELECT version FROM set_tenant_zone('zoned', 'EU');

-- Who may administer may import, without a right on any table.
SET ROLE importer;
COPY multiregion.tenant_import FROM STDIN;
acme	eu-west-1	pin	{US_EAST}	eu	first
old	EU_WEST	\N	\N	\N	moved
same	us_east	prefer	\N	\N	not seen
zoned	Eu_West	PIN	\N	\N	\N
gone	\N	\N	\N	US	only a zone
O'Brien "&" Söhne	us-EAST-1	\N	{eu-west-1}	\N	\N
acme	US_EAST	\N	\N	\N	the last one counts
\.
COPY multiregion.tenant_import (region, tenant_id) FROM STDIN WITH (FORMAT csv, HEADER);
region,tenant_id
EU_WEST,csv
\.
INSERT INTO multiregion.tenant_import (tenant_id, region, reason)
SELECT 'many ' || i, CASE WHEN i % 2 = 0 THEN 'EU_WEST' ELSE 'us-east-1' END, 'many'
FROM generate_series(1, 2500) AS i;
RESET ROLE;

SELECT tenant_id, region_key, version, mode, fallbacks, zone, reason, changed_by = 'importer' AS imported
FROM multiregion.tenant WHERE tenant_id NOT LIKE 'many %' ORDER BY tenant_id;
SELECT region_key, count(*), min(version), max(version), count(DISTINCT changed_by)
FROM multiregion.tenant WHERE tenant_id LIKE 'many %' GROUP BY region_key ORDER BY region_key;
SELECT tenant_id, version, region_key, mode, reason FROM multiregion.tenant_history
WHERE tenant_id IN ('acme', 'old', 'same', 'zoned') ORDER BY tenant_id, version;
SELECT count(*) FROM multiregion.tenant_history;

-- ---------- a bad row ----------

CREATE TEMPORARY TABLE before AS TABLE multiregion.tenant_history;
COPY multiregion.tenant_import FROM STDIN;
good	eu-west-1	\N	\N	\N	\N
bad	mars	\N	\N	\N	\N
\.
COPY multiregion.tenant_import FROM STDIN;
good	eu-west-1	\N	\N	\N	\N
bad	EU_WEST	never	\N	\N	\N
\.
COPY multiregion.tenant_import FROM STDIN;
bad	EU_WEST	\N	{us-east-1,US_EAST}	\N	\N
\.
COPY multiregion.tenant_import FROM STDIN;
bad	EU_WEST	\N	\N	mars	\N
\.
COPY multiregion.tenant_import FROM STDIN;
bad	EU_WEST	pin	\N	US	\N
\.
COPY multiregion.tenant_import FROM STDIN;
bad	\N	pin	\N	\N	\N
\.
COPY multiregion.tenant_import FROM STDIN;
\N	EU_WEST	\N	\N	\N	\N
\.
COPY multiregion.tenant_import FROM STDIN;
	EU_WEST	\N	\N	\N	\N
\.
-- What the tenant's own zone forbids is found when rows are written, and named as exactly.
COPY multiregion.tenant_import FROM STDIN;
good	EU_WEST	\N	\N	\N	\N
gone	EU_WEST	\N	\N	\N	\N
better	EU_WEST	\N	\N	\N	\N
\.
INSERT INTO multiregion.tenant_import (tenant_id, region)
SELECT CASE i WHEN 17 THEN 'gone' ELSE 'x' || i END, 'EU_WEST' FROM generate_series(1, 1500) AS i;
SELECT count(*) FROM multiregion.tenant_history EXCEPT SELECT count(*) FROM before;

-- ---------- within other things ----------

-- What a block has caught is undone, and the import around it goes on.
CREATE FUNCTION import_and_fail(text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO multiregion.tenant_import (tenant_id, region) VALUES ('inner ' || $1, 'EU_WEST'), ('x', 'mars');
	RETURN $1;
EXCEPTION WHEN undefined_object THEN
	INSERT INTO multiregion.tenant_import (tenant_id, region) VALUES ('caught ' || $1, 'EU_WEST');
	RETURN $1;
END $$;
INSERT INTO multiregion.tenant_import (tenant_id, region)
SELECT import_and_fail('outer ' || i), 'US_EAST' FROM generate_series(1, 3) AS i;
SELECT tenant_id, region_key, version FROM multiregion.tenant
WHERE tenant_id ~ 'outer' ORDER BY tenant_id;
BEGIN;
INSERT INTO multiregion.tenant_import (tenant_id, region) VALUES ('undone', 'EU_WEST');
SELECT region_for_tenant('undone');
ROLLBACK;
SELECT region_for_tenant('undone', true);
BEGIN READ ONLY;
COPY multiregion.tenant_import FROM STDIN;
undone	EU_WEST	\N	\N	\N	\N
\.
ROLLBACK;

-- What comes out can go in.
CREATE TEMPORARY TABLE kept AS TABLE multiregion.tenant_import;
SELECT count(*) AS changes FROM multiregion.tenant_history \gset
INSERT INTO multiregion.tenant_import TABLE kept;
SELECT count(*) - :changes AS changes FROM multiregion.tenant_history;
TABLE kept EXCEPT ALL TABLE multiregion.tenant_import;

-- Nobody else may, and nobody may do anything else.
SET ROLE importer;
UPDATE multiregion.tenant_import SET region = 'US_EAST';
DELETE FROM multiregion.tenant_import;
RESET ROLE;
SET ROLE multiregion_api;
INSERT INTO multiregion.tenant_import (tenant_id, region) VALUES ('x', 'EU_WEST');
RESET ROLE;
CREATE TABLE other (i int);
CREATE TRIGGER import_row BEFORE INSERT ON other FOR EACH ROW EXECUTE FUNCTION multiregion.import_tenant();
INSERT INTO other VALUES (1);

DROP TABLE other;
DROP FUNCTION import_and_fail;
DROP EXTENSION multiregion;
DROP ROLE importer;
