/*
 * --force-new-quorum: what an operator does after a majority of the voters is lost.
 */
#ifndef MR_JOIN_FORCE_H
#define MR_JOIN_FORCE_H

#include "join/mr_join.h"

/*
 * Says what this node holds and what may be lost; then, unless --dry-run is given, makes
 * it the only voter of a new generation. The lock is held and the state file has been
 * looked at. Returns the exit code: 0 if the server can be started, which then leads.
 */
extern int mr_join_force(MrJoin *join);

#endif /* MR_JOIN_FORCE_H */
