/*
 * The two ways to bring a data directory in line with the leader, and going on where
 * an earlier run was interrupted.
 */
#ifndef MR_JOIN_ACT_H
#define MR_JOIN_ACT_H

#include "join/mr_join_progress.h"

/*
 * pg_rewind from the confirmed leader (verdict: REWIND). Returns 0 when postgres may
 * start; -1 when rewinding is not possible (facts.rewind_failed is set: plan again);
 * else the exit code, having said why.
 */
extern int mr_join_rewind(MrJoin *join);

/* pg_basebackup from the confirmed leader (verdict: CLONE). Returns 0 or the exit code. */
extern int mr_join_clone(MrJoin *join);

/*
 * Only says what an earlier run left (facts.unfinished). Returns 0 or the exit code,
 * having said why.
 */
extern int mr_join_note_unfinished(MrJoin *join);

/*
 * Finishes what can be finished without a leader, cleans up what cannot, and sets
 * facts.unfinished. Needs the state file only where it has to settle. Returns 0 or
 * the exit code.
 */
extern int mr_join_resume(MrJoin *join);

/* The rename part of a clone; for mr_join_resume(). Repeatable. False, having said why. */
extern bool mr_join_clone_swap(const MrJoin *join, MrJoinProgress *progress);

#endif /* MR_JOIN_ACT_H */
