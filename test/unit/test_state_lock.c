/*
 * The lock of the state directory: one holder, kept by what it forked; and uuids.
 */
#include "adapters/mr_state_file.h"
#include "unit/mr_scratch.h"
#include "unit/mr_unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

MR_TEST(the_lock_makes_the_directory_and_is_exclusive)
{
	char made[128];
	struct stat status;
	int lock;

	mr_scratch_begin();
	snprintf(made, sizeof(made), "%s", mr_scratch_path("new"));
	lock = mr_state_directory_lock(made);
	MR_CHECK(lock >= 0);
	MR_CHECK(stat(made, &status) == 0 && (status.st_mode & 07777) == 0700);
	MR_CHECK((fcntl(lock, F_GETFD) & FD_CLOEXEC) != 0);

	errno = 0;
	MR_CHECK_INT(mr_state_directory_lock(made), -1);
	MR_CHECK_INT(errno, EWOULDBLOCK);
	MR_CHECK_INT(close(lock), 0);
	lock = mr_state_directory_lock(made);
	MR_CHECK(lock >= 0);
	close(lock);
	MR_CHECK_INT(unlink(mr_scratch_path("new/lock")), 0);
	mr_scratch_end();
}

/* A backend that outlives the postmaster keeps the directory of its server locked. */
MR_TEST(a_forked_process_keeps_the_lock)
{
	const char *directory;
	int ends[2];
	int lock;
	pid_t child;

	directory = mr_scratch_begin();
	lock = mr_state_directory_lock(directory);
	MR_REQUIRE(lock >= 0 && pipe(ends) == 0);
	child = fork();
	if (child == 0)
	{
		char byte;

		close(ends[1]);
		_exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
	}
	close(ends[0]);
	close(lock);
	MR_CHECK_INT(mr_state_directory_lock(directory), -1);
	MR_CHECK_INT(errno, EWOULDBLOCK);
	close(ends[1]);
	MR_CHECK_INT(waitpid(child, NULL, 0), child);
	lock = mr_state_directory_lock(directory);
	MR_CHECK(lock >= 0);
	close(lock);
	mr_scratch_end();
}

MR_TEST(directories_that_cannot_be_are_refused)
{
	char path[5000];

	mr_scratch_begin();
	MR_REQUIRE(mknod(mr_scratch_path("victim"), S_IFREG | 0600, 0) == 0);
	errno = 0;
	MR_CHECK_INT(mr_state_directory_lock(mr_scratch_path("victim")), -1);
	MR_CHECK_INT(errno, ENOTDIR);
	MR_CHECK_INT(mr_state_directory_lock(mr_scratch_path("absent/state")), -1);
	MR_CHECK_INT(errno, ENOENT);
	MR_CHECK_INT(mr_state_directory_lock(""), -1);
	MR_CHECK_INT(errno, ENOENT);
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	MR_CHECK_INT(mr_state_directory_lock(path), -1);
	MR_CHECK_INT(errno, ENAMETOOLONG);
	mr_scratch_end();
}

MR_TEST(generated_uuids_are_random_and_of_version_4)
{
	static MrUuid drawn[500];
	int i;
	int j;

	for (i = 0; i < 500; i++)
	{
		MR_REQUIRE(mr_uuid_generate(&drawn[i]));
		MR_CHECK_INT(drawn[i].bytes[6] >> 4, 4);
		MR_CHECK_INT(drawn[i].bytes[8] >> 6, 2);
		for (j = 0; j < i; j++)
			MR_CHECK(!mr_uuid_equal(&drawn[i], &drawn[j]));
	}
}
