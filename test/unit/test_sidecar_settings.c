/*
 * Settings from the environment: what a user writes, what it becomes, and what is
 * refused with a message that says which name is wrong and never what a secret is.
 */
#include "sidecar/mr_settings.h"
#include "unit/mr_unit.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sidecar/auth.c"
#include "sidecar/conninfo.c"
#include "sidecar/cors_origins.c"
#include "sidecar/environment.c"
#include "sidecar/http_text.c"
#include "sidecar/log.c"
#include "sidecar/settings.c"
#include "sidecar/settings_auth.c"
#include "sidecar/settings_http.c"
#include "sidecar/settings_names.c"
#include "sidecar/settings_regions.c"

static MrSettings settings;
static MrProblems problems;

#define BASE "ENABLE_MULTI_REGION=true\nDEPLOYMENT_REGION=US_EAST\n"
#define NODE "DATABASE_URL_US_EAST_PRIMARY=postgresql://app:geheim@10.0.0.1:5433/shop\n"

static void
load(const char *text)
{
	mr_settings_free(&settings);
	memset(&settings, 0, sizeof(settings));
	memset(&problems, 0, sizeof(problems));
	mr_environment_add_text(&settings.environment, text, strlen(text), &problems);
	mr_settings_read(&settings, &problems);
	mr_unit_about("%s", problems.text);
	MR_CHECK(strstr(problems.text, "geheim") == NULL);
}

/* Loads, and wants exactly one error with this text in it. */
static void
check_refused(const char *text, const char *wanted)
{
	load(text);
	MR_CHECK_INT(problems.errors, 1);
	MR_CHECK(strstr(problems.text, wanted) != NULL);
}

MR_TEST(the_default_is_off)
{
	load("");
	MR_CHECK_INT(problems.errors, 0);
	MR_CHECK(!settings.enabled);
	MR_CHECK_STRING(settings.listen, "127.0.0.1:3000");
	MR_CHECK_INT(settings.stale_after_ms, 3000);
	MR_CHECK(!settings.has_database);
	MR_CHECK_INT(settings.self, -1);
}

MR_TEST(the_seeds_settings_are_understood)
{
	load(BASE NODE
		 "DATABASE_URL_EU_WEST_REPLICA=postgresql://app@eu/shop, postgresql://app@eu2/shop\n"
		 "AUTO_FAILOVER_ENABLED=false\nHEALTH_CHECK_INTERVAL=30000\n"
		 "MAX_CONSECUTIVE_FAILURES=4\nFAILBACK_ENABLED=true\nFAILBACK_DELAY=300000\n"
		 "REDIS_MODE=cluster\nREDIS_CLUSTER_US_EAST=n1:6379\nCDN_ENABLED=true\n"
		 "CDN_PROVIDER=cloudflare\nCDN_ENDPOINT_US_EAST=https://cdn.example\n"
		 "ENABLE_CROSS_REGION_PROXY=true\n");
	MR_CHECK_INT(problems.errors, 0);
	MR_CHECK_INT(problems.warnings, 4); /* those of later versions, but for a default */
	MR_CHECK(settings.enabled);
	MR_CHECK_INT(settings.region_count, 2);
	MR_CHECK_STRING(settings.regions[0].key, "US_EAST");
	MR_CHECK_STRING(settings.regions[0].id, "us-east-1");
	MR_CHECK_STRING(settings.regions[0].cdn_endpoint, "https://cdn.example");
	MR_CHECK_STRING(settings.regions[1].id, "eu-west-1");
	MR_CHECK_INT(settings.node_count, 3);
	MR_CHECK_STRING(settings.nodes[0].name, "us_east_1");
	MR_CHECK_STRING(settings.nodes[2].name, "eu_west_2");
	MR_CHECK_STRING(settings.nodes[2].url, "postgresql://app@eu2/shop");
	MR_CHECK_INT(settings.self, 0);
	MR_CHECK_STRING(settings.node, "us_east_1");
	MR_CHECK_INT(settings.policy_count, 5);
	MR_CHECK_STRING(settings.policies[0].setting->name, "auto_failover");
	MR_CHECK_STRING(settings.policies[0].value, "off");
	MR_CHECK_STRING(settings.policies[2].value, "4");
}

MR_TEST(the_sidecar_logs_in_as_its_own_role)
{
	load(BASE NODE);
	MR_CHECK(settings.has_database);
	MR_CHECK_STRING(settings.database.text, "dbname='shop' host='10.0.0.1' port='5433' "
											"user='multiregion_api' client_encoding='UTF8'");
	MR_CHECK_STRING(settings.database.password, "");
	load(BASE NODE "MULTIREGION_DATABASE_URL='host=/run/postgresql user=x password=geheim'\n");
	MR_CHECK_STRING(settings.database.password, "geheim");
	MR_CHECK(strstr(settings.database.text, "geheim") == NULL);
	MR_CHECK(strstr(settings.database.text, "user='x'") != NULL);
	MR_CHECK(strstr(settings.database.text, "dbname='postgres'") != NULL);
}

MR_TEST(regions_may_be_described_in_full)
{
	load(BASE NODE "REGION_US_EAST_ID=use1\nREGION_US_EAST_NAME='East \"1\"'\n"
				   "REGION_US_EAST_LATITUDE=1.5\nREGION_US_EAST_LONGITUDE=-2\n"
				   "REGION_US_EAST_PRIORITY=7\nREGION_US_EAST_API_ENDPOINT=http://x:1\n"
				   "REGION_SA_NORTH_ID=sa-n\n");
	MR_CHECK_INT(problems.errors, 0);
	MR_CHECK_STRING(settings.regions[0].id, "use1");
	MR_CHECK_STRING(settings.regions[0].name, "East \"1\"");
	MR_CHECK(settings.regions[0].latitude == 1.5 && settings.regions[0].longitude == -2);
	MR_CHECK_INT(settings.regions[0].priority, 7);
	MR_CHECK_STRING(settings.regions[0].api_endpoint, "http://x:1");
	MR_CHECK_INT(mr_settings_region(&settings, "SA_NORTH"), 1);
	MR_CHECK_STRING(settings.regions[1].name, "SA NORTH");
	MR_CHECK(!settings.regions[1].has_place);
	MR_CHECK(!settings.regions[1].has_priority);
}

MR_TEST(nodes_may_be_named)
{
	load(BASE "DATABASE_URL_US_EAST_PRIMARY=host=a\nDATABASE_URL_US_EAST_REPLICA=host=b,host=c\n"
			  "MULTIREGION_NODES_US_EAST=alpha, beta\nMULTIREGION_NODE=beta\n");
	MR_CHECK_INT(problems.errors, 0);
	MR_CHECK_STRING(settings.nodes[0].name, "alpha");
	MR_CHECK_STRING(settings.nodes[1].name, "beta");
	MR_CHECK_STRING(settings.nodes[2].name, "us_east_3");
	MR_CHECK_INT(settings.self, 1);
	MR_CHECK(strstr(settings.database.text, "host='b'") != NULL);
	load(BASE "DATABASE_URL_US_EAST_PRIMARY=host=a\nMULTIREGION_NODE=zeta\n");
	MR_CHECK_INT(settings.self, 0);
	MR_CHECK_STRING(settings.nodes[0].name, "zeta");
}

MR_TEST(a_witness_is_listed_apart)
{
	load(BASE "DATABASE_URL_US_EAST_WITNESS=host=w\nDATABASE_URL_US_EAST_REPLICA=host=b\n"
			  "MULTIREGION_NODES_US_EAST=beta, watcher\n");
	MR_CHECK_INT(problems.errors, 0);
	MR_CHECK_STRING(settings.nodes[0].name, "beta");
	MR_CHECK(!settings.nodes[0].witness);
	MR_CHECK_STRING(settings.nodes[1].name, "watcher");
	MR_CHECK(settings.nodes[1].witness);
	MR_CHECK_INT(settings.self, 0);
	load(BASE "DATABASE_URL_US_EAST_WITNESS=host=w\n");
	MR_CHECK_INT(settings.self, -1); /* init speaks to a node with data */
}

MR_TEST(any_policy_has_a_name)
{
	load(BASE NODE "MULTIREGION_POLICY_LEASE=1500ms\nMULTIREGION_POLICY_ON_STOP=any\n");
	MR_CHECK_INT(problems.errors, 0);
	MR_CHECK_INT(settings.policy_count, 2);
	MR_CHECK_STRING(settings.policies[0].setting->name, "lease");
	MR_CHECK_STRING(settings.policies[0].value, "1500");
	MR_CHECK_STRING(settings.policies[1].value, "any");
	check_refused(BASE NODE "FAILBACK_DELAY=1\nMULTIREGION_POLICY_FAILBACK_DELAY=1\n",
				  "say the same thing");
}

MR_TEST(what_is_missing_is_said)
{
	check_refused("ENABLE_MULTI_REGION=true\nMULTIREGION_DATABASE_URL=host=a\n",
				  "DEPLOYMENT_REGION is not set");
	check_refused(BASE, "MULTIREGION_DATABASE_URL");
}

MR_TEST(what_is_wrong_is_named)
{
	check_refused("ENABLE_MULTI_REGION=perhaps\n", "ENABLE_MULTI_REGION: \"perhaps\"");
	check_refused("DEPLOYMENT_REGION=us east\n", "DEPLOYMENT_REGION: \"us east\"");
	check_refused("MULTIREGION_STALE_AFTER=soon\n", "MULTIREGION_STALE_AFTER: \"soon\"");
	check_refused("MULTIREGION_HTTP_MAX_CONNECTIONS=0\n", "from 1 to 100000");
	check_refused("MULTIREGION_LOG_LEVEL=loud\n", "MULTIREGION_LOG_LEVEL");
	check_refused("MULTIREGION_PASSFILE=pass\n", "not an absolute path");
	check_refused("MULTIREGION_PEER_OPTIONS=sslkey=key\n", "not absolute");
	check_refused("MULTIREGION_PEER_OPTIONS=sslpassword=geheim\n", "password");
	check_refused("HEALTH_CHECK_INTERVAL=often\n", "HEALTH_CHECK_INTERVAL: \"often\"");
	check_refused("HEALTH_CHECK_INTERVAL=1\n", "HEALTH_CHECK_INTERVAL: \"1\" is outside");
	check_refused("REGION_X_ID=Not An Id\n", "REGION_X_ID");
	check_refused("REGION_X_LATITUDE=91\nREGION_X_LONGITUDE=0\n", "REGION_X_LATITUDE: \"91\"");
	check_refused("REGION_X_LATITUDE=1\n", "set together");
	check_refused("REGION_X_PRIORITY=-1\n", "REGION_X_PRIORITY");
	check_refused("REGION_X_API_ENDPOINT=ftp://geheim\n", "REGION_X_API_ENDPOINT cannot be used");
	check_refused("MULTIREGION_NODE=a b\n", "MULTIREGION_NODE: \"a b\"");
	check_refused("just words\n", "line 1");
}

MR_TEST(a_connection_string_that_cannot_be_used_is_not_repeated)
{
	check_refused("DATABASE_URL_X_PRIMARY=geheim\n", "DATABASE_URL_X_PRIMARY, entry 1");
	check_refused("DATABASE_URL_X_PRIMARY=postgresql://u:geheim@/db\n", "names no host");
	check_refused("DATABASE_URL_X_PRIMARY=service=geheim\n", "service");
	check_refused("DATABASE_URL_X_PRIMARY=host=h sslpassword=geheim\n", "key file");
	check_refused("MULTIREGION_DATABASE_URL=postgresql://u:geheim@h:bad/db\n",
				  "MULTIREGION_DATABASE_URL");
}

MR_TEST(misspelled_names_are_noticed)
{
	load(BASE NODE "MULTIREGION_HTTP_LISTN=1\nDEPLOYMENT_REGON=x\n");
	MR_CHECK_INT(problems.errors, 0);
	MR_CHECK_INT(problems.warnings, 2);
	MR_CHECK(strstr(problems.text, "MULTIREGION_HTTP_LISTN (line 4)") != NULL);
	MR_CHECK(strstr(problems.text, "DEPLOYMENT_REGON (line 5)") != NULL);
}

MR_TEST(a_hint_names_what_was_meant)
{
	load(BASE NODE "DATABASE_URL_EU_WEST_PRIMRY=host=geheim\nHEALTHCHECK_INTERVAL=1\n"
				   "MULTIREGION_POLICY_LAESE=1s\nWHOLLY_DIFFERENT=1\n");
	MR_CHECK_INT(problems.errors, 0);
	MR_CHECK_INT(problems.warnings, 4);
	MR_CHECK(strstr(problems.text, "EU_WEST_PRIMRY (line 4) is not a setting of multiregiond; did "
								   "you mean DATABASE_URL_<REGION>_PRIMARY?\n") != NULL);
	MR_CHECK(strstr(problems.text, "did you mean HEALTH_CHECK_INTERVAL?\n") != NULL);
	MR_CHECK(strstr(problems.text, "LAESE (line 6) is not a setting of multiregiond; see "
								   "multiregion.policies for the policies there are\n") != NULL);
	MR_CHECK(strstr(problems.text, "DIFFERENT (line 7) is not a setting of multiregiond\n") !=
			 NULL);
}

MR_TEST(settings_of_later_versions_are_checked_now)
{
	check_refused("REDIS_MODE=geheim\n",
				  "REDIS_MODE: the value cannot be used. It is none of the "
				  "words there are. Valid values: standalone|sentinel|cluster");
	check_refused("REDIS_CLUSTER_EU_WEST=redis://:geheim@x\n", "REDIS_CLUSTER_EU_WEST");
	check_refused("CDN_ENABLED=perhaps\n", "CDN_ENABLED");
	check_refused("ENABLE_CROSS_REGION_PROXY=perhaps\n", "ENABLE_CROSS_REGION_PROXY");
	load("REDIS_MODE=standalone\nCDN_ENABLED=false\nENABLE_CROSS_REGION_PROXY=true\n"
		 "CDN_PROVIDER=\nREDIS_CLUSTER_SA_EAST=n:1\n");
	MR_CHECK_INT(problems.errors, 0);
	MR_CHECK_INT(problems.warnings, 1);
	/* A Redis alone makes no region. */
	MR_CHECK_INT(settings.region_count, 0);
	/* In the environment it may be an application's. */
	load("");
	mr_environment_set(&settings.environment, "CDN_ENABLED", "geheim", 0);
	mr_environment_set(&settings.environment, "REDIS_MODE", "cluster", 0);
	mr_settings_check_names(&settings, &problems);
	MR_CHECK_INT(problems.errors, 0);
	MR_CHECK_INT(problems.warnings, 1);
	MR_CHECK(strstr(problems.text, "CDN_ENABLED: a later version could not use") != NULL);
	MR_CHECK(strstr(problems.text, "geheim") == NULL);
}

/* Loads a text whose secrets are in files, one of which holds the content. */
static void
load_with_file(const char *text, const char *content, size_t size)
{
	char path[] = "/tmp/multiregion-secret-XXXXXX";
	char line[512];
	int fd = mkstemp(path);

	MR_REQUIRE(fd >= 0 && write(fd, content, size) == (ssize_t) size);
	close(fd);
	snprintf(line, sizeof(line), text, path);
	mr_settings_free(&settings);
	memset(&settings, 0, sizeof(settings));
	memset(&problems, 0, sizeof(problems));
	mr_environment_add_text(&settings.environment, line, strlen(line), &problems);
	mr_environment_take_files(&settings.environment, &problems);
	mr_settings_read(&settings, &problems);
	mr_unit_about("%s", problems.text);
	MR_CHECK(strstr(problems.text, "geheim") == NULL);
	unlink(path);
}

MR_TEST(a_secret_may_stand_in_a_file_of_its_own)
{
	static const char url[] = "postgresql://app:geheim@10.0.0.9/shop\r\n";
	static const char lines[] = "postgresql://app:geheim@10.0.0.9/shop\nmore\n";

	load_with_file(BASE "DATABASE_URL_US_EAST_PRIMARY_FILE=%s\n", url, strlen(url));
	MR_CHECK_INT(problems.errors + problems.warnings, 0);
	MR_CHECK_INT(settings.node_count, 1);
	MR_CHECK_STRING(settings.nodes[0].url, "postgresql://app:geheim@10.0.0.9/shop");
	load_with_file(BASE NODE "MULTIREGION_DATABASE_URL_FILE=%s\n", url, strlen(url) - 2);
	MR_CHECK_STRING(settings.database.password, "geheim");
	load_with_file(BASE NODE "MULTIREGION_DATABASE_URL_FILE=%s\n", lines, strlen(lines));
	MR_CHECK_INT(problems.errors, 1);
	MR_CHECK(strstr(problems.text, "MULTIREGION_DATABASE_URL_FILE: could not take the value from "
								   "that file: it holds more than one line") != NULL);
	load_with_file(BASE NODE "MULTIREGION_DATABASE_URL_FILE=%s\n", "x\0y", 3);
	MR_CHECK_INT(problems.errors, 1);
	load_with_file(BASE NODE "MULTIREGION_DATABASE_URL_FILE=%s\n", "\n", 1);
	MR_CHECK(strstr(problems.text, "it is empty") != NULL);
	load_with_file(BASE NODE "MULTIREGION_DATABASE_URL_FILE=%s.not\n", "", 0);
	MR_CHECK(strstr(problems.text, "No such file") != NULL);
	load_with_file(BASE NODE "MULTIREGION_DATABASE_URL_FILE=\nMULTIREGION_NODE_FILE=%s\n", "x", 1);
	MR_CHECK_INT(problems.errors, 0);
	MR_CHECK(strstr(problems.text, "MULTIREGION_NODE_FILE (line 5) is not a setting") != NULL);
}

MR_TEST(a_secret_is_said_once_in_one_place)
{
	static const char url[] = "host=10.0.0.9 password=geheim";

	load_with_file(BASE NODE "DATABASE_URL_US_EAST_PRIMARY_FILE=%s\n", url, strlen(url));
	MR_CHECK_INT(problems.errors, 1);
	MR_CHECK(strstr(problems.text, "DATABASE_URL_US_EAST_PRIMARY and DATABASE_URL_US_EAST_PRIMARY"
								   "_FILE are both set: keep one of them") != NULL);
}

/* The file named in the environment counts, not the URL in the settings file; or reversed. */
MR_TEST(of_secrets_the_environment_wins_as_well)
{
	char path[] = "/tmp/multiregion-secret-XXXXXX";
	int fd = mkstemp(path);
	int line;

	MR_REQUIRE(fd >= 0 && write(fd, "host=file", 9) == 9);
	close(fd);
	for (line = 0; line < 2; line++)
	{
		mr_settings_free(&settings);
		memset(&settings, 0, sizeof(settings));
		memset(&problems, 0, sizeof(problems));
		mr_environment_set(&settings.environment, "MULTIREGION_DATABASE_URL_FILE", path, line);
		mr_environment_set(&settings.environment, "MULTIREGION_DATABASE_URL", "host=text",
						   1 - line);
		mr_environment_take_files(&settings.environment, &problems);
		mr_settings_read(&settings, &problems);
		mr_unit_about("line %d: %s", line, problems.text);
		MR_CHECK_INT(problems.errors, 0);
		MR_CHECK_STRING(settings.database.host, line == 0 ? "file" : "text");
	}
	mr_settings_free(&settings);
	unlink(path);
}

MR_TEST(the_environment_wins_over_the_file_and_says_nothing_of_strangers)
{
	char *const outside[] = {(char *) "DEPLOYMENT_REGION=EU_WEST", (char *) "HOME=/x",
							 (char *) "MULTIREGION_TYPO=1", (char *) "odd", NULL};
	char *const *variable;

	load(BASE);
	memset(&problems, 0, sizeof(problems));
	for (variable = outside; *variable != NULL; variable++)
	{
		char name[64] = "";
		const char *equals = strchr(*variable, '=');

		if (equals == NULL)
			continue;
		memcpy(name, *variable, (size_t) (equals - *variable));
		mr_environment_set(&settings.environment, name, equals + 1, 0);
	}
	settings.region_count = settings.node_count = settings.policy_count = 0;
	mr_settings_read(&settings, &problems);
	MR_CHECK_STRING(settings.region, "EU_WEST");
	MR_CHECK_INT(problems.warnings, 1);
	MR_CHECK(strstr(problems.text, "MULTIREGION_TYPO") != NULL);
	mr_settings_free(&settings);
}

MR_TEST(problems_are_cut_not_overrun)
{
	int i;

	memset(&problems, 0, sizeof(problems));
	for (i = 0; i < 1000; i++)
		mr_problems_error(&problems, "%d: a line that repeats until nothing fits any more", i);
	MR_CHECK_INT(problems.errors, 1000);
	MR_CHECK(problems.length < sizeof(problems.text));
	MR_CHECK_INT(strlen(problems.text), problems.length);
}

MR_TEST(connection_strings_are_quoted)
{
	char text[64] = "a='1'";

	MR_CHECK(mr_conninfo_append(text, sizeof(text), "b", "it's \\ x"));
	MR_CHECK_STRING(text, "a='1' b='it\\'s \\\\ x'");
	MR_CHECK(!mr_conninfo_append(text, sizeof(text), "c", "line\nbreak"));
	MR_CHECK(
		!mr_conninfo_append(text, sizeof(text), "c", "0123456789012345678901234567890123456789"));
	MR_CHECK_STRING(text, "a='1' b='it\\'s \\\\ x'");
	MR_CHECK(mr_conninfo_is_numeric("10.0.0.1"));
	MR_CHECK(mr_conninfo_is_numeric("::1"));
	MR_CHECK(mr_conninfo_is_numeric("/run/postgresql"));
	MR_CHECK(!mr_conninfo_is_numeric("localhost"));
}
