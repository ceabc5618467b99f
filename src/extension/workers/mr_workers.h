/*
 * Entry points of the background workers, and what they have in common.
 */
#ifndef MR_WORKERS_H
#define MR_WORKERS_H

#include "postgres.h"

/* The protocol; see lease_worker.c. */
extern PGDLLEXPORT void mr_lease_main(Datum argument);

/* Health, lag, records, configuration; see monitor_worker.c. */
extern PGDLLEXPORT void mr_monitor_main(Datum argument);

/* Functions and commands of the operator, scheduled switchovers; see hook_worker.c. */
extern PGDLLEXPORT void mr_hooks_main(Datum argument);

/* worker_common.c */

/* Whether this server belongs to a cluster and takes part: what workers are there for. */
extern bool mr_worker_is_member(void);

/* Signals, as a worker with SQL wants them. */
extern void mr_worker_begin(void);

/* Ends the process when it is told to, and reads the configuration again. */
extern void mr_worker_heed_interrupts(void);

/* Waits for the latch, and then heeds interrupts. */
extern void mr_worker_wait(long timeout_ms);

/*
 * Settings of the process: what a user may have set for sessions in general is not meant for
 * a worker. Its writes do not wait for standbys, and a lock that somebody else holds is given
 * up after two seconds.
 */
extern void mr_worker_pin_settings(void);

#endif /* MR_WORKERS_H */
