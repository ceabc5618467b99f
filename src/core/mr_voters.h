/*
 * Who should have a vote. A pure function of the membership and of who is
 * healthy; the monitor of the leader calls it and proposes the answer.
 *
 * The rules, in this order:
 *  1. The leader always votes. Without three nodes that may vote, it votes
 *     alone: two voters would be worse than one, each could stop the other.
 *  2. May vote: whoever votes already, and every bound member that is healthy.
 *     Ill health never takes a vote away (a voter that is down must not move
 *     the quorum); leaving does.
 *  3. The number is odd: the largest odd number of regions that have such a
 *     node, but at least three as soon as three nodes may vote.
 *  4. One voter a region; a second one in a region only to reach three. Within
 *     that, who votes already goes first (so nothing moves without need), then
 *     healthy before silent, promotable before not, the smaller region
 *     priority, the lower slot.
 *  5. A change must leave a healthy majority in the new set, or it could not
 *     take effect and would fence the leader; else the votes stay as they
 *     are; when a voter has to leave, health goes before all else, and then the
 *     set is made smaller.
 */
#ifndef MR_VOTERS_H
#define MR_VOTERS_H

#include "core/mr_topology.h"

/*
 * The voters the cluster should have, a bit per slot. config holds the members
 * and the current voters; healthy has a bit for every slot that the leader hears
 * and that streams from it (a witness: that it hears); leaving has a bit for
 * every member that is to lose its vote (dropped, or bound to a new identity).
 * leader must be a used slot; otherwise, and while a change of voters is under
 * way, the current voters are returned.
 */
extern uint32_t mr_voters_choose(const MrConfig *config, int leader, uint32_t healthy,
								 uint32_t leaving);

#endif /* MR_VOTERS_H */
