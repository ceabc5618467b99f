/*
 * Looks a host name up without waiting for it: in a child process, because the C
 * library can block for half a minute when its name servers are gone, which is just
 * when a node must start quickly.
 */
#ifndef MR_JOIN_RESOLVE_H
#define MR_JOIN_RESOLVE_H

#include <sys/types.h>

#include "core/mr_limits.h"

#define MR_JOIN_MAX_ADDRESSES 4

typedef struct MrJoinResolver
{
	pid_t child; /* 0 = none */
	int fd;      /* to wait for; valid while there is a child */
	size_t length;
	char text[MR_JOIN_MAX_ADDRESSES * MR_HOSTADDR_SIZE]; /* addresses, one a line */
} MrJoinResolver;

/* Starts. False with errno. */
extern bool mr_join_resolve_start(MrJoinResolver *resolver, const char *host);

/* Call when fd is readable: true once the child has said everything (it is gone then). */
extern bool mr_join_resolve_advance(MrJoinResolver *resolver);

/* The n-th address (0 ..) into out; false if there are no more. */
extern bool mr_join_resolve_address(const MrJoinResolver *resolver, int n,
									char out[MR_HOSTADDR_SIZE]);

/* Ends a child that is still at work. May be called at any time. */
extern void mr_join_resolve_stop(MrJoinResolver *resolver);

/* True if libpq would have to look this host up: neither address nor socket folder. */
extern bool mr_join_resolve_is_needed(const char *host);

#endif /* MR_JOIN_RESOLVE_H */
