/*
 * What the hook worker has in shared memory; part of mr_shared_state.h.
 *
 * Written by it alone. The lease worker reads the atomics, SQL functions the reason under
 * MrShared.monitor_lock.
 */
#ifndef MR_HOOKS_SHARED_H
#define MR_HOOKS_SHARED_H

#include "postgres.h"

#include "port/atomics.h"

#define MR_VETO_REASON 200

/* What the veto function said last. */
typedef enum MrVeto
{
	MR_VETO_UNKNOWN, /* not asked yet */
	MR_VETO_PASSED,
	MR_VETO_OBJECTION,
	MR_VETO_FAILED /* the function does not work */
} MrVeto;

typedef struct MrHooksShared
{
	pg_atomic_uint32 procno;  /* of the worker (-1 = not running) */
	pg_atomic_uint32 veto;    /* MrVeto */
	pg_atomic_uint64 veto_ns; /* when the function last said it */
	char veto_reason[MR_VETO_REASON];
} MrHooksShared;

#endif /* MR_HOOKS_SHARED_H */
