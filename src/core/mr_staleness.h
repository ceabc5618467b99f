/*
 * How stale a server's data is at most, without synchronised clocks.
 *
 * Now and then the primary is asked for its newest commit. What it answers was true after
 * the question left, so it names a commit that is not older than anything acknowledged by
 * then. Once the server has replayed that commit, all that it lacks was committed after the
 * question left: staleness <= now - when it left, and both are instants of one clock. An
 * idle primary is no special case, and a silent one lets the bound grow.
 */
#ifndef MR_STALENESS_H
#define MR_STALENESS_H

#include "core/mr_token_place.h"

#define MR_STALENESS_SAMPLES 64
#define MR_STALENESS_UNKNOWN INT64_C(-1)

/* An answer of the primary. */
typedef struct MrStalenessSample
{
	int64_t asked_ns; /* when the question left, on our clock */
	MrToken newest;   /* its newest commit */
} MrStalenessSample;

/* All zero is an empty memory. Samples are kept in the order of asked_ns. */
typedef struct MrStaleness
{
	int count;
	MrStalenessSample samples[MR_STALENESS_SAMPLES];
} MrStaleness;

/*
 * Takes an answer in. Answers may come in any order. When the memory is full, samples
 * in its middle are thinned out: the newest give the best bound, the oldest the only one
 * while replay stands still. (What replay has passed is forgotten by mr_staleness_bound.)
 */
extern void mr_staleness_add(MrStaleness *memory, const MrToken *newest, int64_t asked_ns);

/*
 * The bound in ns of a server with this history and position, or MR_STALENESS_UNKNOWN.
 * Forgets samples that can never again give the best bound.
 */
extern int64_t mr_staleness_bound(MrStaleness *memory, const MrTimelineSpan *spans, int count,
								  MrLsn position, int64_t now_ns);

/* When the newest question left that was answered; 0 if there is none. */
extern int64_t mr_staleness_newest(const MrStaleness *memory);

#endif /* MR_STALENESS_H */
