/*
 * Answers of the HTTP server; see mr_server.h. It must never answer a request twice, and
 * every answer goes through here: headers that all have, the observer, HEAD. Called by
 * server.c, service.c and the endpoints.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>

#include "sidecar/mr_loop.h"
#include "sidecar/mr_request_id.h"
#include "sidecar/mr_server_check.h"
#include "sidecar/mr_server_internal.h"
#include "sidecar/mr_server_tls.h"

static void
free_body(const void *data, size_t length, void *arg)
{
	(void) data;
	(void) length;
	free(arg);
}

/* The client's own id if it can be one. */
static void
take_id(MrRequest *request)
{
	const char *id = mr_request_find_header(request, MR_REQUEST_ID_HEADER);

	if (id != NULL && mr_request_id_is_valid(id, sizeof(request->id)))
		memcpy(request->id, id, strlen(id) + 1);
	else
		mr_request_id_make(request->id, sizeof(request->id));
}

static void
take_client(MrRequest *request, const MrDoor *door)
{
	char *address = NULL;
	ev_uint16_t port;

	if (door->kind == MR_DOOR_UNIX)
		snprintf(request->client, sizeof(request->client), "%s", MR_CLIENT_LOCAL);
	else if (request->http->evcon != NULL)
	{
		evhttp_connection_get_peer(request->http->evcon, &address, &port);
		if (address != NULL)
			snprintf(request->client, sizeof(request->client), "%s", address);
	}
}

MrRequest *
mr_request_make(MrDoor *door, struct evhttp_request *http)
{
	MrRequest *request = calloc(1, sizeof(*request));

	if (request == NULL)
		return NULL;
	request->server = door->server;
	request->http = http;
	request->method = MR_METHOD_COUNT;
	request->began_ns = mr_loop_now_ns();
	request->encrypted = door->kind == MR_DOOR_TLS;
	take_id(request);
	take_client(request, door);
	if (request->encrypted)
		mr_server_tls_identity(evhttp_connection_get_bufferevent(http->evcon), request->identity,
							   sizeof(request->identity));
	door->server->pending++;
	return request;
}

/* The body as evhttp wants it, or NULL. release (NULL: nobody) gets the bytes back. */
static struct evbuffer *
make_buffer(const char *bytes, size_t length, char *owned)
{
	struct evbuffer *buffer = evbuffer_new();

	if (buffer != NULL &&
		evbuffer_add_reference(buffer, bytes, length, owned != NULL ? free_body : NULL, owned) == 0)
		return buffer;
	if (buffer != NULL)
		evbuffer_free(buffer);
	free(owned);
	return NULL;
}

/* Sends an answer and frees the request; owned is what to free of the bytes, or NULL. */
static void
send_answer(MrRequest *request, int status, const char *type, const char *bytes, size_t length,
			char *owned)
{
	MrServer *server = request->server;
	struct evbuffer *buffer = NULL;
	bool empty = status == 204 || status == 304;
	char number[24];

	if (bytes == NULL && !empty)
		status = 500;
	if (server->draining)
		mr_request_header(request, "Connection", "close");
	if (!mr_request_has_answer_header(request, "Cache-Control"))
		mr_request_header(request, "Cache-Control", "no-store");
	mr_request_header(request, "X-Content-Type-Options", "nosniff");
	mr_request_header(request, MR_REQUEST_ID_HEADER, request->id);
	if (bytes != NULL && !empty)
		mr_request_header(request, "Content-Type", type);
	if (!empty)
	{
		snprintf(number, sizeof(number), "%zu", length);
		mr_request_header(request, "Content-Length", number);
	}
	/* evhttp would send the body also in answer to HEAD. */
	if (bytes != NULL && !empty && evhttp_request_get_command(request->http) != EVHTTP_REQ_HEAD)
		buffer = make_buffer(bytes, length, owned);
	else
		free(owned);
	if (server->observer != NULL)
		server->observer(request, status, buffer != NULL ? length : 0, server->observer_arg);
	evhttp_send_reply(request->http, status,
					  request->reason != NULL ? request->reason : mr_http_reason(status), buffer);
	if (buffer != NULL)
		evbuffer_free(buffer);
	server->pending--;
	free(request->claims);
	free(request);
}

void
mr_request_reply(MrRequest *request, int status, char *body)
{
	size_t length = body != NULL ? strlen(body) : 0;
	/* Every answer ends with a line break: it is often read at a terminal. */
	char *line = body != NULL ? realloc(body, length + 2) : NULL;

	if (line == NULL)
		free(body);
	else
		memcpy(line + length++, "\n", 2);
	send_answer(request, status, MR_TYPE_JSON, line, length, line);
}

void
mr_request_reply_as(MrRequest *request, int status, const char *type, char *body)
{
	send_answer(request, status, type, body, body != NULL ? strlen(body) : 0, body);
}

void
mr_request_reply_with(MrRequest *request, int status, const char *type, const char *bytes,
					  size_t length)
{
	send_answer(request, status, type, bytes, length, NULL);
}

void
mr_request_refuse(MrRequest *request, MrHttpError error, const char *details)
{
	mr_request_reply(request, mr_http_error_status(error), mr_http_error_body(error, details));
}

void
mr_request_turn_away(MrRequest *request, MrHttpError error, const char *details)
{
	struct evhttp_request *http = request->http;

	if (http->major != 1 || http->minor == 0)
	{
		http->major = 1;
		http->minor = 1;
	}
	/* After a CONNECT evhttp would not close. */
	if (http->type == EVHTTP_REQ_CONNECT)
		http->type = EVHTTP_REQ_GET;
	if (!request->server->draining)
		mr_request_header(request, "Connection", "close");
	mr_request_refuse(request, error, details);
}

const char *
mr_request_find_header(const MrRequest *request, const char *name)
{
	const struct evkeyval *header;
	const char *value = NULL;

	if (request->http == NULL)
		return NULL;
	TAILQ_FOREACH(header, evhttp_request_get_input_headers(request->http), next)
	{
		if (strcasecmp(header->key, name) != 0)
			continue;
		if (value != NULL)
			return NULL;
		value = header->value;
	}
	return value;
}

const char *
mr_request_body(const MrRequest *request, size_t *length)
{
	struct evbuffer *buffer = evhttp_request_get_input_buffer(request->http);

	*length = evbuffer_get_length(buffer);
	return *length > 0 ? (const char *) evbuffer_pullup(buffer, -1) : "";
}

void
mr_request_header(MrRequest *request, const char *name, const char *value)
{
	(void) evhttp_add_header(evhttp_request_get_output_headers(request->http), name, value);
}

bool
mr_request_has_answer_header(const MrRequest *request, const char *name)
{
	const struct evkeyval *header;

	TAILQ_FOREACH(header, evhttp_request_get_output_headers(request->http), next)
	if (strcasecmp(header->key, name) == 0)
		return true;
	return false;
}

void
mr_server_say_late(int fd, const MrGuardSeen *seen)
{
	/* evhttp waits for the rest of what is too large. */
	MrHttpError error = seen->bytes > MR_BODY_BYTES ? MR_ERROR_TOO_LARGE : MR_ERROR_REQUEST_TIMEOUT;
	char *body = mr_http_error_body(error, NULL);
	int status = mr_http_error_status(error);
	char id[MR_REQUEST_ID_SIZE];
	char text[1024];
	int length;

	if (body == NULL || seen->encrypted)
	{
		free(body);
		return;
	}
	mr_request_id_make(id, sizeof(id));
	length = snprintf(text, sizeof(text),
					  "HTTP/1.1 %d %s\r\nContent-Type: " MR_TYPE_JSON
					  "\r\nContent-Length: %zu\r\nCache-Control: no-store"
					  "\r\nX-Content-Type-Options: nosniff\r\n" MR_REQUEST_ID_HEADER
					  ": %s\r\nConnection: close\r\n\r\n%s\n",
					  status, mr_http_reason(status), strlen(body) + 1, id, body);
	free(body);
	if (length > 0 && (size_t) length < sizeof(text))
		(void) send(fd, text, (size_t) length, MSG_DONTWAIT | MSG_NOSIGNAL);
}
