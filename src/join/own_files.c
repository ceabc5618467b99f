/*
 * This node's own files; see mr_join_configure.h.
 *
 * Which files: regular ones directly in the data directory that look like
 * configuration or key material, and the folder conf.d. PostgreSQL's own state files
 * have no such names. Called by rewind.c, clone.c and configure.c.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "join/mr_join_configure.h"
#include "join/mr_join_files.h"

#define OWN_FOLDER "own"

static bool
has_ending(const char *name, const char *ending)
{
	size_t length = strlen(name);
	size_t tail = strlen(ending);

	return length > tail && strcmp(name + length - tail, ending) == 0;
}

static bool
is_own_file(const char *name)
{
	static const char *const endings[] = {".conf", ".crt", ".key", ".pem", ".crl", ".pk12"};
	size_t i;

	for (i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
	{
		if (has_ending(name, endings[i]))
			return true;
	}
	return false;
}

/* A symbolic link is copied as one: configuration often lies elsewhere. */
static bool
copy_entry(const char *from, const char *to)
{
	struct stat st;
	char target[PATH_MAX];
	ssize_t length;

	if (lstat(from, &st) != 0)
		return false;
	if (S_ISREG(st.st_mode))
		return mr_join_copy_file(from, to, (size_t) st.st_size);
	if (!S_ISLNK(st.st_mode))
		return true;
	length = readlink(from, target, sizeof(target) - 1);
	if (length < 0)
		return false;
	target[length] = '\0';
	return mr_join_remove_tree(to) && symlink(target, to) == 0;
}

/* Copies the own files (all: every file) of one folder into another. */
static bool
copy_folder(const char *from, const char *to, bool all)
{
	DIR *dir = opendir(from);
	const struct dirent *entry;
	char source[PATH_MAX];
	char target[PATH_MAX];
	bool copied = true;

	if (dir == NULL)
		return errno == ENOENT || errno == ENOTDIR;
	while (copied && (entry = readdir(dir)) != NULL)
	{
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
			(!all && !is_own_file(entry->d_name)))
			continue;
		copied = mr_join_path(source, sizeof(source), from, entry->d_name) &&
				 mr_join_path(target, sizeof(target), to, entry->d_name) &&
				 copy_entry(source, target);
	}
	closedir(dir);
	return copied && mr_join_sync_directory(to);
}

static bool
copy_own_files(const char *from, const char *to)
{
	char source[PATH_MAX];
	char target[PATH_MAX];
	struct stat st;

	if (!mr_join_make_directory(to) || !copy_folder(from, to, false) ||
		!mr_join_path(source, sizeof(source), from, "conf.d") ||
		!mr_join_path(target, sizeof(target), to, "conf.d"))
		return false;
	if (lstat(source, &st) != 0 || !S_ISDIR(st.st_mode))
		return true;
	/* As a whole: a file that is not ours must not stay. */
	return mr_join_remove_tree(target) && mr_join_make_directory(target) &&
		   copy_folder(source, target, true);
}

static bool
own_folder(const MrJoin *join, char *out, size_t size)
{
	return mr_join_path(out, size, join->options.state_directory, OWN_FOLDER);
}

bool
mr_join_own_files_save(const MrJoin *join)
{
	char folder[PATH_MAX];

	if (own_folder(join, folder, sizeof(folder)) && mr_join_remove_tree(folder) &&
		copy_own_files(join->options.pgdata, folder))
		return true;
	mr_join_say("could not save the node's own configuration in \"%s\": %s", folder,
				strerror(errno));
	return false;
}

bool
mr_join_own_files_restore(const MrJoin *join)
{
	char folder[PATH_MAX];

	if (!own_folder(join, folder, sizeof(folder)))
		return false;
	if (!mr_join_exists(folder) || copy_own_files(folder, join->options.pgdata))
		return true;
	mr_join_say("could not restore the node's own configuration from \"%s\": %s", folder,
				strerror(errno));
	return false;
}

bool
mr_join_own_files_forget(const MrJoin *join)
{
	char folder[PATH_MAX];

	return own_folder(join, folder, sizeof(folder)) && mr_join_remove_tree(folder);
}
