/*
 * How the regions are, for routing; see mr_routing.h.
 *
 * A region is healthy if it has a node that can serve a read now, as route_for_read() would
 * judge without further conditions. Remembered for a moment: the answer is on the way of
 * every request, and the members are looked at no more than ten times a second.
 */
#include "postgres.h"

#include "extension/mr_functions.h"
#include "extension/mr_settings.h"
#include "extension/mr_shared_state.h"
#include "extension/routing/mr_routing.h"
#include "extension/routing/mr_routing_nodes.h"

#define MR_REMEMBER_NS (100 * MR_NS_PER_MS)

static struct
{
	int64 until_ns;
	uint64 lease_version;
	uint64 monitor_version;
	uint64 regions_version;
	int max_lag_ms;
	MrRouteHealth health;
} last;

static bool
is_remembered(const MrRouteRegions *regions)
{
	return last.lease_version == pg_atomic_read_u64(&mr_shared->routing.lease_version) &&
		   last.monitor_version == pg_atomic_read_u64(&mr_shared->routing.monitor_version) &&
		   last.regions_version == regions->version && last.max_lag_ms == mr_max_read_lag_ms &&
		   mr_boottime_ns() < last.until_ns;
}

void
mr_routing_health(const MrRouteRegions *regions, MrRouteHealth *health)
{
	MrRouting routing;
	MrReadWish wish;

	health->healthy = 0;
	health->primary = MR_NO_REGION;
	if (!mr_is_managed())
		return;
	if (!is_remembered(regions))
	{
		/* Before the look: what is published during it belongs to the next one. */
		last.lease_version = pg_atomic_read_u64(&mr_shared->routing.lease_version);
		last.monitor_version = pg_atomic_read_u64(&mr_shared->routing.monitor_version);
		last.regions_version = regions->version;
		last.max_lag_ms = mr_max_read_lag_ms;
		last.until_ns = mr_boottime_ns() + MR_REMEMBER_NS;
		mr_routing_look(regions, &routing);
		wish = mr_routing_wish();
		last.health.healthy = mr_route_serving(&routing.nodes, &wish);
		last.health.primary = (int8) routing.primary_region;
	}
	*health = last.health;
}
