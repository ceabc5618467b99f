/*
 * How the regions are, for routing; see mr_routing.h.
 *
 * Which member is in which region is kept until the protocol state changes; whom the
 * monitor has marked down is read each time. No lock.
 */
#include "postgres.h"

#include "extension/mr_functions.h"
#include "extension/mr_shared_state.h"
#include "extension/routing/mr_routing.h"

/* What the protocol state and the table of regions say, until one of them changes. */
static struct
{
	bool valid;
	uint64 lease_version;
	uint64 regions_version;
	int8 region_of[MR_MAX_MEMBERS]; /* of members with data, else MR_NO_REGION */
	int8 primary;
} members;

static void
look_at_members(const MrRouteRegions *regions, uint64 version)
{
	MrLease *lease = mr_copy_lease();

	members.valid = true;
	members.lease_version = version;
	members.regions_version = regions->version;
	members.primary = (int8) mr_route_find_region(regions, mr_primary_region());
	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		const MrMember *member = lease != NULL ? &lease->durable.config.members[slot] : NULL;

		members.region_of[slot] = MR_NO_REGION;
		if (member != NULL && member->used && !member->witness)
			members.region_of[slot] = (int8) mr_route_find_region(regions, member->region);
	}
	if (lease != NULL)
		pfree(lease);
}

void
mr_routing_health(const MrRouteRegions *regions, MrRouteHealth *health)
{
	uint64 version;
	uint32 down;

	health->healthy = 0;
	health->primary = MR_NO_REGION;
	if (!mr_is_managed())
		return;
	version = pg_atomic_read_u64(&mr_shared->lease_version);
	if (!members.valid || members.lease_version != version ||
		members.regions_version != regions->version)
		look_at_members(regions, version);
	down = pg_atomic_read_u32(&mr_shared->down_mask);
	health->primary = members.primary;
	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
		if (members.region_of[slot] != MR_NO_REGION && (down & (1u << slot)) == 0)
			health->healthy |= UINT64CONST(1) << members.region_of[slot];
}
