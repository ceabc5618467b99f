/*
 * Lag in bytes and milliseconds from positions and our own clock. See mr_lag.h.
 *
 * Pure; time comes from the caller. Called by the monitor worker.
 */
#include "core/mr_lag.h"

#include <string.h>

/* The i-th sample from the oldest. */
static const MrLagSample *
sample_at(const MrLag *lag, int i)
{
	int oldest = lag->count < MR_LAG_SAMPLES ? 0 : lag->next;

	return &lag->samples[(oldest + i) % MR_LAG_SAMPLES];
}

static MrLagSample *
newest_sample(MrLag *lag)
{
	return &lag->samples[(lag->next + MR_LAG_SAMPLES - 1) % MR_LAG_SAMPLES];
}

void
mr_lag_report(MrLag *lag, uint64_t term, MrLsn lsn, int64_t now_ns)
{
	if (lsn == 0 || term < lag->term)
		return;
	if (term > lag->term)
	{
		memset(lag, 0, sizeof(*lag));
		lag->term = term;
	}
	if (lag->newest.lsn != 0 && now_ns < lag->heard_ns)
		return;
	lag->heard_ns = now_ns;
	if (lsn == lag->newest.lsn && lsn == newest_sample(lag)->lsn)
		newest_sample(lag)->still_ns = now_ns;
	if (lsn <= lag->newest.lsn)
		return;
	lag->newest.lsn = lsn;
	lag->newest.time_ns = lag->newest.still_ns = now_ns;
	if (lag->count > 0 && now_ns - newest_sample(lag)->time_ns < MR_LAG_SPACING_MS * MR_NS_PER_MS)
		return;
	lag->samples[lag->next] = lag->newest;
	lag->next = (lag->next + 1) % MR_LAG_SAMPLES;
	if (lag->count < MR_LAG_SAMPLES)
		lag->count++;
}

static int64_t
elapsed_ms(int64_t since_ns, int64_t now_ns)
{
	return now_ns > since_ns ? (now_ns - since_ns) / MR_NS_PER_MS : 0;
}

/* Index of the earliest sample past position, count if there is none. */
static int
first_past(const MrLag *lag, MrLsn position)
{
	int low = 0;
	int high = lag->count;

	while (low < high)
	{
		int middle = low + (high - low) / 2;

		if (sample_at(lag, middle)->lsn > position)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

MrLagValue
mr_lag_of(const MrLag *lag, MrLsn position, int64_t now_ns)
{
	MrLagValue value = {.bytes = -1, .ms = -1, .at_least = false};
	MrLsn behind;
	int first;

	if (lag->newest.lsn == 0 || position == 0)
		return value;
	value.bytes = 0;
	value.ms = 0;
	if (position >= lag->newest.lsn)
		return value;
	behind = lag->newest.lsn - position;
	value.bytes = behind > INT64_MAX ? INT64_MAX : (int64_t) behind;
	first = first_past(lag, position);
	value.ms = elapsed_ms(first < lag->count ? sample_at(lag, first)->time_ns : lag->newest.time_ns,
						  now_ns);
	value.at_least = first == 0;
	return value;
}

int64_t
mr_lag_covered_ns(const MrLag *lag, MrLsn position)
{
	int first;

	if (lag->newest.lsn == 0 || position == 0)
		return 0;
	if (position >= lag->newest.lsn)
		return lag->heard_ns;
	first = first_past(lag, position);
	return first > 0 ? sample_at(lag, first - 1)->still_ns : 0;
}

int64_t
mr_lag_age_ms(const MrLag *lag, int64_t now_ns)
{
	return lag->newest.lsn == 0 ? -1 : elapsed_ms(lag->heard_ns, now_ns);
}
