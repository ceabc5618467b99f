/*
 * Reads SQL results into the last copy, and sums nodes up to regions; see mr_status.h.
 * It must never guess a value that SQL gave as null. Called by watcher.c (filling) and
 * the endpoints (reading).
 */
#include "sidecar/mr_status_member.h"

#include <stdlib.h>
#include <string.h>

#include "core/mr_health.h"
#include "sidecar/mr_log.h"
#include "sidecar/mr_metric_list.h"

/* One row, columns by name. missing is set when a column is not there. */
typedef struct Row
{
	const PGresult *result;
	int row;
	bool missing;
} Row;

/* The text of a column; NULL for SQL's null. */
static const char *
text_of(Row *row, const char *column)
{
	int number = PQfnumber(row->result, column);

	if (number < 0)
	{
		row->missing = true;
		return NULL;
	}
	if (PQgetisnull(row->result, row->row, number))
		return NULL;
	return PQgetvalue(row->result, row->row, number);
}

static bool
boolean_of(Row *row, const char *column)
{
	const char *text = text_of(row, column);

	return text != NULL && text[0] == 't';
}

static int64_t
number_of(Row *row, const char *column)
{
	const char *text = text_of(row, column);

	return text != NULL ? strtoll(text, NULL, 10) : MR_UNKNOWN;
}

static double
real_of(Row *row, const char *column, double unknown)
{
	const char *text = text_of(row, column);

	return text != NULL ? strtod(text, NULL) : unknown;
}

static MrHealth
health_of_word(const char *word)
{
	int health;

	for (health = 0; word != NULL && health < MR_HEALTH_COUNT; health++)
		if (strcmp(word, mr_health_name(health)) == 0)
			return (MrHealth) health;
	return MR_HEALTH_UNKNOWN;
}

/*
 * The protocol's role of a node in the API's words: who stands for election is a
 * standby that has no leader. A witness holds no data and is neither.
 */
static MrPart
part_of_word(const char *word)
{
	int role;

	for (role = 0; word != NULL && role < MR_ROLE_COUNT; role++)
		if (strcmp(word, mr_role_name(role)) == 0)
			return role == MR_ROLE_LEADER ? MR_PART_PRIMARY : MR_PART_STANDBY;
	return MR_PART_UNKNOWN;
}

static void
read_node(Row *row, MrStatusNode *node)
{
	node->name = text_of(row, "node_name");
	node->region = text_of(row, "node_region");
	node->part = part_of_word(text_of(row, "node_role"));
	node->health = health_of_word(text_of(row, "node_status"));
	node->voter = boolean_of(row, "voter");
	node->eligible = boolean_of(row, "eligible");
	node->reason = text_of(row, "node_reason");
	node->lag_bytes = number_of(row, "lag_bytes");
	node->lag_ms = number_of(row, "lag_ms");
	node->consecutive_failures = number_of(row, "consecutive_failures");
	node->round_trip_ms = real_of(row, "round_trip_ms", MR_UNKNOWN);
	node->wal_end = text_of(row, "wal_end");
	node->replay_lsn = text_of(row, "replay_lsn");
	node->timeline = number_of(row, "timeline");
	node->checked_at = text_of(row, "checked_at");
}

static bool
is_word(const char *text, const char *word)
{
	return text != NULL && strcmp(text, word) == 0;
}

static void
read_server(Row *row, MrStatusServer *server)
{
	server->started_at = text_of(row, "started_at");
	server->identifier = text_of(row, "identifier");
	server->version = number_of(row, "version");
	server->timeline = number_of(row, "own_timeline");
	server->location = number_of(row, "location");
	server->received = number_of(row, "received");
	server->replayed = number_of(row, "replayed");
	server->replayed_at = text_of(row, "replayed_at");
	server->replay_paused = boolean_of(row, "replay_paused");
	server->streaming = boolean_of(row, "streaming");
}

static bool
read_plans(const PGresult *result, MrStatusPlans *plans)
{
	Row row = {.result = result};

	if (PQntuples(result) != 1)
		return false;
	plans->paused = boolean_of(&row, "paused");
	plans->switchover_at = text_of(&row, "due_at");
	plans->switchover_to = text_of(&row, "target");
	return !row.missing;
}

/* One row a member, the lease in each; one row without member where there are none. */
static bool
read_lease(const PGresult *result, MrStatus *status)
{
	Row row = {.result = result};
	int count = PQntuples(result);

	if (count == 0)
		return false;
	status->managed = boolean_of(&row, "managed");
	status->node = text_of(&row, "node");
	status->region = text_of(&row, "region");
	status->in_recovery = boolean_of(&row, "in_recovery");
	status->epoch = number_of(&row, "term");
	status->primary_node = text_of(&row, "primary_node");
	status->primary_region = text_of(&row, "primary_region");
	status->is_primary = boolean_of(&row, "is_primary");
	status->writable = boolean_of(&row, "writable");
	status->lease_remaining_ms = number_of(&row, "lease_remaining_ms");
	status->reason = text_of(&row, "reason");
	status->fenced = boolean_of(&row, "fenced");
	status->fenced_in = status->managed && is_word(text_of(&row, "mode"), "manage");
	status->stopping = boolean_of(&row, "stopping");
	status->generation = number_of(&row, "generation");
	status->forecast.successor = text_of(&row, "successor");
	status->forecast.region = text_of(&row, "successor_region");
	status->forecast.outage_ms = number_of(&row, "outage_ms");
	status->forecast.commits_at_risk = number_of(&row, "commits_at_risk");
	status->forecast.bytes_at_risk = number_of(&row, "bytes_at_risk");
	status->forecast.reason = text_of(&row, "forecast_reason");
	read_server(&row, &status->server);
	status->node_count = 0;
	for (; row.row < count && status->node_count < MR_MAX_MEMBERS; row.row++)
		if (text_of(&row, "node_name") != NULL && text_of(&row, "node_region") != NULL)
			read_node(&row, &status->nodes[status->node_count++]);
	return !row.missing;
}

static bool
read_regions(const PGresult *result, MrStatus *status)
{
	Row row = {.result = result};
	int count = PQntuples(result);

	if (count > MR_STATUS_REGIONS)
	{
		mr_log(MR_LOG_WARNING, "%d regions, of which only %d are shown", count, MR_STATUS_REGIONS);
		count = MR_STATUS_REGIONS;
	}
	status->region_count = count;
	for (; row.row < count; row.row++)
	{
		MrStatusRegion *region = &status->regions[row.row];

		region->key = text_of(&row, "region_key");
		region->id = text_of(&row, "region_id");
		region->name = text_of(&row, "name");
		region->has_place = text_of(&row, "latitude") != NULL && text_of(&row, "longitude") != NULL;
		region->latitude = real_of(&row, "latitude", 0);
		region->longitude = real_of(&row, "longitude", 0);
		region->priority = number_of(&row, "priority");
		region->api_endpoint = text_of(&row, "api_endpoint");
		region->cdn_endpoint = text_of(&row, "cdn_endpoint");
		row.missing |= region->key == NULL;
	}
	return !row.missing;
}

bool
mr_status_take(MrStatus *status, MrStatusPart part, PGresult *result, int64_t now_ns,
			   int64_t wall_ms)
{
	MrStatus *next = malloc(sizeof(*next));
	bool good = next != NULL && PQresultStatus(result) == PGRES_TUPLES_OK;

	if (next != NULL)
		*next = *status;
	switch (part)
	{
		case MR_STATUS_LEASE:
			good = good && read_lease(result, next);
			break;
		case MR_STATUS_REGION:
			good = good && read_regions(result, next);
			break;
		case MR_STATUS_POLICY:
			good = good && PQfnumber(result, "name") == 0 && PQfnumber(result, "value") == 1;
			break;
		case MR_STATUS_FAILOVER:
			good = good && PQfnumber(result, "epoch") == 0;
			break;
		case MR_STATUS_PLANS:
			good = good && read_plans(result, &next->plans);
			break;
		case MR_STATUS_MEMBER:
			good = good && PQfnumber(result, "node_name") == 0 &&
				   PQfnumber(result, "conninfo") == 1 && PQfnumber(result, "hostaddr") == 2;
			if (good)
				next->member_reads++;
			break;
		case MR_STATUS_SAMPLES:
		case MR_STATUS_HISTORY:
			good = good && PQnfields(result) == MR_METRIC_LABELS + 2;
			break;
		case MR_STATUS_PARTS:
			good = false;
			break;
	}
	if (good)
	{
		next->reads++;
		if (part == MR_STATUS_LEASE)
		{
			next->valid = true;
			next->refreshed_ns = now_ns;
			next->refreshed_wall_ms = wall_ms;
		}
		PQclear(status->results[part]);
		*status = *next;
		status->results[part] = result;
	}
	else
		PQclear(result);
	free(next);
	return good;
}

const char *
mr_status_policy(const MrStatus *status, const char *name)
{
	const PGresult *result = status->results[MR_STATUS_POLICY];
	int row;

	for (row = 0; result != NULL && row < PQntuples(result); row++)
		if (strcmp(PQgetvalue(result, row, 0), name) == 0)
			return PQgetvalue(result, row, 1);
	return NULL;
}

bool
mr_status_member(const MrStatus *status, int i, MrStatusMember *member)
{
	const PGresult *result = status->results[MR_STATUS_MEMBER];

	if (result == NULL || i >= PQntuples(result))
		return false;
	member->name = PQgetvalue(result, i, 0);
	member->conninfo = PQgetvalue(result, i, 1);
	member->hostaddr = PQgetvalue(result, i, 2);
	return true;
}

const MrStatusRegion *
mr_status_region(const MrStatus *status, const char *key)
{
	int i;

	for (i = 0; key != NULL && i < status->region_count; i++)
		if (strcmp(status->regions[i].key, key) == 0)
			return &status->regions[i];
	return NULL;
}

void
mr_status_free(MrStatus *status)
{
	int part;

	for (part = 0; part < MR_STATUS_PARTS; part++)
		PQclear(status->results[part]);
	memset(status, 0, sizeof(*status));
}

/* A smaller number is the better node. */
static int
rank_of(const MrStatusNode *node)
{
	static const int ranks[MR_HEALTH_COUNT] = {
		[MR_HEALTH_UP] = 1,
		[MR_HEALTH_SUSPECT] = 2,
		[MR_HEALTH_UNKNOWN] = 3,
		[MR_HEALTH_DOWN] = 4,
	};

	return node->part == MR_PART_PRIMARY ? 0 : ranks[node->health];
}

static bool
is_better(const MrStatusNode *a, const MrStatusNode *b)
{
	if (rank_of(a) != rank_of(b))
		return rank_of(a) < rank_of(b);
	if (a->lag_bytes == MR_UNKNOWN || b->lag_bytes == MR_UNKNOWN)
		return a->lag_bytes != MR_UNKNOWN && b->lag_bytes == MR_UNKNOWN;
	return a->lag_bytes < b->lag_bytes;
}

void
mr_status_summarize(const MrStatus *status, const char *region_key, MrRegionSummary *summary)
{
	MrHealth healths[MR_MAX_MEMBERS];
	int count = 0;
	int i;

	memset(summary, 0, sizeof(*summary));
	for (i = 0; i < status->node_count; i++)
	{
		const MrStatusNode *node = &status->nodes[i];

		if (strcmp(node->region, region_key) != 0)
			continue;
		healths[count++] = node->health;
		if (summary->best == NULL || is_better(node, summary->best))
			summary->best = node;
	}
	summary->health = mr_health_of_region(healths, count);
	if (summary->best != NULL)
		summary->part = summary->best->part;
}

const char *
mr_part_name(MrPart part)
{
	switch (part)
	{
		case MR_PART_PRIMARY:
			return "primary";
		case MR_PART_STANDBY:
			return "standby";
		case MR_PART_UNKNOWN:
			break;
	}
	return "unknown";
}

const char *
mr_health_word(MrHealth health)
{
	switch (health)
	{
		case MR_HEALTH_UP:
			return "healthy";
		case MR_HEALTH_SUSPECT:
			return "degraded";
		case MR_HEALTH_DOWN:
			return "down";
		case MR_HEALTH_UNKNOWN:
		case MR_HEALTH_COUNT:
			break;
	}
	return "unknown";
}
