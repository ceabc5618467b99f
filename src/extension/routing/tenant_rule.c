/*
 * What is set for a tenant, for routing; see mr_routing.h. Called by geo.c.
 */
#include "postgres.h"

#include "extension/mr_catalog_edit.h"
#include "extension/routing/mr_routing.h"

bool
mr_routing_tenant_rule(const char *tenant, MrTenantRule *rule)
{
	char region[MR_NAME_SIZE];

	memset(rule, 0, sizeof(*rule));
	rule->home = MR_NO_REGION;
	if (!mr_catalog_tenant_region(tenant, region))
		return false;
	rule->home = (int8_t) mr_route_find_region(mr_routing_regions(), region);
	return true;
}
