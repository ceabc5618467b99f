/*
 * The WAL of a simulated node: numbered records, each of which knows the
 * leadership that wrote it, and the timelines it went through. Two logs agree up to
 * a position exactly when they have the same record before it.
 */
#ifndef MR_SIM_WAL_H
#define MR_SIM_WAL_H

#include "core/mr_lease.h"

#define MR_SIM_WAL 24000     /* records a node can hold */
#define MR_SIM_TIMELINES 200 /* a log can have gone through */

#define MR_SIM_LSN(length) ((MrLsn) (length) + 1000)

/* A number used once; whose leadership it belongs to is kept apart. */
typedef uint32_t MrSimRecord;

typedef struct MrSimWal
{
	int length;
	int replayed;
	uint32_t newest_history; /* newest timeline that has a history file here */
	int ntimelines;
	uint32_t timelines[MR_SIM_TIMELINES]; /* the last one is the current one */
	int forks[MR_SIM_TIMELINES];          /* where each began */
	MrSimRecord records[MR_SIM_WAL];
} MrSimWal;

/* An empty log on timeline 1. */
extern void mr_sim_wal_init(MrSimWal *wal);

/* Timeline of its end, where that began, and the newest leadership it has a record of. */
extern uint32_t mr_sim_wal_timeline(const MrSimWal *wal);
extern int mr_sim_wal_fork(const MrSimWal *wal);
extern uint64_t mr_sim_wal_term(const MrSimWal *wal);

/* Forgets all records of the run before. */
extern void mr_sim_wal_forget_all(void);

/* Adds a record of the same leadership as the one before; false when the log is full. */
extern bool mr_sim_wal_append(MrSimWal *wal);

/* A leadership begins at a position: what lies past it is its own, in all copies. */
extern void mr_sim_wal_stamp(const MrSimWal *wal, int position, uint64_t term);

/* Begins a timeline at the end of the log. */
extern void mr_sim_wal_switch(MrSimWal *wal, uint32_t timeline);

/* Would PostgreSQL stream `leader` to a standby at the end of `wal`? It asks the history. */
extern bool mr_sim_wal_in_history(const MrSimWal *wal, const MrSimWal *leader);

/* Is every record of `wal` in `leader` too? */
extern bool mr_sim_wal_is_prefix(const MrSimWal *wal, const MrSimWal *leader);

/* Takes over up to `count` records of the leader; all of them, and its history, by copy. */
extern void mr_sim_wal_stream(MrSimWal *wal, const MrSimWal *leader, int count);
extern void mr_sim_wal_copy(MrSimWal *wal, const MrSimWal *leader);

#endif /* MR_SIM_WAL_H */
