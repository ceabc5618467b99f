/*
 * Entry points of the background workers.
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

#endif /* MR_WORKERS_H */
