/*
 * pg_basebackup into the place of the data directory; see mr_join_act.h.
 *
 * A clone grows in a sibling folder and takes the data directory's name when it is
 * complete; what was there is moved aside, never deleted first. Only an empty data
 * directory that cannot be renamed (a mount point) is filled directly.
 */
#include "join/mr_join_act.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/mr_topology.h"
#include "join/mr_join_configure.h"
#include "join/mr_join_control.h"
#include "join/mr_join_files.h"
#include "join/mr_join_identity.h"
#include "join/mr_join_peers.h"
#include "join/mr_join_process.h"

static bool
parent_of(const char *path, char *out, size_t size)
{
	char copy[PATH_MAX];

	if ((size_t) snprintf(copy, sizeof(copy), "%s", path) >= sizeof(copy))
		return false;
	return (size_t) snprintf(out, size, "%s", dirname(copy)) < size;
}

/* A mount point cannot be renamed, and a folder in one we may not write neither. */
static bool
can_be_renamed(const char *pgdata)
{
	char parent[PATH_MAX];
	struct stat inside;
	struct stat outside;

	if (!parent_of(pgdata, parent, sizeof(parent)) || stat(parent, &outside) != 0 ||
		access(parent, W_OK) != 0)
		return false;
	return stat(pgdata, &inside) != 0 || inside.st_dev == outside.st_dev;
}

/* Calls for each "<pgdata>.old-..." but `keep`; removes it. */
static void
remove_old_copies(const char *pgdata, const char *keep)
{
	char parent[PATH_MAX];
	char prefix[PATH_MAX];
	char path[PATH_MAX];
	const struct dirent *entry;
	DIR *dir;

	if (!parent_of(pgdata, parent, sizeof(parent)) ||
		(size_t) snprintf(prefix, sizeof(prefix), "%s.old-", pgdata) >= sizeof(prefix))
		return;
	dir = opendir(parent);
	while (dir != NULL && (entry = readdir(dir)) != NULL)
	{
		if (!mr_join_path(path, sizeof(path), parent, entry->d_name) ||
			strncmp(path, prefix, strlen(prefix)) != 0 || strcmp(path, keep) == 0)
			continue;
		mr_join_say("removing the older copy \"%s\"", path);
		(void) mr_join_remove_tree(path);
	}
	if (dir != NULL)
		closedir(dir);
}

static int
check_space(MrJoin *join, const char *pgdata)
{
	uint64_t needed = mr_join_leader_size(join);
	char parent[PATH_MAX];
	unsigned long long available;

	if (needed == 0 || !parent_of(pgdata, parent, sizeof(parent)))
		return 0;
	available = mr_join_free_bytes(mr_join_exists(pgdata) ? pgdata : parent);
	if (available < needed)
	{
		remove_old_copies(pgdata, "");
		available = mr_join_free_bytes(mr_join_exists(pgdata) ? pgdata : parent);
	}
	if (available >= needed)
		return 0;
	mr_join_say("a clone needs %llu bytes beside what is there, and %llu are free",
				(unsigned long long) needed, available);
	mr_join_hint("make room; if the old data directory is not wanted any more, empty it yourself");
	return MR_JOIN_EXIT_REFUSED;
}

/*
 * Names of this clone's folders; temporary stays empty when the data directory is filled
 * directly.
 */
static int
choose_place(const MrJoin *join, bool empty, MrJoinProgress *progress)
{
	const char *pgdata = join->options.pgdata;
	time_t now = time(NULL);
	struct tm utc;
	char stamp[32];

	progress->temporary[0] = '\0';
	progress->aside[0] = '\0';
	if (!can_be_renamed(pgdata))
	{
		if (empty)
			return 0;
		mr_join_say("data directory \"%s\" cannot be moved aside: it is a mount point, or the "
					"folder it is in cannot be written",
					pgdata);
		mr_join_hint("use a folder below the mount point as data directory, or empty this one");
		return MR_JOIN_EXIT_REFUSED;
	}
	if (strlen(pgdata) + 40 >= PATH_MAX)
	{
		mr_join_say("the path of the data directory is too long");
		return MR_JOIN_EXIT_FAILED;
	}
	gmtime_r(&now, &utc);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc);
	snprintf(progress->temporary, PATH_MAX, "%.*s.clone", PATH_MAX - 8, pgdata);
	if (!empty)
		snprintf(progress->aside, PATH_MAX, "%.*s.old-%s", PATH_MAX - 40, pgdata, stamp);
	return 0;
}

/* What the node loses with its old directory is kept with it, and recorded. */
static void
record_loss(MrJoin *join, const MrJoinProgress *progress)
{
	MrLsn fork = join->verdict.fork_lsn;

	if (join->verdict.fork_timeline == 0 || join->facts.timeline == 0)
		return;
	mr_join_leader_record(join, mr_join_wal_end(join, join->facts.timeline, fork), progress->aside);
}

static bool
run_pg_basebackup(MrJoin *join, const MrJoinProgress *progress)
{
	const char *target =
		progress->temporary[0] != '\0' ? progress->temporary : join->options.pgdata;
	char source[MR_PG_PEER_SIZE_OF_CONNINFO];
	char slot[40] = "mr_";
	MrJoinRun run = {.program = "pg_basebackup",
					 .arguments = {"-D", target, "-d", source, "-X", "stream", "-c", "fast",
								   "--no-password", "--no-manifest", NULL},
					 .show = true};

	if (!mr_join_leader_conninfo(join, source, sizeof(source)))
		return false;
	mr_uuid_format(&join->durable.node, slot + 3);
	/* Our slot keeps the leader's WAL from the backup's end until we stream from it. */
	if (mr_join_leader_has_slot(join))
	{
		run.arguments[10] = "-S";
		run.arguments[11] = slot;
	}
	mr_join_say("cloning from \"%s\" into \"%s\"", join->facts.leader.node, target);
	if (mr_join_run(join, &run))
		return true;
	mr_join_say("pg_basebackup failed (status %d)", run.status);
	return false;
}

bool
mr_join_clone_swap(const MrJoin *join, MrJoinProgress *progress)
{
	const char *pgdata = join->options.pgdata;
	bool absent;

	/* Between the two renames there is no data directory; the next run goes on from here. */
	if (mr_join_exists(progress->temporary))
	{
		if (mr_join_is_empty(pgdata, &absent) ? rmdir(pgdata) != 0
											  : !absent && rename(pgdata, progress->aside) != 0)
		{
			mr_join_say("could not move \"%s\" aside: %s", pgdata, strerror(errno));
			return false;
		}
		if (rename(progress->temporary, pgdata) != 0)
		{
			mr_join_say("could not rename \"%s\" to \"%s\": %s", progress->temporary, pgdata,
						strerror(errno));
			return false;
		}
	}
	if (!mr_join_sync_parent(pgdata))
		return false;
	if (progress->aside[0] != '\0')
		mr_join_say("the old data directory is now \"%s\"", progress->aside);
	progress->phase = MR_JOIN_PHASE_SETTLE;
	return mr_join_progress_write(join, progress);
}

/* Until a clone is decided and its place is clean. */
static int
prepare(MrJoin *join, MrJoinProgress *progress)
{
	bool empty = join->facts.directory == MR_JOIN_DIR_EMPTY;
	bool again = join->facts.unfinished == MR_JOIN_UNFINISHED_CLONE;
	int code = mr_join_identify(join);

	if (code == 0)
		code = choose_place(join, empty, progress);
	if (code == 0)
		code = check_space(join, join->options.pgdata);
	if (code != 0)
		return code;
	/* A second try finds what the first one saved; a half rewound directory has the leader's. */
	if (!again && join->facts.unfinished == MR_JOIN_UNFINISHED_NONE &&
		!(empty ? mr_join_own_files_forget(join) : mr_join_own_files_save(join)))
		return MR_JOIN_EXIT_FAILED;
	progress->phase = MR_JOIN_PHASE_CLONE;
	progress->timeline = join->facts.leader.timeline;
	progress->kept[0] = '\0';
	if (!mr_join_state_rebuild(join) || !mr_join_progress_write(join, progress))
		return MR_JOIN_EXIT_FAILED;
	if (!empty && !again)
		record_loss(join, progress);
	if (progress->temporary[0] != '\0' && !mr_join_remove_tree(progress->temporary))
	{
		mr_join_say("could not remove \"%s\": %s", progress->temporary, strerror(errno));
		return MR_JOIN_EXIT_FAILED;
	}
	return 0;
}

int
mr_join_clone(MrJoin *join)
{
	MrJoinProgress progress;
	int64_t began_ns = mr_join_now_ns();
	int code;

	memset(&progress, 0, sizeof(progress));
	code = prepare(join, &progress);
	if (code != 0)
		return code;
	if (!run_pg_basebackup(join, &progress))
		return MR_JOIN_EXIT_RETRY;
	progress.phase = progress.temporary[0] != '\0' ? MR_JOIN_PHASE_SWAP : MR_JOIN_PHASE_SETTLE;
	if (!mr_join_progress_write(join, &progress))
		return MR_JOIN_EXIT_FAILED;
	if (progress.phase == MR_JOIN_PHASE_SWAP && !mr_join_clone_swap(join, &progress))
		return MR_JOIN_EXIT_FAILED;
	if (!mr_join_settle(join))
		return MR_JOIN_EXIT_FAILED;
	remove_old_copies(join->options.pgdata, progress.aside);
	mr_join_say("cloned from \"%s\" in %lld ms", join->facts.leader.node,
				(long long) ((mr_join_now_ns() - began_ns) / MR_NS_PER_MS));
	return 0;
}
