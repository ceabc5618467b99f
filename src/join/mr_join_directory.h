/*
 * The data directory as it lies there: managed or not, standby or not, and whether
 * anybody still uses it.
 */
#ifndef MR_JOIN_DIRECTORY_H
#define MR_JOIN_DIRECTORY_H

#include "join/mr_join.h"

#define MR_JOIN_MARKER "multiregion.managed"

typedef enum MrJoinUse
{
	MR_JOIN_UNUSED,
	MR_JOIN_SERVER_RUNS,   /* a live postmaster */
	MR_JOIN_MEMORY_IN_USE, /* it is dead, but processes of it still hold its shared memory */
	MR_JOIN_USE_UNKNOWN    /* postmaster.pid cannot be read; errno */
} MrJoinUse;

/*
 * Who uses the data directory, by PostgreSQL's own evidence (postmaster.pid and the
 * System V segment it names). *pid is the postmaster's.
 */
extern MrJoinUse mr_join_directory_use(const char *pgdata, long *pid);

/*
 * Takes the lock of the state directory into join->lock and waits, within --timeout,
 * until no process of an earlier server is left. Returns 0, or the exit code, having
 * said why.
 */
extern int mr_join_directory_claim(MrJoin *join);

/* Fills in the facts about the directory (directory, standby_signal, backup_label). */
extern bool mr_join_directory_look(MrJoin *join);

/* The cluster the marker names; false if there is no marker, or none that can be read. */
extern bool mr_join_directory_cluster(const char *pgdata, MrUuid *cluster);

/* Writes the marker durably, unless it is right already. */
extern bool mr_join_directory_mark(const char *pgdata, const MrUuid *cluster);

#endif /* MR_JOIN_DIRECTORY_H */
