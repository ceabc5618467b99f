/*
 * The local WAL directory: which timelines it holds, keeping what is about to be
 * lost, and timeline history files.
 */
#ifndef MR_JOIN_WAL_H
#define MR_JOIN_WAL_H

#include "join/mr_join.h"

/*
 * Fills facts.timeline and facts.history: the newest timeline, not older than the
 * control file's, of which a record is here. False, having said why.
 */
extern bool mr_join_wal_find_timeline(MrJoin *join);

/*
 * Copies the segments that hold WAL from fork_lsn of fork_timeline on, and all of
 * newer timelines, with the history files, into `directory` (made anew). end is where
 * the valid WAL ends. False, having said why, when they do not fit or cannot be copied;
 * then nothing is left there.
 */
extern bool mr_join_wal_keep(const MrJoin *join, const char *directory, uint32_t fork_timeline,
							 MrLsn fork_lsn, MrLsn end);

/* Copies what mr_join_wal_keep() kept back into the WAL directory. */
extern bool mr_join_wal_restore(const MrJoin *join, const char *directory);

typedef struct MrJoinHistoryFile
{
	uint32_t timeline;
	const char *content;
	size_t size;
} MrJoinHistoryFile;

/*
 * Makes the history files newer than facts.timeline the leader's: a standby looks
 * for the newest one it finds, and one of a dead branch would lead it astray for
 * ever. files are all that the leader has; what goes is kept in the state directory.
 * False, having said why.
 */
extern bool mr_join_wal_install_histories(const MrJoin *join, const MrJoinHistoryFile *files,
										  int count);

#endif /* MR_JOIN_WAL_H */
