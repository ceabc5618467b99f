/*
 * Scratch directory of a unit test: see mr_scratch.h. Linked into every unit test.
 */
#include "unit/mr_scratch.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64];

const char *
mr_scratch_begin(void)
{
	const char *parent = getenv("TMPDIR");

	snprintf(directory, sizeof(directory), "%s/mr-unit-XXXXXX",
			 parent != NULL && strlen(parent) < 40 ? parent : "/tmp");
	if (mkdtemp(directory) == NULL)
		abort();
	return directory;
}

void
mr_scratch_end(void)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
	{
		const char *path = mr_scratch_path(entry->d_name);

		if (unlink(path) != 0 && errno == EISDIR)
			(void) rmdir(path);
	}
	if (dir != NULL)
		closedir(dir);
	(void) rmdir(directory);
}

const char *
mr_scratch_path(const char *name)
{
	static char paths[2][sizeof(directory) + 260];
	static int next;

	next = 1 - next;
	snprintf(paths[next], sizeof(paths[next]), "%s/%s", directory, name);
	return paths[next];
}

bool
mr_scratch_has(const char *name)
{
	struct stat status;

	return lstat(mr_scratch_path(name), &status) == 0;
}
