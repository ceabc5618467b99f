/*
 * A PostgreSQL server for tests of the client side: one connection, on a socket in the
 * scratch directory, driven by the test in the same thread. It says exactly what the
 * test tells it to, also what no server would.
 */
#ifndef MR_FAKE_SERVER_H
#define MR_FAKE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct MrFakeServer
{
	int listener;
	int client;            /* -1 before the client has come */
	uint8_t received[512]; /* the last bytes it has said */
	size_t nreceived;
	size_t total; /* bytes in all */
	char conninfo[128];
} MrFakeServer;

/* Listens; conninfo leads to it. The scratch directory must have begun. */
extern void mr_fake_begin(MrFakeServer *server);
extern void mr_fake_end(MrFakeServer *server);

/* Takes the connection if it is there and reads what has arrived. True if there was any. */
extern bool mr_fake_receive(MrFakeServer *server);

/* Sends bytes; one message (type, length, body); messages that consist of strings. */
extern void mr_fake_send(MrFakeServer *server, const void *bytes, size_t size);
extern void mr_fake_message(MrFakeServer *server, char type, const void *body, size_t size);
extern void mr_fake_error(MrFakeServer *server, char type, const char *severity, const char *text);

/* Authentication of this kind asked for (0: accepted, 3: password). */
extern void mr_fake_authentication(MrFakeServer *server, uint8_t kind);
extern void mr_fake_ready(MrFakeServer *server);

/* The answer to a query: one row with one column of these bytes. */
extern void mr_fake_row(MrFakeServer *server, const void *value, uint32_t size);

/* Closes the connection of the client. */
extern void mr_fake_hang_up(MrFakeServer *server);

/* Whether the last bytes received contain these. */
extern bool mr_fake_has(const MrFakeServer *server, const void *bytes, size_t size);

#endif /* MR_FAKE_SERVER_H */
