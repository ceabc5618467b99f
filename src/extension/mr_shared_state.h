/*
 * Everything of ours in shared memory, and who may touch it.
 *
 * - The fence words (deadline_ns, managed, last_commit_end ...) are single
 *   atomics: written by the lease worker, read by every backend at every commit.
 * - `lease` holds copies of the protocol state, published in turn by the lease
 *   worker: readers copy the complete one and retry if it was replaced meanwhile.
 *   Neither side ever waits for the other, even one frozen in the middle.
 * - `monitor` is written by the monitor worker and read by SQL functions under
 *   monitor_lock. The lease worker never takes that lock; it reads down_mask.
 * - The event ring has a spinlock, held for one copy. Values only: no pointers.
 */
#ifndef MR_SHARED_STATE_H
#define MR_SHARED_STATE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "storage/lwlock.h"
#include "storage/spin.h"

#include "core/mr_health.h"
#include "core/mr_lease.h"
#include "extension/mr_changes.h"
#include "extension/mr_event_ring.h"
#include "extension/mr_hooks_shared.h"
#include "extension/routing/mr_routing_shared.h"

/* What the monitor saw of one member. */
typedef struct MrNodeHealth
{
	MrHealthState state;    /* status and consecutive failures */
	TimestampTz checked_at; /* 0 = never */
	TimestampTz ok_at;
	uint32 round_trip_us; /* of checks, smoothed */
	uint64 checks;        /* since this server started, and those that failed */
	uint64 failed_checks;
	bool in_recovery;
	uint32 timeline;
	MrLsn receive_lsn;
	MrLsn replay_lsn;
	int64 lag_bytes;             /* behind the leader; -1 unknown */
	int64 lag_ms;                /* by our own clock; -1 unknown */
	bool lag_at_least;           /* lag_ms may be more: the history does not reach so far back */
	int64 covered_ns;            /* it has all that was committed before; 0 unknown */
	char error[MR_EVENT_DETAIL]; /* last failure, without secrets */
} MrNodeHealth;

typedef struct MrMonitorState
{
	TimestampTz updated_at;
	int64 measured_ns;                  /* the lags */
	uint32 failed_starts;               /* of the monitor since it last reached its database */
	MrNodeHealth nodes[MR_MAX_MEMBERS]; /* by slot */
} MrMonitorState;

typedef struct MrShared
{
	/* fence: see fence.c */
	pg_atomic_uint64 deadline_ns;             /* CLOCK_BOOTTIME; 0 = fenced */
	pg_atomic_uint64 lease_term;              /* term of that deadline */
	pg_atomic_uint32 managed;                 /* 0: plain PostgreSQL, nothing is fenced */
	pg_atomic_uint32 mode;                    /* MrMode in effect here: manage fences */
	pg_atomic_uint32 ceiling;                 /* multiregion.mode: this node goes no further */
	pg_atomic_uint32 promotion_told;          /* this server was told to end recovery */
	pg_atomic_uint32 draining;                /* a hand-over by order: no new commit begins */
	pg_atomic_uint32 order_waiters;           /* sessions that wait for the end of an order */
	pg_atomic_uint64 last_commit_end;         /* newest commit that may be acknowledged */
	pg_atomic_uint64 first_write_term;        /* newest term in which a write was acknowledged */
	pg_atomic_uint64 first_write_at;          /* ... and when (TimestampTz) */
	pg_atomic_uint64 refused_before;          /* statements refused before they began */
	pg_atomic_uint64 refused_commit;          /* refused at PRE_COMMIT */
	pg_atomic_uint64 refused_acknowledgement; /* commits whose socket was shut */

	/* start of this server */
	bool standby_at_start; /* standby.signal existed */
	bool lock_held;        /* the postmaster holds the lock of the state directory */
	uint64 nonce;          /* drawn at each (re)initialisation of shared memory */
	TimestampTz started_at;
	char state_problem[MR_EVENT_DETAIL]; /* why the state file is unusable; or empty */

	/* processes, by pgprocno (-1 = not running) */
	pg_atomic_uint32 lease_procno;
	pg_atomic_uint32 monitor_procno;

	MrChanges changes; /* worth telling a watcher */

	/* protocol state: the copy that the lowest bit of lease_version points to is complete */
	pg_atomic_uint64 lease_version;
	MrLease lease[2];

	LWLock *monitor_lock;
	MrMonitorState monitor;
	pg_atomic_uint32 down_mask; /* bit per slot: marked down by the monitor */

	MrRoutingShared routing; /* a digest of both, for routing */

	/* write checks of this node; see monitor_canary.c */
	pg_atomic_uint32 canary_failures;   /* in a row */
	pg_atomic_uint64 canary_started_ns; /* of the one under way; 0 = none */
	MrHooksShared hooks;                /* of the hook worker */

	slock_t event_lock;
	uint64 event_sequence;
	MrEventRecord events[MR_EVENT_RING];
} MrShared;

/* Null when the library was not preloaded. */
extern MrShared *mr_shared;

/* Hooks of module.c: reserve and initialise. */
extern Size mr_shared_size(void);
extern void mr_shared_initialize(void);

/* Consistent copy of the protocol state (about 20 kB; palloc it). False if not preloaded. */
extern bool mr_shared_read_lease(MrLease *out);

/* Lease worker only: publish. */
extern void mr_shared_publish_lease(const MrLease *lease);

/* Whether writes may be acknowledged now: unmanaged, or inside the lease. */
extern bool mr_fence_is_open(void);

/* Nanoseconds of CLOCK_BOOTTIME, the only clock of the protocol. */
extern int64 mr_boottime_ns(void);

/*
 * A boottime instant as wall clock time; 0 stays 0. offset is what mr_boottime_offset()
 * said: instants that will be compared need the same one.
 */
extern int64 mr_boottime_offset(void);
extern TimestampTz mr_boottime_to_timestamp(int64 ns, int64 offset);

#endif /* MR_SHARED_STATE_H */
