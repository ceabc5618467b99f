/*
 * Marker and state directory of this server; see mr_managed.h.
 *
 * Knows nothing of terms or votes. Called by module.c (postmaster start), status.c,
 * functions/membership.c (init, leave) and the lease worker.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/pidfile.h"

#include "adapters/mr_state_file.h"
#include "extension/mr_managed.h"
#include "extension/mr_mailbox.h"
#include "extension/mr_settings.h"
#include "extension/mr_shared_state.h"

#define MR_CLAIM_ATTEMPTS 100 /* of 50 ms: a dying lease worker has its last gasp */

/* Held by the postmaster and inherited by its children; or by the lease worker alone. */
static int lock_descriptor = -1;

const char *
mr_state_directory(void)
{
	static char path[MAXPGPATH];

	if (mr_state_directory_setting != NULL && mr_state_directory_setting[0] != '\0')
		return mr_state_directory_setting;
	snprintf(path, sizeof(path), "%s.multiregion", DataDir);
	return path;
}

bool
mr_marker_present(void)
{
	struct stat st;

	if (mr_standalone || IsBinaryUpgrade || !IsPostmasterEnvironment)
		return false;
	return stat(MR_MARKER_FILE, &st) == 0;
}

bool
mr_marker_matches(const MrUuid *cluster)
{
	char expected[33];
	char text[33] = {0};
	int fd = OpenTransientFile(MR_MARKER_FILE, O_RDONLY | PG_BINARY);
	bool same;

	if (fd < 0)
		return false;
	mr_uuid_format(cluster, expected);
	same = read(fd, text, 32) == 32 && strcmp(text, expected) == 0;
	return CloseTransientFile(fd) == 0 && same;
}

bool
mr_marker_write(const MrUuid *cluster)
{
	char text[34];
	int fd;
	bool ok;

	mr_uuid_format(cluster, text);
	text[32] = '\n';
	fd = OpenTransientFile(MR_MARKER_FILE, O_CREAT | O_WRONLY | O_TRUNC | PG_BINARY);
	if (fd < 0)
		return false;
	ok = write(fd, text, 33) == 33 && pg_fsync(fd) == 0;
	if (CloseTransientFile(fd) != 0)
		ok = false;
	if (!ok)
	{
		int saved = errno;

		unlink(MR_MARKER_FILE);
		errno = saved != 0 ? saved : ENOSPC;
		return false;
	}
	fsync_fname(".", true);
	return true;
}

bool
mr_marker_remove(void)
{
	if (unlink(MR_MARKER_FILE) != 0 && errno != ENOENT)
		return false;
	fsync_fname(".", true);
	return true;
}

void
mr_managed_activate(bool bound)
{
	uint32 ceiling = pg_atomic_read_u32(&mr_shared->ceiling);

	pg_atomic_write_u64(&mr_shared->deadline_ns, 0);
	pg_atomic_write_u32(&mr_shared->mode, bound ? ceiling : Min(ceiling, MR_MODE_OBSERVE));
	pg_memory_barrier();
	pg_atomic_write_u32(&mr_shared->managed, 1);
	mr_shared->state_problem[0] = '\0';
	mr_mailbox_wake_workers();
}

void
mr_managed_deactivate(void)
{
	pg_atomic_write_u32(&mr_shared->managed, 0);
	pg_memory_barrier(); /* then the state file is set aside: the worker writes, then looks */
	mr_mailbox_wake_workers();
}

/* The worker lets go of the lock before it publishes that it holds no state. */
bool
mr_managed_await_end(void)
{
	MrLease *lease = palloc(sizeof(MrLease));
	bool over = false;

	for (int attempt = 0; attempt < MR_CLAIM_ATTEMPTS && !over; attempt++)
	{
		if (attempt > 0)
			(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 50L,
							 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		over = !mr_shared_read_lease(lease) || !lease->loaded;
	}
	pfree(lease);
	return over;
}

void
mr_state_directory_claim(void)
{
	const char *directory = mr_state_directory();
	int attempt;

	if (lock_descriptor >= 0)
	{
		mr_shared->lock_held = true; /* kept over a restart of all processes */
		return;
	}
	for (attempt = 0; attempt < MR_CLAIM_ATTEMPTS; attempt++)
	{
		lock_descriptor = mr_state_directory_lock(directory);
		if (lock_descriptor >= 0)
		{
			mr_shared->lock_held = true;
			return;
		}
		if (errno != EWOULDBLOCK)
			break;
		pg_usleep(50000L);
	}
	if (errno == EWOULDBLOCK)
		ereport(FATAL, (errcode(ERRCODE_OBJECT_IN_USE),
						errmsg("state directory \"%s\" is in use by another server", directory),
						errhint("Two servers must never share multiregion.state_directory.")));
	/* anything else: start fenced, and say why */
	snprintf(mr_shared->state_problem, sizeof(mr_shared->state_problem),
			 "state directory \"%s\" cannot be locked: %s", directory, strerror(errno));
}

bool
mr_state_directory_claim_late(void)
{
	if (mr_shared->lock_held || lock_descriptor >= 0)
		return true;
	lock_descriptor = mr_state_directory_lock(mr_state_directory());
	return lock_descriptor >= 0;
}

void
mr_state_directory_release_late(void)
{
	if (mr_shared->lock_held || lock_descriptor < 0)
		return;
	close(lock_descriptor);
	lock_descriptor = -1;
}

/* postmaster.pid tells of a shutdown before anything else does (smart shutdown waits). */
bool
mr_server_is_stopping(void)
{
	char text[2048];
	char *line = text;
	int fd = open("postmaster.pid", O_RDONLY | PG_BINARY);
	ssize_t length;
	int i;

	if (fd < 0)
		return false;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[length > 0 ? length : 0] = '\0';
	for (i = 1; i < LOCK_FILE_LINE_PM_STATUS && line != NULL; i++)
	{
		line = strchr(line, '\n');
		if (line != NULL)
			line++;
	}
	return line != NULL && strncmp(line, PM_STATUS_STOPPING, strlen("stopping")) == 0;
}
