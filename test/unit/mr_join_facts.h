/*
 * The decision of multiregion-join under test: its pure sources, one set of facts that
 * tests change, and what is expected of the plan.
 */
#ifndef MR_JOIN_FACTS_H
#define MR_JOIN_FACTS_H

#include "join/mr_join_plan.h"

#define FORK UINT64_C(0x5000000) /* where the leader's timeline 2 leaves timeline 1 */

extern MrJoinHistory own;     /* facts.history */
extern MrJoinHistory leaders; /* facts.leader_history */
extern MrJoinFacts facts;
extern MrJoinVerdict verdict; /* of the last plan */

/* Fills a history from the text of its file; text NULL: the timeline has no ancestors. */
extern void history(MrJoinHistory *out, const char *text, uint32_t timeline);

/* A managed standby on timeline 1 whose leader, in term 7, forked timeline 2 off at FORK. */
extern void begin(void);

/* The same, but it was the primary until now. */
extern void begin_former_primary(void);

/* Takes the confirmed leader away: this is what the members say instead. */
extern void no_leader(MrJoinLeader leader, int answers, uint64_t newest_term);

/* Plans, and checks step and rule. */
extern void expect(MrJoinStep step, MrJoinRule rule);

/* A clone, which has to be allowed: if it is not, the same rule is the reason to ask. */
extern void expect_clone(MrJoinRule rule);

#endif /* MR_JOIN_FACTS_H */
