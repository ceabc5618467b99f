/*
 * Histograms of durations; see mr_histogram.h. It must never allocate: it runs with every
 * request. Called by metrics_record.c (adding) and metrics_text.c (showing).
 */
#include "sidecar/mr_histogram.h"

#define BOUND_NS(ns, text) INT64_C(ns),
#define BOUND_TEXT(ns, text) text,

static const int64_t bounds[] = {MR_HISTOGRAM_BOUNDS(BOUND_NS)};
static const char *const texts[] = {MR_HISTOGRAM_BOUNDS(BOUND_TEXT) "+Inf"};

void
mr_histogram_add(MrHistogram *histogram, int64_t ns)
{
	int bucket = 0;

	if (ns < 0)
		ns = 0;
	while (bucket < MR_HISTOGRAM_BUCKETS - 1 && ns > bounds[bucket])
		bucket++;
	histogram->buckets[bucket]++;
	histogram->sum_ns += (uint64_t) ns;
}

uint64_t
mr_histogram_cumulative(const MrHistogram *histogram, int bucket)
{
	uint64_t count = 0;
	int i;

	for (i = 0; i <= bucket; i++)
		count += histogram->buckets[i];
	return count;
}

const char *
mr_histogram_bound(int bucket)
{
	return texts[bucket];
}
