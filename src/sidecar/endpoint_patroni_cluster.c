/*
 * GET /cluster, /config, /history, /failsafe: the cluster in Patroni's words. All from the
 * last copy, but the history, which is asked for. They must never show a connection string.
 * Called through routes.c.
 */
#include "sidecar/mr_patroni.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/mr_pg_peer.h"
#include "core/mr_policy.h"
#include "sidecar/mr_authorize.h"
#include "sidecar/mr_catalog_sql.h"

int64_t
mr_patroni_position(const char *lsn)
{
	uint32_t high;
	uint32_t low;

	if (lsn == NULL || sscanf(lsn, "%" SCNx32 "/%" SCNx32, &high, &low) != 2)
		return MR_UNKNOWN;
	return (int64_t) high << 32 | low;
}

bool
mr_patroni_is_in_quorum(const MrStatus *status, const MrStatusNode *node)
{
	const char *durability = mr_status_policy(status, "durability");

	return durability != NULL && strcmp(durability, "quorum") == 0 && node->voter &&
		   node->part == MR_PART_STANDBY;
}

/* ---------- /cluster ---------- */

static void
add_place(const MrStatus *status, const MrStatusNode *node, MrJson *json, MrJsonNode *row)
{
	const MrStatusRegion *region = mr_status_region(status, node->region);
	char host[256] = "";
	char port[16] = "5432";
	char url[1024];
	MrStatusMember member;
	int i;

	for (i = 0; mr_status_member(status, i, &member); i++)
	{
		if (strcmp(member.name, node->name) != 0)
			continue;
		if (!mr_pg_conninfo_value(member.conninfo, "host", host, sizeof(host)))
			snprintf(host, sizeof(host), "%s", member.hostaddr);
		(void) mr_pg_conninfo_value(member.conninfo, "port", port, sizeof(port));
	}
	if (region != NULL && region->api_endpoint != NULL)
	{
		snprintf(url, sizeof(url), "%s/patroni", region->api_endpoint);
		mr_json_add_string(json, row, "api_url", url);
	}
	if (host[0] == '\0')
		return;
	mr_json_add_string(json, row, "host", host);
	mr_json_add_integer(json, row, "port", strtol(port, NULL, 10));
}

/* The difference of two positions; Patroni's word for what is not known is a string. */
static void
add_lag(MrJson *json, MrJsonNode *row, const char *key, const char *behind, const char *ahead)
{
	int64_t from = mr_patroni_position(behind);
	int64_t to = mr_patroni_position(ahead);

	if (from == MR_UNKNOWN || to == MR_UNKNOWN)
		mr_json_add_string(json, row, key, "unknown");
	else
		mr_json_add_integer(json, row, key, to > from ? to - from : 0);
}

static void
add_lags(const MrStatusNode *node, const MrStatusNode *leader, MrJson *json, MrJsonNode *row)
{
	const char *end = leader != NULL ? leader->wal_end : NULL;

	add_lag(json, row, "receive_lag", node->wal_end, end);
	mr_json_add_string(json, row, "receive_lsn", node->wal_end);
	add_lag(json, row, "replay_lag", node->replay_lsn, end);
	mr_json_add_string(json, row, "replay_lsn", node->replay_lsn);
	if (node->lag_bytes == MR_UNKNOWN)
		mr_json_add_string(json, row, "lag", "unknown");
	else
		mr_json_add_integer(json, row, "lag", node->lag_bytes);
	mr_json_add_string(json, row, "lsn", node->wal_end);
}

static void
add_member(const MrService *service, const MrStatusNode *node, const MrStatusNode *leader,
		   MrJson *json, MrJsonNode *members)
{
	const MrStatus *status = &service->watcher.status;
	bool lost = node->health != MR_HEALTH_UP || (!service->watcher.up && status->node != NULL &&
												 strcmp(status->node, node->name) == 0);
	MrJsonNode *row = mr_json_add_object(json, members, NULL);
	MrJsonNode *tags;

	mr_json_add_string(json, row, "name", node->name);
	mr_json_add_string(json, row, "role",
					   node == leader                          ? "leader"
					   : mr_patroni_is_in_quorum(status, node) ? "quorum_standby"
															   : "replica");
	mr_json_add_string(json, row, "state",
					   lost             ? "unknown"
					   : node == leader ? "running"
										: "streaming");
	add_place(status, node, json, row);
	mr_service_add_number(json, row, "timeline", node->timeline);
	tags = mr_json_add_object(json, row, "tags");
	mr_json_add_string(json, tags, "region", node->region);
	if (node != leader)
		add_lags(node, leader, json, row);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp((*(const MrStatusNode *const *) a)->name,
				  (*(const MrStatusNode *const *) b)->name);
}

static void
add_plans(const MrStatus *status, MrJson *json, MrJsonNode *root)
{
	const MrStatusPlans *plans = &status->plans;
	MrJsonNode *node;

	if (plans->paused)
		mr_json_add_boolean(json, root, "pause", true);
	if (plans->switchover_at == NULL)
		return;
	node = mr_json_add_object(json, root, "scheduled_switchover");
	mr_json_add_string(json, node, "at", plans->switchover_at);
	if (status->primary_node != NULL)
		mr_json_add_string(json, node, "from", status->primary_node);
	if (plans->switchover_to != NULL)
		mr_json_add_string(json, node, "to", plans->switchover_to);
}

void
mr_endpoint_patroni_cluster(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	const MrStatus *status = &service->watcher.status;
	const MrStatusNode *nodes[MR_MAX_MEMBERS];
	const MrStatusNode *leader = NULL;
	MrJson json;
	MrJsonNode *root = mr_json_begin(&json);
	MrJsonNode *members = mr_json_add_array(&json, root, "members");
	int count = 0;
	int i;

	(void) match;
	for (i = 0; i < status->node_count; i++)
	{
		/* A witness holds no data: no member in Patroni's sense. */
		if (status->nodes[i].part != MR_PART_UNKNOWN)
			nodes[count++] = &status->nodes[i];
		if (status->nodes[i].part == MR_PART_PRIMARY)
			leader = &status->nodes[i];
	}
	qsort(nodes, (size_t) count, sizeof(nodes[0]), by_name);
	for (i = 0; i < count; i++)
		add_member(service, nodes[i], leader, &json, members);
	add_plans(status, &json, root);
	mr_json_add_string(&json, root, "scope", MR_PATRONI_SCOPE);
	mr_service_add_age(service, &json, root);
	mr_service_reply(request, 200, &json);
}

/* ---------- /config ---------- */

/* A policy's number in another unit: 0.5 of a second is not cut. */
static void
add_policy(const MrStatus *status, const char *name, const char *key, double divisor, MrJson *json,
		   MrJsonNode *root)
{
	const MrPolicySetting *setting = mr_policy_find(name);
	const char *text = mr_status_policy(status, name);
	int64_t value;

	if (setting == NULL || text == NULL || mr_policy_parse(setting, text, &value) != MR_POLICY_OK)
		return;
	if (divisor == 1 || value % (int64_t) divisor == 0)
		mr_json_add_integer(json, root, key, value / (int64_t) divisor);
	else
		mr_json_add_real(json, root, key, (double) value / divisor);
}

/* What of Patroni's configuration has a counterpart, and every policy under its own name. */
void
mr_endpoint_patroni_config(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	const MrStatus *status = &service->watcher.status;
	const PGresult *policies = status->results[MR_STATUS_POLICY];
	const char *durability = mr_status_policy(status, "durability");
	MrJson json;
	MrJsonNode *root;
	MrJsonNode *node;
	int row;

	(void) match;
	if (policies == NULL)
	{
		mr_request_refuse(request, MR_ERROR_NO_CONFIG, NULL);
		return;
	}
	root = mr_json_begin(&json);
	add_policy(status, "lease", "ttl", 1000, &json, root);
	add_policy(status, "heartbeat", "loop_wait", 1000, &json, root);
	add_policy(status, "max_failover_lag", "maximum_lag_on_failover", 1, &json, root);
	if (durability != NULL && strcmp(durability, "quorum") == 0)
		mr_json_add_string(&json, root, "synchronous_mode", "quorum");
	else
		mr_json_add_boolean(&json, root, "synchronous_mode", false);
	if (status->plans.paused)
		mr_json_add_boolean(&json, root, "pause", true);
	node = mr_json_add_object(&json, root, "postgresql");
	mr_json_add_boolean(&json, node, "use_pg_rewind", true);
	mr_json_add_boolean(&json, node, "use_slots", true);
	node = mr_json_add_object(&json, root, "multiregion");
	for (row = 0; row < PQntuples(policies); row++)
		mr_json_add_string(&json, node, PQgetvalue(policies, row, 0),
						   PQgetisnull(policies, row, 1) ? NULL : PQgetvalue(policies, row, 1));
	mr_service_reply(request, 200, &json);
}

/* ---------- /history, /failsafe ---------- */

static void
on_history(void *arg, const MrPoolAnswer *answer)
{
	MrRequest *request = arg;
	const PGresult *result = answer->result;
	int status = mr_http_status_of_sqlstate(PQresultErrorField(result, PG_DIAG_SQLSTATE));

	if (result != NULL && PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1)
		mr_request_reply(request, 200, strdup(PQgetvalue(result, 0, 0)));
	else if (result == NULL || status == 503 || status == 504)
		mr_service_refuse_later(request, MR_ERROR_DATABASE_UNAVAILABLE, NULL);
	else
		mr_service_refuse_sql(request, status, NULL, result);
}

void
mr_endpoint_patroni_history(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	MrPoolQuery query = {.sql = MR_SQL_TIMELINES,
						 .timeout_ms = service->settings->database_timeout_ms};

	(void) match;
	mr_authorize_query(request, &query);
	if (service->pool.timer == NULL)
		mr_service_refuse_later(request, MR_ERROR_DATABASE_UNAVAILABLE, NULL);
	else if (!mr_pool_query(&service->pool, &query, on_history, request))
		mr_service_refuse_later(request, MR_ERROR_BUSY, NULL);
}

void
mr_endpoint_patroni_failsafe(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	(void) service;
	(void) match;
	mr_request_refuse(request, MR_ERROR_FAILSAFE_OFF, NULL);
}
