/*
 * Reads what /api/regions/route is asked, out of a query or a body; see mr_where.h. It must
 * never guess: what cannot be read is refused, for a limit that is overlooked is another
 * question. What only the database can judge (intervals, regions, numbers) it gets as it is.
 * Called by endpoint_route.c.
 */
#include "sidecar/mr_where.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sidecar/mr_body.h"
#include "sidecar/mr_http_text.h"
#include "sidecar/mr_request_client.h"

#define TOKEN_HEADER "X-Multiregion-Token"
#define FIRST_PRIMARY "first-primary"
#define FIRST_UNCONSTRAINED "first-unconstrained"

static bool
refuse(const MrWhere *where, MrHttpError error, const char *details)
{
	mr_request_refuse(where->request, error, details);
	return false;
}

/* A parameter of the query; stays empty when it is not there. */
static bool
take(const MrWhere *where, const char *name, char *out, size_t size)
{
	char details[80];

	switch (mr_http_query_value(where->request->query, name, out, size))
	{
		case MR_TEXT_OK:
			return true;
		case MR_TEXT_ABSENT:
			out[0] = '\0';
			return true;
		case MR_TEXT_MALFORMED:
		case MR_TEXT_TOO_LONG:
			break;
	}
	snprintf(details, sizeof(details), "\"%s\" cannot be read, or is too long.", name);
	return refuse(where, MR_ERROR_BAD_PARAMETER, details);
}

static bool
read_query(MrWhere *where, char op[MR_WHERE_TEXT])
{
	char text[16];

	if (!take(where, "tenant", where->tenant, sizeof(where->tenant)) ||
		!take(where, "op", op, MR_WHERE_TEXT) ||
		!take(where, "max_lag", where->max_lag, sizeof(where->max_lag)) ||
		!take(where, "max_lag_bytes", where->max_lag_bytes, sizeof(where->max_lag_bytes)) ||
		!take(where, "token", where->token, sizeof(where->token)) ||
		!take(where, "from", where->from, sizeof(where->from)) ||
		!take(where, "country", where->country, sizeof(where->country)) ||
		!take(where, "latitude", where->latitude, sizeof(where->latitude)) ||
		!take(where, "longitude", where->longitude, sizeof(where->longitude)))
		return false;
	switch (mr_http_query_value(where->request->query, "explain", text, sizeof(text)))
	{
		case MR_TEXT_ABSENT:
			break;
		case MR_TEXT_OK:
			if (mr_http_parse_boolean(text, &where->explain))
				break;
			/* FALLTHROUGH */
		case MR_TEXT_MALFORMED:
		case MR_TEXT_TOO_LONG:
			return refuse(where, MR_ERROR_BAD_PARAMETER, "\"explain\" is neither true nor false.");
	}
	where->headers = mr_request_client_headers(where->request);
	mr_request_client_address(where->request, where->peer, sizeof(where->peer));
	return true;
}

static bool
read_body(MrWhere *where, char op[MR_WHERE_TEXT])
{
	static const char *const keys[] = {"tenant",    "op",      "maxLag",  "maxLagBytes",
									   "token",     "from",    "country", "latitude",
									   "longitude", "explain", "headers", "peer"};
	double place[2] = {NAN, NAN};
	int64_t bytes = 0;
	MrBody body;

	if (mr_body_open(&body, where->request, keys, sizeof(keys) / sizeof(keys[0])))
	{
		(void) mr_body_string(&body, "tenant", false, where->tenant, sizeof(where->tenant));
		(void) mr_body_string(&body, "op", false, op, MR_WHERE_TEXT);
		(void) mr_body_string(&body, "maxLag", false, where->max_lag, sizeof(where->max_lag));
		if (mr_body_integer(&body, "maxLagBytes", &bytes))
			snprintf(where->max_lag_bytes, sizeof(where->max_lag_bytes), "%" PRId64, bytes);
		(void) mr_body_string(&body, "token", false, where->token, sizeof(where->token));
		(void) mr_body_string(&body, "from", false, where->from, sizeof(where->from));
		(void) mr_body_string(&body, "country", false, where->country, sizeof(where->country));
		if (mr_body_real(&body, "latitude", &place[0]))
			snprintf(where->latitude, sizeof(where->latitude), "%.17g", place[0]);
		if (mr_body_real(&body, "longitude", &place[1]))
			snprintf(where->longitude, sizeof(where->longitude), "%.17g", place[1]);
		mr_body_boolean(&body, "explain", &where->explain);
		where->headers = mr_body_object(&body, "headers");
		(void) mr_body_string(&body, "peer", false, where->peer, sizeof(where->peer));
	}
	return mr_body_close(&body);
}

/*
 * The token, and what its two words mean. One in the header comes from a client: who passes
 * it on can do nothing about one that is of no use, so that is as good as none.
 */
static bool
read_token(MrWhere *where)
{
	const char *header = mr_request_find_header(where->request, TOKEN_HEADER);
	MrToken token;

	if (where->token[0] == '\0' && header != NULL)
	{
		where->token_is_claimed = true;
		if (strlen(header) < sizeof(where->token))
			snprintf(where->token, sizeof(where->token), "%s", header);
	}
	where->on_primary = strcmp(where->token, FIRST_PRIMARY) == 0;
	if (where->on_primary || strcmp(where->token, FIRST_UNCONSTRAINED) == 0)
		where->token[0] = '\0';
	if (where->token[0] == '\0' || mr_token_parse(where->token, &token))
		return true;
	where->token[0] = '\0';
	return where->token_is_claimed || refuse(where, MR_ERROR_BAD_TOKEN, NULL);
}

static bool
is_address(const char *text)
{
	unsigned char address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

bool
mr_where_read(MrWhere *where)
{
	bool is_post = where->request->method == MR_METHOD_POST;
	MrHttpError error = is_post ? MR_ERROR_BAD_BODY : MR_ERROR_BAD_PARAMETER;
	char op[MR_WHERE_TEXT] = "";
	const char *problem;

	if (!(is_post ? read_body(where, op) : read_query(where, op)) || !read_token(where))
		return false;
	where->for_write = strcmp(op, "write") == 0;
	if (!where->for_write && op[0] != '\0' && strcmp(op, "read") != 0)
		return refuse(where, error, "\"op\" is neither read nor write.");
	problem = where->tenant[0] != '\0' ? mr_tenant_problem(where->tenant) : NULL;
	if (problem != NULL)
		return refuse(where, MR_ERROR_BAD_TENANT, problem);
	if ((where->latitude[0] == '\0') != (where->longitude[0] == '\0'))
		return refuse(where, error, "Latitude and longitude come together.");
	if (where->peer[0] != '\0' && !is_address(where->peer))
		return refuse(where, error, "\"peer\" is no address.");
	return true;
}
