/*
 * The statements of the feed of HAProxy.
 */
#ifndef MR_HAPROXY_SQL_H
#define MR_HAPROXY_SQL_H

/*
 * A tenant's value in HAProxy's maps: its regions in the order in which they are tried, the
 * first eight, then "!" if no other may serve it; null: it has none. Without a region of its own
 * the first one is $2, the sidecar's, if that is among them.
 */
#define MR_SQL_ROUTE_VALUE \
	"pg_catalog.array_to_string((CASE WHEN t.region_key IS NULL" \
	" AND $2 OPERATOR(pg_catalog.=) ANY (t.regions)" \
	" THEN pg_catalog.array_prepend($2, pg_catalog.array_remove(t.regions, $2))" \
	" ELSE t.regions END)[1:8], ',') OPERATOR(pg_catalog.||)" \
	" CASE WHEN t.confined THEN ',!' ELSE '' END"

/*
 * What HAProxy is fed with. $1 transaction: tenants that one as late or later has changed,
 * with what is set for them now; in each row, of which there is one at least, the next $1.
 * Neither the order of commits nor that of ids matters: everything older is over.
 */
#define MR_SQL_ROUTE_CHANGES \
	"SELECT s.horizon, c.tenant_id, " MR_SQL_ROUTE_VALUE " AS route" \
	" FROM (SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())" \
	"::pg_catalog.text AS horizon) AS s" \
	" LEFT JOIN (SELECT DISTINCT h.tenant_id FROM multiregion.tenant_changes AS h" \
	" WHERE h.changed_xid OPERATOR(pg_catalog.>=) $1::pg_catalog.xid8" \
	" LIMIT 10001) AS c ON true" \
	" LEFT JOIN multiregion.tenant_routes AS t ON t.tenant_id OPERATOR(pg_catalog.=) c.tenant_id"

/* $1 tenant: those after it, in order. */
#define MR_SQL_ROUTE_PART \
	"SELECT t.tenant_id, " MR_SQL_ROUTE_VALUE " AS route" \
	" FROM multiregion.tenant_routes AS t WHERE t.tenant_id OPERATOR(pg_catalog.>) $1" \
	" ORDER BY t.tenant_id LIMIT 2000"

/* What the values of tenants depend on besides what is set for them. */
#define MR_SQL_ROUTE_ZONES \
	"SELECT z.zone, pg_catalog.array_to_string(z.regions, ',') FROM multiregion.zones AS z" \
	" WHERE z.strict"

/* The region with the largest share of each country. */
#define MR_SQL_ROUTE_COUNTRIES \
	"SELECT DISTINCT ON (c.country) c.country, c.region_key" \
	" FROM multiregion.country_regions AS c WHERE c.subdivision IS NULL" \
	" ORDER BY c.country, c.weight DESC, c.region_key"

#endif
