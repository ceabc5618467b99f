/*
 * The choice of a node (core/route_node.c) in any cluster: properties over random ones, and
 * what a decision costs with 32 nodes.
 */
#include "unit/mr_route_examples.h"
#include "unit/mr_unit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---------- any cluster ---------- */

static uint64_t random_state;

static uint32_t
draw(uint32_t limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t) (random_state >> 33) % limit;
}

static int64_t
draw_lag(void)
{
	return draw(4) == 0 ? -1 : (int64_t) draw(200);
}

static void
draw_node(MrRouteNode *node)
{
	memset(node, 0, sizeof(*node));
	node->traits = draw(8) != 0 ? MR_NODE_MEMBER : 0;
	for (uint32_t trait = MR_NODE_WITNESS; trait <= MR_NODE_FORECAST; trait <<= 1)
		if (trait != MR_NODE_SELF && trait != MR_NODE_PRIMARY && draw(14) == 0)
			node->traits |= trait;
	node->region = (int8_t) ((int) draw(4) - 1);
	node->health = (uint8_t) draw(MR_HEALTH_COUNT);
	node->lag_at_least = draw(8) == 0;
	node->round_trip_us = draw(3) == 0 ? 0 : draw(100000);
	node->log_term = 4 + draw(3);
	node->replay_lsn = 900 + draw(200);
	node->lag_bytes = draw_lag();
	node->lag_ms = draw_lag();
}

static void
draw_world(MrRouteNode list[MR_ROUTE_NODES], MrRouteNodes *nodes, MrReadWish *wish)
{
	nodes->count = 1 + (int) draw(MR_ROUTE_NODES);
	nodes->list = list;
	for (int i = 0; i < nodes->count; i++)
		draw_node(&list[i]);
	nodes->self = (int) draw((uint32_t) nodes->count);
	list[nodes->self].traits |= MR_NODE_MEMBER | MR_NODE_SELF;
	list[draw((uint32_t) nodes->count)].traits |= draw(4) != 0 ? MR_NODE_PRIMARY : 0;
	*wish = mr_route_wish();
	if (draw(2))
		wish->max_lag_ms = draw(200);
	if (draw(2))
		wish->max_lag_bytes = draw(200);
	wish->firm = draw(2);
	wish->token_lsn = draw(2) ? 900 + draw(200) : 0u;
	wish->token_term = 4 + draw(3);
	wish->from_region = (int8_t) ((int) draw(4) - 1);
	wish->turn = draw(1000);
}

#define NEVER_READ \
	(MR_NODE_WITNESS | MR_NODE_ASSUMED | MR_NODE_NEVER_SEEN | MR_NODE_DIVERGED | MR_NODE_FENCED | \
	 MR_NODE_STOPPING | MR_NODE_SILENT | MR_NODE_PAUSED | MR_NODE_REBUILDING)

/* Said again in other words than the code's. */
static bool
may_be_read(const MrRouteNode *node, const MrReadWish *wish, bool stale)
{
	bool primary = (node->traits & MR_NODE_PRIMARY) != 0;

	if ((node->traits & MR_NODE_MEMBER) == 0 || (node->traits & NEVER_READ) != 0)
		return false;
	if (node->health == MR_HEALTH_DOWN && (node->traits & MR_NODE_SELF) == 0)
		return false;
	if (primary)
		return true;
	if (!stale && wish->max_lag_ms >= 0 &&
		(node->lag_ms < 0 || node->lag_at_least || node->lag_ms > wish->max_lag_ms))
		return false;
	if (!stale && wish->max_lag_bytes >= 0 &&
		(node->lag_bytes < 0 || node->lag_bytes > wish->max_lag_bytes))
		return false;
	return stale || wish->token_lsn == 0 ||
		   (node->replay_lsn >= wish->token_lsn && node->log_term >= wish->token_term);
}

static void
check_read(const MrRouteNodes *nodes, const MrReadWish *wish, const MrNodeChoice *choice)
{
	bool anybody = false;

	for (int i = 0; i < nodes->count; i++)
	{
		bool may = may_be_read(&nodes->list[i], wish, false);

		anybody |= may;
		MR_CHECK(i == choice->node ? choice->why[i] == choice->reason
								   : choice->why[i] >= MR_WHY_WITNESS);
		if (!may)
			MR_CHECK(choice->why[i] < MR_WHY_REGION || choice->why[i] == MR_WHY_REGION);
	}
	if (choice->node == MR_NO_NODE)
	{
		MR_CHECK_INT(choice->reason, MR_WHY_UNAVAILABLE);
		MR_CHECK(!anybody);
		return;
	}
	MR_CHECK(may_be_read(&nodes->list[choice->node], wish, choice->reason == MR_WHY_STALE));
	if (choice->reason == MR_WHY_STALE)
		MR_CHECK(!anybody && !wish->firm);
	if (choice->reason == MR_WHY_ONLY_PRIMARY)
		MR_CHECK((nodes->list[choice->node].traits & MR_NODE_PRIMARY) != 0);
}

MR_TEST(no_read_goes_where_it_must_not_in_any_cluster)
{
	MrRouteRegions regions = mr_three_regions();
	static MrRouteNode list[MR_ROUTE_NODES];

	for (int round = 0; round < 20000; round++)
	{
		MrRouteNodes nodes;
		MrReadWish wish;
		MrNodeChoice choice;

		random_state = (uint64_t) round + 1;
		mr_unit_about("round %d", round);
		draw_world(list, &nodes, &wish);
		mr_route_read(&regions, &nodes, &wish, &choice);
		check_read(&nodes, &wish, &choice);
	}
}

MR_TEST(no_tenant_leaves_its_pin_in_any_cluster)
{
	MrRouteRegions regions = mr_three_regions();
	static MrRouteNode list[MR_ROUTE_NODES];

	for (int round = 0; round < 20000; round++)
	{
		MrTenantRule rule = {.home = MR_NO_REGION};
		MrRouteNodes nodes;
		MrReadWish wish;
		MrNodeChoice choice;

		random_state = (uint64_t) round + 1;
		mr_unit_about("round %d", round);
		draw_world(list, &nodes, &wish);
		rule.home = (int8_t) ((int) draw(4) - 1);
		rule.pinned = draw(2);
		mr_route_read_of(&regions, &nodes, &rule, NULL, (int) draw(4) - 1, &wish, &choice);
		if (choice.node == MR_NO_NODE)
			continue;
		MR_CHECK(may_be_read(&list[choice.node], &wish, choice.reason == MR_WHY_STALE));
		if (rule.pinned && rule.home != MR_NO_REGION)
			MR_CHECK_INT(list[choice.node].region, rule.home);
	}
}

MR_TEST(no_write_goes_to_who_cannot_take_it_in_any_cluster)
{
	static MrRouteNode list[MR_ROUTE_NODES];

	for (int round = 0; round < 20000; round++)
	{
		MrRouteNodes nodes;
		MrReadWish wish;
		MrNodeChoice choice;

		random_state = (uint64_t) round + 1;
		mr_unit_about("round %d", round);
		draw_world(list, &nodes, &wish);
		mr_route_write(&nodes, &choice);
		if (choice.node == MR_NO_NODE)
			continue;
		MR_CHECK((list[choice.node].traits & MR_NODE_MEMBER) != 0);
		MR_CHECK((list[choice.node].traits & (MR_NODE_PRIMARY | MR_NODE_LAST_KNOWN)) != 0);
		MR_CHECK((list[choice.node].traits &
				  (MR_NODE_FENCED | MR_NODE_WITNESS | MR_NODE_ASSUMED | MR_NODE_DIVERGED)) == 0);
	}
}

/* ---------- cost ---------- */

/* The budget is 5 us for the whole SQL function; here with sanitizers, which slow it down. */
MR_TEST(a_decision_over_32_nodes_is_quick)
{
	MrRouteRegions regions = mr_three_regions();
	MrRouteNode list[MR_ROUTE_NODES];
	MrRouteNodes nodes = {MR_ROUTE_NODES, 0, list};
	MrReadWish wish = mr_route_wish();
	MrTenantRule rule = {.home = 2, .fallback_count = 1, .fallbacks = {1}};
	MrNodeChoice choice;
	struct timespec begin_at;
	struct timespec end_at;
	double us;

	for (int i = 0; i < MR_ROUTE_NODES; i++)
	{
		list[i] = mr_standby_in(i % 3);
		list[i].round_trip_us = 100000;
	}
	list[0].traits |= MR_NODE_SELF;
	list[1].traits |= MR_NODE_PRIMARY;
	wish.max_lag_ms = 1000;
	clock_gettime(CLOCK_MONOTONIC, &begin_at);
	for (uint32_t i = 0; i < 20000; i++)
	{
		wish.turn = i;
		mr_route_read_of(&regions, &nodes, &rule, NULL, 0, &wish, &choice);
	}
	clock_gettime(CLOCK_MONOTONIC, &end_at);
	us = ((double) (end_at.tv_sec - begin_at.tv_sec) * 1e9 +
		  (double) (end_at.tv_nsec - begin_at.tv_nsec)) /
		 20000 / 1000;
	printf("# %.2f us a decision over %d nodes, with sanitizers\n", us, MR_ROUTE_NODES);
	MR_CHECK(us < 100);
}
