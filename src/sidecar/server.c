/*
 * The HTTP server over libevent's evhttp; see mr_server.h.
 *
 * evhttp parses; what it lets through although it should not (server_check.c) is refused
 * here, and the connection closed, so that nothing after it is taken for a request. Slow
 * senders and the number of connections are server_guard.c's.
 *
 * It must never block, and never answer a request twice. Called by serve.c (life) and
 * by service.c and the endpoints (answers).
 */
#include "sidecar/mr_server.h"

#include <arpa/inet.h>
#include <errno.h>
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
#include <event2/listener.h>

#include "sidecar/mr_log.h"
#include "sidecar/mr_server_check.h"
#include "sidecar/mr_server_guard.h"

#define MAX_LISTENERS 8
#define LISTEN_QUEUE 1024
#define CONTENT_TYPE "application/json; charset=utf-8"

struct MrServer
{
	struct event_base *base;
	struct evhttp *http;
	struct evconnlistener *listeners[MAX_LISTENERS];
	struct evhttp_bound_socket *bound[MAX_LISTENERS];
	int listener_count;
	MrServerHandler handler;
	void *arg;
	int pending;
	bool draining;
};

static const struct
{
	enum evhttp_cmd_type type;
	MrMethod method;
} methods[] = {
	{EVHTTP_REQ_GET, MR_METHOD_GET},         {EVHTTP_REQ_HEAD, MR_METHOD_HEAD},
	{EVHTTP_REQ_OPTIONS, MR_METHOD_OPTIONS}, {EVHTTP_REQ_POST, MR_METHOD_POST},
	{EVHTTP_REQ_PUT, MR_METHOD_PUT},         {EVHTTP_REQ_PATCH, MR_METHOD_PATCH},
	{EVHTTP_REQ_DELETE, MR_METHOD_DELETE},   {EVHTTP_REQ_TRACE, MR_METHOD_TRACE},
	{EVHTTP_REQ_CONNECT, MR_METHOD_CONNECT},
};

#define METHOD_COUNT (sizeof(methods) / sizeof(methods[0]))

static void
free_body(const void *data, size_t length, void *arg)
{
	(void) data;
	(void) length;
	free(arg);
}

/* Every answer ends with a line break: it is often read at a terminal. */
static char *
add_line_break(char *body)
{
	size_t length = body != NULL ? strlen(body) : 0;
	char *line = body != NULL ? realloc(body, length + 2) : NULL;

	if (line == NULL)
		free(body);
	else
		memcpy(line + length, "\n", 2);
	return line;
}

/* Sends headers and body (owned); the request belongs to evhttp afterwards. */
static void
send_answer(struct evhttp_request *http, int status, const char *word, const char *type, char *body)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(http);
	struct evbuffer *buffer = NULL;
	size_t length;
	char number[24];

	length = body != NULL ? strlen(body) : 0;
	(void) evhttp_add_header(headers, "Cache-Control", "no-store");
	(void) evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	if (body == NULL && status != 204)
		status = 500;
	if (body != NULL)
		(void) evhttp_add_header(headers, "Content-Type", type);
	if (status != 204)
	{
		snprintf(number, sizeof(number), "%zu", length);
		(void) evhttp_add_header(headers, "Content-Length", number);
	}
	/* evhttp would send the body also in answer to HEAD. */
	if (body != NULL && evhttp_request_get_command(http) != EVHTTP_REQ_HEAD)
	{
		buffer = evbuffer_new();
		if (buffer != NULL && evbuffer_add_reference(buffer, body, length, free_body, body) == 0)
			body = NULL;
	}
	free(body);
	evhttp_send_reply(http, status, word != NULL ? word : mr_http_reason(status), buffer);
	if (buffer != NULL)
		evbuffer_free(buffer);
}

/*
 * Refuses a request that is not handed on, and closes its connection: what follows on
 * it may be anything.
 */
static void
refuse(struct evhttp_request *http, MrHttpError error, const char *details)
{
	if (http->major != 1 || http->minor == 0)
	{
		http->major = 1;
		http->minor = 1;
	}
	/* After a CONNECT evhttp would not close. */
	if (http->type == EVHTTP_REQ_CONNECT)
		http->type = EVHTTP_REQ_GET;
	(void) evhttp_add_header(evhttp_request_get_output_headers(http), "Connection", "close");
	send_answer(http, mr_http_error_status(error), NULL, CONTENT_TYPE,
				add_line_break(mr_http_error_body(error, details)));
}

/*
 * The library's own answers to what it cannot parse are HTML, and 2.1 has no hook for
 * them. But it sends them through this public function, and a program's own definition
 * comes before a shared library's, if it is visible (PGXS of 16 and later hides all).
 */
__attribute__((visibility("default"))) void
evhttp_send_error(struct evhttp_request *http, int error, const char *reason)
{
	int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(http->evcon));
	const char *details;
	MrGuardSeen seen;

	(void) reason;
	mr_guard_completed(fd, &seen);
	evhttp_clear_headers(evhttp_request_get_output_headers(http));
	error = (int) mr_server_failure(http, error, &seen, &details);
	refuse(http, (MrHttpError) error, details);
}

void
mr_request_reply(MrRequest *request, int status, char *body)
{
	mr_request_reply_as(request, status, CONTENT_TYPE, add_line_break(body));
}

void
mr_request_reply_as(MrRequest *request, int status, const char *type, char *body)
{
	MrServer *server = request->server;

	if (server->draining)
		mr_request_header(request, "Connection", "close");
	send_answer(request->http, status, request->reason, type, body);
	server->pending--;
	free(request);
}

/*
 * Who asks with "Expect: 100-continue" whether to send a body that is too large would wait
 * for an answer until its time is over: the library means to read the body all the same. But
 * it looks for that header through this public function, and refuses what it does not
 * understand through the one above, which says why both are made visible.
 */
__attribute__((visibility("default"))) const char *
evhttp_find_header(const struct evkeyvalq *headers, const char *key)
{
	const struct evkeyval *header;
	const char *length;

	TAILQ_FOREACH(header, headers, next)
	{
		if (strcasecmp(header->key, key) == 0)
			break;
	}
	if (header == NULL || strcasecmp(key, "Expect") != 0)
		return header != NULL ? header->value : NULL;
	length = evhttp_find_header(headers, "Content-Length");
	return length != NULL && strtoull(length, NULL, 10) > MR_BODY_BYTES ? MR_EXPECT_TOO_LARGE
																		: header->value;
}

const char *
mr_request_find_header(const MrRequest *request, const char *name)
{
	const struct evkeyval *header;
	const char *value = NULL;

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

void
mr_request_refuse(MrRequest *request, MrHttpError error, const char *details)
{
	mr_request_reply(request, mr_http_error_status(error), mr_http_error_body(error, details));
}

static bool
is_digits(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static void
on_request(struct evhttp_request *http, void *arg)
{
	MrServer *server = arg;
	MrRequest *request;
	MrGuardSeen seen;
	const char *problem;
	size_t i;

	mr_guard_completed(bufferevent_getfd(evhttp_connection_get_bufferevent(http->evcon)), &seen);
	problem = mr_server_check(http, &seen);
	for (i = 0; i < METHOD_COUNT; i++)
		if (methods[i].type == evhttp_request_get_command(http))
			break;
	if (problem != NULL || i == METHOD_COUNT)
	{
		refuse(http, problem != NULL ? MR_ERROR_BAD_REQUEST : MR_ERROR_UNKNOWN_METHOD, problem);
		return;
	}
	request = calloc(1, sizeof(*request));
	if (request == NULL)
	{
		refuse(http, MR_ERROR_INTERNAL, NULL);
		return;
	}
	request->server = server;
	request->http = http;
	request->method = methods[i].method;
	request->path = mr_server_path(http);
	request->query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(http));
	server->pending++;
	server->handler(request, server->arg);
}

static void
on_input(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
	struct evbuffer_ptr start;
	bool has_nul;

	if (info->n_added == 0 ||
		evbuffer_ptr_set(buffer, &start, evbuffer_get_length(buffer) - info->n_added,
						 EVBUFFER_PTR_SET) != 0)
		return;
	has_nul = evbuffer_search(buffer, "", 1, &start).pos >= 0;
	mr_guard_received(bufferevent_getfd(arg), info->n_added, has_nul);
}

/* A connection was accepted: its buffers, with an eye on what comes in. */
static struct bufferevent *
make_connection(struct event_base *base, void *arg)
{
	struct bufferevent *connection = bufferevent_socket_new(base, -1, 0);

	(void) arg;
	if (connection != NULL)
		(void) evbuffer_add_cb(bufferevent_get_input(connection), on_input, connection);
	mr_guard_accepted();
	return connection;
}

/* The last word to a client whose request did not arrive in time. */
static void
on_late(int fd, const MrGuardSeen *seen)
{
	/* evhttp waits for the rest of what is too large. */
	MrHttpError error = seen->bytes > MR_BODY_BYTES ? MR_ERROR_TOO_LARGE : MR_ERROR_REQUEST_TIMEOUT;
	char *body = mr_http_error_body(error, NULL);
	int status = mr_http_error_status(error);
	char text[1024];
	int length;

	if (body == NULL)
		return;
	length = snprintf(text, sizeof(text),
					  "HTTP/1.1 %d %s\r\nContent-Type: " CONTENT_TYPE
					  "\r\nContent-Length: %zu\r\nCache-Control: no-store"
					  "\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n%s\n",
					  status, mr_http_reason(status), strlen(body) + 1, body);
	free(body);
	if (length > 0 && (size_t) length < sizeof(text))
		(void) send(fd, text, (size_t) length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void
on_accept_allowed(bool accept, void *arg)
{
	MrServer *server = arg;
	int i;

	for (i = 0; i < server->listener_count; i++)
		if (accept)
			(void) evconnlistener_enable(server->listeners[i]);
		else
			(void) evconnlistener_disable(server->listeners[i]);
}

static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	(void) listener;
	(void) arg;
	mr_log(MR_LOG_WARNING, "could not accept a connection: %s", strerror(errno));
	mr_guard_exhausted();
}

MrServer *
mr_server_open(struct event_base *base, MrServerHandler handler, void *arg)
{
	MrServer *server = calloc(1, sizeof(*server));
	unsigned int allowed = 0;
	size_t i;

	if (server == NULL)
		return NULL;
	server->base = base;
	server->handler = handler;
	server->arg = arg;
	server->http = evhttp_new(base);
	if (server->http == NULL || !mr_guard_open(base, on_late, on_accept_allowed, server))
	{
		mr_server_close(server);
		return NULL;
	}
	/* Methods of a path are the router's business: let all through to it. */
	for (i = 0; i < METHOD_COUNT; i++)
		allowed |= (unsigned int) methods[i].type;
	evhttp_set_allowed_methods(server->http, (ev_uint16_t) allowed);
	evhttp_set_max_headers_size(server->http, MR_HEADER_BYTES);
	evhttp_set_max_body_size(server->http, MR_BODY_BYTES);
	/* Or a client that still sends would lose the answer with the connection. */
	(void) evhttp_set_flags(server->http, EVHTTP_SERVER_LINGERING_CLOSE);
	evhttp_set_bevcb(server->http, make_connection, server);
	evhttp_set_gencb(server->http, on_request, server);
	return server;
}

void
mr_server_set_limits(MrServer *server, const MrServerLimits *limits)
{
	struct timeval idle = {.tv_sec = limits->idle_timeout_ms / 1000,
						   .tv_usec = limits->idle_timeout_ms % 1000 * 1000};
	int possible = mr_guard_set_limits((int) limits->max_connections, limits->request_timeout_ms);

	if (possible < limits->max_connections)
		mr_log(MR_LOG_WARNING, "the system allows only %d connections", possible);
	evhttp_set_timeout_tv(server->http, &idle);
}

/* Turns one ADDRESS:PORT into a socket address; its length, or 0. */
static socklen_t
parse_address(const char *text, struct sockaddr_storage *out)
{
	char numeric[128];
	int length = (int) sizeof(*out);
	const char *colon = strrchr(text, ':');

	if (colon == NULL || !is_digits(colon + 1))
		return 0;
	if (strncmp(text, "localhost:", 10) == 0)
		snprintf(numeric, sizeof(numeric), "127.0.0.1%s", colon);
	else if (strncmp(text, "*:", 2) == 0)
		snprintf(numeric, sizeof(numeric), "0.0.0.0%s", colon);
	else
		snprintf(numeric, sizeof(numeric), "%s", text);
	memset(out, 0, sizeof(*out));
	if (evutil_parse_sockaddr_port(numeric, (struct sockaddr *) out, &length) != 0)
		return 0;
	return (socklen_t) length;
}

static bool
listen_on(MrServer *server, const char *text, char *problem, size_t size)
{
	struct sockaddr_storage address;
	socklen_t length = parse_address(text, &address);
	unsigned int flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE;
	struct evconnlistener *listener;
	struct evhttp_bound_socket *bound;

	if (length == 0 || server->listener_count == MAX_LISTENERS)
	{
		snprintf(problem, size, "\"%s\" is not a numeric ADDRESS:PORT, or the list is too long",
				 text);
		return false;
	}
	if (address.ss_family == AF_INET6)
		flags |= LEV_OPT_BIND_IPV6ONLY;
	listener = evconnlistener_new_bind(server->base, NULL, NULL, flags, LISTEN_QUEUE,
									   (struct sockaddr *) &address, (int) length);
	if (listener == NULL)
	{
		snprintf(problem, size, "could not listen on %s: %s", text, strerror(errno));
		return false;
	}
	bound = evhttp_bind_listener(server->http, listener);
	if (bound == NULL)
	{
		evconnlistener_free(listener);
		snprintf(problem, size, "out of memory");
		return false;
	}
	evconnlistener_set_error_cb(listener, on_accept_error);
	server->bound[server->listener_count] = bound;
	server->listeners[server->listener_count++] = listener;
	mr_log(MR_LOG_INFO, "listening on http://%s", text);
	return true;
}

bool
mr_server_listen(MrServer *server, const char *addresses, char *problem, size_t size)
{
	char *copy = strdup(addresses);
	char *rest = NULL;
	char *text;
	bool good = copy != NULL;

	for (text = good ? strtok_r(copy, ", ", &rest) : NULL; text != NULL && good;
		 text = strtok_r(NULL, ", ", &rest))
		good = listen_on(server, text, problem, size);
	free(copy);
	if (good && server->listener_count == 0)
		snprintf(problem, size, "no address is given");
	return good && server->listener_count > 0;
}

void
mr_server_drain(MrServer *server)
{
	server->draining = true;
}

void
mr_server_stop_listening(MrServer *server)
{
	int i;

	for (i = 0; i < server->listener_count; i++)
		evhttp_del_accept_socket(server->http, server->bound[i]);
	server->listener_count = 0;
}

int
mr_server_pending(const MrServer *server)
{
	return server->pending;
}

void
mr_server_close(MrServer *server)
{
	if (server->http != NULL)
		evhttp_free(server->http);
	mr_guard_close();
	free(server);
}
