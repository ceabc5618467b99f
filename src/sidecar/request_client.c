/*
 * Who sent a request, by the headers that a CDN or a proxy may have written about him; see
 * mr_request_client.h. It must never pass on what is secret: what is told here
 * goes to the database. Called by where_question.c.
 */
#include "sidecar/mr_request_client.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>

#include "adapters/mr_json.h"

#define HEADERS_MAX 100 /* of a request that has more, none is looked at */

/* Headers that say nothing of a place; those of the second kind are nobody's business. */
static bool
is_of_no_use(const char *name)
{
	static const char *const names[] = {"Host",
										"User-Agent",
										"Accept",
										"Accept-Encoding",
										"Accept-Language",
										"Connection",
										"Keep-Alive",
										"Cache-Control",
										"Pragma",
										"If-None-Match",
										"If-Modified-Since",
										"Content-Type",
										"Content-Length",
										"Transfer-Encoding",
										"TE",
										"Upgrade",
										"Origin",
										"Referer",
										"X-Request-Id",
										"Traceparent",
										"X-Multiregion-Token",
										"Authorization",
										"Proxy-Authorization",
										"Cookie"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

/* Adds all values of a header: one as a string, several as an array in their order. */
static void
add_header(MrJson *json, MrJsonNode *root, const struct evkeyvalq *headers, const char *name)
{
	const struct evkeyval *header;
	const char *only = NULL;
	MrJsonNode *array = NULL;

	TAILQ_FOREACH(header, headers, next)
	{
		if (strcasecmp(header->key, name) != 0)
			continue;
		if (only == NULL)
		{
			only = header->value;
			continue;
		}
		if (array == NULL)
		{
			array = mr_json_add_array(json, root, name);
			mr_json_add_string(json, array, NULL, only);
		}
		mr_json_add_string(json, array, NULL, header->value);
	}
	if (array == NULL)
		mr_json_add_string(json, root, name, only);
}

/* Whether the header is the first of its name. */
static bool
is_first(const struct evkeyvalq *headers, const struct evkeyval *which)
{
	const struct evkeyval *header;

	TAILQ_FOREACH(header, headers, next)
	{
		if (header == which)
			return true;
		if (strcasecmp(header->key, which->key) == 0)
			return false;
	}
	return false;
}

char *
mr_request_client_headers(const MrRequest *request)
{
	const struct evkeyvalq *headers = evhttp_request_get_input_headers(request->http);
	const struct evkeyval *header;
	int count = 0;
	bool found = false;
	MrJson json;
	MrJsonNode *root;

	TAILQ_FOREACH(header, headers, next)
	{
		found |= !is_of_no_use(header->key);
		count++;
	}
	if (!found || count > HEADERS_MAX)
		return NULL;
	root = mr_json_begin(&json);
	TAILQ_FOREACH(header, headers, next)
	{
		if (!is_of_no_use(header->key) && is_first(headers, header))
			add_header(&json, root, headers, header->key);
	}
	return mr_json_end(&json);
}

void
mr_request_client_address(const MrRequest *request, char *out, size_t size)
{
	out[0] = '\0';
	if (strcmp(request->client, MR_CLIENT_LOCAL) != 0)
		snprintf(out, size, "%.*s", (int) strcspn(request->client, "%"), request->client);
}
