/*
 * Where this server is in the history of its cluster, and where a token lies from there.
 */
#ifndef MR_POSITION_H
#define MR_POSITION_H

#include "postgres.h"

#include "core/mr_token_place.h"

typedef struct MrPosition
{
	const MrTimelineSpan *spans; /* the present timeline first; good until the next call */
	int count;
	MrLsn lsn; /* end of what is replayed; on a primary of what is written */
} MrPosition;

/* Looks where that is now. */
extern void mr_position_look(MrPosition *position);

/* Where the token lies from here, now. Error 22023 for a token of another system. */
extern MrTokenPlace mr_position_place(const MrToken *token);

/* A token for a commit of this server, which is no standby. */
extern void mr_position_token(MrLsn commit_end, MrToken *token);

/*
 * The end of a record that may be an insert position: at the start of a page that lies behind
 * the page's header, where no replay arrives before the next record. And that of the last one
 * written here.
 */
extern MrLsn mr_position_before_header(MrLsn lsn);
extern MrLsn mr_position_written(void);

#endif /* MR_POSITION_H */
