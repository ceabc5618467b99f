/*
 * Copies of a file that may change under our hands; see mr_mmdb_copy.h.
 *
 * Two processes may copy at the same time: each writes its own file and the last name
 * given stays, with the same contents. A process that goes on with a copy that is removed
 * keeps its map of it.
 */
#include "adapters/mr_mmdb_copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "multiregion-"
#define COPY_SUFFIX ".mmdb"
#define REFUSED_SUFFIX ".refused"
#define NEW_SUFFIX ".new"
#define STEP (256 * 1024)

static void
take_version(const struct stat *status, MrMmdbVersion *version)
{
	version->device = (uint64_t) status->st_dev;
	version->inode = (uint64_t) status->st_ino;
	version->size = (uint64_t) status->st_size;
	version->changed_ns = (uint64_t) status->st_ctim.tv_sec * (uint64_t) MR_NS_PER_S +
						  (uint64_t) status->st_ctim.tv_nsec;
}

bool
mr_mmdb_look(const char *path, MrMmdbVersion *version)
{
	struct stat status;

	memset(version, 0, sizeof(*version));
	if (stat(path, &status) != 0)
		return false;
	take_version(&status, version);
	return true;
}

bool
mr_mmdb_same(const MrMmdbVersion *a, const MrMmdbVersion *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
		   a->changed_ns == b->changed_ns;
}

static void
name_of(const char *folder, const MrMmdbVersion *version, const char *suffix,
		char out[MR_MMDB_PATH_SIZE])
{
	snprintf(out, MR_MMDB_PATH_SIZE,
			 "%s/" PREFIX "%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%" PRIx64 "%s", folder,
			 version->device, version->inode, version->size, version->changed_ns, suffix);
}

static bool
complain(char problem[MR_MMDB_PROBLEM_SIZE], int error)
{
	snprintf(problem, MR_MMDB_PROBLEM_SIZE, "%s", strerror(error));
	return false;
}

/* All bytes of one into the other. */
static bool
pour(int from, int to)
{
	static char buffer[STEP];

	for (;;)
	{
		ssize_t length = read(from, buffer, sizeof(buffer));
		ssize_t done = 0;

		if (length < 0 && errno == EINTR)
			continue;
		if (length <= 0)
			return length == 0;
		while (done < length)
		{
			ssize_t written = write(to, buffer + done, (size_t) (length - done));

			if (written < 0 && errno != EINTR)
				return false;
			done += written > 0 ? written : 0;
		}
	}
}

/* From an open file; it must not change meanwhile. */
static bool
copy_to(int from, const char *made, const MrMmdbVersion *version,
		char problem[MR_MMDB_PROBLEM_SIZE])
{
	struct stat status;
	MrMmdbVersion now;
	bool done;
	int to = open(made, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (to < 0)
		return complain(problem, errno);
	done = pour(from, to) || complain(problem, errno);
	if (close(to) != 0 && done)
		done = complain(problem, errno);
	if (done && fstat(from, &status) != 0)
		done = complain(problem, errno);
	if (done)
	{
		take_version(&status, &now);
		if (!mr_mmdb_same(&now, version))
		{
			snprintf(problem, MR_MMDB_PROBLEM_SIZE, "it was changed while it was read");
			done = false;
		}
	}
	if (!done)
		unlink(made);
	return done;
}

bool
mr_mmdb_copy(const char *path, const char *folder, const MrMmdbVersion *version,
			 char made[MR_MMDB_PATH_SIZE], char problem[MR_MMDB_PROBLEM_SIZE])
{
	int from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	bool done = false;

	if (from < 0)
		return complain(problem, errno);
	snprintf(made, MR_MMDB_PATH_SIZE, "%s/" PREFIX "%ld" NEW_SUFFIX, folder, (long) getpid());
	if (fstat(from, &status) != 0)
		(void) complain(problem, errno);
	else if (!S_ISREG(status.st_mode))
		snprintf(problem, MR_MMDB_PROBLEM_SIZE, "it is no regular file");
	else
		done = copy_to(from, made, version, problem);
	close(from);
	return done;
}

/* Whether a name ends like this and is one of ours. */
static bool
is_ours(const char *name, const char *suffix)
{
	size_t length = strlen(name);
	size_t end = strlen(suffix);

	return strncmp(name, PREFIX, strlen(PREFIX)) == 0 && length > end &&
		   strcmp(name + length - end, suffix) == 0;
}

/* Whether a file is half a copy, whose process has been killed. */
static bool
is_orphan(const char *name)
{
	long pid = is_ours(name, NEW_SUFFIX) ? strtol(name + strlen(PREFIX), NULL, 10) : 0;

	return pid > 0 && pid <= INT_MAX && kill((pid_t) pid, 0) != 0 && errno == ESRCH;
}

/* Removes what is of other versions, or will never be one. */
static void
clean(const char *folder, const char *kept)
{
	char path[MR_MMDB_PATH_SIZE];
	const struct dirent *entry;
	DIR *files = opendir(folder);

	if (files == NULL)
		return;
	while ((entry = readdir(files)) != NULL)
	{
		if (!is_ours(entry->d_name, COPY_SUFFIX) && !is_ours(entry->d_name, REFUSED_SUFFIX) &&
			!is_orphan(entry->d_name))
			continue;
		if ((size_t) snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >= sizeof(path))
			continue;
		if (strcmp(path, kept) != 0)
			unlink(path);
	}
	closedir(files);
}

void
mr_mmdb_copy_keep(const char *folder, const MrMmdbVersion *version, const char *made)
{
	char name[MR_MMDB_PATH_SIZE];

	name_of(folder, version, COPY_SUFFIX, name);
	if (rename(made, name) != 0)
		unlink(made);
	else
		clean(folder, name);
}

void
mr_mmdb_forget_copies(const char *folder)
{
	clean(folder, "");
}

/* The newest copy there is. */
static bool
find_any(const char *folder, char found[MR_MMDB_PATH_SIZE])
{
	char path[MR_MMDB_PATH_SIZE];
	const struct dirent *entry;
	struct stat status;
	time_t newest = 0;
	DIR *files = opendir(folder);

	found[0] = '\0';
	if (files == NULL)
		return false;
	while ((entry = readdir(files)) != NULL)
	{
		if (!is_ours(entry->d_name, COPY_SUFFIX) ||
			(size_t) snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >= sizeof(path) ||
			stat(path, &status) != 0 || (found[0] != '\0' && status.st_mtime <= newest))
			continue;
		newest = status.st_mtime;
		memcpy(found, path, sizeof(path));
	}
	closedir(files);
	return found[0] != '\0';
}

bool
mr_mmdb_copy_find(const char *folder, const MrMmdbVersion *version, char found[MR_MMDB_PATH_SIZE])
{
	struct stat status;

	if (version == NULL)
		return find_any(folder, found);
	name_of(folder, version, COPY_SUFFIX, found);
	return stat(found, &status) == 0 && (uint64_t) status.st_size == version->size;
}

bool
mr_mmdb_copy_is_refused(const char *folder, const MrMmdbVersion *version)
{
	char name[MR_MMDB_PATH_SIZE];

	name_of(folder, version, REFUSED_SUFFIX, name);
	return access(name, F_OK) == 0;
}

bool
mr_mmdb_copy_refuse(const char *folder, const MrMmdbVersion *version)
{
	char name[MR_MMDB_PATH_SIZE];
	int file;

	name_of(folder, version, REFUSED_SUFFIX, name);
	file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (file < 0)
		return errno != EEXIST;
	close(file);
	return true;
}
