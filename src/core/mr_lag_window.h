/*
 * What the lag of a member was lately: smallest, median, 99th percentile and largest value
 * of the last minute, five minutes, hour.
 *
 * One sample a second: the worst of what was measured in it, so that no peak is lost. The
 * last hour is kept as it was, in fixed memory (44 kB a member), and the figures are exact:
 * whoever asks sorts a copy, whoever measures only stores. A percentile is the smallest
 * sample that so many per cent of the samples do not exceed ("nearest rank").
 *
 * A second without a measurement (the lag was unknown, the machine slept) is a gap, and
 * counts for nothing.
 */
#ifndef MR_LAG_WINDOW_H
#define MR_LAG_WINDOW_H

#include "core/mr_limits.h"

#define MR_LAG_WINDOW_SECONDS 3600

/* All zero is empty. What is stored is the value and one; 0 is a gap. */
typedef struct MrLagWindow
{
	int64_t second; /* of the newest sample */
	uint32_t ms[MR_LAG_WINDOW_SECONDS];
	uint64_t bytes[MR_LAG_WINDOW_SECONDS];
} MrLagWindow;

/* Of a set of samples; all -1 when there is none. */
typedef struct MrLagSummary
{
	int64_t min;
	int64_t median;
	int64_t p99;
	int64_t max;
} MrLagSummary;

/* Takes a measurement; -1 is unknown. One older than the newest second is ignored. */
extern void mr_lag_window_add(MrLagWindow *window, int64_t now_ns, int64_t bytes, int64_t ms);

/*
 * The samples of the last `seconds` seconds (1 to MR_LAG_WINDOW_SECONDS), the second of now_ns
 * included, into both arrays; of several members the worst of each second. Returns how many
 * seconds have one. Each array has room for MR_LAG_WINDOW_SECONDS values.
 */
extern int mr_lag_window_read(const MrLagWindow *const *windows, int count, int64_t now_ns,
							  int seconds, int64_t *bytes, int64_t *ms);

/* Sorts the values and says what they come to. */
extern void mr_lag_summarize(int64_t *values, int count, MrLagSummary *summary);

#endif /* MR_LAG_WINDOW_H */
