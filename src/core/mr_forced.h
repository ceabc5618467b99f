/*
 * Break glass: a new quorum by the word of an operator, after a majority of the voters
 * is lost for good.
 *
 * The upper half of a term counts such acts: it is the term's generation. A forced
 * quorum begins with the first term of the next one, so it is above every term, log
 * term, stamp and configuration that those left out have had or will ever have, and
 * everything that compares terms refuses them without knowing why. Nodes of different
 * generations never count each other's words (lease.c); a node that is told of a newer
 * configuration without itself has been discarded.
 */
#ifndef MR_FORCED_H
#define MR_FORCED_H

#include "core/mr_durable.h"

/* How often a new quorum had been forced before this term. */
static inline uint64_t
mr_generation(uint64_t term)
{
	return term >> 32;
}

/* A new quorum was forced without this node: it may only be cloned anew. */
extern bool mr_durable_is_discarded(const MrDurable *durable);

/* A new quorum was forced by this node, and nobody has led since. */
extern bool mr_durable_is_forced(const MrDurable *durable);

/*
 * Why this node cannot force a new quorum without the members in `discard` (a bit per
 * slot); NULL if it can. It cannot while those that stay could still elect a leader,
 * or when it is to be discarded itself.
 */
extern const char *mr_forced_problem(const MrDurable *durable, uint32_t discard);

/*
 * Makes this node the only voter of a configuration without the members in `discard`,
 * and notes their identities. It leads when it starts next, whatever policy says
 * against it; the tables then bring the policy back.
 */
extern void mr_forced_apply(MrDurable *durable, uint32_t discard);

/*
 * How long a lease of somebody else may still run, as far as this node knows, which is not
 * told of the others' promises. Before mr_forced_apply().
 */
extern int64_t mr_forced_longest_lease_ms(const MrDurable *durable);

/* A configuration would make a member of whom this node's forced quorum has left out. */
extern bool mr_forced_brings_back(const MrDurable *durable, const MrConfig *config);

#endif /* MR_FORCED_H */
