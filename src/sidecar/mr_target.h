/*
 * Where the local database is: a connection string, and the address its host has now.
 * Names are resolved by the event loop, so that a dead name server stops nothing.
 */
#ifndef MR_TARGET_H
#define MR_TARGET_H

#include <event2/event.h>

#include "sidecar/mr_conninfo.h"

struct evdns_base;
struct MrQuestion;

/* Called from the loop. problem is NULL when hostaddr is set. */
typedef void (*MrTargetCallback)(void *arg, const char *problem);

typedef struct MrTarget
{
	struct event_base *base;
	char conninfo[MR_CONNINFO_SIZE];
	char host[256];
	char password[MR_PASSWORD_SIZE]; /* as it was set; empty: none, or the environment's */
	char hostaddr[MR_HOSTADDR_SIZE]; /* empty for a socket, or while not resolved */
	bool needs_resolving;
	struct evdns_base *dns;      /* made when first needed */
	bool has_servers;            /* it has read where to ask */
	struct MrQuestion *question; /* under way, or NULL */
	MrTargetCallback callback;
	void *arg;
} MrTarget;

/*
 * Sets the target; a password goes into PGPASSWORD of this process, where libpq finds
 * it and nobody prints it.
 */
extern void mr_target_set(MrTarget *target, struct event_base *base, const MrConninfo *database);

/* Whether that is where the target leads, with the same password. */
extern bool mr_target_is(const MrTarget *target, const MrConninfo *database);

/*
 * Finds the host's address if it is a name. True: there is nothing to wait for. False:
 * the callback will come (also with the failure to start).
 */
extern bool mr_target_resolve(MrTarget *target, MrTargetCallback callback, void *arg);

/* Forgets a resolution under way; no callback comes. */
extern void mr_target_cancel(MrTarget *target);

/*
 * Ends a resolution under way, and frees what it needed: the last of a program, since it runs
 * what waits in the loop.
 */
extern void mr_target_free(MrTarget *target);

#endif /* MR_TARGET_H */
