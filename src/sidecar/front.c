/*
 * Before and after the endpoints; see mr_front.h. It must never look at what a path is
 * about. Called by the server.
 */
#include "sidecar/mr_front.h"

#include <inttypes.h>
#include <stdio.h>

#include "sidecar/mr_access_log.h"
#include "sidecar/mr_cors.h"
#include "sidecar/mr_loop.h"
#include "sidecar/mr_metrics_record.h"

static bool
is_safe(MrMethod method)
{
	return method == MR_METHOD_GET || method == MR_METHOD_HEAD || method == MR_METHOD_OPTIONS ||
		   method == MR_METHOD_TRACE;
}

void
mr_front_handle(MrRequest *request, void *arg)
{
	MrService *service = arg;
	char seconds[24];
	int64_t wait_ms = 0;

	mr_cors_apply(service->settings->cors_origins, request);
	if (!is_safe(request->method) && !mr_service_asks_only(request))
		wait_ms = mr_rate_limit_take(service->rate_limit, request->client,
									 service->settings->changes_per_minute, mr_loop_now_ns());
	if (wait_ms == 0)
	{
		mr_service_handle(request, service);
		return;
	}
	snprintf(seconds, sizeof(seconds), "%" PRId64, (wait_ms + 999) / 1000);
	mr_request_header(request, "Retry-After", seconds);
	mr_request_refuse(request, MR_ERROR_TOO_MANY, NULL);
}

void
mr_front_observe(const MrRequest *request, int status, size_t bytes, void *arg)
{
	(void) arg;
	mr_access_log_add(request, status, bytes);
	/* One that is refused before its path is looked at may be anything. */
	mr_metrics_observe_request(request->route != NULL ? request->route->path : NULL,
							   request->path != NULL ? request->method : MR_METHOD_COUNT, status,
							   mr_loop_now_ns() - request->began_ns);
}
