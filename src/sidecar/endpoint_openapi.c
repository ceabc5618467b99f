/*
 * GET /openapi.json: the description of this API for programs, docs/openapi.json as it was
 * when this was built. It must never differ from what is served: test/sidecar/240_openapi.pl
 * compares them. Called through routes.c.
 */
#include "sidecar/mr_service.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Made by build.mk: the bytes of the file, separated by commas. */
static const char document[] = {
#include "sidecar/mr_openapi_bytes.h"
};

/* Another build has another document, and with it another tag. */
static const char *
get_tag(void)
{
	static char tag[24];
	uint64_t hash = UINT64_C(14695981039346656037);
	size_t i;

	if (tag[0] != '\0')
		return tag;
	for (i = 0; i < sizeof(document); i++)
		hash = (hash ^ (unsigned char) document[i]) * UINT64_C(1099511628211);
	snprintf(tag, sizeof(tag), "\"%016" PRIx64 "\"", hash);
	return tag;
}

void
mr_endpoint_openapi(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	const char *wanted = mr_request_find_header(request, "If-None-Match");
	const char *tag = get_tag();

	(void) service;
	(void) match;
	mr_request_header(request, "ETag", tag);
	mr_request_header(request, "Cache-Control", "no-cache");
	if (wanted != NULL && (strcmp(wanted, "*") == 0 || strstr(wanted, tag) != NULL))
		mr_request_reply(request, 304, NULL);
	else
		mr_request_reply_with(request, 200, MR_TYPE_JSON, document, sizeof(document));
}
