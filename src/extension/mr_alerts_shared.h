/*
 * Alerts and lag windows in shared memory (about 750 kB). Written by the monitor worker,
 * read by SQL functions, both under MrShared.monitor_lock; the lease worker never looks.
 */
#ifndef MR_ALERTS_SHARED_H
#define MR_ALERTS_SHARED_H

#include "postgres.h"

#include "core/mr_alert.h"
#include "core/mr_lag_window.h"
#include "core/mr_topology.h"

/* A monitor that has not looked for this long is stale: it looks twice a second. */
#define MR_MONITOR_STALE_MS 10000

/* What belongs to a member, by slot. */
typedef struct MrMemberHistory
{
	MrUuid member; /* whose it is */
	int64 skew_ms; /* how far its clock is from ours at least, at its last check; -1 unknown */
	MrLagWindow lag;
} MrMemberHistory;

typedef struct MrAlertsShared
{
	MrAlerts alerts; /* `since` is a TimestampTz */
	MrMemberHistory members[MR_MAX_MEMBERS];
} MrAlertsShared;

/* Null when the library was not preloaded. */
extern MrAlertsShared *mr_alerts_shared;

/* Hooks of module.c: reserve and initialise. */
extern Size mr_alerts_shared_size(void);
extern void mr_alerts_shared_initialize(void);

/* What is kept of the member in a slot; emptied first if that was another one. Lock held. */
extern MrMemberHistory *mr_member_history(int slot, const MrUuid *member);

/*
 * A member's clock showed theirs_us (Unix time, 0: unknown) at some moment between asked_ns
 * of CLOCK_BOOTTIME and now. Takes the lock itself.
 */
extern void mr_alerts_note_clock(int slot, const MrUuid *member, int64 theirs_us, int64 asked_ns);

#endif /* MR_ALERTS_SHARED_H */
