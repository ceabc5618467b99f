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

#define MR_JOIN_SEGMENT_NAME 32

/*
 * Names of the first and the last of the segments without a gap that hold WAL of a
 * timeline, from that of lsn on. False if not even that one is here: a file that was
 * made for WAL still to be written holds zeros or something old.
 */
extern bool mr_join_wal_segments(const MrJoin *join, uint32_t timeline, MrLsn lsn,
								 char first[MR_JOIN_SEGMENT_NAME], char last[MR_JOIN_SEGMENT_NAME]);

/*
 * Copies the segments that hold WAL from fork_lsn of fork_timeline on, and all of
 * newer timelines, with the history files, into `directory` (made anew). end is where
 * the valid WAL ends. False, having said why, when they do not fit or cannot be copied;
 * then nothing is left there.
 */
extern bool mr_join_wal_keep(const MrJoin *join, const char *directory, uint32_t fork_timeline,
							 MrLsn fork_lsn, MrLsn end);

/*
 * Fetches segments from the leader that pg_rewind had begun to overwrite when it was
 * interrupted: those before the fork, which are the same there, and which another try
 * reads to find the last common checkpoint. What the leader has not got is left alone.
 * False if a file cannot be written, or the leader does not answer.
 */
extern bool mr_join_wal_mend(MrJoin *join);

/* Copies what mr_join_wal_keep() kept back into the WAL directory. */
extern bool mr_join_wal_restore(const MrJoin *join, const char *directory);

/* Is there a restore_command? */
extern bool mr_join_wal_has_archive(const MrJoin *join);

/* Writes the name of a segment; true if it is here and holds its WAL. */
extern bool mr_join_wal_find_segment(const MrJoin *join, uint32_t timeline, uint64_t number,
									 char name[MR_JOIN_SEGMENT_NAME]);

/*
 * Whether the leader has surely removed WAL that this node needs to recover and go on
 * from where its own ends, and there is no restore_command either. Needs join->control.
 */
extern bool mr_join_wal_is_gone(MrJoin *join);

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
