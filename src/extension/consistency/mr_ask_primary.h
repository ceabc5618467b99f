/*
 * Asking the primary for its newest commit, and how stale this server is at most.
 */
#ifndef MR_ASK_PRIMARY_H
#define MR_ASK_PRIMARY_H

#include "postgres.h"

#include "core/mr_staleness.h"

/* Shared memory: size, and creation at postmaster start. */
extern Size mr_ask_size(void);
extern void mr_ask_initialize(void);

/*
 * On a standby: asks the primary, over a connection of this session that is kept. The answer
 * is not older than anything that was acknowledged anywhere before the call. Tries again until
 * deadline_ns: a failover may be under way. False: *problem says why (valid until the next
 * call, no secrets). Obeys interrupts.
 */
extern bool mr_ask_primary(MrToken *newest, int64 deadline_ns, const char **problem);

/*
 * How many ns the data of this server is behind at most: 0 on a primary, and
 * MR_STALENESS_UNKNOWN when nothing is known that has been replayed. Asks nobody.
 */
extern int64 mr_ask_bound(void);

/* When the newest question left that was answered; 0 if there is none. */
extern int64 mr_ask_newest(void);

#endif /* MR_ASK_PRIMARY_H */
