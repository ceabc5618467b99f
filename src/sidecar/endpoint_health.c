/*
 * GET /api/health, /api/regions/health/database, /api/regions/health/failover: verdicts
 * on the last copy. Only /api/health puts its verdict into the HTTP status: it is the
 * one that load balancers ask. It must never wait for the database, and never say yes
 * from an old copy. Called through routes.c.
 */
#include "sidecar/mr_service.h"

#include <stdlib.h>
#include <string.h>

#include "sidecar/mr_loop.h"

static void
add_epoch(const MrStatus *status, MrJson *json, MrJsonNode *node)
{
	if (status->valid && status->managed)
		mr_json_add_integer(json, node, "epoch", status->epoch);
	else
		mr_json_add_null(json, node, "epoch");
}

void
mr_endpoint_health(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	const MrStatus *status = &service->watcher.status;
	MrServingInput input;
	MrServing serving;
	bool good;
	MrJson json;
	MrJsonNode *root = mr_json_begin(&json);

	(void) match;
	mr_service_input(service, &input);
	serving = mr_serving_judge(&input, status);
	good = mr_serving_is_good(serving);
	mr_json_add_string(&json, root, "status", good ? "healthy" : "down");
	mr_json_add_string(&json, root, "role", mr_part_name(mr_serving_part(status)));
	add_epoch(status, &json, root);
	mr_json_add_string(&json, root, "reason", mr_serving_reason(serving));
	mr_json_add_string(&json, root, "region", mr_service_region(service));
	mr_json_add_string(&json, root, "node", status->node);
	mr_json_add_boolean(&json, root, "writable", good && status->writable);
	mr_service_add_age(service, &json, root);
	mr_service_reply_hot(service, request, good ? 200 : 503, &json, false);
}

/* What both reports begin with. */
static void
add_head(const MrService *service, MrVerdict verdict, MrJson *json, MrJsonNode *root)
{
	const MrStatus *status = &service->watcher.status;
	char time[MR_TIMESTAMP_SIZE];

	mr_json_add_string(json, root, "status", mr_verdict_name(verdict));
	mr_loop_format_time(mr_loop_wall_ms(), time);
	mr_json_add_string(json, root, "checkedAt", time);
	mr_service_add_age(service, json, root);
	mr_json_add_string(json, root, "currentRegion", mr_service_region(service));
	mr_json_add_string(json, root, "currentNode", status->node);
	mr_json_add_string(json, root, "primaryRegion", status->primary_region);
	mr_json_add_string(json, root, "primaryNode", status->primary_node);
	add_epoch(status, json, root);
}

/* The local node is known to be down before its peers have noticed. */
static bool
is_lost(const MrService *service, const MrStatusNode *node)
{
	const MrStatus *status = &service->watcher.status;

	return !service->watcher.up && status->node != NULL && strcmp(status->node, node->name) == 0;
}

static void
add_node(const MrService *service, const MrStatusNode *from, MrJson *json, MrJsonNode *nodes)
{
	MrJsonNode *node = mr_json_add_object(json, nodes, NULL);
	bool lost = is_lost(service, from);

	mr_json_add_string(json, node, "nodeName", from->name);
	mr_json_add_string(json, node, "regionKey", from->region);
	mr_json_add_string(json, node, "role", mr_part_name(from->part));
	mr_json_add_string(json, node, "status", lost ? "down" : mr_health_word(from->health));
	mr_service_add_number(json, node, "lagBytes", from->lag_bytes);
	mr_service_add_number(json, node, "lagMs", from->lag_ms);
	mr_service_add_number(json, node, "consecutiveFailures", from->consecutive_failures);
	if (from->round_trip_ms >= 0)
		mr_json_add_real(json, node, "roundTripMs", from->round_trip_ms);
	else
		mr_json_add_null(json, node, "roundTripMs");
	mr_json_add_string(json, node, "walEnd", from->wal_end);
	mr_json_add_string(json, node, "replayLsn", from->replay_lsn);
	mr_service_add_number(json, node, "timeline", from->timeline);
	mr_json_add_string(json, node, "checkedAt", from->checked_at);
}

void
mr_endpoint_health_database(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	const MrStatus *status = &service->watcher.status;
	MrServingInput input;
	MrJson json;
	MrJsonNode *root = mr_json_begin(&json);
	MrJsonNode *nodes;
	int i;

	(void) match;
	mr_service_input(service, &input);
	add_head(service, mr_serving_database(&input, status), &json, root);
	mr_json_add_string(&json, root, "localStatus", input.connected ? "healthy" : "down");
	nodes = mr_json_add_array(&json, root, "nodes");
	for (i = 0; i < status->node_count; i++)
		add_node(service, &status->nodes[i], &json, nodes);
	mr_service_reply_hot(service, request, 200, &json, true);
}

/* A policy as a number or a boolean of JSON; null while it is not known. */
static void
add_policy(const MrStatus *status, const char *name, const char *key, MrJson *json,
		   MrJsonNode *node)
{
	const MrPolicySetting *setting = mr_policy_find(name);
	const char *text = mr_status_policy(status, name);
	int64_t value;

	if (text == NULL || setting == NULL || mr_policy_parse(setting, text, &value) != MR_POLICY_OK)
		mr_json_add_null(json, node, key);
	else if (strcmp(setting->unit, "boolean") == 0)
		mr_json_add_boolean(json, node, key, value != 0);
	else
		mr_json_add_integer(json, node, key, value);
}

static void
add_last_failover(const MrStatus *status, MrJson *json, MrJsonNode *root)
{
	static const struct
	{
		const char *column;
		const char *key;
		bool is_number;
	} fields[] = {
		{"epoch", "epoch", true},
		{"cause", "cause", false},
		{"rule", "rule", false},
		{"from_node", "fromNode", false},
		{"from_region", "fromRegion", false},
		{"to_node", "toNode", false},
		{"to_region", "toRegion", false},
		{"detected_at", "detectedAt", false},
		{"open_at", "openAt", false},
		{"duration_ms", "durationMs", true},
		{"lag_bytes", "lagBytes", true},
	};
	const PGresult *result = status->results[MR_STATUS_FAILOVER];
	MrJsonNode *node;
	size_t i;

	if (result == NULL || PQntuples(result) == 0)
	{
		mr_json_add_null(json, root, "lastFailover");
		return;
	}
	node = mr_json_add_object(json, root, "lastFailover");
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
	{
		int column = PQfnumber(result, fields[i].column);

		if (column < 0 || PQgetisnull(result, 0, column))
			mr_json_add_null(json, node, fields[i].key);
		else if (fields[i].is_number)
			mr_json_add_integer(json, node, fields[i].key,
								strtoll(PQgetvalue(result, 0, column), NULL, 10));
		else
			mr_json_add_string(json, node, fields[i].key, PQgetvalue(result, 0, column));
	}
}

/* Those who are not primary now, and what stands against each. */
static void
add_candidates(const MrStatus *status, MrJson *json, MrJsonNode *root)
{
	MrJsonNode *candidates = mr_json_add_array(json, root, "candidates");
	int i;

	for (i = 0; i < status->node_count; i++)
	{
		const MrStatusNode *from = &status->nodes[i];
		MrJsonNode *node;

		if (from->part == MR_PART_PRIMARY)
			continue;
		node = mr_json_add_object(json, candidates, NULL);
		mr_json_add_string(json, node, "nodeName", from->name);
		mr_json_add_string(json, node, "regionKey", from->region);
		mr_json_add_boolean(json, node, "eligible", from->eligible);
		mr_json_add_boolean(json, node, "voter", from->voter);
		mr_json_add_string(json, node, "reason", from->reason);
	}
}

void
mr_endpoint_health_failover(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	const MrStatus *status = &service->watcher.status;
	MrServingInput input;
	MrJson json;
	MrJsonNode *root = mr_json_begin(&json);

	(void) match;
	mr_service_input(service, &input);
	add_head(service, mr_serving_failover(&input, status), &json, root);
	mr_service_add_number(&json, root, "leaseRemainingMs",
						  input.connected ? status->lease_remaining_ms : MR_UNKNOWN);
	add_policy(status, "auto_failover", "autoFailoverEnabled", &json, root);
	add_policy(status, "health_check_interval", "healthCheckIntervalMs", &json, root);
	add_policy(status, "max_consecutive_failures", "maxConsecutiveFailures", &json, root);
	add_policy(status, "failback", "failbackEnabled", &json, root);
	add_policy(status, "failback_delay", "failbackDelayMs", &json, root);
	add_policy(status, "lease", "leaseMs", &json, root);
	add_candidates(status, &json, root);
	add_last_failover(status, &json, root);
	mr_service_reply_hot(service, request, 200, &json, true);
}
