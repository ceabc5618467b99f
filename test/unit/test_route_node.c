/*
 * The choice of a node (core/route_node.c), rule by rule, and the order of a connection
 * string. What holds in any cluster is in test_route_any.c.
 */
#include "unit/mr_route_examples.h"
#include "unit/mr_unit.h"

#include <string.h>

/* n0 primary in A, n1 here in A, n2 in B, n3 in C, n4 a witness in B. */
#define NODES 5

typedef struct World
{
	MrRouteRegions regions;
	MrRouteNode list[NODES];
	MrRouteNodes nodes;
	MrReadWish wish;
} World;

static void
begin(World *world)
{
	memset(world, 0, sizeof(*world));
	world->regions = mr_three_regions();
	for (int i = 0; i < NODES; i++)
		world->list[i] = mr_standby_in(i < 2 ? 0 : i - 1);
	world->list[0].traits |= MR_NODE_PRIMARY;
	world->list[1].traits |= MR_NODE_SELF;
	world->list[4].traits |= MR_NODE_WITNESS;
	world->list[4].region = 1;
	world->nodes.count = NODES;
	world->nodes.self = 1;
	world->nodes.list = world->list;
	world->wish = mr_route_wish();
}

static void
be(World *world, int self)
{
	world->list[world->nodes.self].traits &= ~(uint32_t) MR_NODE_SELF;
	world->list[self].traits |= MR_NODE_SELF;
	world->nodes.self = self;
}

static MrNodeChoice
read_in(const World *world)
{
	MrNodeChoice choice;

	mr_route_read(&world->regions, &world->nodes, &world->wish, &choice);
	return choice;
}

/* ---------- one thing is wrong with the node that would be chosen ---------- */

static const struct
{
	uint32_t trait;
	int health;
	MrNodeReason why;
} faults[] = {
	{MR_NODE_WITNESS, MR_HEALTH_UP, MR_WHY_WITNESS},
	{MR_NODE_ASSUMED, MR_HEALTH_UP, MR_WHY_ASSUMED},
	{MR_NODE_ASSUMED, MR_HEALTH_DOWN, MR_WHY_ASSUMED},
	{MR_NODE_NEVER_SEEN, MR_HEALTH_UNKNOWN, MR_WHY_UNSEEN},
	{0, MR_HEALTH_DOWN, MR_WHY_DOWN},
	{MR_NODE_SILENT, MR_HEALTH_DOWN, MR_WHY_DOWN},
	{MR_NODE_SILENT, MR_HEALTH_UP, MR_WHY_SILENT},
	{MR_NODE_STOPPING, MR_HEALTH_UP, MR_WHY_STOPPING},
	{MR_NODE_DIVERGED, MR_HEALTH_UP, MR_WHY_DIVERGED},
	{MR_NODE_FENCED, MR_HEALTH_UP, MR_WHY_FENCED},
	{MR_NODE_REBUILDING, MR_HEALTH_UP, MR_WHY_REBUILDING},
	{MR_NODE_PAUSED, MR_HEALTH_UP, MR_WHY_PAUSED},
};

MR_TEST(a_faulty_node_is_named_with_its_fault_and_not_chosen)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
	{
		World world;
		MrNodeChoice choice;

		begin(&world);
		be(&world, 3);
		world.wish.from_region = 1; /* nearest is n2 */
		mr_unit_about("case %zu", i);
		MR_CHECK_INT(read_in(&world).node, 2);
		world.list[2].traits |= faults[i].trait;
		world.list[2].health = (uint8_t) faults[i].health;
		choice = read_in(&world);
		MR_CHECK_INT(choice.why[2], faults[i].why);
		MR_CHECK_INT(choice.node, 1);
		MR_CHECK_INT(choice.reason, MR_WHY_NEAREST);
	}
}

/* ---------- limits ---------- */

static const struct
{
	int64_t lag_ms;
	int64_t lag_bytes;
	bool at_least;
	int64_t max_ms;
	int64_t max_bytes;
	MrNodeReason why; /* of n1, which decides and would be chosen */
} limits[] = {
	{0, 0, false, 0, 0, MR_WHY_LOCAL},
	{100, 100, false, 100, 100, MR_WHY_LOCAL},
	{101, 0, false, 100, MR_NO_LIMIT, MR_WHY_LAG},
	{0, 101, false, MR_NO_LIMIT, 100, MR_WHY_LAG},
	{0, 101, false, 100, 100, MR_WHY_LAG},
	{-1, -1, false, MR_NO_LIMIT, MR_NO_LIMIT, MR_WHY_LOCAL},
	{-1, -1, false, 100, MR_NO_LIMIT, MR_WHY_LAG_UNKNOWN},
	{5, -1, false, 100, MR_NO_LIMIT, MR_WHY_LOCAL},
	{5, -1, false, 100, 100, MR_WHY_LAG_UNKNOWN},
	{5, 5, true, 100, MR_NO_LIMIT, MR_WHY_LAG_UNKNOWN},
	{101, 5, true, 100, MR_NO_LIMIT, MR_WHY_LAG},
	{5, 5, true, MR_NO_LIMIT, 100, MR_WHY_LOCAL},
};

MR_TEST(lag_is_kept_within_what_the_read_allows)
{
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
	{
		World world;

		begin(&world);
		world.list[1].lag_ms = limits[i].lag_ms;
		world.list[1].lag_bytes = limits[i].lag_bytes;
		world.list[1].lag_at_least = limits[i].at_least;
		world.wish.max_lag_ms = limits[i].max_ms;
		world.wish.max_lag_bytes = limits[i].max_bytes;
		mr_unit_about("case %zu", i);
		MR_CHECK_INT(read_in(&world).why[1], limits[i].why);
	}
}

/* All standbys are behind; the primary, with or without a fault, is the last resort. */
static void
lag_everywhere(World *world)
{
	begin(world);
	for (int i = 1; i < NODES; i++)
		world->list[i].lag_ms = 5000 - i;
	world->wish.max_lag_ms = 1000;
}

MR_TEST(the_primary_is_the_last_resort)
{
	World world;
	MrNodeChoice choice;

	lag_everywhere(&world);
	be(&world, 3);
	choice = read_in(&world);
	MR_CHECK_INT(choice.node, 0);
	MR_CHECK_INT(choice.reason, MR_WHY_ONLY_PRIMARY);
	world.list[0].traits |= MR_NODE_SILENT;
	world.wish.firm = true;
	choice = read_in(&world);
	MR_CHECK_INT(choice.node, MR_NO_NODE);
	MR_CHECK_INT(choice.reason, MR_WHY_UNAVAILABLE);
}

MR_TEST(without_firm_limits_the_freshest_is_better_than_nobody)
{
	World world;
	MrNodeChoice choice;

	lag_everywhere(&world);
	world.list[0].traits |= MR_NODE_SILENT;
	world.list[1].lag_ms = -1;
	choice = read_in(&world);
	MR_CHECK_INT(choice.node, 3); /* 4997 ms; the witness has less */
	MR_CHECK_INT(choice.reason, MR_WHY_STALE);
	world.list[2].traits |= MR_NODE_SILENT;
	world.list[3].health = MR_HEALTH_DOWN;
	MR_CHECK_INT(read_in(&world).node, 1); /* nobody knows how far, but it can be read */
}

MR_TEST(a_token_is_seen_by_who_has_replayed_it)
{
	World world;
	MrNodeChoice choice;

	begin(&world);
	world.wish.token_term = 5;
	world.wish.token_lsn = 1000;
	MR_CHECK_INT(read_in(&world).node, 1);
	world.wish.token_lsn = 1001;
	choice = read_in(&world);
	MR_CHECK_INT(choice.why[1], MR_WHY_TOKEN);
	MR_CHECK_INT(choice.node, 0);
	MR_CHECK_INT(choice.reason, MR_WHY_ONLY_PRIMARY);
	/* WAL of an older leadership may be another one at the same position */
	world.wish.token_lsn = 1000;
	world.list[1].log_term = 4;
	MR_CHECK_INT(read_in(&world).why[1], MR_WHY_TOKEN);
	/* what must be seen is seen, or nothing is */
	world.list[0].traits &= ~(uint32_t) MR_NODE_PRIMARY;
	world.wish.token_lsn = 2000;
	MR_CHECK_INT(read_in(&world).reason, MR_WHY_UNAVAILABLE);
}

/* ---------- near ---------- */

MR_TEST(near_is_here_then_the_region_then_by_round_trip)
{
	World world;
	MrNodeChoice choice;

	begin(&world);
	choice = read_in(&world);
	MR_CHECK_INT(choice.node, 1);
	MR_CHECK_INT(choice.reason, MR_WHY_LOCAL);
	be(&world, 0); /* the primary spares itself: a standby is in its region */
	choice = read_in(&world);
	MR_CHECK_INT(choice.node, 1);
	MR_CHECK_INT(choice.reason, MR_WHY_NEAREST);
	MR_CHECK_INT(choice.why[0], MR_WHY_SPARED);
	world.list[1].traits |= MR_NODE_SILENT;
	choice = read_in(&world); /* but not for a standby far away */
	MR_CHECK_INT(choice.node, 0);
	MR_CHECK_INT(choice.reason, MR_WHY_LOCAL);
	world.list[0].traits = MR_NODE_MEMBER | MR_NODE_SELF | MR_NODE_FENCED;
	MR_CHECK_INT(read_in(&world).node, 2); /* by distance */
	world.list[2].round_trip_us = 90000;
	world.list[3].round_trip_us = 70000;
	MR_CHECK_INT(read_in(&world).node, 3); /* as measured */
	world.wish.from_region = 1;
	MR_CHECK_INT(read_in(&world).node, 2); /* not measured from there */
}

MR_TEST(who_is_as_near_has_his_turn)
{
	World world;
	int reads[NODES] = {0};

	begin(&world);
	be(&world, 0);
	world.list[2].region = 0;
	world.list[1].round_trip_us = 200;
	world.list[2].round_trip_us = 900;
	for (uint32_t turn = 0; turn < 100; turn++)
	{
		world.wish.turn = turn;
		reads[read_in(&world).node]++;
	}
	MR_CHECK_INT(reads[1], 50);
	MR_CHECK_INT(reads[2], 50);
	world.list[2].round_trip_us = 5500;
	MR_CHECK_INT(read_in(&world).why[2], MR_WHY_FARTHER);
	world.list[2].round_trip_us = 900;
	world.list[1].health = MR_HEALTH_SUSPECT;
	MR_CHECK_INT(read_in(&world).why[1], MR_WHY_SUSPECT);
	MR_CHECK_INT(read_in(&world).node, 2);
	world.list[2].health = world.list[3].health = world.list[0].health = MR_HEALTH_SUSPECT;
	world.list[0].traits |= MR_NODE_STOPPING;
	world.wish.turn = 0;
	MR_CHECK_INT(read_in(&world).node, 1); /* a suspect is better than nobody */
}

MR_TEST(this_node_comes_before_others_that_are_as_near)
{
	World world;

	begin(&world);
	world.list[2].region = 0;
	for (uint32_t turn = 0; turn < 4; turn++)
	{
		world.wish.turn = turn;
		MR_CHECK_INT(read_in(&world).node, 1);
	}
	MR_CHECK_INT(mr_route_cost(&world.regions, &world.nodes, 1, MR_NO_REGION), 0);
	world.list[1].round_trip_us = 70; /* a measurement of itself means nothing */
	MR_CHECK_INT(mr_route_cost(&world.regions, &world.nodes, 1, MR_NO_REGION), 0);
}

MR_TEST(the_own_region_is_near_whatever_was_measured)
{
	World world;
	MrNodeChoice choice;

	begin(&world);
	be(&world, 0);
	world.list[1].round_trip_us = 30000;
	world.list[2].round_trip_us = 1000;
	choice = read_in(&world); /* nor does a slow way keep the primary from being spared */
	MR_CHECK_INT(choice.node, 1);
	MR_CHECK_INT(choice.why[2], MR_WHY_FARTHER);
	MR_CHECK_INT(choice.why[0], MR_WHY_SPARED);
}

MR_TEST(of_regions_as_near_the_preferred_one_serves)
{
	World world;

	begin(&world);
	world.list[0].traits |= MR_NODE_FENCED;
	world.list[1].traits |= MR_NODE_PAUSED;
	world.list[2].round_trip_us = 50000;
	world.list[3].round_trip_us = 45000;
	for (uint32_t turn = 0; turn < 4; turn++)
	{
		world.wish.turn = turn;
		MR_CHECK_INT(read_in(&world).node, 2);
	}
}

/* ---------- tenants ---------- */

static const struct
{
	int8_t home;
	bool pinned;
	int8_t fallback;
	uint32_t broken; /* bit per node: silent */
	int node;
	int region;
	MrRouteReason place;
} tenants[] = {
	{1, false, -1, 0x00, 2, 1, MR_ROUTE_PREFERENCE},
	{1, false, 2, 0x04, 3, 2, MR_ROUTE_FALLBACK},
	{1, false, -1, 0x04, 1, 0, MR_ROUTE_PRIMARY},
	{1, true, 2, 0x04, MR_NO_NODE, 1, MR_ROUTE_PIN},
	{1, true, 2, 0x00, 2, 1, MR_ROUTE_PIN},
	{2, false, -1, 0x09, 1, 0, MR_ROUTE_PRIMARY},
	{2, false, -1, 0x0B, 2, 0, MR_ROUTE_PRIMARY}, /* nobody there: the nearest that serves */
	{-1, false, -1, 0x00, 1, 0, MR_ROUTE_PRIMARY},
};

MR_TEST(a_tenant_reads_in_its_region_or_a_fallback)
{
	for (size_t i = 0; i < sizeof(tenants) / sizeof(tenants[0]); i++)
	{
		World world;
		MrTenantRule rule = {.home = tenants[i].home, .pinned = tenants[i].pinned};
		MrNodeChoice choice;

		begin(&world);
		rule.fallback_count = tenants[i].fallback != MR_NO_REGION;
		rule.fallbacks[0] = tenants[i].fallback;
		for (int node = 0; node < NODES; node++)
			if (tenants[i].broken >> node & 1)
				world.list[node].traits |= MR_NODE_SILENT;
		mr_unit_about("case %zu", i);
		mr_route_read_of(&world.regions, &world.nodes, &rule, NULL, 0, &world.wish, &choice);
		MR_CHECK_INT(choice.node, tenants[i].node);
		MR_CHECK_INT(choice.place.region, tenants[i].region);
		MR_CHECK_INT(choice.place.reason, tenants[i].place);
	}
}

/* A region whose nodes are too far behind for this read is one that cannot serve it. */
MR_TEST(a_tenant_leaves_a_region_that_lags_and_not_for_good)
{
	World world;
	MrTenantRule rule = {.home = 1, .fallback_count = 1, .fallbacks = {2}};
	MrNodeChoice choice;

	begin(&world);
	world.list[2].lag_ms = 500;
	world.wish.max_lag_ms = 100;
	mr_route_read_of(&world.regions, &world.nodes, &rule, NULL, 0, &world.wish, &choice);
	MR_CHECK_INT(choice.node, 3);
	rule.pinned = true;
	mr_route_read_of(&world.regions, &world.nodes, &rule, NULL, 0, &world.wish, &choice);
	MR_CHECK_INT(choice.node, 2);
	MR_CHECK_INT(choice.reason, MR_WHY_STALE);
	world.wish.firm = true;
	mr_route_read_of(&world.regions, &world.nodes, &rule, NULL, 0, &world.wish, &choice);
	MR_CHECK_INT(choice.node, MR_NO_NODE);
	MR_CHECK_INT(choice.why[3], MR_WHY_REGION);
}

/* ---------- writes ---------- */

static const struct
{
	uint32_t traits; /* of n0, besides MEMBER */
	int health;
	int node;
	MrNodeReason reason;
} writes[] = {
	{MR_NODE_PRIMARY, MR_HEALTH_UP, 0, MR_WHY_LEASE},
	{MR_NODE_PRIMARY | MR_NODE_STOPPING, MR_HEALTH_UP, 0, MR_WHY_LEASE},
	{MR_NODE_PRIMARY | MR_NODE_FORECAST, MR_HEALTH_UP, 0, MR_WHY_SUCCESSOR},
	{MR_NODE_PRIMARY | MR_NODE_SILENT, MR_HEALTH_UP, 0, MR_WHY_LAST_PRIMARY},
	{MR_NODE_PRIMARY, MR_HEALTH_DOWN, 0, MR_WHY_LAST_PRIMARY},
	{MR_NODE_LAST_KNOWN | MR_NODE_SILENT, MR_HEALTH_DOWN, 0, MR_WHY_LAST_PRIMARY},
	{MR_NODE_PRIMARY | MR_NODE_FENCED, MR_HEALTH_UP, MR_NO_NODE, MR_WHY_NO_PRIMARY},
	{MR_NODE_LAST_KNOWN | MR_NODE_FENCED, MR_HEALTH_UP, MR_NO_NODE, MR_WHY_NO_PRIMARY},
	{MR_NODE_LAST_KNOWN | MR_NODE_DIVERGED, MR_HEALTH_UP, MR_NO_NODE, MR_WHY_NO_PRIMARY},
	{MR_NODE_PRIMARY | MR_NODE_ASSUMED, MR_HEALTH_UP, MR_NO_NODE, MR_WHY_NO_PRIMARY},
	{MR_NODE_PRIMARY | MR_NODE_WITNESS, MR_HEALTH_UP, MR_NO_NODE, MR_WHY_NO_PRIMARY},
	{0, MR_HEALTH_UP, MR_NO_NODE, MR_WHY_NO_PRIMARY},
};

MR_TEST(a_write_goes_to_who_holds_the_lease_or_held_it_last)
{
	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
	{
		World world;
		MrNodeChoice choice;

		begin(&world);
		world.list[0].traits = MR_NODE_MEMBER | writes[i].traits;
		world.list[0].health = (uint8_t) writes[i].health;
		mr_unit_about("case %zu", i);
		mr_route_write(&world.nodes, &choice);
		MR_CHECK_INT(choice.node, writes[i].node);
		MR_CHECK_INT(choice.reason, writes[i].reason);
		MR_CHECK_INT(choice.why[1], MR_WHY_STANDBY);
	}
}

/* ---------- order, smoothing ---------- */

MR_TEST(a_client_tries_the_near_ones_first_and_those_in_trouble_last)
{
	World world;
	int8_t order[MR_ROUTE_NODES];

	begin(&world);
	world.list[1].traits |= MR_NODE_SILENT;
	world.wish.from_region = 1;
	MR_CHECK_INT(mr_route_order(&world.regions, &world.nodes, &world.wish, false, order), 4);
	MR_CHECK_INT(order[0], 2);
	MR_CHECK_INT(order[1], 0);
	MR_CHECK_INT(order[2], 3);
	MR_CHECK_INT(order[3], 1);
	MR_CHECK_INT(mr_route_order(&world.regions, &world.nodes, &world.wish, true, order), 4);
	MR_CHECK_INT(order[0], 0);
	MR_CHECK_INT(order[1], 2);
}

MR_TEST(a_round_trip_is_smoothed)
{
	uint32_t smoothed = mr_route_smooth(0, 800);

	MR_CHECK_INT(smoothed, 800);
	smoothed = mr_route_smooth(smoothed, 8800);
	MR_CHECK_INT(smoothed, 1800);
	for (int i = 0; i < 100; i++)
		smoothed = mr_route_smooth(smoothed, 8800);
	MR_CHECK(smoothed > 8700 && smoothed <= 8800);
	MR_CHECK(mr_route_smooth(1, 0) > 0);
	MR_CHECK_INT(mr_route_smooth(UINT32_MAX, UINT32_MAX), UINT32_MAX);
}

MR_TEST(every_reason_has_a_word_and_a_sentence)
{
	for (int i = 0; i < MR_NODE_REASON_COUNT; i++)
	{
		MR_CHECK(strchr(mr_node_reason_name(i), ' ') == NULL);
		MR_CHECK(strchr(mr_node_reason_sentence(i), ' ') != NULL);
	}
	MR_CHECK_STRING(mr_node_reason_name(-1), "?");
	MR_CHECK_STRING(mr_node_reason_sentence(MR_NODE_REASON_COUNT), "?");
}
