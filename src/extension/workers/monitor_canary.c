/*
 * Write checks of this node ("canary"): a server may answer every connection and yet be
 * of no use, because its disk is full, read-only or stuck.
 *
 * Every health_check_interval, and every health_retry_interval once one has failed, a
 * file in the data directory is written and synced; on the primary a transaction is
 * committed as well, which syncs WAL. The outcome goes to shared memory: the number of
 * failures in a row, and when the check under way began. A check on a stuck disk hangs,
 * and this process with it; the lease worker sees how long and needs no disk itself.
 * After max_consecutive_failures it gives the lease to a successor (lease_local.c).
 *
 * A node that is not the primary is checked only while it has failures to take back.
 * Called by monitor_worker.c, last of the steps.
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "storage/fd.h"

#include "extension/mr_shared_state.h"
#include "extension/workers/mr_monitor.h"

#define MR_CANARY_FILE "multiregion.canary"
#define MR_CANARY_BYTES BLCKSZ /* more than a block that is there already may hold */

/* False and errno: the file system does not take a block, or does not sync it. */
static bool
write_file(void)
{
	char block[MR_CANARY_BYTES];
	int fd = OpenTransientFile(MR_CANARY_FILE, O_CREAT | O_TRUNC | O_WRONLY | PG_BINARY);
	bool ok;

	if (fd < 0)
		return false;
	memset(block, 'c', sizeof(block));
	errno = ENOSPC; /* a short write sets no other */
	ok = write(fd, block, sizeof(block)) == sizeof(block) && pg_fsync(fd) == 0;
	if (CloseTransientFile(fd) != 0)
		ok = false;
	return ok;
}

/*
 * A transaction with nothing but its commit record; such a one is not waited for
 * unless told so.
 */
static bool
commit(MrMonitor *monitor)
{
	if (!mr_monitor_begin(monitor))
		return true; /* no tables yet: nothing to say about the disk */
	(void) GetTopTransactionId();
	ForceSyncCommit();
	mr_monitor_end(monitor);
	return true;
}

static void
note(MrMonitor *monitor, bool ok)
{
	uint32 before = pg_atomic_read_u32(&mr_shared->canary_failures);

	pg_atomic_write_u64(&mr_shared->canary_started_ns, 0);
	pg_atomic_write_u32(&mr_shared->canary_failures, ok ? 0 : before + 1);
	monitor->canary_ended_ns = mr_boottime_ns();
}

/* By the policy of this moment: a shorter interval holds at once. */
static bool
is_due(const MrMonitor *monitor)
{
	const MrPolicy *policy = &MR_MONITOR_CONFIG(monitor)->policy;
	bool failed = pg_atomic_read_u32(&mr_shared->canary_failures) > 0;
	int64 interval_ms =
		failed ? policy->health_retry_interval_ms : policy->health_check_interval_ms;

	if (!monitor->acts || !(monitor->records || failed))
		return false;
	return monitor->canary_ended_ns == 0 ||
		   monitor->now_ns >= monitor->canary_ended_ns + interval_ms * MR_NS_PER_MS;
}

void
mr_monitor_canary(MrMonitor *monitor)
{
	bool ok;

	if (!is_due(monitor))
		return;
	pg_atomic_write_u64(&mr_shared->canary_started_ns, (uint64) mr_boottime_ns());
	PG_TRY();
	{
		ok = write_file();
		if (!ok)
			ereport(WARNING,
					(errcode_for_file_access(),
					 errmsg("multiregion: write check failed: file \"%s\": %m", MR_CANARY_FILE)));
		else if (monitor->records)
			ok = commit(monitor);
	}
	PG_CATCH();
	{
		note(monitor, false);
		PG_RE_THROW();
	}
	PG_END_TRY();
	note(monitor, ok);
}
