/*
 * GET /api, /api/regions, /api/regions/status: answers from the last copy, always 200.
 * It must never wait for the database. Called through routes.c.
 */
#include "sidecar/mr_service.h"

#include <string.h>

void
mr_endpoint_index(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	MrJson json;
	MrJsonNode *root = mr_json_begin(&json);
	MrJsonNode *paths;
	size_t i;

	(void) match;
	mr_json_add_string(&json, root, "name", "multiregiond");
	mr_json_add_string(&json, root, "version", MR_SIDECAR_VERSION);
	mr_json_add_string(&json, root, "region", mr_service_region(service));
	paths = mr_json_add_array(&json, root, "paths");
	for (i = 0; i < mr_route_count; i++)
	{
		MrJsonNode *path = mr_json_add_object(&json, paths, NULL);

		mr_json_add_string(&json, path, "method", mr_method_name(mr_routes[i].method));
		mr_json_add_string(&json, path, "path", mr_routes[i].path);
		mr_json_add_string(&json, path, "what", mr_routes[i].what);
	}
	mr_service_reply_hot(service, request, 200, &json, true);
}

/* Whether the region holds the lease; of an unmanaged server: whether it is its own. */
static bool
is_primary_region(const MrService *service, const char *key)
{
	const MrStatus *status = &service->watcher.status;
	const char *own = mr_service_region(service);

	if (status->primary_region != NULL)
		return strcmp(status->primary_region, key) == 0;
	return status->valid && !status->managed && !status->in_recovery && own != NULL &&
		   strcmp(own, key) == 0;
}

void
mr_endpoint_regions(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	const MrStatus *status = &service->watcher.status;
	MrJson json;
	MrJsonNode *root = mr_json_begin(&json);
	MrJsonNode *regions = mr_json_add_array(&json, root, "regions");
	int i;

	(void) match;
	mr_service_seed_regions(service);
	for (i = 0; i < status->region_count; i++)
	{
		const MrStatusRegion *region = &status->regions[i];
		MrJsonNode *node = mr_json_add_object(&json, regions, NULL);

		mr_json_add_string(&json, node, "regionKey", region->key);
		mr_json_add_string(&json, node, "regionId", region->id);
		mr_json_add_string(&json, node, "name", region->name);
		if (region->has_place)
		{
			mr_json_add_real(&json, node, "latitude", region->latitude);
			mr_json_add_real(&json, node, "longitude", region->longitude);
		}
		else
		{
			mr_json_add_null(&json, node, "latitude");
			mr_json_add_null(&json, node, "longitude");
		}
		mr_service_add_number(&json, node, "priority", region->priority);
		mr_json_add_string(&json, node, "apiEndpoint", region->api_endpoint);
		mr_json_add_string(&json, node, "cdnEndpoint", region->cdn_endpoint);
		mr_json_add_boolean(&json, node, "isPrimary", is_primary_region(service, region->key));
	}
	mr_service_add_age(service, &json, root);
	mr_service_reply_hot(service, request, 200, &json, true);
}

static void
add_nodes(const MrStatus *status, const char *key, MrJson *json, MrJsonNode *region)
{
	MrJsonNode *nodes = mr_json_add_array(json, region, "nodes");
	int i;

	for (i = 0; i < status->node_count; i++)
	{
		const MrStatusNode *from = &status->nodes[i];
		MrJsonNode *node;

		if (strcmp(from->region, key) != 0)
			continue;
		node = mr_json_add_object(json, nodes, NULL);
		mr_json_add_string(json, node, "nodeName", from->name);
		mr_json_add_string(json, node, "role", mr_part_name(from->part));
		mr_json_add_string(json, node, "status", mr_health_word(from->health));
		mr_service_add_number(json, node, "lagBytes", from->lag_bytes);
		mr_service_add_number(json, node, "lagMs", from->lag_ms);
	}
}

static void
add_region(const MrService *service, const MrStatusRegion *region, MrJson *json,
		   MrJsonNode *regions)
{
	const MrStatus *status = &service->watcher.status;
	MrJsonNode *node = mr_json_add_object(json, regions, NULL);
	MrRegionSummary summary;
	const char *own = mr_service_region(service);

	mr_status_summarize(status, region->key, &summary);
	/* An unmanaged server has no members; of itself it knows at least this. */
	if (status->valid && !status->managed && own != NULL && strcmp(own, region->key) == 0)
	{
		summary.part = mr_serving_part(status);
		summary.health = MR_HEALTH_UP;
	}
	mr_json_add_string(json, node, "regionKey", region->key);
	mr_json_add_string(json, node, "regionId", region->id);
	mr_json_add_string(json, node, "name", region->name);
	mr_json_add_string(json, node, "role", mr_part_name(summary.part));
	mr_json_add_string(json, node, "status", mr_health_word(summary.health));
	mr_service_add_number(json, node, "lagBytes",
						  summary.best != NULL ? summary.best->lag_bytes : MR_UNKNOWN);
	mr_service_add_number(json, node, "lagMs",
						  summary.best != NULL ? summary.best->lag_ms : MR_UNKNOWN);
	mr_service_add_number(json, node, "consecutiveFailures",
						  summary.best != NULL ? summary.best->consecutive_failures : MR_UNKNOWN);
	add_nodes(status, region->key, json, node);
}

static void
add_forecast(const MrStatus *status, MrJson *json, MrJsonNode *root)
{
	const MrStatusForecast *forecast = &status->forecast;
	MrJsonNode *node = mr_json_add_object(json, root, "ifPrimaryDiedNow");

	mr_json_add_string(json, node, "successor", forecast->successor);
	mr_json_add_string(json, node, "successorRegion", forecast->region);
	mr_service_add_number(json, node, "outageMs", forecast->outage_ms);
	mr_service_add_number(json, node, "commitsAtRisk", forecast->commits_at_risk);
	mr_service_add_number(json, node, "bytesAtRisk", forecast->bytes_at_risk);
	mr_json_add_string(json, node, "reason", forecast->reason);
}

void
mr_endpoint_status(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	const MrStatus *status = &service->watcher.status;
	MrJson json;
	MrJsonNode *root = mr_json_begin(&json);
	MrJsonNode *regions;
	const char *primary = status->primary_region;
	int i;

	(void) match;
	mr_service_seed_regions(service);
	for (i = 0; primary == NULL && i < status->region_count; i++)
		if (is_primary_region(service, status->regions[i].key))
			primary = status->regions[i].key;
	mr_json_add_string(&json, root, "currentRegion", mr_service_region(service));
	mr_json_add_string(&json, root, "primaryRegion", primary);
	if (status->valid && status->managed)
		mr_json_add_integer(&json, root, "epoch", status->epoch);
	else
		mr_json_add_null(&json, root, "epoch");
	mr_json_add_string(&json, root, "durability", mr_status_policy(status, "durability"));
	mr_service_add_age(service, &json, root);
	mr_json_add_boolean(&json, root, "enabled", service->settings->enabled);
	mr_json_add_boolean(&json, root, "managed", status->managed);
	mr_json_add_string(&json, root, "currentNode", status->node);
	mr_json_add_string(&json, root, "primaryNode", status->primary_node);
	add_forecast(status, &json, root);
	regions = mr_json_add_array(&json, root, "regions");
	for (i = 0; i < status->region_count; i++)
		add_region(service, &status->regions[i], &json, regions);
	mr_service_reply_hot(service, request, 200, &json, true);
}
