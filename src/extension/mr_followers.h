/*
 * The leader's side of the gate: who streams from this node, and for which term.
 *
 * A follower names the term it opened its gate for (multiregion.follow_term in the
 * startup packet). It is served only while this node leads that very term: WAL of a
 * later one must not reach a node that has not written down its stamp yet. Whoever
 * names no term (pg_basebackup, pg_receivewal, a standby of the user's own) is none of our
 * followers. A follower that was dropped is refused, though it has not learnt of it yet.
 */
#ifndef MR_FOLLOWERS_H
#define MR_FOLLOWERS_H

#include "postgres.h"

#include "libpq/libpq-be.h"

#include "core/mr_topology.h"

/* Name of the setting that carries the term. */
#define MR_FOLLOW_TERM "multiregion.follow_term"

/* What a follower's application_name begins with; its uuid in 32 hex digits follows. */
#define MR_FOLLOW_APPLICATION "mr_"

/* Shared memory: size, and creation at postmaster start. */
extern Size mr_followers_size(void);
extern void mr_followers_initialize(void);

/*
 * A physical walsender that has authenticated: FATAL 57P03 if it names another term, or is a
 * follower of ours that is no member.
 */
extern void mr_followers_admit(const Port *port);

/*
 * Lease worker: the term this node leads and has stamped, 0 = none, and the one standby
 * that may still stream, NULL = all members of the configuration. Ends all others' streams.
 */
extern void mr_followers_lead(uint64 term, const MrUuid *only, const MrConfig *config);

/* Lease worker: whether a stream that was told to end is still there. */
extern bool mr_followers_has_strays(void);

#endif /* MR_FOLLOWERS_H */
