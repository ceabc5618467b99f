/*
 * Against flapping: how many unplanned failovers there were lately, and what that means.
 *
 * The leader notes its own and tells the list with its grants, so that every node has the
 * same, in its state file. Wall clock times: they must outlive a restart, and nobody's
 * safety depends on them.
 */
#ifndef MR_GOVERNOR_H
#define MR_GOVERNOR_H

#include "core/mr_durable.h"

/* A leadership has begun for a cause (MrCause); true: it was unplanned, and *durable changed. */
extern bool mr_governor_note(MrDurable *durable, uint64_t term, int cause, int64_t wall_ms);

/* After a change for this cause the former primary may be anywhere, and in any state. */
extern bool mr_governor_is_unsure(int cause);

/* Takes over what a leader knows; true: *durable has changed. */
extern bool mr_governor_merge(MrDurable *durable, const MrFailoverMark *marks, int count);

/* How many there are in the list. */
extern int mr_governor_known(const MrDurable *durable);

/* How many there were in the hour before. A time in the future counts: clocks go back. */
extern int mr_governor_count(const MrDurable *durable, int64_t wall_ms);

/* True when no further one is allowed without an order (max_failovers_per_hour). */
extern bool mr_governor_holds(const MrDurable *durable, int64_t wall_ms);

/* failback_delay, doubled by each failover of the last hour but the first; a day at most. */
extern int64_t mr_governor_failback_delay_ms(const MrDurable *durable, int64_t wall_ms);

#endif /* MR_GOVERNOR_H */
