/*
 * Alerts and lag windows in shared memory: see mr_alerts_shared.h. Decides nothing. Called
 * by module.c, the monitor worker and SQL functions.
 */
#include "postgres.h"

#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "extension/mr_alerts_shared.h"
#include "extension/mr_shared_state.h"

/* Unix time of the epoch of a TimestampTz. */
#define UNIX_EPOCH_US ((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

MrAlertsShared *mr_alerts_shared = NULL;

Size
mr_alerts_shared_size(void)
{
	return MAXALIGN(sizeof(MrAlertsShared));
}

/* Runs in the postmaster, at its start and after a crash of a backend: all begins anew. */
void
mr_alerts_shared_initialize(void)
{
	bool found;

	mr_alerts_shared = ShmemInitStruct("multiregion alerts", mr_alerts_shared_size(), &found);
	if (!found)
		memset(mr_alerts_shared, 0, sizeof(*mr_alerts_shared));
}

MrMemberHistory *
mr_member_history(int slot, const MrUuid *member)
{
	MrMemberHistory *history = &mr_alerts_shared->members[slot];

	if (!mr_uuid_equal(&history->member, member))
	{
		memset(history, 0, sizeof(*history));
		history->member = *member;
		history->skew_ms = -1;
	}
	return history;
}

void
mr_alerts_note_clock(int slot, const MrUuid *member, int64 theirs_us, int64 asked_ns)
{
	int64 offset_us = mr_boottime_offset() + UNIX_EPOCH_US;
	int64 skew_ms = mr_alert_skew_ms(theirs_us, asked_ns / 1000 + offset_us,
									 mr_boottime_ns() / 1000 + offset_us);

	if (theirs_us == 0)
		return;
	LWLockAcquire(mr_shared->monitor_lock, LW_EXCLUSIVE);
	mr_member_history(slot, member)->skew_ms = skew_ms;
	LWLockRelease(mr_shared->monitor_lock);
}
