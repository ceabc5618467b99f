/*
 * The HTTP server: requests in, answers out. Only server.c knows evhttp.
 *
 * Every request reaches the handler complete and well-formed: one valid Host, at most
 * one Content-Length, a method this program has a word for. Everything else was refused
 * before, with a JSON error and the connection closed.
 */
#ifndef MR_SERVER_H
#define MR_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

#include "sidecar/mr_http_error.h"
#include "sidecar/mr_router.h"

struct evhttp_request;
typedef struct MrServer MrServer;

typedef struct MrRequest
{
	MrServer *server;
	struct evhttp_request *http;
	MrMethod method;
	const char *path;   /* as sent, without the query */
	const char *query;  /* NULL if there is none */
	const char *reason; /* of the answer's first line (a constant); NULL: the status's own */
} MrRequest;

/* Takes a request; somebody must answer it exactly once, now or later. */
typedef void (*MrServerHandler)(MrRequest *request, void *arg);

typedef struct MrServerLimits
{
	int64_t max_connections;
	int64_t request_timeout_ms;
	int64_t idle_timeout_ms;
} MrServerLimits;

/* Makes a server that does not listen yet. NULL without memory. */
extern MrServer *mr_server_open(struct event_base *base, MrServerHandler handler, void *arg);

/* Sets the limits; for connections accepted and requests begun from now on. */
extern void mr_server_set_limits(MrServer *server, const MrServerLimits *limits);

/*
 * Listens on a comma-separated list of ADDRESS:PORT ("localhost" and "*" are understood,
 * IPv6 in brackets). On failure false and a sentence in problem.
 */
extern bool mr_server_listen(MrServer *server, const char *addresses, char *problem, size_t size);

/* From now on every answer ends its connection. */
extern void mr_server_drain(MrServer *server);

/* Accepts no more connections. */
extern void mr_server_stop_listening(MrServer *server);

/* Requests the handler has taken and nobody has answered. */
extern int mr_server_pending(const MrServer *server);

/* Closes all connections and frees everything. */
extern void mr_server_close(MrServer *server);

/*
 * The value of the request's header, NULL if there is none. One that comes twice is as good
 * as none: who reads the other one would read another request.
 */
extern const char *mr_request_find_header(const MrRequest *request, const char *name);

/* The bytes of the request's body, until it is answered; NULL without memory. */
extern const char *mr_request_body(const MrRequest *request, size_t *length);

/* Adds a header to the answer; before mr_request_reply. */
extern void mr_request_header(MrRequest *request, const char *name, const char *value);

/*
 * Answers with a JSON text (from malloc, freed here; NULL without memory gives an empty
 * 500) and frees the request. HEAD gets the headers only. Status 204 has no body.
 */
extern void mr_request_reply(MrRequest *request, int status, char *body);

/* The same with a text of another type (a constant), which ends as it is. */
extern void mr_request_reply_as(MrRequest *request, int status, const char *type, char *body);

/* Answers with an error of our own list; details may be NULL. */
extern void mr_request_refuse(MrRequest *request, MrHttpError error, const char *details);

#endif /* MR_SERVER_H */
