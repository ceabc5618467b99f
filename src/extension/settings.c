/*
 * Definitions of the node's settings; docs/configuration.md has the same list.
 *
 * Called once by module.c. Keeps no logic.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"

#include "adapters/mr_pg_peer.h"
#include "core/mr_names.h"
#include "extension/consistency/mr_consistency.h"
#include "extension/mr_followers.h"
#include "extension/mr_settings.h"
#include "extension/routing/mr_geo.h"

int mr_mode = MR_MODE_MANAGE;
char *mr_database = NULL;
char *mr_state_directory_setting = NULL;
bool mr_standalone = false;
int mr_connect_timeout_ms = 2000;
char *mr_archive_command = NULL;
char *mr_peer_options = NULL;
int mr_reclone = MR_RECLONE_ASK;
char *mr_veto_function = NULL;
int mr_veto_timeout_ms = 500;
bool mr_veto_on_error = false;
char *mr_promotion_function = NULL;
char *mr_promotion_command = NULL;
char *mr_fence_command = NULL;
int mr_hook_timeout_ms = 30000;
int mr_tenant_cache_kb = 16384;
int mr_max_read_lag_ms = 30000;

/* Read from the startup packet (followers.c), before settings of the session exist. */
static char *mr_follow_term = NULL;

#define MODE_OPTION(symbol, word) {word, symbol, false},

static const struct config_enum_entry mode_options[] = {MR_MODE_LIST(MODE_OPTION){NULL, 0, false}};

/*
 * The value is not repeated: what is refused may be a password. At a start PostgreSQL would
 * go on with the default, which verifies nobody.
 */
static bool
check_peer_options(char **value, void **extra, GucSource source)
{
	static const char message[] = "invalid value for parameter \"multiregion.peer_options\"";
	static const char hint[] = "Write pairs of keyword and value, like \"sslmode=verify-full "
							   "sslrootcert=/etc/multiregion/tls/ca.crt\".";
	const char *problem = mr_pg_options_problem(*value);

	if (problem == NULL)
		return true;
	if (process_shared_preload_libraries_in_progress)
		ereport(FATAL, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", message),
						errdetail("%s", problem), errhint("%s", hint)));
	GUC_check_errmsg("%s", message);
	GUC_check_errdetail("%s", problem);
	GUC_check_errhint("%s", hint);
	return false;
}

static const struct config_enum_entry reclone_options[] = {{"ask", MR_RECLONE_ASK, false},
														   {"auto", MR_RECLONE_AUTO, false},
														   {"never", MR_RECLONE_NEVER, false},
														   {NULL, 0, false}};

static void
define_text(const char *name, const char *what, const char *more, char **variable, int flags)
{
	DefineCustomStringVariable(name, what, more, variable, "", PGC_SIGHUP, flags, NULL, NULL, NULL);
}

static void
define_time(const char *name, const char *what, int *variable, int initial, int min, int max)
{
	DefineCustomIntVariable(name, what, NULL, variable, initial, min, max, PGC_SIGHUP, GUC_UNIT_MS,
							NULL, NULL, NULL);
}

/* A command may hold what not everybody should read. */
static void
define_hooks(void)
{
	define_text("multiregion.veto_function",
				"Function that may object to a promotion of this node.",
				"Without arguments; returns text: null, or why this node must not be promoted. "
				"Asked once a second on a standby.",
				&mr_veto_function, 0);
	define_time("multiregion.veto_timeout", "Longest run of the veto function.",
				&mr_veto_timeout_ms, 500, 10, 60000);
	DefineCustomBoolVariable("multiregion.veto_on_error",
							 "Whether a veto function that fails is a veto.",
							 "Also one that takes too long, or has not answered yet.",
							 &mr_veto_on_error, false, PGC_SIGHUP, 0, NULL, NULL, NULL);
	define_text("multiregion.promotion_function", "Function called once on each new primary.",
				"With epoch bigint, cause text, from_node text, to_node text.",
				&mr_promotion_function, 0);
	define_text("multiregion.promotion_command", "Shell command run once on each new primary.",
				NULL, &mr_promotion_command, GUC_SUPERUSER_ONLY);
	define_text("multiregion.fence_command",
				"Shell command run by a new primary to cut the old one off.",
				"After changes that nobody planned.", &mr_fence_command, GUC_SUPERUSER_ONLY);
	define_time("multiregion.hook_timeout", "Longest run of a promotion function, or of a command.",
				&mr_hook_timeout_ms, 30000, 100, 3600000);
}

/* What only a start of the server can change. */
static void
define_for_a_start(void)
{
	DefineCustomStringVariable("multiregion.database",
							   "Database in which the extension is created.", NULL, &mr_database,
							   "postgres", PGC_POSTMASTER, 0, NULL, NULL, NULL);
	DefineCustomStringVariable(
		"multiregion.state_directory", "Directory of the node's identity and votes.",
		"Outside the data directory, on storage that lasts as long. "
		"Empty: the data directory's path with .multiregion appended.",
		&mr_state_directory_setting, "", PGC_POSTMASTER, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	DefineCustomBoolVariable("multiregion.standalone", "Opens a restored copy as a plain server.",
							 "No worker acts, no peer is contacted, nothing is fenced.",
							 &mr_standalone, false, PGC_POSTMASTER, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"multiregion.tenant_cache_size", "Shared memory for the tenants that were looked up last.",
		"In steps of 4MB; 0: each look-up reads the table.", &mr_tenant_cache_kb, 16384, 0,
		MAX_KILOBYTES, PGC_POSTMASTER, GUC_UNIT_KB, NULL, NULL, NULL);
}

void
mr_settings_define(bool preloading)
{
	DefineCustomEnumVariable("multiregion.mode", "How far this server goes at most.",
							 "off: nothing is watched or fenced; observe: decides and records, "
							 "never fences or promotes; manage: all that the cluster's own mode "
							 "(multiregion.set_mode()) asks for.",
							 &mr_mode, MR_MODE_MANAGE, mode_options, PGC_SIGHUP, 0, NULL, NULL,
							 NULL);
	DefineCustomIntVariable(
		"multiregion.connect_timeout", "Longest wait for a connection to another node.", NULL,
		&mr_connect_timeout_ms, 2000, 50, 600000, PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomStringVariable(MR_FOLLOW_TERM, "Set by a standby: the term it follows.",
							   "Not to be set by hand.", &mr_follow_term, "", PGC_BACKEND,
							   GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE, NULL,
							   NULL, NULL);
	DefineCustomStringVariable("multiregion.archive_command",
							   "Shell command that archives a WAL file, as archive_command.",
							   "Used with archive_library = 'multiregion', which runs it only "
							   "while this node holds the lease.",
							   &mr_archive_command, "", PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomStringVariable(
		"multiregion.peer_options", "libpq options of this node's connections to the other nodes.",
		"TLS and passfile, as keyword=value; they come before what the "
		"connection string of a node says.",
		&mr_peer_options, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY, check_peer_options, NULL, NULL);

	DefineCustomEnumVariable("multiregion.reclone",
							 "Whether multiregion-join may replace the data directory by a clone.",
							 "Written by multiregion-join. With auto, a standby whose WAL the "
							 "primary has removed stops, in order to be cloned.",
							 &mr_reclone, MR_RECLONE_ASK, reclone_options, PGC_SIGHUP, 0, NULL,
							 NULL, NULL);
	define_hooks();
	DefineCustomIntVariable("multiregion.max_read_lag",
							"Nodes further behind the primary are not recommended for reads.",
							"Of route_for_read() without a limit of its own, and of what makes a "
							"region healthy. -1 is no limit.",
							&mr_max_read_lag_ms, 30000, -1, INT_MAX, PGC_USERSET, GUC_UNIT_MS, NULL,
							NULL, NULL);
	mr_geo_settings_define();
	if (preloading)
		define_for_a_start();
	mr_consistency_define_settings();
	MarkGUCPrefixReserved("multiregion");
}
