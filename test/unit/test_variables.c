/*
 * The list of environment variables: every name is found again, misspelled ones are near to
 * what was meant and strangers to nothing, and values are judged without being repeated.
 */
#include "core/mr_policy.h"
#include "core/mr_variables.h"
#include "unit/mr_unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char key[MR_NAME_SIZE];

/* A name as one would write it: US_EAST for <REGION>, LEASE for <NAME>. */
static void
instance_of(const char *pattern, char *out, size_t size)
{
	const char *bracket = strchr(pattern, '<');
	const char *end = bracket != NULL ? strchr(bracket, '>') + 1 : "";

	if (bracket == NULL)
		snprintf(out, size, "%s", pattern);
	else
		snprintf(out, size, "%.*s%s%s", (int) (bracket - pattern), pattern,
				 strncmp(bracket, "<NAME>", 6) == 0 ? "LEASE" : "US_EAST", end);
}

MR_TEST(every_variable_is_found_by_its_name_and_no_other)
{
	const MrKnownVariable *variable;
	char name[128];
	int i;

	for (i = 0; (variable = mr_variable_at(i)) != NULL; i++)
	{
		instance_of(variable->name, name, sizeof(name));
		mr_unit_about("%s", name);
		MR_CHECK(mr_variable_find(name, key) == variable);
		MR_CHECK_INT(strchr(variable->name, '<') != NULL, key[0] != '\0');
		MR_CHECK(mr_variable_near(variable->name, 0) == variable || strlen(variable->name) < 8);
		MR_CHECK(variable->what[0] != '\0');
		MR_CHECK(mr_variable_owner_name(variable->owner)[0] != '\0');
		MR_CHECK(variable->initial[0] == '\0' ||
				 mr_variable_problem(variable, variable->initial) == NULL);
	}
	MR_CHECK(i > 40);
	MR_CHECK(mr_variable_at(-1) == NULL);
}

MR_TEST(defaults_of_policies_are_those_of_the_policies)
{
	const MrKnownVariable *variable;
	int count = 0;
	int i;

	for (i = 0; (variable = mr_variable_at(i)) != NULL; i++)
	{
		const MrPolicySetting *setting = mr_policy_find(variable->words);
		int64_t value = -2;

		if (variable->kind != MR_VARIABLE_POLICY)
			continue;
		mr_unit_about("%s", variable->name);
		MR_REQUIRE(setting != NULL);
		MR_CHECK_INT(mr_policy_parse(setting, variable->initial, &value), MR_POLICY_OK);
		MR_CHECK_INT(value, setting->initial);
		count++;
	}
	MR_CHECK_INT(count, 5);
}

MR_TEST(names_hold_the_key_of_a_region_or_the_name_of_a_policy)
{
	MR_REQUIRE(mr_variable_find("DATABASE_URL_AP_SOUTHEAST_REPLICA", key) != NULL);
	MR_CHECK_STRING(key, "AP_SOUTHEAST");
	MR_REQUIRE(mr_variable_find("MULTIREGION_POLICY_MAX_FAILOVER_LAG", key) != NULL);
	MR_CHECK_STRING(key, "MAX_FAILOVER_LAG");
	MR_CHECK(mr_variable_find("MULTIREGION_POLICY_LAESE", key) == NULL);
	MR_CHECK(mr_variable_find("MULTIREGION_POLICY_lease", key) == NULL);
	MR_CHECK(mr_variable_find("DATABASE_URL__PRIMARY", key) == NULL);
	MR_CHECK(mr_variable_find("DATABASE_URL_PRIMARY", key) == NULL);
	MR_CHECK(mr_variable_find("DATABASE_URL_us_PRIMARY", key) == NULL);
	MR_CHECK(mr_variable_find("REGION_US_EAST", key) == NULL);
	MR_CHECK(mr_variable_find("", key) == NULL);
	MR_CHECK_STRING(key, "");
}

static void
check_near(const char *name, const char *wanted)
{
	const MrKnownVariable *near = mr_variable_near(name, 2);

	mr_unit_about("%s", name);
	MR_CHECK_STRING(near != NULL ? near->name : "", wanted);
}

MR_TEST(a_misspelled_name_is_near_to_what_was_meant)
{
	check_near("DEPLOYMENT_REGON", "DEPLOYMENT_REGION");
	check_near("ENABLE_MULTIREGION", "ENABLE_MULTI_REGION");
	check_near("HEALTHCHECK_INTERVAL", "HEALTH_CHECK_INTERVAL");
	check_near("MULTIREGION_STALE_AFTR", "MULTIREGION_STALE_AFTER");
	check_near("DATABASE_URL_US_EAST_PRIMRY", "DATABASE_URL_<REGION>_PRIMARY");
	check_near("DATABSE_URL_US_EAST_REPLICA", "DATABASE_URL_<REGION>_REPLICA");
	check_near("REDIS_CLUSTERS_US_EAST", "REDIS_CLUSTER_<REGION>");
	check_near("CDN_ENABLE", "CDN_ENABLED");
}

MR_TEST(strangers_are_near_to_nothing)
{
	static const char *const strangers[] = {
		"PATH",           "HOME",      "PGPORT",      "PGPASSWORD",     "DATABASE_URL", "REDIS_URL",
		"REDIS_PASSWORD", "LOG_LEVEL", "AWS_REGION",  "REGION",         "NODE_ENV",     "CDN_URL",
		"HOSTNAME",       "LISTEN_FD", "GPG_AGENT_1", "XDG_RUNTIME_DIR"};
	char longest[256];
	size_t i;

	for (i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++)
		check_near(strangers[i], "");
	memset(longest, 'A', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	check_near(longest, "");
	check_near("", "");
}

MR_TEST(only_secrets_have_files)
{
	char base[64];

	MR_CHECK(mr_variable_of_file("DATABASE_URL_US_EAST_PRIMARY_FILE", base, sizeof(base)) != NULL);
	MR_CHECK_STRING(base, "DATABASE_URL_US_EAST_PRIMARY");
	MR_CHECK(mr_variable_of_file("MULTIREGION_DATABASE_URL_FILE", base, sizeof(base)) != NULL);
	MR_CHECK(mr_variable_of_file("MULTIREGION_NODE_FILE", base, sizeof(base)) == NULL);
	MR_CHECK(mr_variable_of_file("MULTIREGION_PEERS_FILE", base, sizeof(base)) == NULL);
	MR_CHECK(mr_variable_of_file("MULTIREGION_CONFIG_FILE", base, sizeof(base)) == NULL);
	MR_CHECK(mr_variable_of_file("_FILE", base, sizeof(base)) == NULL);
	MR_CHECK(mr_variable_of_file("MULTIREGION_DATABASE_URL_FILE", base, 8) == NULL);
}

static bool
is_good(const char *name, const char *text)
{
	const MrKnownVariable *variable = mr_variable_find(name, key);

	mr_unit_about("%s=%s", name, text);
	return variable != NULL && mr_variable_problem(variable, text) == NULL;
}

MR_TEST(values_of_later_versions_are_judged_now)
{
	MR_CHECK(is_good("REDIS_MODE", "cluster"));
	MR_CHECK(is_good("REDIS_MODE", "Sentinel"));
	MR_CHECK(!is_good("REDIS_MODE", "clusters"));
	MR_CHECK(!is_good("REDIS_MODE", "sentinel|cluster"));
	MR_CHECK(is_good("CDN_ENABLED", "TRUE"));
	MR_CHECK(!is_good("CDN_ENABLED", "maybe"));
	MR_CHECK(is_good("CDN_PROVIDER", "cloudflare"));
	MR_CHECK(!is_good("CDN_PROVIDER", "x"));
	MR_CHECK(is_good("ENABLE_CROSS_REGION_PROXY", "off"));
	MR_CHECK(is_good("REDIS_CLUSTER_US_EAST", "node1:6379,node2:6379, [::1]:1"));
	MR_CHECK(!is_good("REDIS_CLUSTER_US_EAST", "node1"));
	MR_CHECK(!is_good("REDIS_CLUSTER_US_EAST", "node1:0"));
	MR_CHECK(!is_good("REDIS_CLUSTER_US_EAST", "node1:65536"));
	MR_CHECK(!is_good("REDIS_CLUSTER_US_EAST", "node1:6379:1"));
	MR_CHECK(!is_good("REDIS_CLUSTER_US_EAST", ":6379"));
	MR_CHECK(!is_good("REDIS_CLUSTER_US_EAST", "redis://:geheim@node1:6379"));
	MR_CHECK(!is_good("REDIS_CLUSTER_US_EAST", "::1:6379"));
}
