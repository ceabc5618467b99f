/*
 * Health checks: /health/primary and /health/live of our own, those of Patroni's REST
 * contract, PGD's, and HAProxy's agent check. All from the last copy, but a check that
 * asks for a tenant, which asks the database. They must never wait for it otherwise, and
 * never imply by their status that something can be written that cannot. Called through
 * routes.c.
 */
#include "sidecar/mr_patroni.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sidecar/mr_authorize.h"
#include "sidecar/mr_loop.h"
#include "sidecar/mr_tenant_answer.h"

/* A check whose tenant is asked for. */
typedef struct TenantCheck
{
	MrService *service;
	MrRequest *request;
	const char *path; /* the route's */
	MrPatroniCheck check;
	MrPatroniQuery query;
} TenantCheck;

/* ---------- bodies ---------- */

static const char *
role_of(const MrServingInput *input, const MrStatus *status)
{
	if (mr_patroni_no_writer(input, status) == NULL)
		return "primary";
	if (!status->valid)
		return "uninitialized";
	return status->in_recovery ? "replica" : "demoted";
}

static const char *
state_of(const MrServingInput *input, const MrStatus *status)
{
	if (mr_patroni_is_running(input, status))
		return "running";
	return status->valid && status->stopping ? "stopping" : "unknown";
}

/* Of a standby what it has got; of others where their WAL ends. */
static void
add_xlog(const MrStatus *status, MrJson *json, MrJsonNode *root)
{
	const MrStatusServer *server = &status->server;
	MrJsonNode *xlog = mr_json_add_object(json, root, "xlog");

	if (!status->in_recovery)
	{
		mr_service_add_number(json, xlog, "location", server->location);
		return;
	}
	mr_service_add_number(json, xlog, "received_location", server->received);
	mr_service_add_number(json, xlog, "replayed_location", server->replayed);
	mr_json_add_string(json, xlog, "replayed_timestamp", server->replayed_at);
	mr_json_add_boolean(json, xlog, "paused", server->replay_paused);
	mr_json_add_string(json, root, "replication_state",
					   server->streaming ? "streaming" : "in archive recovery");
	if (mr_patroni_is_quorum(status))
		mr_json_add_boolean(json, root, "quorum_standby", true);
}

/* Members that answer and are heard to follow; the role may not see who really streams. */
static void
add_replication(const MrStatus *status, MrJson *json, MrJsonNode *root)
{
	MrJsonNode *list = NULL;
	MrStatusMember member;
	int i;
	int j;

	for (i = 0; i < status->node_count; i++)
	{
		const MrStatusNode *node = &status->nodes[i];
		bool quorum = mr_patroni_is_in_quorum(status, node);
		MrJsonNode *row;

		if (node->part != MR_PART_STANDBY || node->health != MR_HEALTH_UP)
			continue;
		if (list == NULL)
			list = mr_json_add_array(json, root, "replication");
		row = mr_json_add_object(json, list, NULL);
		mr_json_add_string(json, row, "usename", "multiregion_peer");
		mr_json_add_string(json, row, "application_name", node->name);
		mr_json_add_null(json, row, "client_addr");
		for (j = 0; mr_status_member(status, j, &member); j++)
			if (strcmp(member.name, node->name) == 0 && member.hostaddr[0] != '\0')
				mr_json_add_string(json, row, "client_addr", member.hostaddr);
		mr_json_add_string(json, row, "state", "streaming");
		mr_json_add_string(json, row, "sync_state", quorum ? "quorum" : "async");
		mr_json_add_integer(json, row, "sync_priority", quorum ? 1 : 0);
	}
}

/* What Patroni has no word for. */
static void
add_own(const MrService *service, const MrServingInput *input, MrJson *json, MrJsonNode *root)
{
	const MrStatus *status = &service->watcher.status;
	const char *reason = mr_patroni_no_writer(input, status);
	MrJsonNode *own = mr_json_add_object(json, root, "multiregion");

	mr_json_add_string(json, own, "version", MR_SIDECAR_VERSION);
	mr_json_add_string(json, own, "region", mr_service_region(service));
	mr_json_add_string(json, own, "primaryNode", status->primary_node);
	mr_service_add_number(json, own, "epoch", status->managed ? status->epoch : MR_UNKNOWN);
	mr_json_add_string(json, own, "reason", reason != NULL ? reason : "writable_primary");
	mr_service_add_age(service, json, own);
}

void
mr_patroni_add_status(const MrService *service, MrJson *json, MrJsonNode *root)
{
	const MrStatus *status = &service->watcher.status;
	MrPatroniTag tags[MR_PATRONI_TAGS];
	int count = mr_patroni_tags(status, tags);
	MrServingInput input;
	MrJsonNode *node;
	int i;

	mr_service_input(service, &input);
	mr_json_add_string(json, root, "state", state_of(&input, status));
	mr_json_add_string(json, root, "role", role_of(&input, status));
	if (status->valid)
	{
		mr_json_add_string(json, root, "postmaster_start_time", status->server.started_at);
		mr_service_add_number(json, root, "server_version", status->server.version);
		add_xlog(status, json, root);
		mr_service_add_number(json, root, "timeline", status->server.timeline);
		if (!status->in_recovery)
			add_replication(status, json, root);
		mr_json_add_integer(json, root, "dcs_last_seen", status->refreshed_wall_ms / 1000);
		mr_json_add_string(json, root, "database_system_identifier", status->server.identifier);
		if (status->managed && status->primary_node == NULL)
			mr_json_add_boolean(json, root, "cluster_unlocked", true);
		if (status->plans.paused)
			mr_json_add_boolean(json, root, "pause", true);
	}
	if (count > 0)
	{
		node = mr_json_add_object(json, root, "tags");
		for (i = 0; i < count; i++)
			mr_json_add_string(json, node, tags[i].name, tags[i].value);
	}
	node = mr_json_add_object(json, root, "patroni");
	mr_json_add_string(json, node, "version", MR_PATRONI_VERSION);
	mr_json_add_string(json, node, "scope", MR_PATRONI_SCOPE);
	mr_json_add_string(json, node, "name",
					   status->node != NULL ? status->node : service->settings->node);
	add_own(service, &input, json, root);
}

/* The short form of /health/primary and /health/live: like /api/health. */
static void
reply_short(const MrService *service, MrRequest *request, MrPatroniCheck check, int code)
{
	const MrStatus *status = &service->watcher.status;
	MrServingInput input;
	const char *reason;
	MrJson json;
	MrJsonNode *root = mr_json_begin(&json);

	mr_service_input(service, &input);
	reason = mr_patroni_no_writer(&input, status);
	mr_json_add_string(&json, root, "status", code == 200 ? "healthy" : "down");
	mr_json_add_string(&json, root, "role", mr_part_name(mr_serving_part(status)));
	mr_service_add_number(&json, root, "epoch",
						  status->valid && status->managed ? status->epoch : MR_UNKNOWN);
	if (check == MR_CHECK_LIVE)
		reason = mr_serving_reason(mr_serving_judge(&input, status));
	else if (reason == NULL)
		reason = status->managed ? "writable_primary" : "unmanaged";
	mr_json_add_string(&json, root, "reason", reason);
	mr_json_add_string(&json, root, "region", mr_service_region(service));
	mr_json_add_string(&json, root, "node", status->node);
	mr_service_add_age(service, &json, root);
	mr_service_reply(request, code, &json);
}

/* Answers a check in the form that its path has. */
static void
reply(const MrService *service, MrRequest *request, const char *path, MrPatroniCheck check,
	  int code)
{
	MrJson json;

	if (strncmp(path, "/health/", 8) == 0 && path[8] != '\0')
		reply_short(service, request, check, code);
	else if (request->method == MR_METHOD_OPTIONS || check == MR_CHECK_LIVE ||
			 check == MR_CHECK_READY)
		mr_request_reply_as(request, code, MR_TYPE_TEXT, strdup(""));
	else if (strncmp(path, "/node/", 6) == 0 || strncmp(path, "/connection/", 12) == 0)
		mr_request_reply(request, code, strdup(code == 200 ? "true" : "false"));
	else
	{
		mr_patroni_add_status(service, &json, mr_json_begin(&json));
		mr_service_reply(request, code, &json);
	}
}

/* ---------- checks ---------- */

/* The tenant's region, or an error that is no answer to the question: then it is not here. */
static void
on_tenant(void *arg, const MrPoolAnswer *answer)
{
	TenantCheck *asked = arg;
	const MrService *service = asked->service;
	const MrStatus *status = &service->watcher.status;
	const PGresult *result = answer->result;
	MrServingInput input;
	int code = 503;

	mr_service_input(service, &input);
	if (result != NULL && PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1 &&
		status->region != NULL && strcmp(PQgetvalue(result, 0, 0), status->region) == 0)
		code = mr_patroni_code(asked->check, &input, status, &asked->query);
	reply(service, asked->request, asked->path, asked->check, code);
	free(asked);
}

/* Of a tenant: only where its region is. */
static void
ask_tenant(MrService *service, MrRequest *request, const char *path, MrPatroniCheck check,
		   const MrPatroniQuery *query)
{
	TenantCheck *asked = calloc(1, sizeof(*asked));
	char sql[256];
	MrPoolQuery question = {.sql = sql,
							.count = 1,
							.timeout_ms = service->settings->tenant_timeout_ms,
							.operation = MR_OPERATION_TENANT_READ};

	if (asked == NULL || service->pool.timer == NULL || service->watcher.schema[0] == '\0')
	{
		free(asked);
		reply(service, request, path, check, 503);
		return;
	}
	*asked = (TenantCheck){
		.service = service, .request = request, .path = path, .check = check, .query = *query};
	snprintf(sql, sizeof(sql), "SELECT %s.region_for_tenant($1)", service->watcher.schema);
	question.values[0] = asked->query.tenant;
	mr_authorize_query(request, &question);
	if (!mr_pool_query(&service->pool, &question, on_tenant, asked))
	{
		free(asked);
		reply(service, request, path, check, 503);
	}
}

void
mr_endpoint_patroni_check(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	const char *path = match->route->path;
	MrPatroniCheck check = mr_patroni_check_of(path);
	const MrStatus *status = &service->watcher.status;
	MrPatroniQuery query;
	MrServingInput input;
	const char *problem;
	char details[80];
	int code;

	problem = mr_patroni_query_read(check, request->query, status, &query);
	if (problem != NULL)
	{
		snprintf(details, sizeof(details), "The parameter is \"%s\".", problem);
		mr_request_refuse(request, MR_ERROR_BAD_PARAMETER, details);
		return;
	}
	/* Where a tenant is, is no matter of health. */
	if (query.has_tenant && !mr_authorize_somebody(service, request))
		return;
	mr_service_input(service, &input);
	code = mr_patroni_code(check, &input, status, &query);
	if (code == 200 && query.has_tenant)
		ask_tenant(service, request, path, check, &query);
	else
		reply(service, request, path, check, code);
}

/* Whether the header names a media type, whatever it says of others. */
static bool
accepts(const char *header, const char *type)
{
	size_t length = strlen(type);

	for (; header != NULL && *header != '\0'; header++)
		if (strncasecmp(header, type, length) == 0 && strchr(",; \t", header[length]) != NULL)
			return true;
	return false;
}

/* Who names a type he wants to read gets the list of paths; a load balancer the check. */
void
mr_endpoint_root(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	const char *accept = mr_request_find_header(request, "Accept");
	size_t i;

	if (!accepts(accept, "application/json") && !accepts(accept, "text/html"))
	{
		mr_endpoint_patroni_check(service, request, match);
		return;
	}
	/* Kept as the answer of the list's own path: what "/" answers depends on who asks. */
	for (i = 0; i < mr_route_count; i++)
		if (mr_routes[i].handler == mr_endpoint_index)
			request->route = &mr_routes[i];
	if (mr_authorize(service, request, request->route))
		mr_endpoint_index(service, request, match);
}

/*
 * HAProxy's agent-check reads the first line of what it is told, whatever the protocol:
 * its words stand for the reason of the status line.
 */
void
mr_endpoint_patroni_agent(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	const MrStatus *status = &service->watcher.status;
	MrServingInput input;
	bool drains;
	bool serves;

	(void) match;
	mr_service_input(service, &input);
	drains = service->draining || (status->valid && status->stopping);
	serves = mr_patroni_no_writer(&input, status) == NULL || mr_patroni_is_replica(&input, status);
	request->reason = serves ? "up ready" : drains ? "drain" : "down";
	mr_request_reply_as(request, serves ? 200 : 503, MR_TYPE_TEXT,
						strdup(serves   ? "up ready\n"
							   : drains ? "drain\n"
										: "down\n"));
}
