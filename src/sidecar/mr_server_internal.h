/*
 * What the files of the HTTP server share: server.c (requests), server_answer.c (answers),
 * server_listen.c (addresses). Nobody else includes it.
 */
#ifndef MR_SERVER_INTERNAL_H
#define MR_SERVER_INTERNAL_H

#include <event2/http.h>
#include <event2/listener.h>

#include "sidecar/mr_server.h"
#include "sidecar/mr_server_fast.h"
#include "sidecar/mr_server_guard.h"
#include "sidecar/mr_server_memo.h"

#define MR_LISTENERS 8

/* How a request comes in; each has an evhttp of its own, which knows nothing of it. */
typedef enum MrDoorKind
{
	MR_DOOR_TCP,
	MR_DOOR_UNIX,
	MR_DOOR_TLS,
	MR_DOOR_COUNT
} MrDoorKind;

typedef struct MrDoor
{
	MrServer *server;
	MrDoorKind kind;
	struct evhttp *http;
} MrDoor;

typedef struct MrListener
{
	struct evconnlistener *listener;
	struct evhttp_bound_socket *bound;
	struct evhttp *http;
	char path[128]; /* of a unix socket, or empty */
} MrListener;

struct MrServer
{
	struct event_base *base;
	MrDoor doors[MR_DOOR_COUNT];
	MrListener listeners[MR_LISTENERS];
	int listener_count;
	struct MrServerTls *tls; /* NULL: none */
	MrServerHandler handler;
	void *arg;
	MrServerObserver observer;
	void *observer_arg;
	MrServerRecall recall;
	void *recall_arg;
	MrMemo *memo;
	bool fast; /* requests are remembered */
	int pending;
	bool draining;
};

/* A request as evhttp has it, on the heap; NULL without memory. Counts as pending. */
extern MrRequest *mr_request_make(MrDoor *door, struct evhttp_request *http);

/*
 * Refuses a request that is not handed on, and closes its connection: what follows on it
 * may be anything.
 */
extern void mr_request_turn_away(MrRequest *request, MrHttpError error, const char *details);

/* The last word to a client whose request did not arrive in time. */
extern void mr_server_say_late(int fd, const MrGuardSeen *seen);

/* Bytes came in, nothing was waiting: takes the short way if it can. */
extern bool mr_server_fast(MrServer *server, struct bufferevent *connection,
						   struct evbuffer *input);

/* A request of so many bytes is complete, and nothing came with it: was it what came in last? */
extern void mr_server_note(MrRequest *request, int fd, size_t length);

#endif /* MR_SERVER_INTERNAL_H */
