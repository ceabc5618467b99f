/*
 * The state directory: its lock and its one file. See mr_state_file.h.
 *
 * A write never touches the file in place: it makes a new one, syncs it, renames it
 * and syncs the directory. A failed fsync is final for that file (the kernel may have
 * dropped the pages), so a retry of the caller starts from the beginning. Nothing is
 * read that has not passed the checks of mr_durable_decode().
 *
 * Must never: allocate, print, use PostgreSQL (the postmaster calls it before its
 * memory contexts serve anything, multiregion-join without a server).
 */
#include "adapters/mr_state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* close() that keeps errno: it is called on the way out of a failure. */
static void
close_quietly(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
}

static int
open_directory(const char *directory)
{
	return open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Up to size bytes, fewer only at the end of the file; -1 with errno. */
static ssize_t
read_all(int fd, uint8_t *out, size_t size)
{
	size_t have = 0;

	while (have < size)
	{
		ssize_t got = read(fd, out + have, size - have);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		have += (size_t) got;
	}
	return (ssize_t) have;
}

static bool
write_all(int fd, const uint8_t *in, size_t size)
{
	size_t done = 0;

	while (done < size)
	{
		ssize_t put = write(fd, in + done, size - done);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
		{
			errno = put == 0 ? ENOSPC : errno;
			return false;
		}
		done += (size_t) put;
	}
	return true;
}

MrStateFileResult
mr_state_file_read(const char *directory, MrDurable *durable, const char **problem)
{
	uint8_t content[MR_STATE_SIZE + 1];
	ssize_t size;
	int dir = open_directory(directory);
	int fd;

	*problem = "The state directory cannot be opened.";
	if (dir < 0)
		return MR_STATE_IO_ERROR;
	fd = openat(dir, "state", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	close_quietly(dir);
	if (fd < 0)
	{
		*problem = errno == ENOENT ? "The state directory holds no state file."
								   : "The state file cannot be opened.";
		return errno == ENOENT ? MR_STATE_ABSENT : MR_STATE_IO_ERROR;
	}
	size = read_all(fd, content, sizeof(content));
	close_quietly(fd);
	if (size < 0)
	{
		*problem = "The state file cannot be read.";
		return MR_STATE_IO_ERROR;
	}
	if (size > MR_STATE_SIZE)
	{
		*problem = "The state file is too large to be one.";
		return MR_STATE_DAMAGED;
	}
	*problem = mr_durable_decode(content, (size_t) size, durable);
	return *problem == NULL ? MR_STATE_OK : MR_STATE_DAMAGED;
}

/* A new, synced DIR/state.tmp; false with errno, and no such file. */
static bool
write_new_file(int dir, const uint8_t *content, size_t size)
{
	int fd;
	bool written;
	int saved;

	/* Whatever a crash or somebody left there must not be written through. */
	if (unlinkat(dir, "state.tmp", 0) != 0 && errno != ENOENT)
		return false;
	fd = openat(dir, "state.tmp", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	written = write_all(fd, content, size) && fsync(fd) == 0;
	saved = errno;
	if (close(fd) != 0 && written)
	{
		saved = errno;
		written = false;
	}
	if (!written)
		(void) unlinkat(dir, "state.tmp", 0);
	errno = saved;
	return written;
}

bool
mr_state_file_write(const char *directory, MrDurable *durable)
{
	uint8_t content[MR_STATE_SIZE];
	size_t size;
	int dir;
	bool done = false;
	int saved;

	durable->sequence++;
	size = mr_durable_encode(durable, content, sizeof(content));
	if (size == 0)
	{
		durable->sequence--;
		errno = EFBIG;
		return false;
	}
	dir = open_directory(directory);
	if (dir < 0 || !write_new_file(dir, content, size))
		durable->sequence--;
	else if (renameat(dir, "state.tmp", dir, "state") != 0)
	{
		saved = errno;
		(void) unlinkat(dir, "state.tmp", 0);
		errno = saved;
		durable->sequence--;
	}
	else
		done = fsync(dir) == 0;
	close_quietly(dir);
	return done;
}

bool
mr_state_file_retire(const char *directory)
{
	int dir = open_directory(directory);
	bool done;

	if (dir < 0)
		return false;
	done = (renameat(dir, "state", dir, "state.left") == 0 || errno == ENOENT) && fsync(dir) == 0;
	close_quietly(dir);
	return done;
}

/* The entry of a new directory must outlive a power loss like what it will hold. */
static bool
make_directory(const char *directory)
{
	char parent[PATH_MAX];
	int length;
	int fd;
	bool synced;

	if (mkdir(directory, 0700) != 0)
		return errno == EEXIST;
	length = snprintf(parent, sizeof(parent), "%s/..", directory);
	if (length < 0 || (size_t) length >= sizeof(parent))
	{
		errno = ENAMETOOLONG;
		return false;
	}
	fd = open_directory(parent);
	if (fd < 0)
		return false;
	synced = fsync(fd) == 0;
	close_quietly(fd);
	return synced;
}

int
mr_state_directory_lock(const char *directory)
{
	int dir;
	int fd;

	if (!make_directory(directory))
		return -1;
	dir = open_directory(directory);
	if (dir < 0)
		return -1;
	fd = openat(dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	close_quietly(dir);
	if (fd < 0)
		return -1;
	while (flock(fd, LOCK_EX | LOCK_NB) != 0)
	{
		if (errno == EINTR)
			continue;
		close_quietly(fd);
		return -1;
	}
	return fd;
}

bool
mr_uuid_generate(MrUuid *uuid)
{
	MrUuid drawn;
	size_t have = 0;

	while (have < sizeof(drawn.bytes))
	{
		ssize_t got = getrandom(drawn.bytes + have, sizeof(drawn.bytes) - have, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		have += (size_t) got;
	}
	drawn.bytes[6] = (uint8_t) ((drawn.bytes[6] & 0x0F) | 0x40);
	drawn.bytes[8] = (uint8_t) ((drawn.bytes[8] & 0x3F) | 0x80);
	*uuid = drawn;
	return true;
}
