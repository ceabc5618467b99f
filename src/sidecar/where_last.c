/*
 * Where a request belongs by the last copy of the status; see mr_where.h. Pure: it looks at
 * nothing else. It must never name a standby for a read that has a limit or a token: how far
 * one is behind is not known any more. Called by endpoint_route.c and where_answer.c.
 */
#include "sidecar/mr_where.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/mr_geo.h"
#include "sidecar/mr_status_member.h"

#define REASON "last_known"
#define SENTENCE "the local database does not answer; this is the last that was known"
#define DEFAULT_PORT "5432"

static bool
is_same(const char *one, const char *other)
{
	return one != NULL && other != NULL && strcmp(one, other) == 0;
}

/* The best node of the region that is known to be up; or_here: the local one counts, too. */
static const MrStatusNode *
node_in(const MrStatus *status, const char *region, bool or_here)
{
	const MrStatusNode *best = NULL;
	int i;

	for (i = 0; i < status->node_count; i++)
	{
		const MrStatusNode *node = &status->nodes[i];

		if (!is_same(node->region, region) || (!or_here && is_same(node->name, status->node)) ||
			node->part == MR_PART_UNKNOWN || node->health == MR_HEALTH_DOWN ||
			node->health == MR_HEALTH_UNKNOWN)
			continue;
		if (best == NULL || (node->health == MR_HEALTH_UP && best->health != MR_HEALTH_UP) ||
			(node->health == best->health && node->lag_ms != MR_UNKNOWN &&
			 (best->lag_ms == MR_UNKNOWN || node->lag_ms < best->lag_ms)))
			best = node;
	}
	return best;
}

/* The region by key or id, in any case. */
static const char *
find_region(const MrStatus *status, const char *word)
{
	int i;

	for (i = 0; i < status->region_count; i++)
		if (strcasecmp(status->regions[i].key, word) == 0 ||
			strcasecmp(status->regions[i].id, word) == 0)
			return status->regions[i].key;
	return NULL;
}

static double
distance(const MrStatus *status, const char *one, const char *other)
{
	const MrStatusRegion *a = mr_status_region(status, one);
	const MrStatusRegion *b = mr_status_region(status, other);

	if (a == NULL || b == NULL || !a->has_place || !b->has_place)
		return HUGE_VAL;
	return mr_geo_distance_km(a->latitude, a->longitude, b->latitude, b->longitude);
}

static bool
is_among(const char *key, const char *const *keys, int count)
{
	int i;

	for (i = 0; i < count; i++)
		if (is_same(keys[i], key))
			return true;
	return false;
}

/* Appends the other regions that have a node, the nearest first. */
static int
add_nearest(const MrStatus *status, const char *from, bool or_here, const char **out, int count,
			int max)
{
	while (count < max)
	{
		const char *next = NULL;
		double next_km = 0;
		int i;

		for (i = 0; i < status->region_count; i++)
		{
			const char *key = status->regions[i].key;
			double km = distance(status, from, key);

			if (is_same(key, from) || is_among(key, out, count) ||
				node_in(status, key, or_here) == NULL || (next != NULL && km >= next_km))
				continue;
			next = key;
			next_km = km;
		}
		if (next == NULL)
			break;
		out[count++] = next;
	}
	return count;
}

int
mr_where_fallbacks(const MrStatus *status, const MrWhereAnswer *answer, bool for_write,
				   const char **out, int max)
{
	const char *at = answer->fallbacks;
	int count = 0;

	if (for_write)
	{
		if (status->forecast.region != NULL && !is_same(status->forecast.region, answer->region))
			out[count++] = status->forecast.region;
		return count;
	}
	if (answer->pinned)
		return 0;
	while (at != NULL && *at != '\0' && count < max)
	{
		size_t length = strcspn(at, ",");
		char word[MR_NAME_SIZE];
		const char *key;

		snprintf(word, sizeof(word), "%.*s", (int) length, at);
		key = find_region(status, word);
		if (key != NULL && !is_same(key, answer->region) &&
			node_in(status, key, !answer->stale) != NULL)
			out[count++] = key;
		at += length + (at[length] == ',' ? 1 : 0);
	}
	return answer->region != NULL && !answer->confined
			   ? add_nearest(status, answer->region, !answer->stale, out, count, max)
			   : count;
}

static const MrStatusNode *
find_primary(const MrStatus *status)
{
	int i;

	for (i = 0; i < status->node_count; i++)
		if (is_same(status->nodes[i].name, status->primary_node) &&
			!is_same(status->nodes[i].name, status->node))
			return &status->nodes[i];
	return NULL;
}

/* Whom a read goes to; NULL when nobody is known whom it may. */
static const MrStatusNode *
find_for_read(const MrWhere *where, const MrStatus *status, const MrTenantAnswer *tenant)
{
	const char *from = where->from[0] != '\0' ? find_region(status, where->from) : status->region;
	const char *near[MR_STATUS_REGIONS];
	const MrStatusNode *node;

	/* A tenant that nobody has heard of may be pinned to any region. */
	if (where->tenant[0] != '\0' && tenant == NULL)
		return NULL;
	if (tenant != NULL)
		from = tenant->effective;
	if (from == NULL)
		return NULL;
	node = node_in(status, from, false);
	if (node != NULL || (tenant != NULL && !tenant->may_move))
		return node;
	if (add_nearest(status, from, false, near, 0, 1) == 0)
		return NULL;
	return node_in(status, near[0], false);
}

/* How the node is reached, as the last copy has it. */
static bool
find_host(const MrStatus *status, const char *name, MrWhereLast *last)
{
	MrStatusMember member;
	int i;

	for (i = 0; mr_status_member(status, i, &member); i++)
	{
		if (strcmp(member.name, name) != 0)
			continue;
		if (!mr_pg_conninfo_value(member.conninfo, "port", last->port, sizeof(last->port)))
			snprintf(last->port, sizeof(last->port), "%s", DEFAULT_PORT);
		return mr_pg_conninfo_value(member.conninfo, "host", last->host, sizeof(last->host));
	}
	return false;
}

bool
mr_where_last(const MrWhere *where, const MrStatus *status, const MrTenantAnswer *tenant,
			  MrWhereLast *last)
{
	bool only_primary = where->for_write || where->on_primary || where->token[0] != '\0' ||
						where->max_lag[0] != '\0' || where->max_lag_bytes[0] != '\0';
	const MrStatusNode *node;

	memset(last, 0, sizeof(*last));
	if (!status->valid || !status->managed)
		return false;
	node = only_primary ? find_primary(status) : find_for_read(where, status, tenant);
	if (node == NULL || !find_host(status, node->name, last))
		return false;
	/* A pin is never left, also not for the primary. */
	if (!where->for_write && where->tenant[0] != '\0' &&
		(tenant == NULL || (!tenant->may_move && !is_same(node->region, tenant->effective))))
		return false;
	last->answer.region = node->region;
	last->answer.node = node->name;
	last->answer.host = last->host;
	last->answer.port = last->port;
	last->answer.role =
		mr_part_name(is_same(node->name, status->primary_node) ? MR_PART_PRIMARY : MR_PART_STANDBY);
	last->answer.reason = REASON;
	last->answer.sentence = SENTENCE;
	last->answer.lag_ms = MR_UNKNOWN;
	last->answer.lag_bytes = MR_UNKNOWN;
	last->answer.staleness_ms = MR_UNKNOWN;
	last->answer.node_age_ms = MR_UNKNOWN;
	last->answer.home = tenant != NULL && tenant->known ? tenant->region_key : NULL;
	last->answer.pinned = tenant != NULL && !tenant->may_move;
	last->answer.wall_ms = status->refreshed_wall_ms;
	last->answer.stale = true;
	return true;
}
