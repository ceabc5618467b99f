/*
 * Decisions in words.
 */
#ifndef MR_JOIN_EXPLAIN_H
#define MR_JOIN_EXPLAIN_H

#include "join/mr_join.h"

/* One line: what is done, by which rule, towards which leader. only_say: what would be done. */
extern void mr_join_explain_verdict(const MrJoin *join, bool only_say);

/* For the steps REFUSE and RETRY: what a person can do about it. Returns the exit code. */
extern int mr_join_explain_refusal(const MrJoin *join);

#endif /* MR_JOIN_EXPLAIN_H */
