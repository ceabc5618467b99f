/*
 * multiregion.enforce_home_region: a session that works for a tenant (multiregion.tenant) in
 * a region where the tenant is not served is told so, with where to go instead.
 *
 * It protects from mistakes, not from malice: who may set the tenant may as well set another
 * one. Looks once a transaction. Where nothing is set for the tenant, in another database than
 * that of the cluster, and on a server that is no member there is nothing to say.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "catalog/namespace.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "adapters/mr_pg_peer.h"
#include "extension/consistency/mr_consistency.h"
#include "extension/mr_functions.h"
#include "extension/routing/mr_routing.h"

static bool checked = false; /* in this transaction */

void
mr_home_region_forget(void)
{
	checked = false;
}

/* Which region serves the tenant now; false if nothing is set for it. */
static bool
find_region(const char *tenant, MrRouteRegion *found)
{
	MrTenantRule rule;
	const MrRouteRegions *regions = mr_routing_tenant(tenant, strlen(tenant), &rule);
	MrRouteHealth health;
	MrRegionChoice choice;

	if (rule.home == MR_NO_REGION && rule.fallback_count == 0)
		return false;
	mr_routing_health(regions, &health);
	choice = mr_route_region(regions, &rule, &health, NULL);
	if (choice.region == MR_NO_REGION)
		return false;
	*found = regions->regions[choice.region];
	return true;
}

/* "host=10.0.1.5 port=5432 or ..." of the region's nodes; NULL if it has none. */
static const char *
addresses_of(const char *region)
{
	MrLease *lease = mr_copy_lease();
	StringInfoData text;

	if (lease == NULL)
		return NULL;
	initStringInfo(&text);
	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		const MrMember *member = &lease->durable.config.members[slot];
		char host[MR_CONNINFO_SIZE];
		char port[16];

		if (!member->used || member->witness || strcmp(member->region, region) != 0 ||
			!mr_pg_conninfo_value(member->conninfo, "host", host, sizeof(host)))
			continue;
		if (!mr_pg_conninfo_value(member->conninfo, "port", port, sizeof(port)))
			strlcpy(port, "5432", sizeof(port));
		appendStringInfo(&text, "%shost=%s port=%s", text.len > 0 ? " or " : "", host, port);
	}
	pfree(lease);
	return text.len > 0 ? text.data : NULL;
}

static void
tell(const char *tenant, const MrRouteRegion *region)
{
	const char *addresses = addresses_of(region->key);
	int level = mr_enforce_home_region == MR_ENFORCE_ERROR ? ERROR : WARNING;

	ereport(level, (errcode(MR_ERRCODE_WRONG_REGION),
					errmsg("tenant \"%s\" is not served in this region", tenant),
					errdetail("Its region is %s (%s), this is %s.", region->key, region->id,
							  mr_gateway_region()),
					addresses != NULL ? errhint("Connect to a node of that region: %s.", addresses)
									  : errhint("Connect to a node of that region.")));
}

/* The look-up may run queries itself, which must not be looked at. */
static bool
is_elsewhere(MrRouteRegion *region)
{
	static bool looking = false;
	bool volatile found = false;

	if (looking || !OidIsValid(get_namespace_oid("multiregion", true)))
		return false;
	looking = true;
	PG_TRY();
	{
		found = find_region(mr_session_tenant, region);
	}
	PG_CATCH();
	{
		looking = false;
		PG_RE_THROW();
	}
	PG_END_TRY();
	looking = false;
	return found && strcmp(region->key, mr_gateway_region()) != 0;
}

void
mr_home_region_check(void)
{
	MrRouteRegion region;
	bool elsewhere;

	if (checked || mr_session_tenant == NULL || mr_session_tenant[0] == '\0' ||
		MyProcPort == NULL || IsParallelWorker() || !mr_is_managed())
		return;
	elsewhere = is_elsewhere(&region);
	/* what is refused now is refused after ROLLBACK TO, too */
	checked = !elsewhere || mr_enforce_home_region != MR_ENFORCE_ERROR;
	if (elsewhere)
		tell(mr_session_tenant, &region);
}
