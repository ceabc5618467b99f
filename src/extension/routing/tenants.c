/*
 * What is set for a tenant, for routing; see mr_routing.h. One look at the table's index.
 */
#include "postgres.h"

#include "extension/mr_catalog_edit.h"
#include "extension/routing/mr_routing.h"

const MrRouteRegions *
mr_routing_tenant(const char *tenant, size_t length, MrTenantRule *rule)
{
	const MrRouteRegions *regions = mr_routing_regions();
	char region[MR_NAME_SIZE];

	memset(rule, 0, sizeof(*rule));
	rule->home = MR_NO_REGION;
	if (mr_catalog_tenant_region(tenant, region))
		rule->home = (int8) mr_route_find_region(regions, region);
	return regions;
}
