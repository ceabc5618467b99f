/*
 * The SQL texts of /api/regions/route. Nothing takes a value except as a parameter. The
 * columns are read by name in endpoint_route.c.
 */
#ifndef MR_WHERE_SQL_H
#define MR_WHERE_SQL_H

/*
 * Where a request belongs: MR_SQL_WHERE, one of the sources, MR_SQL_WHERE_TENANT. %1$s is the
 * quoted schema of the public functions. A read has $1 max_lag, $2 token, $3 tenant, $4
 * region to begin from, $5 max_lag_bytes; a write $1 tenant.
 */
#define MR_SQL_MS(interval) "(EXTRACT(epoch FROM " interval ") OPERATOR(pg_catalog.*) 1000)::bigint"
#define MR_SQL_WHERE \
	"SELECT r.region, r.node, r.host, r.port, r.is_primary, r.reason, r.sentence, r.lag_bytes," \
	" " MR_SQL_MS("r.lag") " AS lag_ms, " MR_SQL_MS( \
		"r.staleness_bound") " AS staleness_ms," \
							 " " MR_SQL_MS("r.age") " AS age_ms, t.region_key AS home, " \
													"t.region_id AS home_id, t.version," \
													" t.mode = 'pin' AS pinned, t.confined, " \
													"pg_catalog.array_to_string(t.fallbacks, " \
													"',') AS fallbacks," \
													" c.region AS client_region, c.country AS " \
													"client_country, c.source AS client_source," \
													" c.trusted AS client_trusted"

#define MR_SQL_WHERE_NO_CLIENT \
	" FROM (SELECT NULL::text AS region, NULL::text AS country, NULL::text AS source," \
	" NULL::boolean AS trusted) AS c CROSS JOIN"

/*
 * The region of a client's place: as countries are mapped, else the nearest one. The place
 * is $6 country, $7 latitude, $8 longitude, or what is made of $6 headers and $7 peer.
 */
#define MR_SQL_WHERE_REGION \
	" FROM (SELECT CASE WHEN g.latitude IS NULL OR EXISTS (SELECT FROM" \
	" multiregion.country_regions AS m WHERE m.country = g.country)" \
	" THEN %1$s.nearest_region(g.country, g.subdivision)" \
	" ELSE %1$s.nearest_region(g.latitude, g.longitude) END AS region, g.country, g.source," \
	" g.trusted FROM "
#define MR_SQL_WHERE_PLACE \
	MR_SQL_WHERE_REGION \
	"(SELECT pg_catalog.upper($6) AS country, NULL::text AS subdivision, $7::float8 AS latitude," \
	" $8::float8 AS longitude, 'request' AS source, false AS trusted) AS g) AS c CROSS JOIN"
#define MR_SQL_WHERE_HEADERS \
	MR_SQL_WHERE_REGION "%1$s.resolve_geo($6::jsonb, $7::inet) AS g) AS c CROSS JOIN"

#define MR_SQL_WHERE_READ \
	" LATERAL %1$s.route_for_read($1::interval, $2, $3, COALESCE($4, c.region), $5::bigint) AS r" \
	" LEFT JOIN multiregion.tenants AS t ON t.tenant_id = $3"
#define MR_SQL_WHERE_WRITE \
	" %1$s.route_for_write($1) AS r LEFT JOIN multiregion.tenants AS t ON t.tenant_id = $1"

/* Each step of the decision, as one more column. */
#define MR_SQL_WHERE_STEPS(arguments) \
	", (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('subject', e.subject," \
	" 'regionKey', e.region, 'nodeName', e.node, 'chosen', e.chosen, 'reason', e.reason," \
	" 'sentence', e.sentence, 'input', e.input) ORDER BY e.step)" \
	" FROM %1$s.explain_route(" arguments ") AS e) AS steps"
#define MR_SQL_WHERE_STEPS_READ \
	MR_SQL_WHERE_STEPS("$3, false, '{}', $1::interval, $2, COALESCE($4, c.region), $5::bigint")
#define MR_SQL_WHERE_STEPS_WRITE MR_SQL_WHERE_STEPS("$1, true")

#endif /* MR_WHERE_SQL_H */
