/*
 * Arguments and environment of multiregion-join. An argument wins over the
 * environment; help_text below is the complete list.
 *
 * Must never print the value of --peers: people put passwords into such strings.
 */
#include "join/mr_join.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "core/mr_topology.h"

#define DEFAULT_TIMEOUT_S 30
#define DEFAULT_DATABASE "postgres"
#define DEFAULT_USER "multiregion_peer"

static const char help_text[] =
	"multiregion-join makes a data directory a correct member of its cluster.\n"
	"Run it before every start of postgres; start postgres only if it exits with 0.\n"
	"\n"
	"    multiregion-join -D DIR [--node NAME --peers CONNINFO[;CONNINFO...]] [option...]\n"
	"\n"
	"  -D, --pgdata DIR           data directory (PGDATA)\n"
	"  -s, --state-directory DIR  the node's identity and votes; default: DIR.multiregion\n"
	"                             (MULTIREGION_STATE_DIRECTORY)\n"
	"  -n, --node NAME            this node's name; needed to join (MULTIREGION_NODE)\n"
	"  -r, --region KEY           its region, to be compared (MULTIREGION_REGION)\n"
	"  -p, --peers LIST           other members, separated by ; or a comma and a blank; one\n"
	"                             may name several hosts as libpq does; the option may be\n"
	"                             repeated (MULTIREGION_PEERS)\n"
	"  -d, --database NAME        multiregion.database; default: postgres (MULTIREGION_DATABASE)\n"
	"  -U, --user NAME            role where a connection string names none; default:\n"
	"                             multiregion_peer (MULTIREGION_PEER_USER)\n"
	"      --peer-options LIST    this node's libpq options for all of these connections: TLS\n"
	"                             and passfile, like sslmode=verify-full sslcert=/PATH; also\n"
	"                             kept as multiregion.peer_options (MULTIREGION_PEER_OPTIONS)\n"
	"      --reclone WHEN         replace a directory that is not empty by a clone, where\n"
	"                             pg_rewind cannot help: auto, ask (refuse and say how), never;\n"
	"                             default: ask (MULTIREGION_RECLONE)\n"
	"      --mode MODE            manage, observe (say what would be done, change nothing),\n"
	"                             off (do nothing); default: manage (MULTIREGION_MODE)\n"
	"  -t, --timeout SECONDS      how long to wait for the last server's processes, and for a\n"
	"                             leader where there must be one; default: 30\n"
	"                             (MULTIREGION_JOIN_TIMEOUT)\n"
	"      --bindir DIR           folder of postgres, pg_rewind ...; default: beside this\n"
	"                             program, else PATH (MULTIREGION_BINDIR)\n"
	"      --config-file FILE     postgresql.conf outside the data directory\n"
	"                             (MULTIREGION_CONFIG_FILE)\n"
	"      --dry-run              say what would be done, change nothing\n"
	"      --witness              this server is a witness (add_witness()): it votes and holds no\n"
	"                             data of the service; made by initdb and CREATE EXTENSION\n"
	"                             (MULTIREGION_WITNESS=on)\n"
	"      --force-new-quorum     break glass: a majority of the voters is lost for good, and\n"
	"                             this node shall lead without them. See the runbook first\n"
	"      --discard LIST         with it: the lost nodes' names, separated by commas; they can\n"
	"                             never come back but as new clones\n"
	"  -h, --help                 this text\n"
	"\n"
	"Exit codes: 0 start postgres; 1 wrong call; 2 refused, a person has to decide;\n"
	"3 another process uses the directory; 4 no leader yet, call again; 5 failed.\n";

enum
{
	OPTION_RECLONE = 256,
	OPTION_MODE,
	OPTION_BINDIR,
	OPTION_CONFIG_FILE,
	OPTION_DRY_RUN,
	OPTION_PEER_OPTIONS,
	OPTION_WITNESS,
	OPTION_FORCE,
	OPTION_DISCARD
};

static const struct option long_options[] = {
	{"pgdata", required_argument, NULL, 'D'},
	{"data", required_argument, NULL, 'D'},
	{"state-directory", required_argument, NULL, 's'},
	{"node", required_argument, NULL, 'n'},
	{"region", required_argument, NULL, 'r'},
	{"peers", required_argument, NULL, 'p'},
	{"primary", required_argument, NULL, 'p'},
	{"database", required_argument, NULL, 'd'},
	{"user", required_argument, NULL, 'U'},
	{"peer-options", required_argument, NULL, OPTION_PEER_OPTIONS},
	{"reclone", required_argument, NULL, OPTION_RECLONE},
	{"mode", required_argument, NULL, OPTION_MODE},
	{"timeout", required_argument, NULL, 't'},
	{"bindir", required_argument, NULL, OPTION_BINDIR},
	{"config-file", required_argument, NULL, OPTION_CONFIG_FILE},
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
	{"witness", no_argument, NULL, OPTION_WITNESS},
	{"force-new-quorum", no_argument, NULL, OPTION_FORCE},
	{"discard", required_argument, NULL, OPTION_DISCARD},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0}};

static bool
wrong(const char *what, const char *why)
{
	mr_join_say("%s %s", what, why);
	return false;
}

static bool
take_text(const char *what, const char *value, char *out, size_t size)
{
	if (strlen(value) >= size)
		return wrong(what, "is too long");
	if (strpbrk(value, "\n\r") != NULL)
		return wrong(what, "contains a line break");
	memcpy(out, value, strlen(value) + 1);
	return true;
}

/* An absolute path without slashes at its end. */
static bool
take_directory(const char *what, const char *value, char *out)
{
	char path[PATH_MAX];
	char cwd[PATH_MAX];
	size_t length;

	if (value[0] == '\0')
		return wrong(what, "is empty");
	if (value[0] != '/' && getcwd(cwd, sizeof(cwd)) == NULL)
		return wrong(what, "is relative to a folder that cannot be read");
	if ((size_t) snprintf(path, sizeof(path), "%s%s%s", value[0] == '/' ? "" : cwd,
						  value[0] == '/' ? "" : "/", value) >= sizeof(path) - 64)
		return wrong(what, "is too long");
	for (length = strlen(path); length > 1 && path[length - 1] == '/'; length--)
		path[length - 1] = '\0';
	return take_text(what, path, out, PATH_MAX);
}

static bool
take_peer_options(MrJoinOptions *options, const char *value)
{
	const char *problem = mr_pg_options_problem(value);

	options->peer_options_given = true;
	if (problem == NULL)
		return take_text("--peer-options", value, options->peer_options,
						 sizeof(options->peer_options));
	mr_join_say("--peer-options cannot be used: %s", problem);
	return false;
}

static bool
take_reclone(const char *value, MrJoinReclone *out)
{
	if (strcmp(value, "ask") == 0)
		*out = MR_JOIN_RECLONE_ASK;
	else if (strcmp(value, "auto") == 0)
		*out = MR_JOIN_RECLONE_AUTO;
	else if (strcmp(value, "never") == 0)
		*out = MR_JOIN_RECLONE_NEVER;
	else
		return wrong("--reclone", "must be auto, ask or never");
	return true;
}

static bool
take_switch(const char *what, const char *value, bool *out)
{
	*out = strcmp(value, "on") == 0;
	return *out || strcmp(value, "off") == 0 || wrong(what, "must be on or off");
}

static bool
take_mode(const char *value, MrMode *out)
{
	int mode;

	for (mode = 0; mode < MR_MODE_COUNT; mode++)
	{
		if (strcmp(value, mr_mode_name(mode)) != 0)
			continue;
		*out = (MrMode) mode;
		return true;
	}
	return wrong("--mode", "must be manage, observe or off");
}

static bool
take_timeout(const char *value, int64_t *out_ms)
{
	char *end;
	double seconds;

	errno = 0;
	seconds = strtod(value, &end);
	if (errno != 0 || end == value || *end != '\0' || !(seconds >= 0 && seconds <= 86400))
		return wrong("--timeout", "must be a number of seconds from 0 to 86400");
	*out_ms = (int64_t) (seconds * 1000);
	return true;
}

/* ---------- --peers ---------- */

static bool
add_peer(MrJoinOptions *options, const char *text, size_t length)
{
	while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL)
		length--;
	if (length == 0)
		return true;
	if (options->npeers >= MR_MAX_MEMBERS)
		return wrong("--peers", "names more members than a cluster can have");
	if (length >= MR_CONNINFO_SIZE)
		return wrong("--peers", "contains a connection string that is too long");
	memcpy(options->peers[options->npeers], text, length);
	options->peers[options->npeers++][length] = '\0';
	return true;
}

/* Where the connection string at text ends; *skip is the length of the separator. */
static size_t
peer_length(const char *text, size_t *skip)
{
	bool quoted = false;
	size_t i;

	*skip = 0;
	for (i = 0; text[i] != '\0'; i++)
	{
		if (text[i] == '\\' && text[i + 1] != '\0')
			i++;
		else if (text[i] == '\'')
			quoted = !quoted;
		else if (!quoted && (text[i] == ';' || text[i] == '\n' ||
							 (text[i] == ',' && (text[i + 1] == ' ' || text[i + 1] == '\n'))))
		{
			*skip = 1;
			break;
		}
	}
	return i;
}

static bool
take_peers(MrJoinOptions *options, const char *value)
{
	while (*value != '\0')
	{
		size_t skip;
		size_t length;

		value += strspn(value, " \t\r\n");
		length = peer_length(value, &skip);
		if (!add_peer(options, value, length))
			return false;
		value += length + skip;
	}
	return true;
}

/* ---------- all of it ---------- */

static bool
take_option(MrJoinOptions *options, int option, const char *value)
{
	switch (option)
	{
		case 'D':
			return take_directory("--pgdata", value, options->pgdata);
		case 's':
			options->state_directory_given = true;
			return take_directory("--state-directory", value, options->state_directory);
		case 'n':
			return take_text("--node", value, options->node, sizeof(options->node));
		case 'r':
			return take_text("--region", value, options->region, sizeof(options->region));
		case 'p':
			return take_peers(options, value);
		case 'd':
			return take_text("--database", value, options->database, sizeof(options->database));
		case 'U':
			return take_text("--user", value, options->user, sizeof(options->user));
		case 't':
			return take_timeout(value, &options->timeout_ms);
		case OPTION_PEER_OPTIONS:
			return take_peer_options(options, value);
		case OPTION_RECLONE:
			return take_reclone(value, &options->reclone);
		case OPTION_MODE:
			return take_mode(value, &options->mode);
		case OPTION_BINDIR:
			return take_directory("--bindir", value, options->bindir);
		case OPTION_CONFIG_FILE:
			return take_directory("--config-file", value, options->config_file);
		case OPTION_DRY_RUN:
			options->dry_run = true;
			return true;
		case OPTION_WITNESS:
			return value == NULL ? (options->witness = true)
								 : take_switch("MULTIREGION_WITNESS", value, &options->witness);
		case OPTION_FORCE:
			options->force = true;
			return true;
		case OPTION_DISCARD:
			return take_text("--discard", value, options->discard, sizeof(options->discard));
		default:
			return false;
	}
}

static bool
take_environment(MrJoinOptions *options)
{
	static const struct
	{
		const char *name;
		int option;
	} variables[] = {{"PGDATA", 'D'},
					 {"MULTIREGION_STATE_DIRECTORY", 's'},
					 {"MULTIREGION_NODE", 'n'},
					 {"MULTIREGION_REGION", 'r'},
					 {"MULTIREGION_DATABASE", 'd'},
					 {"MULTIREGION_PEER_USER", 'U'},
					 {"MULTIREGION_PEER_OPTIONS", OPTION_PEER_OPTIONS},
					 {"MULTIREGION_RECLONE", OPTION_RECLONE},
					 {"MULTIREGION_WITNESS", OPTION_WITNESS},
					 {"MULTIREGION_MODE", OPTION_MODE},
					 {"MULTIREGION_JOIN_TIMEOUT", 't'},
					 {"MULTIREGION_BINDIR", OPTION_BINDIR},
					 {"MULTIREGION_CONFIG_FILE", OPTION_CONFIG_FILE}};
	size_t i;

	for (i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
	{
		const char *value = getenv(variables[i].name);

		if (value == NULL || value[0] == '\0' || take_option(options, variables[i].option, value))
			continue;
		mr_join_say("(taken from the environment variable %s)", variables[i].name);
		return false;
	}
	return true;
}

static bool
take_arguments(MrJoinOptions *options, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "D:s:n:r:p:d:U:t:h", long_options, NULL)) != -1)
	{
		if (option == '?' || !take_option(options, option, optarg))
			return false;
	}
	if (optind < argc)
		return wrong(argv[optind], "is not an option");
	/* The environment's list counts only where none was given. */
	if (options->npeers == 0 && getenv("MULTIREGION_PEERS") != NULL)
		return take_peers(options, getenv("MULTIREGION_PEERS"));
	return true;
}

static bool
complete(MrJoinOptions *options)
{
	char real[PATH_MAX];

	if (options->pgdata[0] == '\0')
		return wrong("--pgdata", "is missing, and PGDATA is not set");
	if (!options->state_directory_given)
		snprintf(options->state_directory, sizeof(options->state_directory), "%.*s.multiregion",
				 (int) (sizeof(options->state_directory) - 16), options->pgdata);
	/* The server names its default after the path as given; what is renamed is the real one. */
	if (realpath(options->pgdata, real) != NULL)
		memcpy(options->pgdata, real, strlen(real) + 1);
	if (realpath(options->state_directory, real) != NULL)
		memcpy(options->state_directory, real, strlen(real) + 1);
	if (strncmp(options->state_directory, options->pgdata, strlen(options->pgdata)) == 0 &&
		strchr("/", options->state_directory[strlen(options->pgdata)]) != NULL)
		return wrong("--state-directory", "lies within the data directory, which is replaced");
	if (options->discard[0] != '\0' && !options->force)
		return wrong("--discard", "is for --force-new-quorum only");
	if (options->force && options->mode != MR_MODE_MANAGE)
		return wrong("--force-new-quorum", "needs --mode=manage");
	if (geteuid() == 0)
		return wrong("multiregion-join",
					 "cannot be run as root: be the owner of the data directory");
	return true;
}

int
mr_join_options_read(MrJoinOptions *options, int argc, char **argv)
{
	int i;

	memset(options, 0, sizeof(*options));
	options->mode = MR_MODE_MANAGE;
	options->timeout_ms = DEFAULT_TIMEOUT_S * 1000;
	snprintf(options->database, sizeof(options->database), DEFAULT_DATABASE);
	snprintf(options->user, sizeof(options->user), DEFAULT_USER);
	for (i = 1; i < argc; i++)
	{
		if (strcmp(argv[i], "--help") != 0 && strcmp(argv[i], "-h") != 0)
			continue;
		(void) fputs(help_text, stdout);
		return MR_JOIN_EXIT_START;
	}
	if (take_environment(options) && take_arguments(options, argc, argv) && complete(options))
		return -1;
	mr_join_hint("multiregion-join --help lists the options");
	return MR_JOIN_EXIT_USAGE;
}
