/*
 * The last hour of a member's lag, second by second. See mr_lag_window.h.
 *
 * Pure; time comes from the caller. Filled by the monitor worker, read by SQL functions.
 */
#include "core/mr_lag_window.h"

#include <string.h>

static int
place_of(int64_t second)
{
	return (int) (second % MR_LAG_WINDOW_SECONDS);
}

/* Makes `second` the newest; those that were passed over are gaps. */
static void
advance(MrLagWindow *window, int64_t second)
{
	int64_t gap = second - window->second;

	if (gap >= MR_LAG_WINDOW_SECONDS)
	{
		memset(window, 0, sizeof(*window));
		window->second = second;
		return;
	}
	while (window->second < second)
	{
		window->second++;
		window->ms[place_of(window->second)] = 0;
		window->bytes[place_of(window->second)] = 0;
	}
}

void
mr_lag_window_add(MrLagWindow *window, int64_t now_ns, int64_t bytes, int64_t ms)
{
	int64_t second = now_ns / MR_NS_PER_S;
	int at = place_of(second);
	uint32_t stored_ms;

	if (second < window->second)
		return;
	advance(window, second);
	if (bytes < 0 || ms < 0)
		return;
	stored_ms = ms < UINT32_MAX ? (uint32_t) ms + 1 : UINT32_MAX;
	if (stored_ms > window->ms[at])
		window->ms[at] = stored_ms;
	if ((uint64_t) bytes + 1 > window->bytes[at])
		window->bytes[at] = (uint64_t) bytes + 1;
}

/* Whether the window still holds that second, which is not later than now. */
static bool
holds(const MrLagWindow *window, int64_t second)
{
	return second >= 0 && second <= window->second &&
		   second > window->second - MR_LAG_WINDOW_SECONDS;
}

int
mr_lag_window_read(const MrLagWindow *const *windows, int count, int64_t now_ns, int seconds,
				   int64_t *bytes, int64_t *ms)
{
	int64_t now = now_ns / MR_NS_PER_S;
	int64_t second;
	int found = 0;
	int i;

	for (second = now - seconds + 1; second <= now; second++)
	{
		uint64_t worst_bytes = 0;
		uint32_t worst_ms = 0;

		for (i = 0; i < count; i++)
		{
			if (!holds(windows[i], second))
				continue;
			if (windows[i]->bytes[place_of(second)] > worst_bytes)
				worst_bytes = windows[i]->bytes[place_of(second)];
			if (windows[i]->ms[place_of(second)] > worst_ms)
				worst_ms = windows[i]->ms[place_of(second)];
		}
		if (worst_ms == 0)
			continue;
		bytes[found] = (int64_t) (worst_bytes - 1);
		ms[found] = (int64_t) worst_ms - 1;
		found++;
	}
	return found;
}

/* Lets values[at] sink to its place among the first `count` of a heap, the largest on top. */
static void
sink(int64_t *values, int at, int count)
{
	int64_t value = values[at];
	int child;

	while ((child = 2 * at + 1) < count)
	{
		if (child + 1 < count && values[child + 1] > values[child])
			child++;
		if (values[child] <= value)
			break;
		values[at] = values[child];
		at = child;
	}
	values[at] = value;
}

/* In place, and never slower for an unlucky order. */
static void
sort(int64_t *values, int count)
{
	int at;

	for (at = count / 2 - 1; at >= 0; at--)
		sink(values, at, count);
	for (at = count - 1; at > 0; at--)
	{
		int64_t largest = values[0];

		values[0] = values[at];
		values[at] = largest;
		sink(values, 0, at);
	}
}

/* The smallest value that `percent` of them do not exceed. */
static int64_t
percentile(const int64_t *sorted, int count, int percent)
{
	return sorted[(count * percent + 99) / 100 - 1];
}

void
mr_lag_summarize(int64_t *values, int count, MrLagSummary *summary)
{
	summary->min = summary->median = summary->p99 = summary->max = -1;
	if (count == 0)
		return;
	sort(values, count);
	summary->min = values[0];
	summary->median = percentile(values, count, 50);
	summary->p99 = percentile(values, count, 99);
	summary->max = values[count - 1];
}
