/*
 * GET /v2/keys/service/:scope/leader: who leads, as etcd (its second API) would tell it of the key
 * that Patroni keeps there. For vip-manager of Debian, which moves a virtual address by this
 * key and knows no other way. From the last copy; the local node's name only while a write
 * would be acknowledged here. Called through routes.c.
 */
#include "sidecar/mr_service.h"

#include <stdio.h>
#include <string.h>

#include "sidecar/mr_patroni_check.h"

/* NULL: nobody, or the copy is not worth an answer. */
static const char *
leader_of(const MrService *service)
{
	const MrStatus *status = &service->watcher.status;
	MrServingInput input;

	mr_service_input(service, &input);
	if (mr_patroni_no_writer(&input, status) == NULL)
		return status->node;
	if (status->primary_node == NULL || status->node == NULL ||
		strcmp(status->primary_node, status->node) == 0)
		return NULL;
	return status->primary_node;
}

void
mr_endpoint_etcd_leader(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	const MrStatus *status = &service->watcher.status;
	const char *leader = leader_of(service);
	char key[MR_PARAMETER_SIZE + 32];
	MrJson json;
	MrJsonNode *root;
	MrJsonNode *node;

	if (leader == NULL)
	{
		mr_request_refuse(request, MR_ERROR_NO_LEADER, NULL);
		return;
	}
	snprintf(key, sizeof(key), "/service/%s/leader", match->parameter);
	root = mr_json_begin(&json);
	mr_json_add_string(&json, root, "action", "get");
	node = mr_json_add_object(&json, root, "node");
	mr_json_add_string(&json, node, "key", key);
	mr_json_add_string(&json, node, "value", leader);
	mr_json_add_integer(&json, node, "modifiedIndex", status->epoch);
	mr_json_add_integer(&json, node, "createdIndex", status->epoch);
	mr_service_reply(request, 200, &json);
}
