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

MrRegionChoice
mr_route_region(const MrRouteRegions *regions, const MrTenantRule *rule,
				const MrRouteHealth *health, const MrPlace *here)
{
	int nearest;

	if (rule->home != MR_NO_REGION && rule->pinned)
		return choose(rule->home, MR_ROUTE_PIN, 0);
	if (is_healthy(health, rule->home))
		return choose(rule->home, MR_ROUTE_PREFERENCE, 0);
	for (int i = 0; i < rule->fallback_count; i++)
		if (is_healthy(health, rule->fallbacks[i]))
			return choose(rule->fallbacks[i], MR_ROUTE_FALLBACK, i + 1);
	nearest = here != NULL ? mr_route_nearest_to(regions, health->healthy, here) : MR_NO_REGION;
	if (nearest != MR_NO_REGION)
		return choose(nearest, MR_ROUTE_NEAREST, -1);
	if (health->primary != MR_NO_REGION)
		return choose(health->primary, MR_ROUTE_PRIMARY, -1);
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
