/*
 * The data directory as it lies there; see mr_join_directory.h.
 *
 * A dead postmaster may have left processes: the lease worker in its last gasp, a
 * backend in a long query. While one is attached to the old shared memory, PostgreSQL
 * itself would refuse to start, and nothing may be changed below it.
 */
#include "join/mr_join_directory.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <unistd.h>

#include "adapters/mr_state_file.h"
#include "core/mr_topology.h"
#include "join/mr_join_files.h"

#define POLL_MS 2
#define TELL_AFTER_MS 1000
#define PID_FILE_SIZE 4096

/* A line of postmaster.pid, the first is 1; empty if there are fewer. */
static const char *
line_of(const char *text, int number)
{
	while (--number > 0 && text != NULL)
	{
		text = strchr(text, '\n');
		text = text != NULL ? text + 1 : NULL;
	}
	return text != NULL ? text : "";
}

/* True if anybody is attached to the segment that line 7 names ("key id"). */
static bool
memory_in_use(const char *line)
{
	unsigned long key;
	unsigned long id;
	struct shmid_ds segment;

	if (sscanf(line, "%lu %lu", &key, &id) != 2)
		return false;
	if (shmctl((int) id, IPC_STAT, &segment) != 0)
		/* the right to look at it is missing: it is somebody else's, the number was used again */
		return false;
	return (unsigned long) (unsigned int) segment.shm_perm.__key == (unsigned int) key &&
		   segment.shm_nattch > 0;
}

/* Ids are used again, in containers at once: a postmaster works in its data directory. */
static bool
is_postmaster(long pid, const char *pgdata)
{
	char link[64];
	char cwd[PATH_MAX];
	char real[PATH_MAX];
	ssize_t length;

	if (pid <= 1 || pid == getpid() || pid == getppid())
		return false;
	if (kill((pid_t) pid, 0) != 0 && errno != EPERM)
		return false;
	snprintf(link, sizeof(link), "/proc/%ld/cwd", pid);
	length = readlink(link, cwd, sizeof(cwd) - 1);
	if (length < 0)
		/* gone in this moment, or somebody else's; without /proc believe the file */
		return errno != ENOENT && errno != EACCES;
	cwd[length] = '\0';
	return realpath(pgdata, real) != NULL && strcmp(cwd, real) == 0;
}

MrJoinUse
mr_join_directory_use(const char *pgdata, long *pid)
{
	char path[PATH_MAX];
	char text[PID_FILE_SIZE];

	*pid = 0;
	if (!mr_join_path(path, sizeof(path), pgdata, "postmaster.pid"))
		return MR_JOIN_USE_UNKNOWN;
	if (mr_join_read_file(path, text, sizeof(text)) < 0)
		return errno == ENOENT || errno == ENOTDIR ? MR_JOIN_UNUSED : MR_JOIN_USE_UNKNOWN;
	*pid = strtol(text, NULL, 10);
	if (*pid < 0) /* a single-user server writes its id negated */
		*pid = -*pid;
	if (is_postmaster(*pid, pgdata))
		return MR_JOIN_SERVER_RUNS;
	return memory_in_use(line_of(text, 7)) ? MR_JOIN_MEMORY_IN_USE : MR_JOIN_UNUSED;
}

/* Says once why it takes long. */
static void
tell(bool *told, int64_t began_ns, const char *what)
{
	if (*told || mr_join_now_ns() - began_ns < TELL_AFTER_MS * MR_NS_PER_MS)
		return;
	*told = true;
	mr_join_say("waiting for %s to end", what);
}

/* True while the lock is held by somebody else and there is time left. */
static bool
try_lock(MrJoin *join)
{
	join->lock = mr_state_directory_lock(join->options.state_directory);
	return join->lock >= 0 || errno != EWOULDBLOCK;
}

static int
refuse_running(const MrJoin *join, long pid)
{
	mr_join_say("a server with process id %ld already runs in \"%s\"", pid, join->options.pgdata);
	return MR_JOIN_EXIT_BUSY;
}

static int
fail_lock(const MrJoin *join)
{
	if (errno == EWOULDBLOCK)
	{
		mr_join_say("state directory \"%s\" is still in use by another process after %lld ms",
					join->options.state_directory, (long long) join->options.timeout_ms);
		mr_join_hint("another multiregion-join, a server in another data directory, or what a "
					 "server left behind holds its lock; two servers must never share it");
		return MR_JOIN_EXIT_BUSY;
	}
	mr_join_say("could not lock state directory \"%s\": %s", join->options.state_directory,
				strerror(errno));
	return MR_JOIN_EXIT_FAILED;
}

int
mr_join_directory_claim(MrJoin *join)
{
	int64_t began_ns = mr_join_now_ns();
	int64_t deadline_ns = began_ns + join->options.timeout_ms * MR_NS_PER_MS;
	bool told = false;
	long pid;

	for (;;)
	{
		MrJoinUse use = mr_join_directory_use(join->options.pgdata, &pid);

		if (use == MR_JOIN_SERVER_RUNS)
			return refuse_running(join, pid);
		if (use == MR_JOIN_USE_UNKNOWN)
		{
			mr_join_say("could not read postmaster.pid in \"%s\": %s", join->options.pgdata,
						strerror(errno));
			return MR_JOIN_EXIT_FAILED;
		}
		if (join->lock < 0 && try_lock(join) && join->lock < 0)
			return fail_lock(join);
		if (join->lock >= 0 && use == MR_JOIN_UNUSED)
			return 0;
		if (mr_join_now_ns() >= deadline_ns)
			break;
		tell(&told, began_ns, "the processes of the last server");
		/* Shared memory does not tell when its last user has gone. */
		(void) poll(NULL, 0, POLL_MS);
	}
	if (join->lock < 0)
	{
		errno = EWOULDBLOCK;
		return fail_lock(join);
	}
	mr_join_say("processes of the last server (postmaster %ld) still use its shared memory after "
				"%lld ms",
				pid, (long long) join->options.timeout_ms);
	mr_join_hint("end the remaining processes of \"%s\"", join->options.pgdata);
	return MR_JOIN_EXIT_BUSY;
}

static bool
holds(const char *pgdata, const char *name)
{
	char path[PATH_MAX];

	return mr_join_path(path, sizeof(path), pgdata, name) && mr_join_exists(path);
}

bool
mr_join_directory_look(MrJoin *join)
{
	const char *pgdata = join->options.pgdata;
	MrJoinFacts *facts = &join->facts;
	bool absent;

	errno = 0;
	if (mr_join_is_empty(pgdata, &absent) || absent)
		facts->directory = MR_JOIN_DIR_EMPTY;
	else if (errno == EACCES || errno == ENOTDIR || errno == EIO)
	{
		mr_join_say("could not open data directory \"%s\": %s", pgdata, strerror(errno));
		return false;
	}
	else if (holds(pgdata, MR_JOIN_MARKER))
		facts->directory = MR_JOIN_DIR_MANAGED;
	else if (holds(pgdata, "PG_VERSION"))
		facts->directory = MR_JOIN_DIR_PLAIN;
	else
		facts->directory = MR_JOIN_DIR_STRANGE;
	facts->standby_signal = holds(pgdata, "standby.signal");
	facts->backup_label = holds(pgdata, "backup_label");
	return true;
}

bool
mr_join_directory_cluster(const char *pgdata, MrUuid *cluster)
{
	char path[PATH_MAX];
	char text[64];
	char *end;

	if (!mr_join_path(path, sizeof(path), pgdata, MR_JOIN_MARKER) ||
		mr_join_read_file(path, text, sizeof(text)) < 0)
		return false;
	end = strchr(text, '\n');
	if (end != NULL)
		*end = '\0';
	return mr_uuid_parse(text, cluster);
}

bool
mr_join_directory_mark(const char *pgdata, const MrUuid *cluster)
{
	char path[PATH_MAX];
	char text[34];
	MrUuid present;

	if (mr_join_directory_cluster(pgdata, &present) && mr_uuid_equal(&present, cluster))
		return true;
	mr_uuid_format(cluster, text);
	text[32] = '\n';
	return mr_join_path(path, sizeof(path), pgdata, MR_JOIN_MARKER) &&
		   mr_join_write_file(path, text, 33, 0600);
}
