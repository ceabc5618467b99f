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
#include "access/xlog_internal.h"
#include "access/xlogrecovery.h"
#include "catalog/pg_control.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "replication/walreceiver.h"
#include "utils/timestamp.h"

#include "extension/mr_commits.h"
#include "extension/mr_fence.h"
#include "extension/mr_followers.h"
#include "extension/mr_gate.h"
#include "extension/mr_managed.h"
#include "extension/mr_settings.h"
#include "extension/mr_shared_state.h"
#include "extension/workers/mr_lease_worker.h"

#define MR_STOPPING_EVERY_NS (250 * MR_NS_PER_MS)
#define MR_CONTROL_EVERY_NS (50 * MR_NS_PER_MS)
#define MR_HISTORY_EVERY_NS (MR_NS_PER_S / 4)
#define MR_REPLY_NS (20 * MR_NS_PER_MS)
#define MR_VETO_STALE_NS (10 * MR_NS_PER_S)
#define MR_CANARY_TIMEOUT_NS (10 * MR_NS_PER_S)

/*
 * Reads a text file, of a long one the last lines: out + *begin is the beginning of a
 * line. False if it cannot be read.
 */
static bool
read_tail(const char *path, char *out, size_t size, size_t *begin)
{
	int fd = open(path, O_RDONLY | PG_BINARY);
	off_t end;
	bool cut;
	ssize_t length;
	const char *newline;

	if (fd < 0)
		return false;
	end = lseek(fd, 0, SEEK_END);
	cut = end >= (off_t) size;
	(void) lseek(fd, cut ? end - (off_t) size + 1 : 0, SEEK_SET);
	length = read(fd, out, size - 1);
	close(fd);
	if (length < 0)
		return false;
	out[length] = '\0';
	newline = cut ? strchr(out, '\n') : NULL;
	*begin = newline != NULL ? (size_t) (newline - out) + 1 : 0;
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

/* One line of a timeline's history: its parent ends at this position. */
typedef struct HistoryLine
{
	uint32 parent;
	MrLsn end;
} HistoryLine;

#define MR_HISTORY_LINES 64 /* the newest ones; a node is never further behind */

/* Reads the history of a timeline, oldest first; 0 without a file, or with an empty one. */
static int
read_timeline_history(uint32 timeline, HistoryLine *lines)
{
	char path[64];
	char text[8192];
	char *line;
	char *rest;
	size_t begin;
	int count = 0;

	snprintf(path, sizeof(path), "pg_wal/%08X.history", timeline);
	if (timeline <= 1 || !read_tail(path, text, sizeof(text), &begin))
		return 0;
	for (line = strtok_r(text + begin, "\n", &rest); line != NULL;
		 line = strtok_r(NULL, "\n", &rest))
	{
		uint32 high;
		uint32 low;

		if (count == MR_HISTORY_LINES)
			memmove(lines, lines + 1, sizeof(HistoryLine) * (size_t) --count);
		if (sscanf(line, "%u %X/%X", &lines[count].parent, &high, &low) == 3)
			lines[count++].end = ((uint64) high) << 32 | low;
	}
	return count;
}

/* Where a timeline began; 0 for the first. */
static MrLsn
fork_of(uint32 timeline)
{
	static uint32 known_timeline = 0;
	static MrLsn known_fork = 0;
	HistoryLine lines[MR_HISTORY_LINES];
	int count;

	if (timeline == known_timeline)
		return known_fork;
	count = read_timeline_history(timeline, lines);
	if (count == 0)
		return 0;
	known_timeline = timeline;
	known_fork = lines[count - 1].end;
	return known_fork;
}

/*
 * Does our WAL end where the leader's history never was? The stamp tells of its newest
 * fork only; its history file, which a walreceiver fetches before anything else, of all.
 * A walreceiver alone does not find out: it asks from the beginning of a segment on, and
 * what lies there before the fork it gets, again and again.
 */
static bool
is_off_history(MrLeaseWorker *worker, const MrLocal *local, int64 now_ns)
{
	uint32 leaders = worker->lease.durable.stamp.timeline;
	HistoryLine lines[MR_HISTORY_LINES];
	int count;
	int i;

	/* 0: not even the first record has been replayed */
	if (local->timeline == 0 || local->timeline >= leaders)
		return false;
	if (now_ns < worker->history_read_ns + MR_HISTORY_EVERY_NS)
		return worker->off_history;
	worker->history_read_ns = now_ns;
	count = read_timeline_history(leaders, lines);
	for (i = 0; i < count; i++)
		if (lines[i].parent == local->timeline)
			break;
	/* a file that only reserves a timeline has no lines at all */
	worker->off_history = count > 0 && (i == count || local->replay_lsn > lines[i].end);
	return worker->off_history;
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

/*
 * Could recovery end at this position? A rewound, cloned or restarted standby first
 * replays to where its data files are; PostgreSQL ends instead of a promotion before that.
 * The control file knows, and no longer says so once hot standby has begun.
 */
static bool
is_inconsistent(MrLeaseWorker *worker, const MrLocal *local, int64 now_ns)
{
	static ControlFileData control;
	pg_crc32c crc;
	int fd;
	ssize_t length;

	if (HotStandbyActive())
		return false;
	if (worker->control_read_ns != 0 && now_ns < worker->control_read_ns + MR_CONTROL_EVERY_NS)
		return worker->inconsistent;
	worker->control_read_ns = now_ns;
	worker->inconsistent = true;
	fd = open(XLOG_CONTROL_FILE, O_RDONLY | PG_BINARY);
	if (fd < 0)
		return true;
	length = read(fd, &control, sizeof(control));
	close(fd);
	INIT_CRC32C(crc);
	COMP_CRC32C(crc, &control, offsetof(ControlFileData, crc));
	FIN_CRC32C(crc);
	worker->inconsistent = length != (ssize_t) sizeof(control) || !EQ_CRC32C(crc, control.crc) ||
						   control.backupStartPoint != InvalidXLogRecPtr ||
						   control.backupEndRequired ||
						   control.minRecoveryPoint > local->replay_lsn;
	return worker->inconsistent;
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

/* Whether this node may do what the cluster's mode asks of it. */
static bool
takes_part(const MrLease *lease)
{
	uint32 ceiling = pg_atomic_read_u32(&mr_shared->ceiling);

	if (lease->bound || mr_config_binds(&lease->durable.config))
		return ceiling == MR_MODE_MANAGE;
	return ceiling != MR_MODE_OFF;
}

/* An observer's walreceiver: whomever it was told to follow, by others. */
static bool
is_receiving(void)
{
	bool receiving;

	SpinLockAcquire(&WalRcv->mutex);
	receiving = WalRcv->walRcvState == WALRCV_STREAMING;
	SpinLockRelease(&WalRcv->mutex);
	return receiving;
}

/*
 * Does the veto function object? It is asked ahead, by the hook worker: nobody waits for
 * it. An objection stands until it is taken back, or the setting is.
 */
static bool
is_vetoed(int64 now_ns)
{
	uint32 veto = pg_atomic_read_u32(&mr_shared->hooks.veto);

	if (mr_veto_function[0] == '\0')
		return false;
	if (veto == MR_VETO_OBJECTION || !mr_veto_on_error)
		return veto == MR_VETO_OBJECTION;
	return veto != MR_VETO_PASSED ||
		   now_ns > (int64) pg_atomic_read_u64(&mr_shared->hooks.veto_ns) + MR_VETO_STALE_NS;
}

/*
 * What a hand-over by order waits for. An answer that is decided has a moment to leave:
 * a client that does not read it must not keep the lease.
 */
static void
observe_switchover(MrLeaseWorker *worker, MrLocal *local, int64 now_ns)
{
	bool replying;

	mr_commits_look(&local->committing, &replying);
	if (worker->lease.handover != MR_HANDOVER_DRAIN || local->committing)
		worker->drained_ns = now_ns;
	local->committing |= replying && now_ns < worker->drained_ns + MR_REPLY_NS;
	local->strays = mr_followers_has_strays();
	local->writers = mr_fence_has_writers();
	local->wal_held = mr_commits_wal_is_held();
}

void
mr_lease_observe(MrLeaseWorker *worker, MrLocal *local)
{
	int64 now_ns = mr_boottime_ns();

	memset(local, 0, sizeof(*local));
	local->wall_ms = GetCurrentTimestamp() / 1000 +
					 (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * INT64CONST(1000) * SECS_PER_DAY;
	local->manage = takes_part(&worker->lease);
	local->in_recovery = RecoveryInProgress();
	local->standby = mr_shared->standby_at_start && local->in_recovery;
	if (local->in_recovery)
		observe_standby(local);
	else
		observe_primary(local);
	local->severed = !local->in_recovery || mr_gate_is_severed();
	local->sever_failed = worker->sever_failed;
	local->streaming =
		local->in_recovery && (worker->lease.bound ? mr_gate_is_streaming() : is_receiving());
	local->inconsistent = local->standby && is_inconsistent(worker, local, now_ns);
	local->promotion_told =
		local->standby && (pg_atomic_read_u32(&mr_shared->promotion_told) != 0 ||
						   access(PROMOTE_SIGNAL_FILE, F_OK) == 0);
	local->vetoed = local->standby && is_vetoed(now_ns);
	local->off_history = local->standby && is_off_history(worker, local, now_ns);
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
	local->writers = local->handover_stop && mr_fence_has_writers();
	if (worker->lease.ordered)
		observe_switchover(worker, local, now_ns);
}
