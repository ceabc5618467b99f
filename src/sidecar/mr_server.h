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
struct MrRoute;
struct MrTlsFiles;
typedef struct MrServer MrServer;

#define MR_CLIENT_SIZE 48 /* an address, with its NUL */
#define MR_REQUEST_ID_SIZE 65
#define MR_IDENTITY_SIZE 65 /* as long as X.509 lets a common name be */
#define MR_USER_SIZE 64     /* as long as PostgreSQL lets a role's name be */
#define MR_CLIENT_LOCAL "unix"
#define MR_TYPE_JSON "application/json; charset=utf-8"
#define MR_TYPE_TEXT "text/plain; charset=utf-8"

typedef struct MrRequest
{
	MrServer *server;
	struct evhttp_request *http;     /* NULL for the observer, of one that was remembered */
	MrMethod method;                 /* MR_METHOD_COUNT: of one that is refused unread */
	const char *path;                /* as sent, without the query; NULL if there is none */
	const char *query;               /* NULL if there is none */
	const char *reason;              /* of the answer's first line; NULL: the status's own */
	const struct MrRoute *route;     /* once the router has found it, else NULL */
	int64_t began_ns;                /* when all of it was there */
	bool encrypted;                  /* it came over TLS */
	uint64_t came_alone;             /* nothing before or after it; for mr_request_remember */
	char client[MR_CLIENT_SIZE];     /* the peer's address; MR_CLIENT_LOCAL of a unix socket */
	char id[MR_REQUEST_ID_SIZE];     /* X-Request-Id, the client's or a new one */
	char identity[MR_IDENTITY_SIZE]; /* common name of its verified certificate, or empty */
	char user[MR_USER_SIZE];         /* who authorize.c took it for, or empty */
	char role[MR_USER_SIZE];         /* of PostgreSQL that it acts as; empty: the sidecar's own */
	char *claims;                    /* of a signed token, or NULL; freed with the request */
} MrRequest;

/* Takes a request; somebody must answer it exactly once, now or later. */
typedef void (*MrServerHandler)(MrRequest *request, void *arg);

/* Sees every answer in the moment it is given; for metrics and the access log. */
typedef void (*MrServerObserver)(const MrRequest *request, int status, size_t bytes, void *arg);

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
 * Reads certificate, key and authority of TLS: before listening, and again whenever they
 * may have changed. On failure false, a sentence in problem, and the last ones stay.
 */
extern bool mr_server_set_tls(MrServer *server, const struct MrTlsFiles *files, char *problem,
							  size_t size);

/* Who sees the answers; one at a time, set before the first request. */
extern void mr_server_observe(MrServer *server, MrServerObserver observer, void *arg);

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

/* Whether the answer has such a header already. */
extern bool mr_request_has_answer_header(const MrRequest *request, const char *name);

/*
 * Answers with a JSON text (from malloc, freed here; NULL without memory gives an empty
 * 500) and frees the request. HEAD gets the headers only. Status 204 and 304 have no body.
 */
extern void mr_request_reply(MrRequest *request, int status, char *body);

/* The same with a text of another type (a constant), which ends as it is. */
extern void mr_request_reply_as(MrRequest *request, int status, const char *type, char *body);

/* The same with bytes that live as long as the program. */
extern void mr_request_reply_with(MrRequest *request, int status, const char *type,
								  const char *bytes, size_t length);

/* Answers with an error of our own list; details may be NULL. */
extern void mr_request_refuse(MrRequest *request, MrHttpError error, const char *details);

#endif /* MR_SERVER_H */
