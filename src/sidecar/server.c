/*
 * The HTTP server over libevent's evhttp; see mr_server.h.
 *
 * evhttp parses; what it lets through although it should not (server_check.c) is refused
 * here, and the connection closed, so that nothing after it is taken for a request. Slow
 * senders and the number of connections are server_guard.c's.
 *
 * It must never block, and never hand a request on twice. Called by serve.c.
 */
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
#include <event2/util.h>

#include "sidecar/mr_log.h"
#include "sidecar/mr_server_check.h"
#include "sidecar/mr_server_internal.h"
#include "sidecar/mr_server_tls.h"

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

/* The one server of this process, for the functions that stand in for the library's. */
static MrServer *the_server;

static MrMethod
method_of(struct evhttp_request *http)
{
	size_t i;

	for (i = 0; i < METHOD_COUNT; i++)
		if (methods[i].type == evhttp_request_get_command(http))
			return methods[i].method;
	return MR_METHOD_COUNT;
}

/* Where a connection came in. */
static MrDoor *
door_of(struct bufferevent *connection)
{
	int fd = bufferevent_getfd(connection);
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);

	if (mr_server_tls_is(connection))
		return &the_server->doors[MR_DOOR_TLS];
	if (getsockname(fd, (struct sockaddr *) &address, &length) == 0 && address.ss_family == AF_UNIX)
		return &the_server->doors[MR_DOOR_UNIX];
	return &the_server->doors[MR_DOOR_TCP];
}

/* Makes a request of ours; NULL (and answered) without memory. */
static MrRequest *
take_request(MrDoor *door, struct evhttp_request *http)
{
	MrRequest *request = mr_request_make(door, http);

	if (request == NULL)
		evhttp_send_reply(http, 500, mr_http_reason(500), NULL);
	else
		request->method = method_of(http);
	return request;
}

/*
 * The library's own answers to what it cannot parse are HTML, and 2.1 has no hook for
 * them. But it sends them through this public function, and a program's own definition
 * comes before a shared library's, if it is visible (PGXS of 16 and later hides all).
 */
__attribute__((visibility("default"))) void
evhttp_send_error(struct evhttp_request *http, int error, const char *reason)
{
	struct bufferevent *connection = evhttp_connection_get_bufferevent(http->evcon);
	const char *details;
	MrGuardSeen seen;
	MrRequest *request;

	(void) reason;
	mr_guard_completed(bufferevent_getfd(connection), &seen);
	evhttp_clear_headers(evhttp_request_get_output_headers(http));
	error = (int) mr_server_failure(http, error, &seen, &details);
	request = take_request(door_of(connection), http);
	if (request != NULL)
		mr_request_turn_away(request, (MrHttpError) error, details);
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

/*
 * The library reads the length of a chunk as strtoll() does: with a sign, a "0x", blanks
 * before it, and anything behind a blank. Another parser may see another length in each of
 * these. Lengths are all that it reads in base 16.
 */
__attribute__((visibility("default"))) ev_int64_t
evutil_strtoll(const char *text, char **end, int base)
{
	if (base == 16 && text[strspn(text, "0123456789abcdefABCDEF")] != '\0')
	{
		*end = (char *) text;
		return -1;
	}
	return strtoll(text, end, base);
}

static void
on_request(struct evhttp_request *http, void *arg)
{
	struct bufferevent *connection = evhttp_connection_get_bufferevent(http->evcon);
	int fd = bufferevent_getfd(connection);
	size_t left = evbuffer_get_length(bufferevent_get_input(connection));
	MrDoor *door = arg;
	MrRequest *request;
	MrGuardSeen seen;
	const char *problem;

	mr_guard_completed(fd, &seen);
	if (left > 0)
		mr_guard_left(fd, left, seen.encrypted);
	request = take_request(door, http);
	if (request == NULL)
		return;
	if (left == 0)
		mr_server_note(request, fd, seen.bytes);
	problem = mr_server_check(http, &seen);
	if (problem != NULL || request->method == MR_METHOD_COUNT)
	{
		mr_request_turn_away(
			request, problem != NULL ? MR_ERROR_BAD_REQUEST : MR_ERROR_UNKNOWN_METHOD, problem);
		return;
	}
	request->path = mr_server_path(http);
	request->query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(http));
	door->server->handler(request, door->server->arg);
}

static void
on_input(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
	struct evbuffer_ptr start;
	bool encrypted;
	bool has_nul;

	if (info->n_added == 0)
		return;
	encrypted = mr_server_tls_is(arg);
	if (!encrypted && evbuffer_get_length(buffer) == info->n_added &&
		mr_server_fast(the_server, arg, buffer))
		return;
	if (evbuffer_ptr_set(buffer, &start, evbuffer_get_length(buffer) - info->n_added,
						 EVBUFFER_PTR_SET) != 0)
		return;
	has_nul = evbuffer_search(buffer, "", 1, &start).pos >= 0;
	mr_guard_received(bufferevent_getfd(arg), info->n_added, has_nul, encrypted);
}

/* A connection was accepted: its buffers, with an eye on what comes in. */
static struct bufferevent *
make_connection(struct event_base *base, void *arg)
{
	const MrDoor *door = arg;
	struct bufferevent *connection = door->kind == MR_DOOR_TLS
										 ? mr_server_tls_connection(door->server->tls, base)
										 : bufferevent_socket_new(base, -1, 0);

	if (connection != NULL)
		(void) evbuffer_add_cb(bufferevent_get_input(connection), on_input, connection);
	mr_guard_accepted();
	return connection;
}

static void
on_accept_allowed(bool accept, void *arg)
{
	MrServer *server = arg;
	int i;

	for (i = 0; i < server->listener_count; i++)
		if (accept)
			(void) evconnlistener_enable(server->listeners[i].listener);
		else
			(void) evconnlistener_disable(server->listeners[i].listener);
}

/* Makes the evhttp of one kind of connection. */
static bool
open_door(MrServer *server, MrDoorKind kind)
{
	MrDoor *door = &server->doors[kind];
	unsigned int allowed = 0;
	size_t i;

	door->server = server;
	door->kind = kind;
	door->http = evhttp_new(server->base);
	if (door->http == NULL)
		return false;
	/* Methods of a path are the router's business: let all through to it. */
	for (i = 0; i < METHOD_COUNT; i++)
		allowed |= (unsigned int) methods[i].type;
	evhttp_set_allowed_methods(door->http, (ev_uint16_t) allowed);
	evhttp_set_max_headers_size(door->http, MR_HEADER_BYTES);
	evhttp_set_max_body_size(door->http, MR_BODY_BYTES);
	/* Or a client that still sends would lose the answer with the connection. */
	(void) evhttp_set_flags(door->http, EVHTTP_SERVER_LINGERING_CLOSE);
	evhttp_set_bevcb(door->http, make_connection, door);
	evhttp_set_gencb(door->http, on_request, door);
	return true;
}

MrServer *
mr_server_open(struct event_base *base, MrServerHandler handler, void *arg)
{
	MrServer *server = calloc(1, sizeof(*server));
	bool good = server != NULL;
	int kind;

	if (server == NULL)
		return NULL;
	server->base = base;
	server->handler = handler;
	server->arg = arg;
	the_server = server;
	server->memo = mr_memo_open();
	good = server->memo != NULL;
	for (kind = 0; kind < MR_DOOR_COUNT; kind++)
		good = good && open_door(server, (MrDoorKind) kind);
	if (!good || !mr_guard_open(base, mr_server_say_late, on_accept_allowed, server))
	{
		mr_server_close(server);
		return NULL;
	}
	return server;
}

void
mr_server_set_limits(MrServer *server, const MrServerLimits *limits)
{
	struct timeval idle = {.tv_sec = limits->idle_timeout_ms / 1000,
						   .tv_usec = limits->idle_timeout_ms % 1000 * 1000};
	int possible = mr_guard_set_limits((int) limits->max_connections, limits->request_timeout_ms);
	int kind;

	if (possible < limits->max_connections)
		mr_log(MR_LOG_WARNING, "the system allows only %d connections", possible);
	for (kind = 0; kind < MR_DOOR_COUNT; kind++)
		evhttp_set_timeout_tv(server->doors[kind].http, &idle);
}

bool
mr_server_set_tls(MrServer *server, const MrTlsFiles *files, char *problem, size_t size)
{
	MrServerTls *tls = files->certificate != NULL ? mr_server_tls_open(files, problem, size) : NULL;

	if (files->certificate != NULL && tls == NULL)
		return false;
	/* Without a certificate nobody listens for TLS, or the last one is kept for who does. */
	if (tls == NULL)
		return true;
	mr_server_tls_close(server->tls);
	server->tls = tls;
	return true;
}

void
mr_server_observe(MrServer *server, MrServerObserver observer, void *arg)
{
	server->observer = observer;
	server->observer_arg = arg;
}

void
mr_server_drain(MrServer *server)
{
	server->draining = true;
}

int
mr_server_pending(const MrServer *server)
{
	return server->pending;
}

void
mr_server_close(MrServer *server)
{
	int kind;

	for (kind = 0; kind < MR_DOOR_COUNT; kind++)
		if (server->doors[kind].http != NULL)
			evhttp_free(server->doors[kind].http);
	mr_server_tls_close(server->tls);
	mr_memo_close(server->memo);
	mr_guard_close();
	if (the_server == server)
		the_server = NULL;
	free(server);
}
