/*
 * A histogram of durations with fixed buckets.
 */
#ifndef MR_HISTOGRAM_H
#define MR_HISTOGRAM_H

#include <stdint.h>

/* Upper bounds: X(nanoseconds, as text in seconds); the last bucket has none */
#define MR_HISTOGRAM_BOUNDS(X) \
	X(500000, "0.0005") \
	X(1000000, "0.001") \
	X(2500000, "0.0025") \
	X(5000000, "0.005") \
	X(10000000, "0.01") \
	X(25000000, "0.025") \
	X(50000000, "0.05") \
	X(100000000, "0.1") \
	X(250000000, "0.25") \
	X(500000000, "0.5") \
	X(1000000000, "1.0") \
	X(2500000000, "2.5") \
	X(5000000000, "5.0") \
	X(10000000000, "10.0") \
	X(30000000000, "30.0")

#define MR_HISTOGRAM_ONE(ns, text) +1
#define MR_HISTOGRAM_BUCKETS ((MR_HISTOGRAM_BOUNDS(MR_HISTOGRAM_ONE)) + 1)

/* All zero to begin with. */
typedef struct MrHistogram
{
	uint64_t buckets[MR_HISTOGRAM_BUCKETS]; /* each for itself, not cumulative */
	uint64_t sum_ns;
} MrHistogram;

/* Counts one duration; a negative one (a clock went back) as 0. */
extern void mr_histogram_add(MrHistogram *histogram, int64_t ns);

/* How many were at most as long as the bound of a bucket; of the last one: all. */
extern uint64_t mr_histogram_cumulative(const MrHistogram *histogram, int bucket);

/* The bound of a bucket in seconds; "+Inf" for the last one. */
extern const char *mr_histogram_bound(int bucket);

#endif /* MR_HISTOGRAM_H */
