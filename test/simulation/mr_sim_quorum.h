/*
 * Who is a member of the simulated cluster and who votes, changed while it runs: by operators
 * who force a quorum, by others in an orderly way; part of mr_world.h.
 */
#ifndef MR_SIM_QUORUM_H
#define MR_SIM_QUORUM_H

#include "mr_sim_world.h"

/* An operator makes the survivor the only voter, the others being lost to it. */
extern void mr_quorum_force(MrWorld *world, int survivor);

/* Whether two nodes are kept from each other: neither has seen the newest quorum. */
extern bool mr_quorum_keeps_apart(const MrWorld *world, int a, int b);

/* A node that starts was left out; what it becomes then. False: the leader takes none in. */
extern bool mr_quorum_left_out(const MrWorld *world, int node, int leader);
extern bool mr_quorum_register(MrWorld *world, int node, int leader);

/* The monitor of a primary, which gives votes back. */
extern void mr_quorum_monitor(MrWorld *world, int node);

/* Somebody changes who is a member and who votes; makes all be both again. */
extern void mr_quorum_change(MrWorld *world, int leader);
extern void mr_quorum_restore(MrWorld *world);

#endif /* MR_SIM_QUORUM_H */
