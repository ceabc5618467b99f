/*
 * How far a member is behind the leader, in bytes and in milliseconds.
 *
 * PostgreSQL's own replay_lag freezes while a link is cut in one direction, so
 * lag is taken from positions and OUR clock: a history of when the leader was first
 * known to be at which position. A member at position p is as late as the earliest
 * entry past p is old. One history a leader, however many members.
 *
 * The history is fixed in size. It holds MR_LAG_SAMPLES positions, at least
 * MR_LAG_SPACING_MS apart and only different ones, so an idle leader uses none up. Filled
 * twice a second (monitor_lag.c), that is more than an hour of a leader that writes all the
 * time.
 */
#ifndef MR_LAG_H
#define MR_LAG_H

#include "core/mr_limits.h"

#define MR_LAG_SAMPLES 8192
#define MR_LAG_SPACING_MS 100

typedef struct MrLagSample
{
	int64_t time_ns;  /* when the leader was first known to be at lsn */
	int64_t still_ns; /* ... and last */
	MrLsn lsn;
} MrLagSample;

/* All zero is an empty history. */
typedef struct MrLag
{
	uint64_t term;      /* of the leadership the history belongs to */
	int64_t heard_ns;   /* last report of that leader */
	MrLagSample newest; /* may not be in samples[] yet, when too close to the last */
	int count;
	int next; /* where the next sample goes; the oldest when full */
	MrLagSample samples[MR_LAG_SAMPLES];
} MrLag;

typedef struct MrLagValue
{
	int64_t bytes; /* -1 unknown */
	int64_t ms;    /* -1 unknown */
	bool at_least; /* ms only says since when we know; it may be more */
} MrLagValue;

/*
 * The leader of term reported lsn at now_ns. A new term empties the history first:
 * another leader's positions say nothing about this one's. Ignored are reports of an
 * older term, without a position, older than the last one, and positions that do not
 * move forward (messages may overtake each other).
 */
extern void mr_lag_report(MrLag *lag, uint64_t term, MrLsn lsn, int64_t now_ns);

/*
 * Lag at now_ns of a member that has reached position. 0 when it is not behind the
 * newest position known; unknown when there is none or position is 0. at_least when it
 * is behind even the oldest sample that is left.
 */
extern MrLagValue mr_lag_of(const MrLag *lag, MrLsn position, int64_t now_ns);

/*
 * The newest instant at which the leader was known to be no further than position: a member
 * there has all that was committed by then, the way of the leader's report to us apart.
 * 0 when there is none.
 */
extern int64_t mr_lag_covered_ns(const MrLag *lag, MrLsn position);

/*
 * How old the newest report of the leader is, in ms; -1 without one. A lag is no
 * better than that: while the leader is silent, everybody seems to catch up.
 */
extern int64_t mr_lag_age_ms(const MrLag *lag, int64_t now_ns);

#endif /* MR_LAG_H */
