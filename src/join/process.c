/*
 * Runs PostgreSQL's programs; see mr_join_process.h.
 *
 * Must never leave a child running that it stopped waiting for, and never start one
 * through a shell.
 */
#include "join/mr_join_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "join/mr_join_files.h"

/* In the child; never returns. */
static void
become(const MrJoin *join, const MrJoinRun *run, int output, pid_t parent)
{
	const char *argv[MR_JOIN_MAX_ARGUMENTS + 1];
	char path[PATH_MAX];
	int null = open("/dev/null", O_RDONLY);
	int i;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(126);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
		dup2(output, STDERR_FILENO) < 0)
		_exit(126);
	if (join->lock >= 0)
		(void) fcntl(join->lock, F_SETFD, 0);
	if (!mr_join_path(path, sizeof(path), join->options.bindir, run->program))
		_exit(126);
	argv[0] = path;
	for (i = 0; run->arguments[i] != NULL && i < MR_JOIN_MAX_ARGUMENTS - 1; i++)
		argv[i + 1] = run->arguments[i];
	argv[i + 1] = NULL;
	/* Their output is read by us; PGDATA and the like are none of their business. */
	setenv("LC_ALL", "C", 1);
	setenv("PGAPPNAME", "multiregion-join", 1);
	unsetenv("PGDATA");
	unsetenv("PGOPTIONS");
	execv(path, (char *const *) argv);
	fprintf(stderr, "could not execute \"%s\": %s\n", path, strerror(errno));
	_exit(127);
}

static void
show_line(const MrJoinRun *run, const char *line, size_t length)
{
	/* pg_basebackup shows progress with carriage returns; servers of their own say things twice */
	if (length > 0)
		mr_join_say("%s: %.*s", run->program, (int) length, line);
}

/* Prints the complete lines that came in behind *shown. */
static void
show_lines(const MrJoinRun *run, size_t *shown)
{
	for (;;)
	{
		const char *line = run->output + *shown;
		const char *end = memchr(line, '\n', run->length - *shown);

		if (end == NULL)
			return;
		show_line(run, line, (size_t) (end - line));
		*shown = (size_t) (end - run->output) + 1;
	}
}

/* Reads what is there; the older half goes when the buffer is full. False at the end. */
static bool
take_output(MrJoinRun *run, int fd, size_t *shown)
{
	size_t half = sizeof(run->output) / 2;
	ssize_t got;

	if (run->length + 1 >= sizeof(run->output))
	{
		memmove(run->output, run->output + half, run->length - half);
		run->length -= half;
		*shown = *shown > half ? *shown - half : 0;
	}
	got = read(fd, run->output + run->length, sizeof(run->output) - 1 - run->length);
	if (got < 0)
		return errno == EINTR;
	run->length += (size_t) got;
	run->output[run->length] = '\0';
	if (run->show)
		show_lines(run, shown);
	return got > 0;
}

/* Until the child has closed its output. False when the time is up. */
static bool
follow_output(MrJoinRun *run, int fd)
{
	int64_t deadline = mr_join_now_ns() + run->timeout_ms * MR_NS_PER_MS;
	size_t shown = 0;

	for (;;)
	{
		struct pollfd wanted = {.fd = fd, .events = POLLIN};
		int64_t left = run->timeout_ms > 0 ? (deadline - mr_join_now_ns()) / MR_NS_PER_MS : 60000;

		if (left <= 0)
			return false;
		if (poll(&wanted, 1, (int) (left < 60000 ? left : 60000)) > 0 &&
			!take_output(run, fd, &shown))
			return true;
	}
}

static int
reap(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
	{
		if (errno != EINTR)
			return -1;
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

bool
mr_join_run(const MrJoin *join, MrJoinRun *run)
{
	pid_t parent = getpid();
	pid_t child;
	int ends[2];
	bool ended;

	run->length = 0;
	run->output[0] = '\0';
	run->status = -1;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	child = fork();
	if (child == 0)
		become(join, run, ends[1], parent);
	close(ends[1]);
	if (child > 0)
	{
		ended = follow_output(run, ends[0]);
		if (!ended)
			kill(child, SIGKILL);
		run->status = reap(child);
		if (!ended)
			run->status = -2;
	}
	close(ends[0]);
	return run->status == 0;
}

bool
mr_join_server_setting(const MrJoin *join, const char *name, char *out, size_t size)
{
	char config_file[PATH_MAX + 32];
	MrJoinRun ask = {.program = "postgres",
					 .arguments = {"-D", join->options.pgdata, "-C", name, NULL}};
	const char *line = ask.output;
	size_t length;

	if (join->options.config_file[0] != '\0')
	{
		snprintf(config_file, sizeof(config_file), "config_file=%s", join->options.config_file);
		ask.arguments[4] = "-c";
		ask.arguments[5] = config_file;
	}
	if (!mr_join_run(join, &ask))
		return false;
	/* the last line: the server may have had something to say before */
	length = ask.length > 0 ? ask.length - 1 : 0;
	while (length > 0 && ask.output[length - 1] != '\n')
		length--;
	line += length;
	length = strcspn(line, "\n");
	if (length >= size)
		return false;
	memcpy(out, line, length);
	out[length] = '\0';
	return true;
}

void
mr_join_show_output(const MrJoinRun *run, int lines)
{
	const char *at = run->output + run->length;
	size_t shown;
	MrJoinRun const *whole = run;

	while (at > run->output && lines >= 0)
	{
		if (*--at == '\n' && at + 1 < run->output + run->length)
			lines--;
	}
	if (*at == '\n')
		at++;
	shown = (size_t) (at - run->output);
	show_lines(whole, &shown);
	show_line(run, run->output + shown, run->length - shown);
}

static bool
holds_postgres(const char *directory)
{
	char path[PATH_MAX];

	return mr_join_path(path, sizeof(path), directory, "postgres") && access(path, X_OK) == 0;
}

static bool
search_path(char *out, size_t size)
{
	const char *at = getenv("PATH");

	while (at != NULL && *at != '\0')
	{
		size_t length = strcspn(at, ":");

		if (length > 0 && length < size)
		{
			memcpy(out, at, length);
			out[length] = '\0';
			if (holds_postgres(out))
				return true;
		}
		at += length + (at[length] == ':' ? 1 : 0);
	}
	return false;
}

bool
mr_join_find_programs(MrJoinOptions *options)
{
	char self[PATH_MAX];
	ssize_t length;
	char *slash;

	if (options->bindir[0] != '\0')
	{
		if (holds_postgres(options->bindir))
			return true;
		mr_join_say("there is no postgres in \"%s\" (--bindir)", options->bindir);
		return false;
	}
	length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (length > 0)
	{
		self[length] = '\0';
		slash = strrchr(self, '/');
		if (slash != NULL)
			*slash = '\0';
		if (holds_postgres(self))
		{
			memcpy(options->bindir, self, strlen(self) + 1);
			return true;
		}
	}
	if (search_path(options->bindir, sizeof(options->bindir)))
		return true;
	options->bindir[0] = '\0';
	mr_join_say("the program postgres is neither beside multiregion-join nor in PATH");
	mr_join_hint("name its folder with --bindir");
	return false;
}
