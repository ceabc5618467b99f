/*
 * Headers for web pages of other origins; see mr_cors.h. It must never name an origin
 * that is not in the list. Called by front.c.
 */
#include "sidecar/mr_cors.h"

#include <string.h>

void
mr_cors_apply(const char *origins, MrRequest *request)
{
	const char *origin;
	bool all = strcmp(origins, "*") == 0;

	if (origins[0] == '\0')
		return;
	/* The answer differs by it, also to who sends none. */
	if (!all)
		mr_request_header(request, "Vary", "Origin");
	origin = mr_request_find_header(request, "Origin");
	if (origin == NULL || (!all && !mr_cors_is_listed(origins, origin)))
		return;
	mr_request_header(request, "Access-Control-Allow-Origin", all ? "*" : origin);
	if (request->method != MR_METHOD_OPTIONS ||
		mr_request_find_header(request, "Access-Control-Request-Method") == NULL)
	{
		mr_request_header(request, "Access-Control-Expose-Headers",
						  "ETag, Retry-After, WWW-Authenticate, X-Multiregion-Token, X-Request-Id");
		return;
	}
	mr_request_header(request, "Access-Control-Allow-Methods",
					  "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
	mr_request_header(
		request, "Access-Control-Allow-Headers",
		"Authorization, Content-Type, If-None-Match, X-Multiregion-Token, X-Request-Id");
	mr_request_header(request, "Access-Control-Max-Age", "600");
}
