/*
 * GET /api/regions/health/redis and POST /api/cdn/invalidate: promised paths of parts that
 * this version does not have. They say so with 200, as a part that is switched off does,
 * so that a client written for them works. They must never look as if something were
 * done. Called through routes.c.
 */
#include "sidecar/mr_service.h"

static void
reply_disabled(MrRequest *request)
{
	MrJson json;
	MrJsonNode *root = mr_json_begin(&json);

	mr_json_add_string(&json, root, "status", "disabled");
	mr_service_reply(request, 200, &json);
}

void
mr_endpoint_health_redis(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	(void) service;
	(void) match;
	reply_disabled(request);
}

void
mr_endpoint_cdn_invalidate(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	(void) service;
	(void) match;
	reply_disabled(request);
}
