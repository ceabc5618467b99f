/*
 * One connection to the local database in the event loop: an MrPgPeer that waits by
 * itself, with a deadline for each step.
 */
#ifndef MR_LINK_H
#define MR_LINK_H

#include <event2/event.h>

#include "adapters/mr_pg_peer.h"

typedef enum MrLinkNews
{
	MR_LINK_CONNECTED,
	MR_LINK_RESULT, /* link->peer.result holds it: rows, or an SQL error */
	MR_LINK_LOST    /* closed; link->peer.error says why */
} MrLinkNews;

struct MrLink;

/*
 * Called from the loop, never from within mr_link_connect or mr_link_query. It may
 * start the next query or close the link.
 */
typedef void (*MrLinkCallback)(struct MrLink *link, MrLinkNews news, void *arg);

typedef struct MrLink
{
	struct event_base *base;
	MrPgPeer peer;
	struct event *socket; /* NULL while closed */
	int socket_fd;
	short socket_events;
	struct event *timer;
	MrLinkCallback callback;
	void *arg;
} MrLink;

/* Prepares a closed link. False without memory. */
extern bool mr_link_init(MrLink *link, struct event_base *base, MrLinkCallback callback, void *arg);

/*
 * Begins to connect; CONNECTED or LOST follows within timeout_ms. conninfo is complete
 * but for the password, which libpq takes from PGPASSWORD or a passfile; hostaddr may
 * be empty.
 */
extern void mr_link_connect(MrLink *link, const char *conninfo, const char *hostaddr,
							const char *application, int64_t timeout_ms);

/* Begins a query with text parameters and results; RESULT or LOST follows. Needs READY. */
extern void mr_link_query(MrLink *link, const char *sql, int nparams, const char *const *values,
						  int64_t timeout_ms);

/* The same for a text that is asked often: from the second time on it is prepared. */
extern void mr_link_query_again(MrLink *link, const char *sql, int nparams,
								const char *const *values, int64_t timeout_ms);

/* Closes at once, without a callback. */
extern void mr_link_close(MrLink *link);

/* Closes and frees what mr_link_init made. */
extern void mr_link_free(MrLink *link);

/* Connected and no query under way. */
extern bool mr_link_is_ready(const MrLink *link);

/* Neither connected nor about to be. */
extern bool mr_link_is_closed(const MrLink *link);

#endif /* MR_LINK_H */
