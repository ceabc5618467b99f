/*
 * Bounds of staleness from questions and answers; see mr_staleness.h.
 *
 * Pure. Must never give a bound that is too small. Called under a spinlock by those who
 * ask the primary, and who want to know.
 */
#include "core/mr_staleness.h"

#include <string.h>

static void
remove_sample(MrStaleness *memory, int at)
{
	memory->count--;
	memmove(&memory->samples[at], &memory->samples[at + 1],
			sizeof(memory->samples[0]) * (size_t) (memory->count - at));
}

/* Makes room: drops one of two neighbours in the middle that are closest in time. */
static void
thin_out(MrStaleness *memory)
{
	int best = 1;
	int64_t least = INT64_MAX;

	for (int i = 1; i + 1 < memory->count; i++)
	{
		int64_t gap = memory->samples[i + 1].asked_ns - memory->samples[i - 1].asked_ns;

		if (gap < least)
		{
			least = gap;
			best = i;
		}
	}
	remove_sample(memory, best);
}

void
mr_staleness_add(MrStaleness *memory, const MrToken *newest, int64_t asked_ns)
{
	int at;

	if (memory->count == MR_STALENESS_SAMPLES)
		thin_out(memory);
	at = memory->count;
	while (at > 0 && memory->samples[at - 1].asked_ns > asked_ns)
		at--;
	memmove(&memory->samples[at + 1], &memory->samples[at],
			sizeof(memory->samples[0]) * (size_t) (memory->count - at));
	memory->samples[at].asked_ns = asked_ns;
	memory->samples[at].newest = *newest;
	memory->count++;
}

int64_t
mr_staleness_bound(MrStaleness *memory, const MrTimelineSpan *spans, int count, MrLsn position,
				   int64_t now_ns)
{
	for (int i = memory->count - 1; i >= 0; i--)
	{
		const MrStalenessSample *sample = &memory->samples[i];

		if (mr_token_place(&sample->newest, spans, count, position) != MR_TOKEN_REACHED)
			continue;
		/* those before it were asked earlier */
		while (i > 0)
			remove_sample(memory, --i);
		return now_ns > memory->samples[0].asked_ns ? now_ns - memory->samples[0].asked_ns : 0;
	}
	return MR_STALENESS_UNKNOWN;
}

int64_t
mr_staleness_newest(const MrStaleness *memory)
{
	return memory->count > 0 ? memory->samples[memory->count - 1].asked_ns : 0;
}
