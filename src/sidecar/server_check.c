/*
 * Requests that evhttp parses and that must be refused all the same; see
 * mr_server_check.h. The rule: what another parser before us might read differently is
 * not guessed at. It must never answer or keep anything. Called by server.c.
 */
#include "sidecar/mr_server_check.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>

#include "sidecar/mr_http_text.h"

static bool
is_digits(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* A blank before the colon hides a header from us and shows it to the next parser. */
static bool
is_token(const char *name)
{
	static const char symbols[] = "!#$%&'*+-.^_`|~";
	size_t i;

	for (i = 0; name[i] != '\0'; i++)
		if (!isalnum((unsigned char) name[i]) && strchr(symbols, name[i]) == NULL)
			return false;
	return i > 0;
}

/* evhttp takes the body of any other method for the next request. */
static bool
takes_body(enum evhttp_cmd_type method)
{
	return method == EVHTTP_REQ_POST || method == EVHTTP_REQ_PUT || method == EVHTTP_REQ_PATCH;
}

/* What is wrong with the headers, or NULL. */
static const char *
headers_problem(struct evhttp_request *http)
{
	const struct evkeyvalq *headers = evhttp_request_get_input_headers(http);
	const struct evkeyval *header;
	const char *length = NULL;
	const char *coding = NULL;
	const char *host = NULL;

	TAILQ_FOREACH(header, headers, next)
	{
		if (!is_token(header->key))
			return "The name of a header is not well-formed.";
		if (strcasecmp(header->key, "Content-Length") == 0)
		{
			if (length != NULL)
				return "There is more than one Content-Length.";
			length = header->value;
		}
		else if (strcasecmp(header->key, "Transfer-Encoding") == 0)
		{
			if (coding != NULL)
				return "There is more than one Transfer-Encoding.";
			coding = header->value;
		}
		else if (strcasecmp(header->key, "Host") == 0)
		{
			if (host != NULL)
				return "There is more than one Host.";
			host = header->value;
		}
	}
	if (length != NULL && !is_digits(length))
		return "The Content-Length is not a number.";
	if (coding != NULL && (length != NULL || strcasecmp(coding, "chunked") != 0))
		return "The Transfer-Encoding is not understood.";
	if (coding != NULL && http->minor == 0)
		return "HTTP/1.0 has no Transfer-Encoding.";
	if ((coding != NULL || (length != NULL && length[strspn(length, "0")] != '\0')) &&
		!takes_body(evhttp_request_get_command(http)))
		return "A request of this method has no body.";
	if (host == NULL && http->minor > 0)
		return "There is no Host header.";
	if (host != NULL && !mr_http_host_is_valid(host))
		return "The Host header is not a host.";
	return NULL;
}

/* evhttp takes all between the first and the last blank of the line for the target. */
static bool
has_blank(const char *target)
{
	for (; *target != '\0'; target++)
		if ((unsigned char) *target <= ' ' || *target == 0x7F)
			return true;
	return false;
}

const char *
mr_server_check(struct evhttp_request *http, const MrGuardSeen *seen)
{
	/* evhttp ends a line at it, and the headers where a line begins with it. */
	if (seen->has_nul)
		return "It holds a NUL.";
	if (http->major != 1)
		return "Only HTTP/1.1 and HTTP/1.0 are spoken here.";
	if (has_blank(evhttp_request_get_uri(http)))
		return "The path holds a blank or a control character.";
	if (mr_server_path(http) == NULL)
		return "The request names no path.";
	return headers_problem(http);
}

const char *
mr_server_path(struct evhttp_request *http)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(http);
	const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL;

	if (path == NULL)
		return NULL;
	if (path[0] == '\0' && evhttp_uri_get_scheme(uri) != NULL)
		return "/";
	/* Of the server, not of "/", whose OPTIONS is a health check. */
	if (strcmp(path, "*") == 0 && evhttp_request_get_command(http) == EVHTTP_REQ_OPTIONS)
		return "/api";
	return path[0] == '/' ? path : NULL;
}

MrHttpError
mr_server_failure(struct evhttp_request *http, int status, const MrGuardSeen *seen,
				  const char **details)
{
	/* A first line that is too long is not even counted. */
	bool long_head = http->headers_size == 0 || http->headers_size > MR_HEADER_BYTES;
	const char *expect;

	*details = NULL;
	if (status == 400 && seen->bytes > MR_HEADER_BYTES && long_head)
		return MR_ERROR_LONG_HEADERS;
	if (status == 413 && seen->bytes <= MR_BODY_BYTES && http->chunked)
	{
		*details = "A chunk is not well-formed, or too large.";
		return MR_ERROR_BAD_REQUEST;
	}
	expect = evhttp_find_header(evhttp_request_get_input_headers(http), "Expect");
	if (status == 417 && expect != NULL && strcmp(expect, MR_EXPECT_TOO_LARGE) == 0)
		return MR_ERROR_TOO_LARGE;
	return mr_http_error_of_status(status);
}
