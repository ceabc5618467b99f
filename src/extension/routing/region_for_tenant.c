/*
 * region_for_tenant(): on the way of every request of an application.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "extension/mr_functions.h"
#include "extension/pg_compat.h"
#include "extension/routing/mr_routing.h"

PG_FUNCTION_INFO_V1(multiregion_region_for_tenant);

Datum
multiregion_region_for_tenant(PG_FUNCTION_ARGS)
{
	text *tenant = PG_GETARG_TEXT_PP(0);
	bool strict = PG_GETARG_BOOL(1);
	const MrRouteRegions *regions;
	MrTenantRule rule;
	MrRouteHealth health;
	MrRegionChoice choice;

	regions = mr_routing_tenant(VARDATA_ANY(tenant), VARSIZE_ANY_EXHDR(tenant), &rule);
	if (rule.home == MR_NO_REGION && strict)
		PG_RETURN_NULL();
	mr_routing_health(regions, &health);
	choice = mr_route_region(regions, &rule, &health, NULL);
	if (choice.region == MR_NO_REGION)
	{
		mr_require_preloaded();
		PG_RETURN_NULL();
	}
	PG_RETURN_TEXT_P(cstring_to_text(regions->regions[choice.region].key));
}
