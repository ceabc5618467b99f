/*
 * The state file: what is read back, what counts as damaged, and that a write which
 * fails anywhere leaves the old file. (The lock of its directory: test_state_lock.c.)
 *
 * fsync() and renameat() of this program are its own, so that each of them can fail
 * once and their order can be seen.
 */
#include "adapters/mr_state_file.h"
#include "unit/mr_scratch.h"
#include "unit/mr_unit.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char calls[16];   /* f: fsync of a file, d: of a directory, r: rename */
static int fail_at = -1; /* index into calls of the one that fails with EIO */

static bool
record(char call)
{
	size_t length = strlen(calls);

	if (length + 1 < sizeof(calls))
	{
		calls[length] = call;
		calls[length + 1] = '\0';
	}
	errno = EIO;
	return (int) length != fail_at;
}

int
fsync(int fd)
{
	struct stat status;

	if (fstat(fd, &status) != 0 || !record(S_ISDIR(status.st_mode) ? 'd' : 'f'))
		return -1;
	return (int) syscall(SYS_fsync, fd);
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	if (!record('r'))
		return -1;
	return (int) syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

static const char *directory;

/* begin() and mr_scratch_end() stand around each test. */
static void
begin(void)
{
	directory = mr_scratch_begin();
	calls[0] = '\0';
	fail_at = -1;
}

static void
put_file(const char *name, const void *content, size_t size)
{
	int fd = open(mr_scratch_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, content, size) != (ssize_t) size || close(fd) != 0)
		abort();
}

static size_t
get_file(const char *name, uint8_t out[MR_STATE_SIZE])
{
	int fd = open(mr_scratch_path(name), O_RDONLY);
	ssize_t size = fd < 0 ? 0 : read(fd, out, MR_STATE_SIZE);

	if (fd >= 0)
		close(fd);
	return size > 0 ? (size_t) size : 0;
}

static void
fill(MrDurable *durable, uint64_t term)
{
	memset(durable, 0, sizeof(*durable));
	mr_config_init(&durable->config);
	memset(&durable->node, 7, sizeof(durable->node));
	memcpy(durable->name, "us-a", 5);
	durable->term = term;
	durable->sequence = 40;
}

/* What stands in the file, read as the worker would; 0 with a report if it cannot be. */
static uint64_t
term_on_disk(void)
{
	MrDurable durable;
	const char *problem;

	MR_CHECK_INT(mr_state_file_read(directory, &durable, &problem), MR_STATE_OK);
	MR_CHECK_STRING(problem, NULL);
	return problem == NULL ? durable.term : 0;
}

static MrStateFileResult
read_result(const char **problem)
{
	MrDurable durable;

	errno = 0;
	return mr_state_file_read(directory, &durable, problem);
}

MR_TEST(what_is_written_is_read)
{
	MrDurable durable;
	MrDurable read_back;
	struct stat status;
	const char *problem;

	begin();
	fill(&durable, 5);
	MR_CHECK(mr_state_file_write(directory, &durable));
	MR_CHECK_INT(durable.sequence, 41);
	MR_CHECK_INT(mr_state_file_read(directory, &read_back, &problem), MR_STATE_OK);
	MR_CHECK_STRING(problem, NULL);
	MR_CHECK(memcmp(&durable, &read_back, sizeof(durable)) == 0);
	MR_CHECK(stat(mr_scratch_path("state"), &status) == 0);
	MR_CHECK_INT(status.st_mode & 07777, 0600);
	MR_CHECK(!mr_scratch_has("state.tmp"));

	durable.term = 6;
	MR_CHECK(mr_state_file_write(directory, &durable));
	MR_CHECK_INT(durable.sequence, 42);
	MR_CHECK_INT(term_on_disk(), 6);
	mr_scratch_end();
}

/* Synced before it gets its name, and the name synced before anybody is told. */
MR_TEST(a_write_syncs_renames_and_syncs_the_directory)
{
	MrDurable durable;

	begin();
	fill(&durable, 5);
	MR_CHECK(mr_state_file_write(directory, &durable));
	MR_CHECK_STRING(calls, "frd");
	mr_scratch_end();
}

MR_TEST(no_file_is_absent_and_no_directory_is_an_error)
{
	const char *problem = NULL;

	begin();
	MR_CHECK_INT(read_result(&problem), MR_STATE_ABSENT);
	MR_CHECK_STRING(problem, "The state directory holds no state file.");
	mr_scratch_end();
	MR_CHECK_INT(read_result(&problem), MR_STATE_IO_ERROR);
	MR_CHECK_INT(errno, ENOENT);
	MR_CHECK_STRING(problem, "The state directory cannot be opened.");
}

/* A write that was begun and never renamed is no state. */
MR_TEST(an_unfinished_write_alone_is_absent)
{
	MrDurable durable;
	const char *problem;

	begin();
	fill(&durable, 5);
	MR_CHECK(mr_state_file_write(directory, &durable));
	MR_CHECK_INT(rename(mr_scratch_path("state"), mr_scratch_path("state.tmp")), 0);
	MR_CHECK_INT(read_result(&problem), MR_STATE_ABSENT);
	mr_scratch_end();
}

MR_TEST(a_file_cut_anywhere_is_damaged)
{
	uint8_t content[MR_STATE_SIZE];
	MrDurable durable;
	const char *problem;
	size_t size;
	size_t cut;

	begin();
	fill(&durable, 5);
	MR_CHECK(mr_state_file_write(directory, &durable));
	size = get_file("state", content);
	MR_REQUIRE(size > 100);
	for (cut = 0; cut < size; cut++)
	{
		problem = NULL;
		put_file("state", content, cut);
		mr_unit_about("%zu of %zu bytes", cut, size);
		MR_CHECK_INT(read_result(&problem), MR_STATE_DAMAGED);
		MR_CHECK(problem != NULL);
	}
	put_file("state", content, size);
	MR_CHECK_INT(term_on_disk(), 5);
	mr_scratch_end();
}

MR_TEST(other_files_in_its_place_are_damaged)
{
	static uint8_t large[MR_STATE_SIZE + 1];
	const char *problem;

	begin();
	put_file("state", large, sizeof(large));
	MR_CHECK_INT(read_result(&problem), MR_STATE_DAMAGED);
	MR_CHECK_STRING(problem, "The state file is too large to be one.");
	put_file("state", large, sizeof(large) - 1);
	MR_CHECK_INT(read_result(&problem), MR_STATE_DAMAGED);
	put_file("state", "term = 1\n", 9);
	MR_CHECK_INT(read_result(&problem), MR_STATE_DAMAGED);
	MR_CHECK_STRING(problem, "The file is not a multiregion state file.");
	MR_CHECK_INT(unlink(mr_scratch_path("state")), 0);
	/* A reader must not wait for somebody to open the other end. */
	MR_CHECK_INT(mkfifo(mr_scratch_path("state"), 0600), 0);
	MR_CHECK_INT(read_result(&problem), MR_STATE_DAMAGED);
	MR_CHECK_INT(unlink(mr_scratch_path("state")), 0);
	MR_CHECK_INT(mkdir(mr_scratch_path("state"), 0700), 0);
	MR_CHECK_INT(read_result(&problem), MR_STATE_IO_ERROR);
	MR_CHECK_INT(errno, EISDIR);
	mr_scratch_end();
}

MR_TEST(a_stale_unfinished_file_is_replaced_not_written_through)
{
	uint8_t content[MR_STATE_SIZE];
	MrDurable durable;

	begin();
	fill(&durable, 5);
	put_file("state.tmp", "half a fi", 9);
	MR_CHECK(mr_state_file_write(directory, &durable));
	MR_CHECK_INT(term_on_disk(), 5);

	put_file("victim", "precious", 8);
	MR_CHECK_INT(symlink("victim", mr_scratch_path("state.tmp")), 0);
	durable.term = 6;
	MR_CHECK(mr_state_file_write(directory, &durable));
	MR_CHECK_INT(get_file("victim", content), 8);
	MR_CHECK_INT(term_on_disk(), 6);

	MR_CHECK_INT(link(mr_scratch_path("state"), mr_scratch_path("state.tmp")), 0);
	durable.term = 7;
	MR_CHECK(mr_state_file_write(directory, &durable));
	MR_CHECK_INT(term_on_disk(), 7);
	MR_CHECK(!mr_scratch_has("state.tmp"));
	mr_scratch_end();
}

MR_TEST(an_obstacle_in_the_way_of_the_new_file_leaves_the_old_one)
{
	MrDurable durable;

	begin();
	fill(&durable, 5);
	MR_CHECK(mr_state_file_write(directory, &durable));
	MR_CHECK_INT(mkdir(mr_scratch_path("state.tmp"), 0700), 0);
	durable.term = 6;
	errno = 0;
	MR_CHECK(!mr_state_file_write(directory, &durable));
	MR_CHECK_INT(errno, EISDIR);
	MR_CHECK_INT(durable.sequence, 41);
	MR_CHECK_INT(term_on_disk(), 5);
	mr_scratch_end();
}

/* Which call fails, and what must stand on disk and in the struct afterwards. */
MR_TEST(each_step_that_fails_leaves_the_old_file)
{
	static const struct
	{
		int fail_at;
		const char *calls;
		uint64_t term;
		uint64_t sequence;
	} cases[] = {
		{0, "f", 5, 41},
		{1, "fr", 5, 41},
		/* The new file is there, but perhaps not after a crash: its number is used up. */
		{2, "frd", 6, 42},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		MrDurable durable;

		begin();
		fill(&durable, 5);
		MR_CHECK(mr_state_file_write(directory, &durable));
		calls[0] = '\0';
		fail_at = cases[i].fail_at;
		durable.term = 6;
		errno = 0;
		mr_unit_about("step %d fails", fail_at);
		MR_CHECK(!mr_state_file_write(directory, &durable));
		MR_CHECK_INT(errno, EIO);
		fail_at = -1;
		MR_CHECK_STRING(calls, cases[i].calls);
		MR_CHECK_INT(durable.sequence, cases[i].sequence);
		MR_CHECK_INT(term_on_disk(), cases[i].term);
		MR_CHECK(!mr_scratch_has("state.tmp"));
		/* The next one succeeds as if nothing had been. */
		durable.term = 7;
		MR_CHECK(mr_state_file_write(directory, &durable));
		MR_CHECK_INT(durable.sequence, cases[i].sequence + 1);
		MR_CHECK_INT(term_on_disk(), 7);
		mr_scratch_end();
	}
}

/* Runs in a child; exit status 0 when the write failed with this errno, 77 to skip. */
static int
in_child(int (*prepare)(void), int expected_errno)
{
	pid_t child;
	int status = -1;

	fflush(stdout);
	child = fork();
	if (child == 0)
	{
		MrDurable durable;

		fill(&durable, 6);
		if (prepare() != 0)
			_exit(77);
		errno = 0;
		if (mr_state_file_write(directory, &durable))
			_exit(1);
		_exit(errno != expected_errno       ? 2
			  : durable.sequence != 40      ? 3
			  : mr_scratch_has("state.tmp") ? 4
											: 0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static int
forbid_writing(void)
{
	/* Permissions stop everybody but root. */
	if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0))
		return -1;
	return 0;
}

MR_TEST(an_unwritable_directory_leaves_the_old_file)
{
	MrDurable durable;

	begin();
	fill(&durable, 5);
	MR_CHECK(mr_state_file_write(directory, &durable));
	MR_CHECK_INT(chmod(directory, 0555), 0);
	MR_CHECK_INT(in_child(forbid_writing, EACCES), 0);
	MR_CHECK_INT(chmod(directory, 0700), 0);
	MR_CHECK_INT(term_on_disk(), 5);
	mr_scratch_end();
}

/* The disk takes the first bytes of the new file and no more. */
static int
limit_file_size(void)
{
	struct rlimit limit = {100, 100};

	return signal(SIGXFSZ, SIG_IGN) == SIG_ERR || setrlimit(RLIMIT_FSIZE, &limit) != 0;
}

MR_TEST(a_short_write_leaves_the_old_file)
{
	MrDurable durable;

	begin();
	fill(&durable, 5);
	MR_CHECK(mr_state_file_write(directory, &durable));
	MR_CHECK_INT(in_child(limit_file_size, EFBIG), 0);
	MR_CHECK_INT(term_on_disk(), 5);
	MR_CHECK(!mr_scratch_has("state.tmp"));
	mr_scratch_end();
}

static int
write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t) strlen(text);

	return fd >= 0 && close(fd) == 0 && good ? 0 : -1;
}

/* A small file system of its own, with one good write in it and then no room. */
static int
fill_file_system(void)
{
	static uint8_t block[4096];
	MrDurable durable;
	char map[64];
	int fd;

	snprintf(map, sizeof(map), "0 %d 1", (int) getuid());
	if (geteuid() != 0 &&
		(unshare(CLONE_NEWUSER) != 0 || write_text("/proc/self/uid_map", map) != 0))
		return -1;
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
		mount("none", directory, "tmpfs", 0, "size=64k") != 0)
		return -1;
	fill(&durable, 5);
	if (!mr_state_file_write(directory, &durable))
		return -1;
	fd = open(mr_scratch_path("victim"), O_WRONLY | O_CREAT, 0600);
	while (write(fd, block, sizeof(block)) > 0)
		;
	close(fd);
	return 0;
}

static int
fill_and_check(void)
{
	MrDurable durable;
	const char *problem;

	if (fill_file_system() != 0)
		return -1;
	fill(&durable, 6);
	if (mr_state_file_write(directory, &durable) || errno != ENOSPC ||
		mr_state_file_read(directory, &durable, &problem) != MR_STATE_OK || durable.term != 5)
		_exit(5);
	return 0;
}

MR_TEST(a_full_disk_leaves_the_old_file)
{
	int status;

	begin();
	status = in_child(fill_and_check, ENOSPC);
	if (status == 77)
		printf("# a_full_disk_leaves_the_old_file: no mount namespaces here, not tested\n");
	else
		MR_CHECK_INT(status, 0);
	mr_scratch_end();
}

MR_TEST(a_new_directory_is_made_to_last)
{
	int lock;

	begin();
	lock = mr_state_directory_lock(mr_scratch_path("victim"));
	MR_CHECK(lock >= 0);
	MR_CHECK_STRING(calls, "d");
	close(lock);
	/* One that is there already needs nothing. */
	lock = mr_state_directory_lock(mr_scratch_path("victim"));
	MR_CHECK_STRING(calls, "d");
	close(lock);
	MR_CHECK_INT(unlink(mr_scratch_path("victim/lock")), 0);
	mr_scratch_end();
}
