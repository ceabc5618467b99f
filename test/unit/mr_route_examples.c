/*
 * Regions and nodes for the tests of routing; see mr_route_examples.h.
 */
#include "unit/mr_route_examples.h"

#include <string.h>

MrRouteRegions
mr_three_regions(void)
{
	MrRouteRegions regions;

	memset(&regions, 0, sizeof(regions));
	regions.count = 3;
	for (int i = 0; i < 3; i++)
	{
		static const double longitudes[] = {0.0, 10.0, 90.0};

		regions.regions[i].key[0] = (char) ('A' + i);
		regions.regions[i].id[0] = (char) ('x' + i);
		regions.regions[i].place.longitude = longitudes[i];
	}
	return regions;
}

MrRouteNode
mr_standby_in(int region)
{
	MrRouteNode node = {.traits = MR_NODE_MEMBER,
						.region = (int8_t) region,
						.health = MR_HEALTH_UP,
						.log_term = 5,
						.replay_lsn = 1000};

	return node;
}
