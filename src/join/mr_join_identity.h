/*
 * Giving a node its identity.
 */
#ifndef MR_JOIN_IDENTITY_H
#define MR_JOIN_IDENTITY_H

#include "join/mr_join.h"

/*
 * Binds the name of --node to a new uuid on the confirmed leader and writes the first
 * state file (steps REGISTER and ADOPT). Returns 0 or the exit code, having said why.
 */
extern int mr_join_register(MrJoin *join);

/*
 * Before a rewind or clone: fetches the leader's configuration for the identity this
 * node has, unless that was done. Returns 0 or the exit code, having said why.
 */
extern int mr_join_identify(MrJoin *join);

#endif /* MR_JOIN_IDENTITY_H */
