/*
 * What evhttp does not guard against: a client that sends a request byte by byte, and
 * more connections than there are descriptors.
 *
 * evhttp owns its connections and does not say when one ends, so nothing here holds a
 * pointer to one. A table by descriptor number remembers which socket (by its inode) has
 * begun a request and when; a socket that is late is shut down, and evhttp sees the end.
 * Descriptors belong to the process, and so does the table: there is one.
 */
#ifndef MR_SERVER_GUARD_H
#define MR_SERVER_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

/* What came in since the last request was complete. */
typedef struct MrGuardSeen
{
	size_t bytes;
	bool has_nul;
	bool encrypted; /* nothing may be written to it but by TLS */
} MrGuardSeen;

/* Called before a late socket is shut down; may write a last word to it. */
typedef void (*MrGuardLate)(int fd, const MrGuardSeen *seen);

/* Called when connections may be accepted again (true) or must not for now (false). */
typedef void (*MrGuardAccept)(bool accept, void *arg);

/* Begins with the descriptors now open as those that are not connections. */
extern bool mr_guard_open(struct event_base *base, MrGuardLate late, MrGuardAccept accept,
						  void *arg);

/*
 * Sets the limits; raises the process's own limit of descriptors where that is allowed.
 * Returns how many connections there may really be.
 */
extern int mr_guard_set_limits(int max_connections, int64_t request_timeout_ms);

/* A connection was accepted: has accepting stopped if it was the last one allowed. */
extern void mr_guard_accepted(void);

/* No descriptor was left to accept one: has accepting stopped for a while. */
extern void mr_guard_exhausted(void);

/* Bytes of a request came in on fd: starts its deadline unless it runs. */
extern void mr_guard_received(int fd, size_t bytes, bool has_nul, bool encrypted);

/*
 * The request on fd is complete, and so many bytes came in with it that belong to the next
 * one. That has no deadline before more of it comes: it waits for our answer to the first.
 */
extern void mr_guard_left(int fd, size_t bytes, bool encrypted);

/* Whether no byte of a request has come in on fd that is not complete. */
extern bool mr_guard_is_idle(int fd);

/* The request on fd is complete: no deadline until bytes come again. */
extern void mr_guard_completed(int fd, MrGuardSeen *seen);

/* Frees everything; no connection may be left. */
extern void mr_guard_close(void);

#endif /* MR_SERVER_GUARD_H */
