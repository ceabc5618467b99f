/*
 * Timeline histories: what a 0000000N.history file says, and where two histories
 * part. Pure; used by plan.c and by whatever gathers its facts.
 */
#ifndef MR_JOIN_HISTORY_H
#define MR_JOIN_HISTORY_H

#include "core/mr_limits.h"

#define MR_JOIN_MAX_HISTORY 1024
#define MR_JOIN_NO_END UINT64_MAX /* a timeline that nobody has left */

/* A timeline and where it began; it ends where the next one begins. */
typedef struct MrJoinTimeline
{
	uint32_t timeline;
	MrLsn begin; /* 0 for the first */
} MrJoinTimeline;

/* Oldest first; the last entry is the timeline the history belongs to. */
typedef struct MrJoinHistory
{
	int count; /* 0 = not known */
	MrJoinTimeline list[MR_JOIN_MAX_HISTORY];
} MrJoinHistory;

/*
 * Reads the history of `timeline`: the content of its file, or text = NULL where it
 * needs none (timeline 1). False, and an unknown history, for anything that
 * PostgreSQL would not read either, and for more entries than fit.
 */
extern bool mr_join_history_parse(const char *text, size_t size, uint32_t timeline,
								  MrJoinHistory *out);

/*
 * The newest timeline that both went through, and the position up to which they
 * agree (MR_JOIN_NO_END when neither has left it). False if they share nothing.
 */
extern bool mr_join_history_common(const MrJoinHistory *a, const MrJoinHistory *b,
								   uint32_t *timeline, MrLsn *end);

/* Where a timeline of this history began; false if the history did not go through it. */
extern bool mr_join_history_begin(const MrJoinHistory *history, uint32_t timeline, MrLsn *begin);

#endif /* MR_JOIN_HISTORY_H */
