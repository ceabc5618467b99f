/*
 * Where a token lies in a server's history; see mr_token_place.h.
 *
 * Pure. A position says nothing without its timeline: behind a fork the same numbers mean
 * other commits. Called by whoever waits for tokens, and for bounds of staleness.
 */
#include "core/mr_token_place.h"

MrTokenPlace
mr_token_place(const MrToken *token, const MrTimelineSpan *spans, int count, MrLsn position)
{
	for (int i = 0; i < count; i++)
	{
		if (spans[i].timeline != token->timeline)
			continue;
		/* a commit that ends right at the fork is the last one before it */
		if (spans[i].end != 0 && token->lsn > spans[i].end)
			return MR_TOKEN_DIVERGED;
		return position >= token->lsn ? MR_TOKEN_REACHED : MR_TOKEN_AHEAD;
	}
	/* A newer one may be where this server goes next; an older one was a branch that died. */
	return token->timeline > spans[0].timeline ? MR_TOKEN_AHEAD : MR_TOKEN_DIVERGED;
}
