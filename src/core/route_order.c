/*
 * How far nodes are, and all of them in the order in which a client should try them; see
 * mr_route_node.h. Pure. Called by route_node.c, and by conninfo_for().
 */
#include "core/mr_route_node.h"

#include "core/mr_geo.h"

/* A round trip by distance: light in glass needs 10 us a km, and no cable is straight. */
#define MR_US_PER_KM 15
/* Another region is never as near as the own one, however little is known of it. */
#define MR_OTHER_REGION_US 1000

static bool
has(const MrRouteNode *node, uint32_t trait)
{
	return (node->traits & trait) != 0;
}

uint32_t
mr_route_smooth(uint32_t smoothed_us, uint32_t measured_us)
{
	uint32_t next;

	if (smoothed_us == 0)
		return measured_us;
	next = (uint32_t) (((uint64_t) smoothed_us * 7 + measured_us) / 8);
	return next > 0 ? next : 1;
}

/* ---------- how far it is ---------- */

int
mr_route_origin(const MrRouteNodes *nodes, int from_region)
{
	if (from_region != MR_NO_REGION || nodes->self == MR_NO_NODE)
		return from_region;
	return nodes->list[nodes->self].region;
}

static int64_t
cost_by_distance(const MrRouteRegions *regions, int from, int to)
{
	const MrPlace *a;
	const MrPlace *b;

	if (from < 0 || to < 0 || from >= regions->count || to >= regions->count)
		return INT64_MAX;
	if (from == to)
		return 0;
	a = &regions->regions[from].place;
	b = &regions->regions[to].place;
	if (!mr_geo_is_place(a->latitude, a->longitude) || !mr_geo_is_place(b->latitude, b->longitude))
		return INT64_MAX;
	return MR_OTHER_REGION_US +
		   (int64_t) (MR_US_PER_KM *
					  mr_geo_distance_km(a->latitude, a->longitude, b->latitude, b->longitude));
}

/* Measured round trips are this node's own; from elsewhere only the distance is known. */
int64_t
mr_route_cost(const MrRouteRegions *regions, const MrRouteNodes *nodes, int node, int from_region)
{
	int here = mr_route_origin(nodes, MR_NO_REGION);

	if (from_region != MR_NO_REGION && from_region != here)
		return cost_by_distance(regions, from_region, nodes->list[node].region);
	if (node == nodes->self)
		return 0;
	if (nodes->list[node].round_trip_us != 0)
		return nodes->list[node].round_trip_us;
	return cost_by_distance(regions, here, nodes->list[node].region);
}

/* ---------- all of them, in order ---------- */

/* Before the cost: the primary of a writer, then who can serve, then the suspects. */
static int
class_of(const MrRouteNode *node, const MrReadWish *wish, bool for_write)
{
	if (for_write && has(node, MR_NODE_PRIMARY))
		return 0;
	if (mr_route_node_refusal(node, wish) != MR_WHY_SERVES)
		return 3;
	return node->health == MR_HEALTH_SUSPECT && !has(node, MR_NODE_SELF) ? 2 : 1;
}

int
mr_route_order(const MrRouteRegions *regions, const MrRouteNodes *nodes, const MrReadWish *wish,
			   bool for_write, int8_t order[MR_ROUTE_NODES])
{
	int classes[MR_ROUTE_NODES];
	int64_t costs[MR_ROUTE_NODES];
	int count = 0;

	for (int i = 0; i < nodes->count && i < MR_ROUTE_NODES; i++)
	{
		int at = count;
		int class = class_of(&nodes->list[i], wish, for_write);
		int64_t cost = mr_route_cost(regions, nodes, i, wish->from_region);

		if (!has(&nodes->list[i], MR_NODE_MEMBER) || has(&nodes->list[i], MR_NODE_WITNESS))
			continue;
		for (; at > 0 &&
			   (classes[at - 1] > class || (classes[at - 1] == class && costs[at - 1] > cost));
			 at--)
		{
			order[at] = order[at - 1];
			classes[at] = classes[at - 1];
			costs[at] = costs[at - 1];
		}
		order[at] = (int8_t) i;
		classes[at] = class;
		costs[at] = cost;
		count++;
	}
	return count;
}
