/*
 * The choice of a node for a read or a write; see mr_route_node.h.
 *
 * First what stands against each node (one answer a node, the gravest first), then the
 * nearest of those against whom nothing does. Pure. Called by the SQL functions of routing
 * and by explain_route(), so that what is explained is what is done.
 */
#include "core/mr_route_node.h"

#include <string.h>

/* Round trips that differ by less are the same: some milliseconds, or a fifth of the shorter. */
#define MR_SAME_US 5000

#define WORD_3(symbol, word, sentence) word,
#define SENTENCE_3(symbol, word, sentence) sentence,

static const char *const words[] = {MR_NODE_REASON_LIST(WORD_3)};
static const char *const sentences[] = {MR_NODE_REASON_LIST(SENTENCE_3)};

const char *
mr_node_reason_name(int reason)
{
	return reason >= 0 && reason < MR_NODE_REASON_COUNT ? words[reason] : "?";
}

const char *
mr_node_reason_sentence(int reason)
{
	return reason >= 0 && reason < MR_NODE_REASON_COUNT ? sentences[reason] : "?";
}

MrReadWish
mr_route_wish(void)
{
	MrReadWish wish = {
		.max_lag_ms = MR_NO_LIMIT, .max_lag_bytes = MR_NO_LIMIT, .from_region = MR_NO_REGION};

	return wish;
}

static bool
has(const MrRouteNode *node, uint32_t trait)
{
	return (node->traits & trait) != 0;
}

/* ---------- what stands against a node ---------- */

/* What makes a node useless for any read, whatever was asked for. */
static MrNodeReason
refusal_of_state(const MrRouteNode *node)
{
	static const struct
	{
		uint32_t trait;
		MrNodeReason why;
	} rules[] = {
		{MR_NODE_WITNESS, MR_WHY_WITNESS},       {MR_NODE_ASSUMED, MR_WHY_ASSUMED},
		{MR_NODE_NEVER_SEEN, MR_WHY_UNSEEN},     {MR_NODE_DIVERGED, MR_WHY_DIVERGED},
		{MR_NODE_FENCED, MR_WHY_FENCED},         {MR_NODE_STOPPING, MR_WHY_STOPPING},
		{MR_NODE_SILENT, MR_WHY_SILENT},         {MR_NODE_PAUSED, MR_WHY_PAUSED},
		{MR_NODE_REBUILDING, MR_WHY_REBUILDING},
	};

	if (node->health == MR_HEALTH_DOWN && !has(node, MR_NODE_SELF) &&
		!has(node, MR_NODE_WITNESS | MR_NODE_ASSUMED))
		return MR_WHY_DOWN;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (has(node, rules[i].trait))
			return rules[i].why;
	return MR_WHY_SERVES;
}

/* A lag of which only the least is known may be any above it. */
static MrNodeReason
refusal_of_lag(const MrRouteNode *node, const MrReadWish *wish)
{
	bool limit_ms = wish->max_lag_ms != MR_NO_LIMIT;
	bool limit_bytes = wish->max_lag_bytes != MR_NO_LIMIT;

	if (has(node, MR_NODE_PRIMARY) || (!limit_ms && !limit_bytes))
		return MR_WHY_SERVES;
	if ((limit_ms && node->lag_ms > wish->max_lag_ms) ||
		(limit_bytes && node->lag_bytes > wish->max_lag_bytes))
		return MR_WHY_LAG;
	if ((limit_ms && (node->lag_ms < 0 || node->lag_at_least)) ||
		(limit_bytes && node->lag_bytes < 0))
		return MR_WHY_LAG_UNKNOWN;
	return MR_WHY_SERVES;
}

/* A position says something only of a node that holds WAL of the commit's leadership. */
static bool
has_reached(const MrRouteNode *node, const MrReadWish *wish)
{
	if (wish->token_lsn == 0 || has(node, MR_NODE_PRIMARY))
		return true;
	return node->log_term >= wish->token_term && node->replay_lsn >= wish->token_lsn;
}

MrNodeReason
mr_route_node_refusal(const MrRouteNode *node, const MrReadWish *wish)
{
	MrNodeReason why;

	if (!has(node, MR_NODE_MEMBER))
		return MR_WHY_UNSEEN;
	why = refusal_of_state(node);
	if (why == MR_WHY_SERVES)
		why = refusal_of_lag(node, wish);
	if (why == MR_WHY_SERVES && !has_reached(node, wish))
		why = MR_WHY_TOKEN;
	return why;
}

uint64_t
mr_route_serving(const MrRouteNodes *nodes, const MrReadWish *wish)
{
	uint64_t serving = 0;

	for (int i = 0; i < nodes->count; i++)
		if (nodes->list[i].region != MR_NO_REGION &&
			mr_route_node_refusal(&nodes->list[i], wish) == MR_WHY_SERVES)
			serving |= UINT64_C(1) << nodes->list[i].region;
	return serving;
}

/* ---------- the nearest of those that may ---------- */

static bool
is_as_near(int64_t cost, int64_t least)
{
	int64_t margin = least / 5 > MR_SAME_US ? least / 5 : MR_SAME_US;

	return cost <= (least > INT64_MAX - margin ? INT64_MAX : least + margin);
}

typedef struct Search
{
	const MrRouteRegions *regions;
	const MrRouteNodes *nodes;
	const MrReadWish *wish;
	MrNodeChoice *choice;
	int64_t cost[MR_ROUTE_NODES];
	int origin;      /* region where the wish begins */
	int64_t least;   /* cost, of those that are left */
	int best_region; /* ... and the preferred region */
} Search;

static int
bounded_count(const MrRouteNodes *nodes)
{
	return nodes->count < MR_ROUTE_NODES ? nodes->count : MR_ROUTE_NODES;
}

/* Turns SERVES of those that `accepts` does not into why; if it accepts nobody, of none. */
static bool
drop(Search *search, MrNodeReason why, bool (*accepts)(const Search *search, int node))
{
	bool left = false;

	for (int i = 0; i < bounded_count(search->nodes); i++)
		left |= search->choice->why[i] == MR_WHY_SERVES && accepts(search, i);
	for (int i = 0; left && i < bounded_count(search->nodes); i++)
		if (search->choice->why[i] == MR_WHY_SERVES && !accepts(search, i))
			search->choice->why[i] = (uint8_t) why;
	return left;
}

static bool
is_sound(const Search *search, int node)
{
	const MrRouteNode *candidate = &search->nodes->list[node];

	return candidate->health != MR_HEALTH_SUSPECT || has(candidate, MR_NODE_SELF);
}

static int64_t
least_cost(const Search *search)
{
	int64_t least = INT64_MAX;

	for (int i = 0; i < bounded_count(search->nodes); i++)
		if (search->choice->why[i] == MR_WHY_SERVES && search->cost[i] < least)
			least = search->cost[i];
	return least;
}

static bool
is_near(const Search *search, int node)
{
	return is_as_near(search->cost[node], search->least);
}

static bool
is_standby(const Search *search, int node)
{
	return !has(&search->nodes->list[node], MR_NODE_PRIMARY);
}

static bool
is_self(const Search *search, int node)
{
	return has(&search->nodes->list[node], MR_NODE_SELF);
}

static bool
is_in_own_region(const Search *search, int node)
{
	return search->origin != MR_NO_REGION && search->nodes->list[node].region == search->origin;
}

/* Equals are in one region, by its preference. */
static int
preferred_region(const Search *search)
{
	int best = MR_MAX_REGIONS;

	for (int i = 0; i < bounded_count(search->nodes); i++)
		if (search->choice->why[i] == MR_WHY_SERVES && search->nodes->list[i].region >= 0 &&
			search->nodes->list[i].region < best)
			best = search->nodes->list[i].region;
	return best;
}

static bool
is_in_best_region(const Search *search, int node)
{
	return search->nodes->list[node].region == search->best_region;
}

/* The turn-th of those that are left. */
static int
take_turn(Search *search)
{
	MrNodeChoice *choice = search->choice;
	int count = 0;
	int chosen = MR_NO_NODE;

	for (int i = 0; i < bounded_count(search->nodes); i++)
		count += choice->why[i] == MR_WHY_SERVES;
	for (int i = 0, nth = 0; i < bounded_count(search->nodes); i++)
	{
		if (choice->why[i] != MR_WHY_SERVES)
			continue;
		if (nth++ == (int) (search->wish->turn % (uint32_t) count))
			chosen = i;
		else
			choice->why[i] = MR_WHY_TURN;
	}
	return chosen;
}

/* Whether all that stands against the standbys is what a read asks of them. */
static bool
is_last_resort(const MrNodeChoice *choice, const MrRouteNodes *nodes)
{
	int standbys = 0;

	for (int i = 0; i < bounded_count(nodes); i++)
	{
		if (i == choice->node || !has(&nodes->list[i], MR_NODE_MEMBER) ||
			has(&nodes->list[i], MR_NODE_WITNESS))
			continue;
		if (choice->why[i] == MR_WHY_SERVES || choice->why[i] >= MR_WHY_REGION)
			return false;
		standbys++;
	}
	return standbys > 0;
}

static MrNodeReason
reason_of(const Search *search, int node)
{
	if (has(&search->nodes->list[node], MR_NODE_PRIMARY) &&
		is_last_resort(search->choice, search->nodes))
		return MR_WHY_ONLY_PRIMARY;
	return has(&search->nodes->list[node], MR_NODE_SELF) ? MR_WHY_LOCAL : MR_WHY_NEAREST;
}

static void
choose_nearest(Search *search)
{
	MrNodeChoice *choice = search->choice;

	for (int i = 0; i < bounded_count(search->nodes); i++)
		search->cost[i] =
			mr_route_cost(search->regions, search->nodes, i, search->wish->from_region);
	search->origin = mr_route_origin(search->nodes, search->wish->from_region);
	(void) drop(search, MR_WHY_SUSPECT, is_sound);
	if (drop(search, MR_WHY_FARTHER, is_in_own_region))
		(void) drop(search, MR_WHY_SPARED, is_standby);
	search->least = least_cost(search);
	(void) drop(search, MR_WHY_FARTHER, is_near);
	search->best_region = preferred_region(search);
	(void) drop(search, MR_WHY_FARTHER, is_in_best_region);
	(void) drop(search, MR_WHY_SPARED, is_standby);
	(void) drop(search, MR_WHY_FARTHER, is_self);
	choice->node = take_turn(search);
	if (choice->node == MR_NO_NODE)
		return;
	choice->reason = reason_of(search, choice->node);
	choice->why[choice->node] = (uint8_t) choice->reason;
}

/* Nobody is fresh enough for certain: who is behind by the least, as far as is known. */
static void
choose_freshest(Search *search)
{
	MrNodeChoice *choice = search->choice;
	int64_t least = INT64_MAX;

	for (int i = 0; i < bounded_count(search->nodes); i++)
	{
		const MrRouteNode *node = &search->nodes->list[i];
		int64_t lag_ms = node->lag_ms < 0 ? INT64_MAX - 1 : node->lag_ms;

		if (choice->why[i] != MR_WHY_LAG && choice->why[i] != MR_WHY_LAG_UNKNOWN)
			continue;
		if (lag_ms >= least && choice->node != MR_NO_NODE)
			continue;
		least = lag_ms;
		choice->node = i;
	}
	if (choice->node == MR_NO_NODE)
		return;
	choice->reason = MR_WHY_STALE;
	choice->why[choice->node] = MR_WHY_STALE;
}

static void
begin(Search *search, const MrRouteRegions *regions, const MrRouteNodes *nodes,
	  const MrReadWish *wish, MrNodeChoice *choice)
{
	search->regions = regions;
	search->nodes = nodes;
	search->wish = wish;
	search->choice = choice;
	choice->node = MR_NO_NODE;
	choice->reason = MR_WHY_UNAVAILABLE;
	choice->place.region = MR_NO_REGION;
	choice->place.reason = MR_ROUTE_NOWHERE;
	choice->place.rank = -1;
	for (int i = 0; i < bounded_count(nodes); i++)
		choice->why[i] = (uint8_t) mr_route_node_refusal(&nodes->list[i], wish);
}

void
mr_route_read(const MrRouteRegions *regions, const MrRouteNodes *nodes, const MrReadWish *wish,
			  MrNodeChoice *choice)
{
	Search search;

	begin(&search, regions, nodes, wish, choice);
	choose_nearest(&search);
	if (choice->node == MR_NO_NODE && !wish->firm)
		choose_freshest(&search);
}

static bool
is_within(int region, uint64_t allowed)
{
	return region >= 0 && region < MR_MAX_REGIONS && (allowed >> region & 1) != 0;
}

/* Leaves the nodes of some regions, a bit each. */
static void
stay_in(MrNodeChoice *choice, const MrRouteNodes *nodes, uint64_t allowed)
{
	for (int i = 0; i < bounded_count(nodes); i++)
		if (has(&nodes->list[i], MR_NODE_MEMBER) && !is_within(nodes->list[i].region, allowed) &&
			(choice->why[i] == MR_WHY_SERVES || choice->why[i] == MR_WHY_LAG ||
			 choice->why[i] == MR_WHY_LAG_UNKNOWN))
			choice->why[i] = MR_WHY_REGION;
}

void
mr_route_read_of(const MrRouteRegions *regions, const MrRouteNodes *nodes, const MrTenantRule *rule,
				 const MrPlace *here, int primary_region, const MrReadWish *wish,
				 MrNodeChoice *choice)
{
	MrRouteHealth health = {mr_route_serving(nodes, wish), (int8_t) primary_region};
	MrRegionChoice place = mr_route_region(regions, rule, &health, here);
	bool pinned = place.reason == MR_ROUTE_PIN;
	Search search;

	begin(&search, regions, nodes, wish, choice);
	choice->place = place;
	if (pinned || is_within(place.region, health.healthy))
		stay_in(choice, nodes, UINT64_C(1) << place.region);
	else if (rule->zone != 0)
		stay_in(choice, nodes, mr_route_allowed(regions, rule));
	choose_nearest(&search);
	if (choice->node == MR_NO_NODE && !wish->firm)
		choose_freshest(&search);
}

/* ---------- writes ---------- */

/* What stands against the node that holds the lease, or was the last to hold it. */
static MrNodeReason
refusal_of_writer(const MrRouteNode *node)
{
	if (has(node, MR_NODE_WITNESS))
		return MR_WHY_WITNESS;
	if (has(node, MR_NODE_ASSUMED))
		return MR_WHY_ASSUMED;
	if (has(node, MR_NODE_DIVERGED))
		return MR_WHY_DIVERGED;
	if (has(node, MR_NODE_FENCED))
		return MR_WHY_FENCED;
	return has(node, MR_NODE_PRIMARY | MR_NODE_LAST_KNOWN) ? MR_WHY_SERVES : MR_WHY_STANDBY;
}

static MrNodeReason
reason_of_writer(const MrRouteNode *node)
{
	if (has(node, MR_NODE_FORECAST))
		return MR_WHY_SUCCESSOR;
	if (!has(node, MR_NODE_PRIMARY))
		return MR_WHY_LAST_PRIMARY;
	return has(node, MR_NODE_SILENT) || node->health == MR_HEALTH_DOWN ? MR_WHY_LAST_PRIMARY
																	   : MR_WHY_LEASE;
}

void
mr_route_write(const MrRouteNodes *nodes, MrNodeChoice *choice)
{
	memset(choice, 0, sizeof(*choice));
	choice->node = MR_NO_NODE;
	choice->reason = MR_WHY_NO_PRIMARY;
	choice->place.region = MR_NO_REGION;
	choice->place.rank = -1;
	for (int i = 0; i < bounded_count(nodes); i++)
	{
		const MrRouteNode *node = &nodes->list[i];

		choice->why[i] =
			(uint8_t) (has(node, MR_NODE_MEMBER) ? refusal_of_writer(node) : MR_WHY_UNSEEN);
		if (choice->why[i] != MR_WHY_SERVES)
			continue;
		choice->node = i;
		choice->reason = reason_of_writer(node);
		choice->why[i] = (uint8_t) choice->reason;
	}
}
