-- What is set for tenants, what was, and what contradicts their zones.

CREATE VIEW multiregion.tenant_changes AS
SELECT h.tenant_id,
	h.version,
	h.region_key,
	h.mode,
	h.fallbacks,
	h.zone,
	h.reason,
	h.changed_by,
	h.changed_at,
	h.changed_xid
FROM multiregion.tenant_history AS h
ORDER BY h.tenant_id, h.version DESC;

-- Rows go in through the triggers; what comes out can go in elsewhere.
CREATE VIEW multiregion.tenant_import AS
SELECT t.tenant_id,
	t.region_key AS region,
	CASE WHEN t.region_key IS NOT NULL THEN t.mode END AS mode,
	t.fallbacks,
	t.zone,
	t.reason
FROM multiregion.tenant AS t
WHERE t.region_key IS NOT NULL OR t.zone IS NOT NULL;

CREATE TRIGGER begin_import BEFORE INSERT ON multiregion.tenant_import
	FOR EACH STATEMENT EXECUTE FUNCTION multiregion.import_tenant();

CREATE TRIGGER import_row INSTEAD OF INSERT ON multiregion.tenant_import
	FOR EACH ROW EXECUTE FUNCTION multiregion.import_tenant();

CREATE TRIGGER end_import AFTER INSERT ON multiregion.tenant_import
	FOR EACH STATEMENT EXECUTE FUNCTION multiregion.import_tenant();

-- A zone says where its tenants are served. Their rows are on every node, as physical
-- replication knows nothing less than a whole cluster: that is a violation like the others.
CREATE VIEW multiregion.residency_violations AS
SELECT t.tenant_id,
	t.zone,
	z.strict,
	v.violation,
	v.region_key,
	v.node_name,
	v.detail
FROM multiregion.tenant AS t
	JOIN multiregion.zone AS z ON z.zone = t.zone
	CROSS JOIN LATERAL (
		SELECT 'copy' AS violation, n.region_key, n.node_name,
			format('Node %s in region %s, outside zone %s, holds a copy of all rows of the tenant.',
				n.node_name, n.region_key, z.zone) AS detail
		FROM multiregion.node AS n
		WHERE NOT n.witness AND n.uuid IS NOT NULL AND n.region_key <> ALL (z.regions)
		UNION ALL
		SELECT CASE t.mode WHEN 'pin' THEN 'pin' ELSE 'preference' END AS violation,
			t.region_key, NULL::text AS node_name,
			format('The tenant is %s region %s, outside zone %s.',
				CASE t.mode WHEN 'pin' THEN 'pinned to' ELSE 'at home in' END, t.region_key, z.zone) AS detail
		WHERE t.region_key <> ALL (z.regions)
		UNION ALL
		SELECT 'fallback' AS violation, f.region_key, NULL::text AS node_name,
			format('The tenant falls back to region %s, outside zone %s.', f.region_key, z.zone) AS detail
		FROM unnest(t.fallbacks) AS f (region_key)
		WHERE f.region_key <> ALL (z.regions)
		UNION ALL
		SELECT 'not_pinned' AS violation, NULL::text AS region_key, NULL::text AS node_name,
			format('While no region named for the tenant is healthy, it is served by one that may be outside zone %s.',
				z.zone) AS detail
		WHERE t.mode <> 'pin' AND NOT z.strict
			AND EXISTS (SELECT FROM multiregion.region AS r WHERE r.region_key <> ALL (z.regions))
	) AS v;

CREATE VIEW multiregion.region_preferences AS
SELECT p.schema_name,
	p.table_name,
	p.tenant_column,
	p.region_column,
	p.state
FROM multiregion.list_preferences() AS p
ORDER BY p.schema_name, p.table_name;
