/*
 * multiregiond, the sidecar: command line. `serve` answers HTTP, `init` sets the
 * cluster's tables up from the environment, `settings` shows what it says. Must never
 * print a setting's value.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sidecar/mr_init.h"
#include "sidecar/mr_serve.h"
#include "sidecar/mr_service.h"
#include "sidecar/mr_show.h"

static const char usage[] =
	"multiregiond, the sidecar of the PostgreSQL extension multiregion\n"
	"\n"
	"usage: multiregiond [--env-file FILE] [serve | init [--check] | settings]\n"
	"\n"
	"  serve            answer HTTP about the local node and its cluster (default)\n"
	"  init             make the local server the first node of a cluster, and write\n"
	"                   regions, nodes and policy from the environment; may be repeated\n"
	"  init --check     only say what init would do, and what differs\n"
	"  settings         show every setting, its value and where that comes from\n"
	"\n"
	"  --env-file FILE  read settings from FILE instead of " MR_ENVIRONMENT_FILE "\n"
	"  --help           print this\n"
	"  --version        print the version\n"
	"\n"
	"Settings come from the environment and the file; docs/configuration.md lists them.\n"
	"Exit codes: 0 well, 1 failed, 2 wrong settings or arguments, 3 init left differences\n"
	"alone, or init --check found some, 4 init needs the server to be prepared.\n";

typedef struct Arguments
{
	const char *command;
	const char *file;
	bool check;
	bool help;
	bool version;
} Arguments;

static bool
is_command(const char *word)
{
	return strcmp(word, "serve") == 0 || strcmp(word, "init") == 0 || strcmp(word, "settings") == 0;
}

/* Reads the command line; false (and said why) when it is wrong. */
static bool
read_arguments(int argc, char **argv, Arguments *arguments)
{
	int i;

	memset(arguments, 0, sizeof(*arguments));
	arguments->command = "";
	for (i = 1; i < argc; i++)
	{
		const char *word = argv[i];

		if (strcmp(word, "--help") == 0)
			arguments->help = true;
		else if (strcmp(word, "--version") == 0)
			arguments->version = true;
		else if (strcmp(word, "--env-file") == 0 && i + 1 < argc)
			arguments->file = argv[++i];
		else if (strncmp(word, "--env-file=", 11) == 0 && word[11] != '\0')
			arguments->file = word + 11;
		else if (arguments->command[0] == '\0' && is_command(word))
			arguments->command = word;
		else if (strcmp(word, "--check") == 0 && strcmp(arguments->command, "init") == 0)
			arguments->check = true;
		else
		{
			fprintf(stderr, "multiregiond: argument %d is not understood; try --help\n", i);
			return false;
		}
	}
	return true;
}

int
main(int argc, char **argv)
{
	Arguments arguments;
	MrSettings *settings;
	MrProblems *problems;
	bool good;

	if (!read_arguments(argc, argv, &arguments))
		return MR_EXIT_SETTINGS;
	if (arguments.help)
		return fputs(usage, stdout) < 0 ? MR_EXIT_FAILED : MR_EXIT_OK;
	if (arguments.version)
		return puts("multiregiond " MR_SIDECAR_VERSION) < 0 ? MR_EXIT_FAILED : MR_EXIT_OK;

	settings = calloc(1, sizeof(*settings));
	problems = calloc(1, sizeof(*problems));
	if (settings == NULL || problems == NULL)
		return MR_EXIT_FAILED;
	good = mr_settings_load(settings, arguments.file, environ, problems);
	mr_serve_log_problems(problems);
	free(problems);
	if (!good)
	{
		mr_settings_free(settings);
		free(settings);
		return MR_EXIT_SETTINGS;
	}
	mr_log_set_level(settings->log_level);
	if (strcmp(arguments.command, "init") == 0)
		return mr_init(settings, arguments.check);
	if (strcmp(arguments.command, "settings") == 0)
		return mr_show_settings(settings);
	return mr_serve(settings, arguments.file);
}
