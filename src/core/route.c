/*
 * The choice of a region; see mr_route.h. Called by the SQL functions of routing and by
 * explain_route(), so that what is explained is what is done.
 */
#include "core/mr_route.h"

static bool
is_healthy(const MrRouteHealth *health, int region)
{
	return region >= 0 && region < MR_MAX_REGIONS && (health->healthy >> region & 1) != 0;
}

int
mr_route_nearest_to(const MrRouteRegions *regions, uint64_t allowed, const MrPlace *here)
{
	MrPlace places[MR_MAX_REGIONS];
	int numbers[MR_MAX_REGIONS];
	int count = 0;
	int nearest;

	for (int i = 0; i < regions->count; i++)
	{
		if ((allowed >> i & 1) == 0)
			continue;
		places[count] = regions->regions[i].place;
		numbers[count++] = i;
	}
	nearest = mr_region_nearest(here, places, count);
	return nearest < 0 ? MR_NO_REGION : numbers[nearest];
}

static MrRegionChoice
choose(int region, MrRouteReason reason, int rank)
{
	MrRegionChoice choice = {region, reason, rank};

	return choice;
}

uint64_t
mr_route_allowed(const MrRouteRegions *regions, const MrTenantRule *rule)
{
	return rule->zone > 0 && rule->zone <= regions->zone_count
			   ? regions->zones[rule->zone - 1].regions
			   : ~UINT64_C(0);
}

static int
first_of(const MrRouteRegions *regions, uint64_t allowed)
{
	for (int i = 0; i < regions->count; i++)
		if ((allowed >> i & 1) != 0)
			return i;
	return MR_NO_REGION;
}

/* Within a strict zone: the first region that serves, else home, else the nearest of all. */
static MrRegionChoice
stay_in_zone(const MrRouteRegions *regions, const MrTenantRule *rule, uint64_t healthy,
			 const MrPlace *here)
{
	uint64_t allowed = mr_route_allowed(regions, rule);
	int region = first_of(regions, healthy);

	if (region == MR_NO_REGION)
		region = rule->home;
	if (region == MR_NO_REGION && here != NULL)
		region = mr_route_nearest_to(regions, allowed, here);
	if (region == MR_NO_REGION)
		region = first_of(regions, allowed);
	return choose(region, region != MR_NO_REGION ? MR_ROUTE_ZONE : MR_ROUTE_NOWHERE, -1);
}

MrRegionChoice
mr_route_region(const MrRouteRegions *regions, const MrTenantRule *rule,
				const MrRouteHealth *health, const MrPlace *here)
{
	uint64_t allowed = mr_route_allowed(regions, rule);
	MrRouteHealth within = {health->healthy & allowed, health->primary};
	int nearest;

	if (rule->home != MR_NO_REGION && rule->pinned)
		return choose(rule->home, MR_ROUTE_PIN, 0);
	if (is_healthy(&within, rule->home))
		return choose(rule->home, MR_ROUTE_PREFERENCE, 0);
	for (int i = 0; i < rule->fallback_count; i++)
		if (is_healthy(&within, rule->fallbacks[i]))
			return choose(rule->fallbacks[i], MR_ROUTE_FALLBACK, i + 1);
	nearest = here != NULL ? mr_route_nearest_to(regions, within.healthy, here) : MR_NO_REGION;
	if (nearest != MR_NO_REGION)
		return choose(nearest, MR_ROUTE_NEAREST, -1);
	if (health->primary != MR_NO_REGION && (allowed >> health->primary & 1) != 0)
		return choose(health->primary, MR_ROUTE_PRIMARY, -1);
	if (rule->zone != 0)
		return stay_in_zone(regions, rule, within.healthy, here);
	if (rule->home != MR_NO_REGION)
		return choose(rule->home, MR_ROUTE_UNKNOWN_HEALTH, 0);
	return choose(MR_NO_REGION, MR_ROUTE_NOWHERE, -1);
}

int
mr_route_find_region(const MrRouteRegions *regions, const char *word)
{
	for (int i = 0; i < regions->count; i++)
		if (mr_region_matches(word, regions->regions[i].key, regions->regions[i].id))
			return i;
	return MR_NO_REGION;
}
