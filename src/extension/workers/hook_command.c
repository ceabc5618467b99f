/*
 * Shell commands of the operator, run beside the hook worker: a process group of its own,
 * what it needs to know in environment variables, its output in the server log, a time
 * limit. What is in a variable is never read as code by the shell.
 *
 * The child has none of the server's files or sockets and nothing of its shared memory
 * once sh runs. Called by hook_run.c.
 */
#include "postgres.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapters/mr_pg_peer.h"
#include "core/mr_placeholders.h"
#include "extension/workers/mr_hooks.h"

#define MR_COMMAND_SIZE 8192
#define MR_GRACE_NS (5 * MR_NS_PER_S)
#define MR_MOST_FILES 65536

static const MrPlaceholder placeholders[] = {
	{'e', "MULTIREGION_EPOCH"},   {'c', "MULTIREGION_CAUSE"},     {'f', "MULTIREGION_FROM_NODE"},
	{'t', "MULTIREGION_TO_NODE"}, {'h', "MULTIREGION_FROM_HOST"},
};

/* Where the old primary is reached: its host's name, else its address; empty if unknown. */
static void
find_host(const MrHooks *hooks, char *host, size_t size)
{
	const MrConfig *config = &hooks->lease->durable.config;
	int slot = mr_config_slot_of_name(config, hooks->run.from_node);

	host[0] = '\0';
	if (slot == MR_NO_SLOT)
		return;
	if (!mr_pg_conninfo_value(config->members[slot].conninfo, "host", host, size) ||
		host[0] == '\0')
		strlcpy(host, config->members[slot].hostaddr, size);
}

static void
set_environment(const MrHooks *hooks)
{
	const MrHookRun *run = &hooks->run;
	char epoch[24];
	char host[MR_CONNINFO_SIZE];

	snprintf(epoch, sizeof(epoch), INT64_FORMAT, run->epoch);
	find_host(hooks, host, sizeof(host));
	setenv("MULTIREGION_EPOCH", epoch, 1);
	setenv("MULTIREGION_CAUSE", run->cause, 1);
	setenv("MULTIREGION_FROM_NODE", run->from_node, 1);
	setenv("MULTIREGION_FROM_REGION", run->from_region, 1);
	setenv("MULTIREGION_FROM_HOST", host, 1);
	setenv("MULTIREGION_TO_NODE", run->to_node, 1);
	setenv("MULTIREGION_TO_REGION", run->to_region, 1);
}

/* In the child: never returns, and runs nothing of what the server does at exit. */
static void
become_shell(const MrHooks *hooks, const char *command)
{
	static const int signals[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGPIPE,
								  SIGALRM, SIGUSR1, SIGUSR2, SIGCHLD};
	long files = sysconf(_SC_OPEN_MAX);
	sigset_t none;
	int null;

	(void) setpgid(0, 0);
	for (int i = 0; i < lengthof(signals); i++)
		(void) signal(signals[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	null = open("/dev/null", O_RDONLY);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		_exit(126);
	for (int fd = STDERR_FILENO + 1; fd < Min(files, MR_MOST_FILES); fd++)
		(void) close(fd);
	set_environment(hooks);
	execl("/bin/sh", "sh", "-c", command, (char *) NULL);
	_exit(127);
}

bool
mr_hooks_command_begin(const MrHooks *hooks, MrHookCommand *command, const char *text,
					   int timeout_ms)
{
	char line[MR_COMMAND_SIZE];
	sigset_t all;
	sigset_t before;
	pid_t pid;

	if (!mr_placeholders_expand(text, placeholders, lengthof(placeholders), line, sizeof(line)))
	{
		errno = E2BIG;
		return false;
	}
	/* no handler of this server may run in the child */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		become_shell(hooks, line);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		return false;
	(void) setpgid(pid, pid); /* the child may not have got there yet */
	command->pid = pid;
	command->epoch = hooks->run.epoch;
	command->begun_ns = mr_boottime_ns();
	command->until_ns = command->begun_ns + timeout_ms * MR_NS_PER_MS;
	command->kill_ns = 0;
	return true;
}

static void
end_late_one(MrHookCommand *command, int64 now_ns)
{
	if (now_ns < command->until_ns)
		return;
	if (command->kill_ns == 0)
	{
		command->kill_ns = now_ns + MR_GRACE_NS;
		kill(-command->pid, SIGTERM);
	}
	else if (now_ns >= command->kill_ns)
		kill(-command->pid, SIGKILL);
}

bool
mr_hooks_command_ended(MrHookCommand *command, int64 now_ns, bool *ok,
					   char outcome[MR_EVENT_DETAIL])
{
	int status;
	pid_t pid = waitpid(command->pid, &status, WNOHANG);

	if (pid == 0)
	{
		end_late_one(command, now_ns);
		return false;
	}
	*ok = false;
	if (pid < 0)
		snprintf(outcome, MR_EVENT_DETAIL, "how it ended is not known: %m");
	else if (command->kill_ns != 0)
		snprintf(outcome, MR_EVENT_DETAIL, "it took longer than multiregion.hook_timeout");
	else if (WIFSIGNALED(status))
		snprintf(outcome, MR_EVENT_DETAIL, "it was ended by signal %d", WTERMSIG(status));
	else
	{
		*ok = WEXITSTATUS(status) == 0;
		snprintf(outcome, MR_EVENT_DETAIL, "exit code %d", WEXITSTATUS(status));
	}
	if (command->kill_ns != 0)
		kill(-command->pid, SIGKILL); /* what it has left behind */
	memset(command, 0, sizeof(*command));
	return true;
}

void
mr_hooks_command_cancel(MrHookCommand *command)
{
	if (command->pid != 0)
		kill(-command->pid, SIGTERM);
	command->pid = 0;
}
