/*
 * The answer of /api/regions/route as JSON; see mr_where.h. It must never show more of a
 * node than its host and port. Called by endpoint_route.c.
 */
#include "sidecar/mr_where.h"

#include <stdlib.h>
#include <string.h>

#include "sidecar/mr_loop.h"

#define TOKEN_HEADER "X-Multiregion-Token"
#define FALLBACKS_MAX 16

static void
add_endpoint(const MrStatus *status, const char *key, MrJson *json, MrJsonNode *node)
{
	const MrStatusRegion *region = mr_status_region(status, key);

	mr_json_add_string(json, node, "regionKey", key);
	mr_json_add_string(json, node, "regionId", region != NULL ? region->id : NULL);
	mr_json_add_string(json, node, "apiEndpoint", region != NULL ? region->api_endpoint : NULL);
}

static void
add_client(const MrWhereAnswer *answer, MrJson *json, MrJsonNode *root)
{
	MrJsonNode *client;

	if (answer->client_source == NULL)
	{
		mr_json_add_null(json, root, "client");
		return;
	}
	client = mr_json_add_object(json, root, "client");
	mr_json_add_string(json, client, "country", answer->client_country);
	mr_json_add_string(json, client, "regionKey", answer->client_region);
	mr_json_add_string(json, client, "source", answer->client_source);
	mr_json_add_boolean(json, client, "trusted", answer->client_trusted);
}

static void
add_fallbacks(const MrWhere *where, const MrWhereAnswer *answer, MrJson *json, MrJsonNode *root)
{
	const MrStatus *status = &where->service->watcher.status;
	const char *keys[FALLBACKS_MAX];
	int count = mr_where_fallbacks(status, answer, where->for_write || where->on_primary, keys,
								   FALLBACKS_MAX);
	MrJsonNode *list = mr_json_add_array(json, root, "fallbacks");
	int i;

	for (i = 0; i < count; i++)
		add_endpoint(status, keys[i], json, mr_json_add_object(json, list, NULL));
}

static bool
is_local(const MrWhere *where, const MrWhereAnswer *answer)
{
	const char *here = mr_service_region(where->service);

	return here != NULL && answer->region != NULL && strcmp(here, answer->region) == 0;
}

void
mr_where_reply(const MrWhere *where, const MrWhereAnswer *answer)
{
	MrJson json;
	MrJsonNode *root = mr_json_begin(&json);

	mr_json_add_string(&json, root, "op", where->for_write ? "write" : "read");
	mr_json_add_string(&json, root, "tenantId", where->tenant[0] != '\0' ? where->tenant : NULL);
	add_endpoint(&where->service->watcher.status, answer->region, &json, root);
	mr_json_add_string(&json, root, "currentRegion", mr_service_region(where->service));
	mr_json_add_boolean(&json, root, "local", is_local(where, answer));
	mr_json_add_string(&json, root, "nodeName", answer->node);
	mr_json_add_string(&json, root, "host", answer->host);
	mr_service_add_number(&json, root, "port",
						  answer->port != NULL ? strtoll(answer->port, NULL, 10) : MR_UNKNOWN);
	mr_json_add_string(&json, root, "role", answer->role);
	mr_json_add_string(&json, root, "reason", answer->reason);
	mr_json_add_string(&json, root, "sentence", answer->sentence);
	mr_service_add_number(&json, root, "lagMs", answer->lag_ms);
	mr_service_add_number(&json, root, "lagBytes", answer->lag_bytes);
	mr_service_add_number(&json, root, "stalenessMs", answer->staleness_ms);
	mr_service_add_number(&json, root, "nodeAgeMs", answer->node_age_ms);
	mr_json_add_string(&json, root, "homeRegionKey", answer->home);
	mr_json_add_boolean(&json, root, "pinned", answer->pinned);
	add_fallbacks(where, answer, &json, root);
	add_client(answer, &json, root);
	mr_json_add_string(&json, root, "token", where->token[0] != '\0' ? where->token : NULL);
	if (answer->steps != NULL)
		mr_json_add_text(&json, root, "steps", answer->steps);
	mr_service_add_age_of(&json, root, answer->wall_ms, answer->age_ms, answer->stale);
	if (where->token[0] != '\0')
		mr_request_header(where->request, TOKEN_HEADER, where->token);
	mr_service_reply(where->request, 200, &json);
}
