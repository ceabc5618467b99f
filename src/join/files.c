/*
 * Files of multiregion-join; see mr_join_files.h.
 *
 * Must never follow a symbolic link out of a tree it removes: tablespaces hang on one.
 */
#include "join/mr_join_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define COPY_BYTES (128 * 1024)
#define RESERVE_BYTES (64ULL * 1024 * 1024)

bool
mr_join_path(char *out, size_t size, const char *directory, const char *name)
{
	int length = snprintf(out, size, "%s/%s", directory, name);

	if (length >= 0 && (size_t) length < size)
		return true;
	errno = ENAMETOOLONG;
	return false;
}

bool
mr_join_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

bool
mr_join_is_empty(const char *directory, bool *absent)
{
	DIR *dir = opendir(directory);
	const struct dirent *entry;
	bool empty = true;

	*absent = dir == NULL && errno == ENOENT;
	if (dir == NULL)
		return false;
	while (empty && (entry = readdir(dir)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	closedir(dir);
	return empty;
}

/* close() on the way out of a failure. */
static bool
fail_closing(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return false;
}

/* Up to size bytes, fewer only at the end of the file; -1 with errno. */
static ssize_t
read_fully(int fd, char *out, size_t size)
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
write_fully(int fd, const char *in, size_t size)
{
	while (size > 0)
	{
		ssize_t put = write(fd, in, size);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
		{
			errno = put == 0 ? ENOSPC : errno;
			return false;
		}
		in += put;
		size -= (size_t) put;
	}
	return true;
}

ssize_t
mr_join_read_file(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t length;

	if (fd < 0)
		return -1;
	length = read_fully(fd, out, size - 1);
	(void) fail_closing(fd);
	if (length >= 0)
		out[length] = '\0';
	return length;
}

bool
mr_join_sync_directory(const char *directory)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (fsync(fd) != 0)
		return fail_closing(fd);
	close(fd);
	return true;
}

bool
mr_join_sync_parent(const char *path)
{
	char copy[PATH_MAX];

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int) sizeof(copy))
	{
		errno = ENAMETOOLONG;
		return false;
	}
	return mr_join_sync_directory(dirname(copy));
}

/* Gives the temporary file its content and name; removes it if that fails. */
static bool
finish_file(int fd, const char *temporary, const char *path, bool written)
{
	int saved;

	written = written && fsync(fd) == 0;
	saved = errno;
	if (close(fd) != 0 && written)
	{
		saved = errno;
		written = false;
	}
	if (written && rename(temporary, path) == 0)
		return mr_join_sync_parent(path);
	if (written)
		saved = errno;
	(void) unlink(temporary);
	errno = saved;
	return false;
}

/* Creates "path.join-tmp", which nobody else writes: the lock is ours. */
static int
create_temporary(const char *path, mode_t mode, char *temporary, size_t size)
{
	struct stat st;
	int fd;

	if (snprintf(temporary, size, "%s.join-tmp", path) >= (int) size)
	{
		errno = ENAMETOOLONG;
		return -1;
	}
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
		mode = st.st_mode & 07777;
	if (unlink(temporary) != 0 && errno != ENOENT)
		return -1;
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0 && fchmod(fd, mode) != 0)
	{
		(void) fail_closing(fd);
		(void) unlink(temporary);
		return -1;
	}
	return fd;
}

bool
mr_join_write_file(const char *path, const void *content, size_t size, mode_t mode)
{
	char temporary[PATH_MAX];
	int fd = create_temporary(path, mode, temporary, sizeof(temporary));

	if (fd < 0)
		return false;
	return finish_file(fd, temporary, path, write_fully(fd, content, size));
}

static bool
copy_content(int in, int out, off_t size, size_t limit)
{
	char buffer[COPY_BYTES];

	while (limit > 0)
	{
		size_t want = limit < sizeof(buffer) ? limit : sizeof(buffer);
		ssize_t got = read_fully(in, buffer, want);

		if (got < 0 || !write_fully(out, buffer, (size_t) got))
			return false;
		if ((size_t) got < want)
			break;
		limit -= want;
	}
	return ftruncate(out, size) == 0;
}

bool
mr_join_copy_file(const char *from, const char *to, size_t limit)
{
	char temporary[PATH_MAX];
	struct stat st;
	bool copied;
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out;

	if (in < 0 || fstat(in, &st) != 0)
		return fail_closing(in);
	out = create_temporary(to, st.st_mode & 07777, temporary, sizeof(temporary));
	if (out < 0)
		return fail_closing(in);
	copied = copy_content(in, out, st.st_size, limit);
	(void) fail_closing(in);
	return finish_file(out, temporary, to, copied);
}

bool
mr_join_make_directory(const char *directory)
{
	if (mkdir(directory, 0700) != 0)
		return errno == EEXIST;
	return mr_join_sync_parent(directory);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void) st;
	(void) type;
	(void) ftw;
	return remove(path);
}

/* As remove_one, but leaves the directory at the top. */
static int
remove_below(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return ftw->level == 0 ? 0 : remove_one(path, st, type, ftw);
}

bool
mr_join_remove_tree(const char *path)
{
	if (!mr_join_exists(path))
		return errno == ENOENT;
	return nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS) == 0;
}

bool
mr_join_remove_contents(const char *directory)
{
	if (!mr_join_exists(directory))
		return errno == ENOENT;
	return nftw(directory, remove_below, 32, FTW_DEPTH | FTW_PHYS) == 0;
}

bool
mr_join_remove_file(const char *path)
{
	if (unlink(path) != 0)
		return errno == ENOENT;
	return mr_join_sync_parent(path);
}

unsigned long long
mr_join_free_bytes(const char *path)
{
	struct statvfs fs;
	unsigned long long available;

	if (statvfs(path, &fs) != 0)
		return 0;
	available = (unsigned long long) fs.f_bavail * fs.f_frsize;
	return available > RESERVE_BYTES ? available - RESERVE_BYTES : 0;
}
