/*
 * One connection to HAProxy's runtime socket, in the event loop: commands one after the
 * other, each with a deadline, the answer line by line.
 */
#ifndef MR_HAPROXY_SOCKET_H
#define MR_HAPROXY_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/bufferevent.h>
#include <event2/event.h>

#define MR_HAPROXY_COMMAND_MAX 15000 /* HAProxy takes what fits into its buffer of 16 KB */

struct MrHaproxySocket;

typedef enum MrHaproxyNews
{
	MR_HAPROXY_CONNECTED, /* and ready for a command */
	MR_HAPROXY_LINE,      /* a line of the answer, without its end; never an empty one */
	MR_HAPROXY_DONE,      /* the answer is complete */
	MR_HAPROXY_LOST       /* closed; text says why */
} MrHaproxyNews;

/* Called from the loop. After DONE it may send the next command; it may close any time. */
typedef void (*MrHaproxyCallback)(void *arg, MrHaproxyNews news, const char *text);

typedef struct MrHaproxySocket
{
	struct event_base *base;
	struct bufferevent *buffer; /* NULL while closed */
	struct event *timer;
	bool greeted; /* it has shown its prompt */
	MrHaproxyCallback callback;
	void *arg;
} MrHaproxySocket;

/* Prepares a closed socket. False without memory. */
extern bool mr_haproxy_socket_init(MrHaproxySocket *socket, struct event_base *base,
								   MrHaproxyCallback callback, void *arg);

/* Begins to connect to a unix socket; CONNECTED or LOST follows. */
extern void mr_haproxy_socket_connect(MrHaproxySocket *socket, const char *path,
									  int64_t timeout_ms);

/* Sends a whole command, its last newline included; LINE..., DONE or LOST follow. */
extern void mr_haproxy_socket_send(MrHaproxySocket *socket, const char *command, size_t length,
								   int64_t timeout_ms);

/* Closes at once, without a callback. */
extern void mr_haproxy_socket_close(MrHaproxySocket *socket);

/* Closes and frees what mr_haproxy_socket_init made. */
extern void mr_haproxy_socket_free(MrHaproxySocket *socket);

#endif /* MR_HAPROXY_SOCKET_H */
