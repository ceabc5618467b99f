/*
 * What PostgreSQL's own programs tell of a data directory, and the crash recovery
 * that pg_rewind needs.
 */
#ifndef MR_JOIN_CONTROL_H
#define MR_JOIN_CONTROL_H

#include "join/mr_join.h"

/* Reads join->control with pg_controldata. False, having said why. */
extern bool mr_join_control_read(MrJoin *join);

/* True for a server that was in recovery when it ended, however it ended. */
extern bool mr_join_control_was_standby(const MrJoinControl *control);

/* True if it was shut down as a primary: nothing is left to be recovered. */
extern bool mr_join_control_is_clean(const MrJoinControl *control);

/*
 * Whether the local WAL of a timeline holds a valid record that begins at lsn or
 * later. 1 yes, 0 no, -1 if pg_waldump cannot be used (it has said why).
 */
extern int mr_join_wal_probe(const MrJoin *join, uint32_t timeline, MrLsn lsn);

/* End of the valid WAL of a timeline, looking from lsn on; lsn itself if nothing is found. */
extern MrLsn mr_join_wal_end(const MrJoin *join, uint32_t timeline, MrLsn lsn);

/* Whether valid WAL reaches to the end of a local segment. */
extern bool mr_join_wal_is_complete(const MrJoin *join, const char *segment);

/*
 * Recovers the data directory and shuts it down, in a single-user server, and reads
 * the control file anew. Removes standby.signal, with which that cannot be done.
 * Keeps every WAL segment: the one of the last common checkpoint, which pg_rewind
 * reads, is among those that the new checkpoint would allow to be recycled.
 */
extern bool mr_join_control_recover(MrJoin *join);

#endif /* MR_JOIN_CONTROL_H */
