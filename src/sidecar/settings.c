/*
 * Turns the environment into settings: the sidecar's own, the way to the local
 * database, and initial policy. Regions and nodes are in settings_regions.c.
 *
 * It must never print a value that may hold a password, and never start anything: it
 * only reads. Called by main, by the reload on SIGHUP, and by unit tests.
 */
#include "sidecar/mr_settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/mr_env_file.h"
#include "adapters/mr_pg_peer.h"
#include "sidecar/mr_http_text.h"

#define API_ROLE "multiregion_api"
#define DEFAULT_DATABASE "postgres"

/* Reads a whole number; false if it is none or out of range. */
static bool
parse_number(const char *text, int64_t min, int64_t max, int64_t *value)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || errno != 0 || number < min || number > max)
		return false;
	*value = number;
	return true;
}

static void
read_number(const MrSettings *settings, const char *name, int64_t initial, int64_t min, int64_t max,
			int64_t *field, MrProblems *problems)
{
	const char *text = mr_environment_get(&settings->environment, name);

	*field = initial;
	if (text != NULL && !parse_number(text, min, max, field))
		mr_problems_error(problems, "%s: \"%s\" is not a whole number from %" PRId64 " to %" PRId64,
						  name, text, min, max);
}

/* The value of a variable, or else its default. */
static const char *
value_of(const MrEnvironment *environment, const char *name)
{
	const char *text = mr_environment_get(environment, name);
	char key[MR_NAME_SIZE];

	return text != NULL ? text : mr_variable_find(name, key)->initial;
}

static void
read_basics(MrSettings *settings, MrProblems *problems)
{
	const MrEnvironment *environment = &settings->environment;
	const char *text = value_of(environment, "ENABLE_MULTI_REGION");

	if (!mr_http_parse_boolean(text, &settings->enabled))
		mr_problems_error(problems, "ENABLE_MULTI_REGION: \"%s\" is neither true nor false", text);

	text = mr_environment_get(environment, "DEPLOYMENT_REGION");
	if (text != NULL)
	{
		if (!mr_text_upper(text, settings->region, sizeof(settings->region)) ||
			mr_region_key_problem(settings->region) != NULL)
		{
			mr_problems_error(problems,
							  "DEPLOYMENT_REGION: \"%s\" is not the key of a region, "
							  "like US_EAST",
							  text);
			settings->region[0] = '\0';
		}
	}
	else if (settings->enabled)
		mr_problems_error(problems, "DEPLOYMENT_REGION is not set: it names the region of this "
									"server, like US_EAST");

	settings->listen = value_of(environment, "MULTIREGION_HTTP_LISTEN");
	settings->passfile = mr_environment_get(environment, "MULTIREGION_PASSFILE");
	if (settings->passfile != NULL && settings->passfile[0] != '/')
		mr_problems_error(problems, "MULTIREGION_PASSFILE: \"%s\" is not an absolute path",
						  settings->passfile);
	settings->peer_options = mr_environment_get(environment, "MULTIREGION_PEER_OPTIONS");
	if (settings->peer_options != NULL && mr_pg_options_problem(settings->peer_options) != NULL)
		mr_problems_error(problems, "MULTIREGION_PEER_OPTIONS cannot be used. %s",
						  mr_pg_options_problem(settings->peer_options));
	text = value_of(environment, "MULTIREGION_LOG_LEVEL");
	settings->log_level = MR_LOG_INFO;
	if (!mr_log_level_from_name(text, &settings->log_level))
		mr_problems_error(
			problems, "MULTIREGION_LOG_LEVEL: \"%s\" is none of error, warning, info, debug", text);
}

/* How to reach HAProxy, and what it calls its maps. */
static void
read_haproxy(MrSettings *settings, MrProblems *problems)
{
	const MrEnvironment *environment = &settings->environment;
	const char *text = value_of(environment, "ENABLE_CROSS_REGION_PROXY");

	if (!mr_http_parse_boolean(text, &settings->proxies))
		mr_problems_error(problems, "ENABLE_CROSS_REGION_PROXY: \"%s\" is neither true nor false",
						  text);
	settings->haproxy = mr_environment_get(environment, "MULTIREGION_HAPROXY_SOCKET");
	if (settings->haproxy != NULL &&
		(settings->haproxy[0] != '/' || strlen(settings->haproxy) > MR_HAPROXY_PATH_MAX))
		mr_problems_error(problems,
						  "MULTIREGION_HAPROXY_SOCKET: \"%s\" is not the absolute path of a unix "
						  "socket, of at most %d bytes",
						  settings->haproxy, MR_HAPROXY_PATH_MAX);
	settings->haproxy_maps = value_of(environment, "MULTIREGION_HAPROXY_MAPS");
	if (strlen(settings->haproxy_maps) > MR_HAPROXY_FOLDER_MAX ||
		strpbrk(settings->haproxy_maps, " \\;\"'<()#") != NULL)
		mr_problems_error(problems,
						  "MULTIREGION_HAPROXY_MAPS: \"%s\" is not a folder's name of at most %d "
						  "bytes without blanks and quotes",
						  settings->haproxy_maps, MR_HAPROXY_FOLDER_MAX);
}

static void
read_policy(MrSettings *settings, const char *variable, const MrPolicySetting *setting,
			MrProblems *problems)
{
	const char *text = mr_environment_get(&settings->environment, variable);
	MrSettingsPolicy *policy = &settings->policies[settings->policy_count];
	int64_t value;
	int i;

	if (text == NULL)
		return;
	for (i = 0; i < settings->policy_count; i++)
		if (settings->policies[i].setting == setting)
		{
			mr_problems_error(problems, "%s and %s say the same thing: keep one of them",
							  settings->policies[i].variable, variable);
			return;
		}
	switch (mr_policy_parse(setting, text, &value))
	{
		case MR_POLICY_OK:
			policy->setting = setting;
			policy->variable = variable;
			mr_policy_format(setting, value, policy->value);
			settings->policy_count++;
			break;
		case MR_POLICY_MALFORMED:
			mr_problems_error(problems, "%s: \"%s\" cannot be read. %s", variable, text,
							  mr_policy_syntax(setting));
			break;
		case MR_POLICY_OUT_OF_RANGE:
			mr_problems_error(problems,
							  "%s: \"%s\" is outside the range from %" PRId64 " to %" PRId64 " %s",
							  variable, text, setting->min, setting->max, setting->unit);
			break;
	}
}

/* The policy that a MULTIREGION_POLICY_<NAME> gives a value for, or NULL. */
static const MrPolicySetting *
policy_of_variable(const char *name)
{
	char key[MR_NAME_SIZE];
	char policy[MR_NAME_SIZE];
	const MrKnownVariable *variable = mr_variable_find(name, key);

	if (variable == NULL || strstr(variable->name, "<NAME>") == NULL ||
		!mr_text_lower(key, policy, sizeof(policy)))
		return NULL;
	return mr_policy_find(policy);
}

static void
read_policies(MrSettings *settings, MrProblems *problems)
{
	size_t i;

#define READ_POLICY(name, policy, initial) \
	read_policy(settings, name, mr_policy_find(policy), problems);
	MR_POLICY_VARIABLES(READ_POLICY)
#undef READ_POLICY
	for (i = 0; i < settings->environment.count; i++)
	{
		const char *name = settings->environment.list[i].name;
		const MrPolicySetting *setting = policy_of_variable(name);

		if (setting != NULL)
			read_policy(settings, name, setting, problems);
	}
}

/* Adds what the sidecar's own session needs to the local database's string. */
static const char *
complete_database(MrConninfo *database)
{
	char *text = database->text;
	size_t size = sizeof(database->text);

	if ((database->user[0] == '\0' && !mr_conninfo_append(text, size, "user", API_ROLE)) ||
		(database->dbname[0] == '\0' &&
		 !mr_conninfo_append(text, size, "dbname", DEFAULT_DATABASE)) ||
		!mr_conninfo_append(text, size, "client_encoding", "UTF8"))
		return "The connection string is too long.";
	return NULL;
}

/* How init reaches the local node. libpq would repeat a string that it cannot use. */
static void
read_admin_url(MrSettings *settings, MrProblems *problems)
{
	const char *variable = "MULTIREGION_ADMIN_DATABASE_URL";
	const char *problem;
	MrConninfo ignored;

	settings->admin_url = mr_environment_get(&settings->environment, variable);
	if (settings->admin_url != NULL)
	{
		problem = mr_conninfo_read(settings->admin_url, MR_CONNINFO_WITHOUT_HOST, &ignored);
		if (problem != NULL)
			mr_problems_error(problems, "%s: %s", variable, problem);
	}
	else if (settings->self >= 0)
		settings->admin_url = settings->nodes[settings->self].url;
}

/*
 * The way to the local node: said by MULTIREGION_DATABASE_URL, or this node's own
 * DATABASE_URL with the sidecar's role. The password of an application's role is not
 * the sidecar's, so it is not taken over.
 */
static void
read_database(MrSettings *settings, MrProblems *problems)
{
	const char *variable = "MULTIREGION_DATABASE_URL";
	const char *url = mr_environment_get(&settings->environment, variable);
	const char *problem = NULL;

	if (url != NULL)
		problem = mr_conninfo_read(url, 0, &settings->database);
	else if (settings->self >= 0)
	{
		variable = settings->nodes[settings->self].variable;
		problem = mr_conninfo_read(settings->nodes[settings->self].url, MR_CONNINFO_WITHOUT_USER,
								   &settings->database);
		settings->database.user[0] = '\0';
		settings->database.password[0] = '\0';
	}
	else
	{
		if (settings->enabled)
			mr_problems_error(problems,
							  "no way to the local database: set "
							  "MULTIREGION_DATABASE_URL, or DATABASE_URL_<REGION>_PRIMARY "
							  "of the region in DEPLOYMENT_REGION");
		return;
	}
	if (problem == NULL)
		problem = complete_database(&settings->database);
	if (problem != NULL)
		mr_problems_error(problems, "%s: %s", variable, problem);
	else
		settings->has_database = true;
}

void
mr_settings_read(MrSettings *settings, MrProblems *problems)
{
	settings->self = -1;
	read_basics(settings, problems);
	read_haproxy(settings, problems);
	mr_settings_read_auth(settings, problems);
	mr_settings_read_http(settings, problems);
#define READ_NUMBER(field, name, def, min, max, what) \
	read_number(settings, name, def, min, max, &settings->field, problems);
	MR_SETTING_NUMBERS(READ_NUMBER)
#undef READ_NUMBER
	read_policies(settings, problems);
	mr_settings_read_regions(settings, problems);
	read_admin_url(settings, problems);
	read_database(settings, problems);
	mr_settings_check_names(settings, problems);
}

bool
mr_settings_load(MrSettings *settings, const char *path, char *const *environ, MrProblems *problems)
{
	memset(settings, 0, sizeof(*settings));
	memset(problems, 0, sizeof(*problems));
	mr_environment_load(&settings->environment, path, environ, problems);
	mr_settings_read(settings, problems);
	return problems->errors == 0;
}

void
mr_settings_free(MrSettings *settings)
{
	int i;

	for (i = 0; i < settings->node_count; i++)
		free(settings->nodes[i].url);
	settings->node_count = 0;
	mr_auth_free(&settings->auth);
	mr_environment_free(&settings->environment);
}
