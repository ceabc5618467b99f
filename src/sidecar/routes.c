/*
 * The paths of the API. Adding one: a line here, its function in an endpoint_*.c, its
 * section in docs/http-api.md (a test compares them).
 */
#include "sidecar/mr_service.h"

/* Most have no flags. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

const MrRoute mr_routes[] = {
	{MR_METHOD_GET, "/", mr_endpoint_index, "this list"},
	{MR_METHOD_GET, "/api/health", mr_endpoint_health, "200 if this region can serve, else 503",
	 MR_ROUTE_OPEN},
	{MR_METHOD_GET, "/metrics", mr_endpoint_metrics,
	 "for Prometheus; ?compat=patroni or seed: by other names"},
	{MR_METHOD_GET, "/api/regions", mr_endpoint_regions, "the configured regions"},
	{MR_METHOD_GET, "/api/regions/status", mr_endpoint_status, "role and health of every region"},
	{MR_METHOD_GET, "/api/regions/tenant/:id/region", mr_endpoint_tenant,
	 "the region of a tenant; ?strict=true: 404 for an unknown one"},
	{MR_METHOD_POST, "/api/regions/tenant/:id/region", mr_endpoint_tenant_set,
	 "set the preference of a tenant"},
	{MR_METHOD_DELETE, "/api/regions/tenant/:id/region", mr_endpoint_tenant_clear,
	 "remove the preference of a tenant"},
	{MR_METHOD_GET, "/api/regions/route", mr_endpoint_route,
	 "where a request belongs: region, node, why"},
	{MR_METHOD_POST, "/api/regions/route", mr_endpoint_route,
	 "the same, for a client whose headers are in the body",
	 MR_ROUTE_READS},
	{MR_METHOD_GET, "/api/regions/health/database", mr_endpoint_health_database,
	 "health of every node"},
	{MR_METHOD_GET, "/api/regions/health/failover", mr_endpoint_health_failover,
	 "whether a failover would work, and the last one"},
	{MR_METHOD_GET, "/api/regions/health/redis", mr_endpoint_health_redis,
	 "health of Redis: disabled in this version"},
	{MR_METHOD_POST, "/api/regions/failover/manual", mr_endpoint_failover_order,
	 "make another region the primary"},
	{MR_METHOD_GET, "/api/regions/failover/:id", mr_endpoint_failover_result,
	 "what became of such an order"},
	{MR_METHOD_POST, "/api/cdn/invalidate", mr_endpoint_cdn_invalidate,
	 "invalidate what the CDN keeps: disabled in this version"},
};

const size_t mr_route_count = sizeof(mr_routes) / sizeof(mr_routes[0]);
