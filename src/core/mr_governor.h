/*
 * Against flapping: how many unplanned failovers there were lately, and what that
 * means. Each node keeps the list for itself, in its state file. Wall clock times: they
 * must outlive a restart, and nobody's safety depends on them.
 */
#ifndef MR_GOVERNOR_H
#define MR_GOVERNOR_H

#include "core/mr_durable.h"

/*
 * Notes that node leads a term, for a cause (MrCause), if that was an unplanned change of
 * the primary and is not noted yet. To be called before the term's stamp is taken over.
 * True: *durable has changed.
 */
extern bool mr_governor_note(MrDurable *durable, const MrUuid *node, uint64_t term, int cause,
							 int64_t wall_ms);

/* How many there were in the hour before. A time in the future counts: clocks go back. */
extern int mr_governor_count(const MrDurable *durable, int64_t wall_ms);

/* True when no further one is allowed without an order (max_failovers_per_hour). */
extern bool mr_governor_holds(const MrDurable *durable, int64_t wall_ms);

/* failback_delay, doubled by each failover of the last hour but the first; a day at most. */
extern int64_t mr_governor_failback_delay_ms(const MrDurable *durable, int64_t wall_ms);

#endif /* MR_GOVERNOR_H */
