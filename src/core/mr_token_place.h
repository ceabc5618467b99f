/*
 * Where a token lies, seen from a server that has replayed WAL up to some position: has
 * the commit been reached, is it still to come, or is it of a history that was left
 * before it, so that it never will be?
 */
#ifndef MR_TOKEN_PLACE_H
#define MR_TOKEN_PLACE_H

#include "core/mr_replication_token.h"

/* A timeline that the server's WAL has gone along, and where it left it. */
typedef struct MrTimelineSpan
{
	uint32_t timeline;
	MrLsn end; /* 0: the present one */
} MrTimelineSpan;

typedef enum MrTokenPlace
{
	MR_TOKEN_REACHED,
	MR_TOKEN_AHEAD,   /* or of a timeline that the server has not heard of yet */
	MR_TOKEN_DIVERGED /* the commit is not in this history: a failover has lost it */
} MrTokenPlace;

/*
 * spans: the server's history, the present timeline first; count >= 1. position: the end of
 * what it has replayed. Only for a token of its own system.
 */
extern MrTokenPlace mr_token_place(const MrToken *token, const MrTimelineSpan *spans, int count,
								   MrLsn position);

#endif /* MR_TOKEN_PLACE_H */
