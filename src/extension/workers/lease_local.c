/*
 * What a node sees of itself: fills MrLocal for a step of the protocol.
 *
 * Reads shared memory (atomics and spinlocks only), two small files, and the
 * directory of WAL when no leader is known. Never SQL, never a lock that a
 * backend may hold long. Called by lease_worker.c before every step.
 */
#include "postgres.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "replication/walreceiver.h"

#include "extension/mr_gate.h"
#include "extension/mr_managed.h"
#include "extension/mr_settings.h"
#include "extension/mr_shared_state.h"
#include "extension/workers/mr_lease_worker.h"

#define MR_STOPPING_EVERY_NS (250 * MR_NS_PER_MS)
#define MR_CANARY_TIMEOUT_NS (10 * MR_NS_PER_S)

/* Reads a small text file; false if it cannot be read. */
static bool
read_text(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | PG_BINARY);
	ssize_t length;

	if (fd < 0)
		return false;
	length = read(fd, out, size - 1);
	close(fd);
	if (length < 0)
		return false;
	out[length] = '\0';
	return true;
}

/* Newest timeline that has a history file here: a promotion would go past it. */
static uint32
newest_history(void)
{
	DIR *directory = opendir("pg_wal");
	struct dirent *entry;
	uint32 newest = 0;

	if (directory == NULL)
		return 0;
	while ((entry = readdir(directory)) != NULL)
	{
		uint32 timeline;

		if (strlen(entry->d_name) == 16 && strcmp(entry->d_name + 8, ".history") == 0 &&
			sscanf(entry->d_name, "%8X", &timeline) == 1 && timeline > newest)
			newest = timeline;
	}
	closedir(directory);
	return newest;
}

/* Where a timeline began, from the last line of its history file; 0 for the first. */
static MrLsn
fork_of(uint32 timeline)
{
	static uint32 known_timeline = 0;
	static MrLsn known_fork = 0;
	char path[64];
	char text[8192];
	char *line;
	char *rest;

	if (timeline == known_timeline)
		return known_fork;
	snprintf(path, sizeof(path), "pg_wal/%08X.history", timeline);
	if (timeline <= 1 || !read_text(path, text, sizeof(text)))
		return 0;
	for (line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
	{
		uint32 parent;
		uint32 high;
		uint32 low;

		if (sscanf(line, "%u %X/%X", &parent, &high, &low) == 3)
		{
			known_timeline = timeline;
			known_fork = ((uint64) high) << 32 | low;
		}
	}
	return timeline == known_timeline ? known_fork : 0;
}

/*
 * Does our WAL end where the leader's history never was? The stamp tells of its newest
 * fork only; its history file, which a walreceiver fetches before anything else, of all.
 * A walreceiver alone does not find out: it asks from the beginning of a segment on, and
 * what lies there before the fork it gets, again and again.
 */
static bool
is_off_history(uint32 timeline, MrLsn replayed, uint32 leader_timeline)
{
	char path[64];
	char text[8192];
	char *line;
	char *rest;
	bool any = false;

	snprintf(path, sizeof(path), "pg_wal/%08X.history", leader_timeline);
	if (leader_timeline <= timeline || !read_text(path, text, sizeof(text)))
		return false;
	for (line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
	{
		uint32 parent;
		uint32 high;
		uint32 low;

		if (sscanf(line, "%u %X/%X", &parent, &high, &low) != 3)
			continue;
		if (parent == timeline)
			return replayed > (((uint64) high) << 32 | low);
		any = true;
	}
	/* a file that only reserves a timeline names no parent at all */
	return any;
}

/*
 * End of the valid WAL on a standby's disk. The startup process asks for a
 * walreceiver only after it has replayed everything found locally; before that,
 * the end is not known. What was flushed by the walreceiver counts, replayed or not.
 */
static void
observe_standby(MrLocal *local)
{
	TimeLineID replay_timeline;
	TimeLineID receive_timeline;
	XLogRecPtr replayed = GetXLogReplayRecPtr(&replay_timeline);
	XLogRecPtr flushed;
	bool requested;

	SpinLockAcquire(&WalRcv->mutex);
	requested = WalRcv->receiveStart != 0;
	flushed = WalRcv->flushedUpto;
	receive_timeline = WalRcv->receivedTLI;
	SpinLockRelease(&WalRcv->mutex);
	local->replay_lsn = replayed;
	local->wal_end = flushed > replayed ? flushed : replayed;
	local->timeline =
		flushed > replayed && receive_timeline != 0 ? receive_timeline : replay_timeline;
	local->wal_end_known = mr_shared->standby_at_start && requested;
	local->replay_paused =
		GetRecoveryPauseState() != RECOVERY_NOT_PAUSED || recovery_min_apply_delay > 0;
}

static void
observe_primary(MrLocal *local)
{
	TimeLineID timeline;

	local->wal_end = GetFlushRecPtr(&timeline);
	local->replay_lsn = local->wal_end;
	local->timeline = timeline;
	local->wal_end_known = true;
	local->fork_lsn = fork_of(timeline);
}

/*
 * Has this node failed its write checks? One that does not come back counts as
 * failed once for every MR_CANARY_TIMEOUT_NS we have seen it hang: time in which we
 * ourselves did not run, frozen like everything else, says nothing about the disk.
 */
static bool
is_sick(MrLeaseWorker *worker, int64 now_ns)
{
	uint64 canary = pg_atomic_read_u64(&mr_shared->canary_started_ns);
	int64 failures = pg_atomic_read_u32(&mr_shared->canary_failures);

	if (canary == 0 || canary != worker->stuck_canary)
		worker->stuck_ns = 0;
	else
		worker->stuck_ns += Min(now_ns - worker->observed_ns, MR_NS_PER_S);
	worker->stuck_canary = canary;
	worker->observed_ns = now_ns;
	failures += worker->stuck_ns / MR_CANARY_TIMEOUT_NS;
	return failures >= worker->lease.durable.config.policy.max_consecutive_failures;
}

void
mr_lease_observe(MrLeaseWorker *worker, MrLocal *local)
{
	int64 now_ns = mr_boottime_ns();

	memset(local, 0, sizeof(*local));
	local->manage = pg_atomic_read_u32(&mr_shared->mode) == MR_MODE_MANAGE;
	local->in_recovery = RecoveryInProgress();
	local->standby = mr_shared->standby_at_start && local->in_recovery;
	if (local->in_recovery)
	{
		observe_standby(local);
		local->off_history = local->standby && is_off_history(local->timeline, local->replay_lsn,
															  worker->lease.durable.stamp.timeline);
	}
	else
		observe_primary(local);
	local->severed = !local->in_recovery || mr_gate_is_severed();
	local->sever_failed = worker->sever_failed;
	local->streaming = local->in_recovery && mr_gate_is_streaming();
	local->down_mask = pg_atomic_read_u32(&mr_shared->down_mask);
	local->last_commit = pg_atomic_read_u64(&mr_shared->last_commit_end);
	if (worker->lease.role != MR_ROLE_LEADER && local->in_recovery &&
		now_ns >= worker->lease.promise_until_ns)
		local->newest_timeline = newest_history();
	if (now_ns >= worker->stopping_checked_ns + MR_STOPPING_EVERY_NS || worker->told_to_end)
	{
		worker->stopping_checked_ns = now_ns;
		worker->server_stopping = mr_server_is_stopping();
	}
	local->sick = worker->lease.loaded && is_sick(worker, now_ns);
	local->server_dead = worker->server_dead;
	local->server_stopping = worker->server_stopping;
	local->handover_stop = worker->told_to_end && worker->server_stopping;
}
