/*
 * Patroni's checks: every path against every state of the copy, the age of its lease to the
 * millisecond, the conditions of a query, and the bodies of its commands.
 */
#include "sidecar/mr_patroni_check.h"
#include "sidecar/mr_patroni_order.h"
#include "unit/mr_unit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sidecar/http_text.c"
#include "sidecar/patroni_check.c"
#include "sidecar/patroni_order.c"
#include "sidecar/patroni_query.c"
#include "sidecar/serving.c"
#include "sidecar/status.c"

/* status.c logs; here nobody reads it. */
void
mr_log(MrLogLevel level, const char *format, ...)
{
	(void) level;
	(void) format;
}

static MrServingInput input;
static MrStatus status;

static const MrStatusNode nodes[] = {
	{.name = "a",
	 .region = "US_EAST",
	 .part = MR_PART_PRIMARY,
	 .health = MR_HEALTH_UP,
	 .voter = true},
	{.name = "b",
	 .region = "EU_WEST",
	 .part = MR_PART_STANDBY,
	 .health = MR_HEALTH_UP,
	 .voter = true,
	 .lag_bytes = 1000,
	 .lag_ms = 200},
};

static void
set_primary(void)
{
	input =
		(MrServingInput){.enabled = true, .connected = true, .age_ms = 100, .stale_after_ms = 3000};
	memset(&status, 0, sizeof(status));
	status.valid = true;
	status.managed = true;
	status.fenced_in = true;
	status.node = "a";
	status.region = "US_EAST";
	status.primary_node = "a";
	status.is_primary = true;
	status.writable = true;
	status.lease_remaining_ms = 2500;
	status.node_count = 2;
	memcpy(status.nodes, nodes, sizeof(nodes));
	status.region_count = 2;
	status.regions[0] = (MrStatusRegion){.key = "US_EAST", .id = "us-east-1"};
	status.regions[1] = (MrStatusRegion){.key = "EU_WEST", .id = "eu-west-1"};
}

static void
set_standby(void)
{
	set_primary();
	status.node = "b";
	status.region = "EU_WEST";
	status.is_primary = false;
	status.writable = false;
	status.fenced = true;
	status.in_recovery = true;
	status.lease_remaining_ms = 0;
	status.server.streaming = true;
	status.server.received = 5000;
	status.server.replayed = 4400;
}

/* The code of a path with its query; 400 when that cannot be read. */
static int
code(const char *target)
{
	char path[64];
	const char *query = strchr(target, '?');
	size_t length = query != NULL ? (size_t) (query - target) : strlen(target);
	MrPatroniQuery conditions;
	MrPatroniCheck check;

	mr_unit_about("%s", target);
	memcpy(path, target, length);
	path[length] = '\0';
	check = mr_patroni_check_of(path);
	MR_CHECK(check != MR_CHECK_NONE);
	if (mr_patroni_query_read(check, query != NULL ? query + 1 : NULL, &status, &conditions) !=
		NULL)
		return 400;
	return mr_patroni_code(check, &input, &status, &conditions);
}

static const char *const writers[] = {"/",
									  "/primary",
									  "/master",
									  "/leader",
									  "/health/primary",
									  "/node/is-read-write",
									  "/read-write",
									  "/read-only-sync",
									  "/read-only",
									  "/read-only-quorum",
									  "/readiness",
									  "/connection/is-ready"};

static void
check_no_writer(const char *reason)
{
	size_t i;

	for (i = 0; i < sizeof(writers) / sizeof(writers[0]); i++)
		MR_CHECK_INT(code(writers[i]), 503);
	MR_CHECK_STRING(mr_patroni_no_writer(&input, &status), reason);
	MR_CHECK_INT(code("/liveness"), 200);
	MR_CHECK_INT(code("/patroni"), 200);
}

MR_TEST(a_primary_is_one_while_its_lease_lasts)
{
	size_t i;

	set_primary();
	for (i = 0; i < sizeof(writers) / sizeof(writers[0]); i++)
		MR_CHECK_INT(code(writers[i]), 200);
	MR_CHECK_INT(code("/health"), 200);
	MR_CHECK_INT(code("/replica"), 503);
	MR_CHECK_INT(code("/sync"), 503);
	MR_CHECK_INT(code("/async"), 503);
	MR_CHECK_INT(code("/standby-leader"), 503);
	/* 1 % for the clocks, and the part of a millisecond that the age has lost */
	input.age_ms = 2474;
	MR_CHECK_INT(code("/primary"), 200);
	input.age_ms = 2475;
	check_no_writer("lease_too_old");
	MR_CHECK_INT(code("/health"), 200);
	input.age_ms = 0;
	status.lease_remaining_ms = 1;
	check_no_writer("lease_too_old");
	status.lease_remaining_ms = 2;
	MR_CHECK_INT(code("/primary"), 200);
	status.lease_remaining_ms = MR_UNKNOWN;
	check_no_writer("lease_too_old");
	/* However long a lease is, an old copy says nothing. */
	status.lease_remaining_ms = 600000;
	input.age_ms = 3001;
	check_no_writer("status_too_old");
	MR_CHECK_INT(code("/health"), 503);
}

MR_TEST(what_else_is_no_writer)
{
	set_primary();
	input.connected = false;
	check_no_writer("database_unreachable");
	set_primary();
	input.draining = true;
	check_no_writer("draining");
	set_primary();
	status.valid = false;
	check_no_writer("no_status_yet");
	set_primary();
	status.stopping = true;
	check_no_writer("server_stopping");
	set_primary();
	status.writable = false;
	check_no_writer("fenced");
	status.in_recovery = true;
	check_no_writer("promoting");
	MR_CHECK_INT(code("/replica"), 503);
	set_primary();
	status.is_primary = false;
	status.writable = false;
	check_no_writer("fenced");
	MR_CHECK_INT(code("/replica"), 503);
	MR_CHECK_INT(code("/health"), 200);
	/* It observes: another one decides, and nothing keeps a second primary from writing. */
	set_primary();
	status.fenced_in = false;
	check_no_writer("no_fence");
	set_primary();
	input.enabled = false;
	check_no_writer("disabled");
}

MR_TEST(a_server_of_no_cluster)
{
	set_primary();
	status.managed = false;
	status.node = NULL;
	status.node_count = 0;
	status.fenced_in = false;
	status.is_primary = false;
	status.lease_remaining_ms = MR_UNKNOWN;
	check_no_writer("unmanaged");
	MR_CHECK_INT(code("/health"), 200);
	/* Nobody said that there should be one. */
	input.alone = true;
	MR_CHECK_INT(code("/primary"), 200);
	input.connected = false;
	MR_CHECK_INT(code("/primary"), 503);
	input.connected = true;
	status.in_recovery = true;
	MR_CHECK_INT(code("/primary"), 503);
	MR_CHECK_INT(code("/replica"), 200);
	MR_CHECK_INT(code("/replica?lag=1GB"), 503);
}

MR_TEST(a_standby_is_one_while_it_answers)
{
	static const char *const readers[] = {"/replica",      "/read-only",         "/async",
										  "/asynchronous", "/node/is-read-only", "/readiness",
										  "/health"};
	size_t i;

	set_standby();
	for (i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
		MR_CHECK_INT(code(readers[i]), 200);
	MR_CHECK_INT(code("/primary"), 503);
	MR_CHECK_INT(code("/quorum"), 503);
	MR_CHECK_INT(code("/read-only-quorum"), 503);
	status.primary_node = NULL;
	MR_CHECK_INT(code("/replica"), 200);
	status.server.streaming = false;
	MR_CHECK_INT(code("/replica"), 200);
	MR_CHECK_INT(code("/readiness"), 503);
	input.connected = false;
	for (i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
		MR_CHECK_INT(code(readers[i]), 503);
}

MR_TEST(conditions_of_a_standby)
{
	static const struct
	{
		const char *target;
		int code;
	} cases[] = {
		{"/replica?lag=1000", 200},
		{"/replica?lag=999", 503},
		{"/replica?lag=1kB", 200},
		{"/replica?lag=0.9kB", 503},
		{"/read-only?lag=0", 503},
		{"/replica?mode=write&lag=400", 200},
		{"/replica?mode=write&lag=399", 503},
		{"/replica?lag=lots", 400},
		{"/replica?lag=-1", 400},
		{"/replica?lag", 400},
		{"/replica?lag=1%zz", 400},
		{"/primary?lag=lots", 503},
		{"/replica?mode=read", 400},
		{"/replica?lag_seconds=0.3", 200},
		{"/replica?lag_seconds=0.299", 503},
		{"/replica?lag_seconds=1e3", 400},
		{"/replica?lag=1GB&lag_seconds=0.1", 503},
		{"/replica?replication_state=streaming", 200},
		{"/replica?replication_state=in+archive+recovery", 503},
		{"/replica?region=EU_WEST", 200},
		{"/replica?region=eu-west-1", 200},
		{"/replica?region=US_EAST", 503},
		{"/replica?region=", 503},
		{"/replica?tag_region=EU_WEST", 200},
		{"/replica?tag_region=eu_west", 503},
		{"/replica?tag_region_id=eu-west-1&tag_region=EU_WEST", 200},
		{"/replica?tag_region=EU_WEST&tag_rack=1", 503},
		{"/replica?tag_region", 503},
		{"/replica?tag_region=%ff", 400},
		{"/replica?tenant=a%20b", 200},
		{"/replica?tenant=", 400},
		{"/replica?tenant=%", 400},
		{"/replica?anything=1&&&", 200},
		{"/health?lag=lots", 200},
		{"/patroni?region=US_EAST&lag=x", 200},
		{"/liveness?region=US_EAST", 200},
		{"/readiness?lag=10", 503},
	};
	size_t i;

	set_standby();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		MR_CHECK_INT(code(cases[i].target), cases[i].code);
	status.nodes[1].lag_bytes = MR_UNKNOWN;
	MR_CHECK_INT(code("/replica?lag=1TB"), 503);
	MR_CHECK_INT(code("/replica"), 200);
	status.nodes[1].lag_ms = MR_UNKNOWN;
	MR_CHECK_INT(code("/replica?lag_seconds=9999"), 503);
	set_primary();
	MR_CHECK_INT(code("/primary?region=us_east"), 200);
	MR_CHECK_INT(code("/primary?region=EU_WEST"), 503);
	MR_CHECK_INT(code("/primary?tag_region=EU_WEST"), 200);
	MR_CHECK_INT(code("/read-only?tag_region=EU_WEST"), 503);
}

MR_TEST(numbers_of_bytes)
{
	static const struct
	{
		const char *text;
		int64_t bytes;
	} good[] = {{"0", 0},       {"1048576", 1048576}, {"10MB", 10485760}, {"1 GB", 1073741824},
				{" 2kb", 2048}, {"1.5kB", 1536},      {"3B", 3},          {"1TB", 1099511627776},
				{"0.5", 0}};
	static const char *const bad[] = {"",
									  "-1",
									  "MB",
									  "1 M",
									  "1e3",
									  "0x10",
									  "1.",
									  ".5",
									  "1 kB ",
									  "9999999999TB",
									  "nan",
									  "+1",
									  "11111111111111111111111111111111111111111"};
	int64_t bytes;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
	{
		mr_unit_about("%s", good[i].text);
		bytes = -7;
		MR_CHECK(mr_patroni_bytes(good[i].text, &bytes));
		MR_CHECK_INT(bytes, good[i].bytes);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		mr_unit_about("%s", bad[i]);
		MR_CHECK(!mr_patroni_bytes(bad[i], &bytes));
	}
	MR_CHECK(mr_patroni_seconds("1.25", &bytes) && bytes == 1250);
	MR_CHECK(!mr_patroni_seconds("1s", &bytes) && !mr_patroni_seconds("", &bytes));
}

MR_TEST(times_with_a_zone)
{
	MR_CHECK(mr_patroni_has_zone("2030-01-02T03:04:05Z"));
	MR_CHECK(mr_patroni_has_zone("2030-01-02 03:04+02"));
	MR_CHECK(mr_patroni_has_zone("2030-01-02 03:04:05.123456-03:30"));
	MR_CHECK(!mr_patroni_has_zone("2030-01-02T03:04:05"));
	MR_CHECK(!mr_patroni_has_zone("2030-01-02"));
	MR_CHECK(!mr_patroni_has_zone(""));
}

static MrPatroniOrder order;

static int
read_order(const char *body, bool is_failover)
{
	mr_unit_about("%s", body);
	return mr_patroni_order_read(body, strlen(body), is_failover, &status, &order).status;
}

MR_TEST(orders)
{
	set_standby();
	status.forecast.successor = "b";
	MR_CHECK_INT(read_order("{\"leader\":\"a\"}", false), 0);
	MR_CHECK_STRING(order.candidate, "b");
	MR_CHECK_INT(read_order("{\"leader\":\"a\",\"candidate\":\"b\",\"extra\":[1]}", false), 0);
	MR_CHECK_INT(read_order("{\"leader\":\"a\",\"candidate\":1}", false), 400);
	MR_CHECK_INT(read_order("{\"leader\":\"a\"", false), 400);
	MR_CHECK_INT(read_order("[]", false), 400);
	MR_CHECK_INT(read_order("{\"leader\":\"a\",\"scheduled_at\":\"2099-01-01T00:00Z\"}", false), 0);
	MR_CHECK_STRING(order.candidate, "");
	MR_CHECK_STRING(order.at, "2099-01-01T00:00Z");
	/* A switchover never loses anything. */
	MR_CHECK_INT(
		read_order("{\"leader\":\"a\",\"candidate\":\"b\",\"allow_data_loss\":true}", true), 0);
	MR_CHECK(!order.is_failover && !order.allow_loss);
	MR_CHECK_INT(read_order("{\"member\":\"b\",\"allow_data_loss\":true}", true), 0);
	MR_CHECK(order.is_failover && order.allow_loss);
	MR_CHECK_STRING(order.candidate, "b");
	MR_CHECK_INT(read_order("{\"candidate\":\"b\",\"allow_data_loss\":\"yes\"}", true), 400);
	MR_CHECK_INT(read_order("{\"candidate\":\"b\",\"scheduled_at\":\"2099-01-01T00:00Z\"}", true),
				 400);
	status.forecast.successor = NULL;
	MR_CHECK_INT(read_order("{\"leader\":\"a\"}", false), 412);
	status.primary_node = NULL;
	MR_CHECK_INT(read_order("{\"leader\":\"a\",\"candidate\":\"b\"}", false), 412);
	MR_CHECK_INT(read_order("{\"candidate\":\"b\"}", true), 0);
}
