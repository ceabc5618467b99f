/*
 * What the endpoints share: routing, ages, small pieces of JSON. It must never answer
 * a request that it has handed to an endpoint. Called by the server and the endpoints.
 */
#include "sidecar/mr_service.h"

#include <string.h>

#include "sidecar/mr_authorize.h"
#include "sidecar/mr_loop.h"

#define RETRY_AFTER "1" /* seconds; the next attempt to connect is never further */

bool
mr_service_asks_only(const MrRequest *request)
{
	MrRouteMatch match;

	return mr_router_find(mr_routes, mr_route_count, request->method, request->path, &match) ==
			   MR_ROUTE_FOUND &&
		   (match.route->flags & MR_ROUTE_READS) != 0;
}

/* What a path's ":id" is an id of. */
static MrHttpError
error_of_parameter(const MrRouteMatch *match)
{
	return strstr(match->route->path, "/tenant/") != NULL ? MR_ERROR_BAD_TENANT
														  : MR_ERROR_BAD_PARAMETER;
}

void
mr_service_handle(MrRequest *request, void *arg)
{
	MrService *service = arg;
	MrRouteMatch match;
	MrRouteResult result =
		mr_router_find(mr_routes, mr_route_count, request->method, request->path, &match);
	char allow[MR_ROUTE_ALLOW_SIZE];

	mr_router_allow(match.allow, allow, sizeof(allow));
	request->route = match.route;
	switch (result)
	{
		case MR_ROUTE_FOUND:
			if (mr_authorize(service, request, match.route) &&
				!mr_service_answer_hot(service, request))
				match.route->handler(service, request, &match);
			break;
		case MR_ROUTE_OPTIONS:
			mr_request_header(request, "Allow", allow);
			mr_request_reply(request, 204, NULL);
			break;
		case MR_ROUTE_WRONG_METHOD:
			mr_request_header(request, "Allow", allow);
			mr_request_refuse(request, MR_ERROR_METHOD_NOT_ALLOWED, NULL);
			break;
		case MR_ROUTE_UNKNOWN:
			mr_request_refuse(request, MR_ERROR_NOT_FOUND, NULL);
			break;
		case MR_ROUTE_BAD_PARAMETER:
			mr_request_refuse(request, error_of_parameter(&match),
							  "It is not percent-encoded UTF-8, or holds a NUL.");
			break;
		case MR_ROUTE_LONG_PARAMETER:
			mr_request_refuse(request, error_of_parameter(&match), "It is too long.");
			break;
	}
}

void
mr_service_input(const MrService *service, MrServingInput *input)
{
	input->enabled = service->watched;
	input->alone = !service->settings->enabled;
	input->draining = service->draining;
	input->connected = service->watcher.up;
	input->age_ms = mr_watcher_age_ms(&service->watcher);
	input->stale_after_ms = service->settings->stale_after_ms;
}

void
mr_service_add_age_of(MrJson *json, MrJsonNode *node, int64_t wall_ms, int64_t age_ms, bool stale)
{
	char text[MR_TIMESTAMP_SIZE];

	if (age_ms < 0)
		mr_json_add_null(json, node, "asOf");
	else
	{
		mr_loop_format_time(wall_ms, text);
		mr_json_add_string(json, node, "asOf", text);
	}
	mr_service_add_number(json, node, "ageMs", age_ms);
	mr_json_add_boolean(json, node, "stale", stale);
}

void
mr_service_add_age(const MrService *service, MrJson *json, MrJsonNode *node)
{
	const MrWatcher *watcher = &service->watcher;
	int64_t age_ms = mr_watcher_age_ms(watcher);
	bool stale = !watcher->up || age_ms < 0 || age_ms > service->settings->stale_after_ms;

	mr_service_add_age_of(json, node, watcher->status.refreshed_wall_ms, age_ms, stale);
}

const char *
mr_service_region(const MrService *service)
{
	if (service->watcher.status.region != NULL)
		return service->watcher.status.region;
	return service->settings->region[0] != '\0' ? service->settings->region : NULL;
}

void
mr_service_seed_regions(MrService *service)
{
	MrStatus *status = &service->watcher.status;
	const MrSettings *settings = service->settings;
	int i;

	if (status->results[MR_STATUS_REGION] != NULL &&
		PQntuples(status->results[MR_STATUS_REGION]) > 0)
		return;
	status->region_count = 0;
	for (i = 0; i < settings->region_count; i++)
	{
		const MrSettingsRegion *from = &settings->regions[i];
		MrStatusRegion *to = &status->regions[status->region_count++];

		to->key = from->key;
		to->id = from->id;
		to->name = from->name;
		to->has_place = from->has_place;
		to->latitude = from->latitude;
		to->longitude = from->longitude;
		to->priority = from->has_priority ? from->priority : MR_UNKNOWN;
		to->api_endpoint = from->api_endpoint;
		to->cdn_endpoint = from->cdn_endpoint;
	}
}

void
mr_service_add_number(MrJson *json, MrJsonNode *node, const char *key, int64_t value)
{
	if (value == MR_UNKNOWN)
		mr_json_add_null(json, node, key);
	else
		mr_json_add_integer(json, node, key, value);
}

void
mr_service_reply(MrRequest *request, int status, MrJson *json)
{
	mr_request_reply(request, status, mr_json_end(json));
}

void
mr_service_refuse_later(MrRequest *request, MrHttpError error, const char *details)
{
	mr_request_header(request, "Retry-After", RETRY_AFTER);
	mr_request_refuse(request, error, details);
}

void
mr_service_refuse_sql(MrRequest *request, int status, const char *code, const PGresult *result)
{
	if (code == NULL)
		code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	mr_request_reply(request, status,
					 mr_http_error_body_of(code,
										   PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY),
										   PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL),
										   PQresultErrorField(result, PG_DIAG_MESSAGE_HINT)));
}
