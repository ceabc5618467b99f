/*
 * Whether a region can serve: every state of the copy against every age, and what a
 * region's nodes add up to.
 */
#include "sidecar/mr_serving.h"
#include "unit/mr_unit.h"

#include <stdarg.h>
#include <string.h>

#include "sidecar/serving.c"
#include "sidecar/status.c"

/* status.c logs; here nobody reads it. */
void
mr_log(MrLogLevel level, const char *format, ...)
{
	(void) level;
	(void) format;
}

static const MrServingInput good = {
	.enabled = true, .connected = true, .age_ms = 100, .stale_after_ms = 3000};

static MrStatus status;

/* A healthy primary, two standbys elsewhere. */
static void
set_primary(void)
{
	static const MrStatusNode nodes[] = {
		{.name = "a", .region = "A", .part = MR_PART_PRIMARY, .health = MR_HEALTH_UP},
		{.name = "b",
		 .region = "B",
		 .part = MR_PART_STANDBY,
		 .health = MR_HEALTH_UP,
		 .eligible = true,
		 .lag_bytes = 7},
		{.name = "c",
		 .region = "B",
		 .part = MR_PART_STANDBY,
		 .health = MR_HEALTH_UP,
		 .eligible = true,
		 .lag_bytes = 5},
	};

	memset(&status, 0, sizeof(status));
	status.valid = true;
	status.managed = true;
	status.node = "a";
	status.primary_node = "a";
	status.is_primary = true;
	status.writable = true;
	status.node_count = 3;
	memcpy(status.nodes, nodes, sizeof(nodes));
}

static void
set_standby(void)
{
	set_primary();
	status.node = "b";
	status.is_primary = false;
	status.writable = false;
	status.fenced = true;
	status.in_recovery = true;
}

static void
check_judgement(MrServing expected)
{
	MrServingInput input;

	MR_CHECK_STRING(mr_serving_reason(mr_serving_judge(&good, &status)),
					mr_serving_reason(expected));
	/* Whatever the copy says, an old one or a lost connection never says yes. */
	input = good;
	input.age_ms = 3001;
	MR_CHECK(!mr_serving_is_good(mr_serving_judge(&input, &status)));
	input = good;
	input.connected = false;
	MR_CHECK(!mr_serving_is_good(mr_serving_judge(&input, &status)));
	input = good;
	input.draining = true;
	MR_CHECK_INT(mr_serving_judge(&input, &status), MR_SERVING_DRAINING);
	input.enabled = false;
	MR_CHECK_INT(mr_serving_judge(&input, &status), MR_SERVING_DISABLED);
}

MR_TEST(a_writable_primary_serves)
{
	set_primary();
	check_judgement(MR_SERVING_PRIMARY);
	MR_CHECK_INT(mr_serving_part(&status), MR_PART_PRIMARY);
}

MR_TEST(a_standby_serves_while_it_knows_a_leader)
{
	set_standby();
	check_judgement(MR_SERVING_STANDBY);
	MR_CHECK_INT(mr_serving_part(&status), MR_PART_STANDBY);
	status.primary_node = NULL;
	check_judgement(MR_SERVING_NO_LEADER);
}

MR_TEST(a_primary_without_lease_does_not_serve)
{
	set_primary();
	status.writable = false;
	check_judgement(MR_SERVING_FENCED);
	status.in_recovery = true;
	check_judgement(MR_SERVING_PROMOTING);
}

MR_TEST(a_former_primary_does_not_serve)
{
	set_primary();
	status.is_primary = false;
	status.writable = false;
	status.primary_node = "b";
	check_judgement(MR_SERVING_FENCED);
	MR_CHECK_INT(mr_serving_part(&status), MR_PART_UNKNOWN);
}

MR_TEST(a_stopping_server_does_not_serve)
{
	set_primary();
	status.stopping = true;
	check_judgement(MR_SERVING_STOPPING);
	set_standby();
	status.stopping = true;
	check_judgement(MR_SERVING_STOPPING);
	memset(&status, 0, sizeof(status));
	status.valid = true;
	status.stopping = true;
	check_judgement(MR_SERVING_STOPPING);
}

MR_TEST(an_unmanaged_server_serves)
{
	memset(&status, 0, sizeof(status));
	status.valid = true;
	check_judgement(MR_SERVING_UNMANAGED);
	MR_CHECK_INT(mr_serving_part(&status), MR_PART_PRIMARY);
	status.in_recovery = true;
	check_judgement(MR_SERVING_UNMANAGED);
	MR_CHECK_INT(mr_serving_part(&status), MR_PART_STANDBY);
}

MR_TEST(without_a_copy_nothing_serves)
{
	memset(&status, 0, sizeof(status));
	check_judgement(MR_SERVING_NO_STATUS);
	MR_CHECK_INT(mr_serving_part(&status), MR_PART_UNKNOWN);
}

MR_TEST(the_age_limit_is_exact)
{
	MrServingInput input = good;

	set_primary();
	input.age_ms = 3000;
	MR_CHECK_INT(mr_serving_judge(&input, &status), MR_SERVING_PRIMARY);
	input.age_ms = 3001;
	MR_CHECK_INT(mr_serving_judge(&input, &status), MR_SERVING_TOO_OLD);
}

MR_TEST(the_database_is_as_healthy_as_its_nodes)
{
	MrServingInput input = good;

	set_primary();
	MR_CHECK_INT(mr_serving_database(&good, &status), MR_VERDICT_HEALTHY);
	status.nodes[2].health = MR_HEALTH_SUSPECT;
	MR_CHECK_INT(mr_serving_database(&good, &status), MR_VERDICT_DEGRADED);
	status.nodes[2].health = MR_HEALTH_DOWN;
	MR_CHECK_INT(mr_serving_database(&good, &status), MR_VERDICT_DEGRADED);
	set_primary();
	status.stopping = true;
	MR_CHECK_INT(mr_serving_database(&good, &status), MR_VERDICT_DEGRADED);
	set_primary();
	status.writable = false;
	MR_CHECK_INT(mr_serving_database(&good, &status), MR_VERDICT_DOWN);
	set_standby();
	MR_CHECK_INT(mr_serving_database(&good, &status), MR_VERDICT_HEALTHY);
	status.primary_node = NULL;
	MR_CHECK_INT(mr_serving_database(&good, &status), MR_VERDICT_DOWN);
	set_primary();
	input.connected = false;
	MR_CHECK_INT(mr_serving_database(&input, &status), MR_VERDICT_DOWN);
	input = good;
	input.age_ms = 4000;
	MR_CHECK_INT(mr_serving_database(&input, &status), MR_VERDICT_DOWN);
}

MR_TEST(failover_needs_a_candidate)
{
	set_primary();
	MR_CHECK_INT(mr_serving_failover(&good, &status), MR_VERDICT_HEALTHY);
	status.nodes[1].eligible = false;
	MR_CHECK_INT(mr_serving_failover(&good, &status), MR_VERDICT_HEALTHY);
	status.nodes[2].eligible = false;
	MR_CHECK_INT(mr_serving_failover(&good, &status), MR_VERDICT_DEGRADED);
	status.primary_node = NULL;
	MR_CHECK_INT(mr_serving_failover(&good, &status), MR_VERDICT_DOWN);
}

MR_TEST(the_best_node_speaks_for_its_region)
{
	MrRegionSummary summary;

	set_primary();
	mr_status_summarize(&status, "A", &summary);
	MR_CHECK_INT(summary.part, MR_PART_PRIMARY);
	MR_CHECK_STRING(summary.best->name, "a");
	mr_status_summarize(&status, "B", &summary);
	MR_CHECK_STRING(summary.best->name, "c"); /* less behind */
	MR_CHECK_INT(summary.part, MR_PART_STANDBY);
	status.nodes[2].lag_bytes = MR_UNKNOWN;
	mr_status_summarize(&status, "B", &summary);
	MR_CHECK_STRING(summary.best->name, "b");
	status.nodes[1].health = MR_HEALTH_DOWN;
	mr_status_summarize(&status, "B", &summary);
	MR_CHECK_STRING(summary.best->name, "c");
	MR_CHECK_INT(summary.health, MR_HEALTH_UP);
	status.nodes[2].health = MR_HEALTH_DOWN;
	mr_status_summarize(&status, "B", &summary);
	MR_CHECK_INT(summary.health, MR_HEALTH_DOWN);
	mr_status_summarize(&status, "C", &summary);
	MR_CHECK(summary.best == NULL);
	MR_CHECK_INT(summary.part, MR_PART_UNKNOWN);
	MR_CHECK_INT(summary.health, MR_HEALTH_UNKNOWN);
}

MR_TEST(words_of_the_api)
{
	MR_CHECK_STRING(mr_health_word(MR_HEALTH_UP), "healthy");
	MR_CHECK_STRING(mr_health_word(MR_HEALTH_SUSPECT), "degraded");
	MR_CHECK_STRING(mr_health_word(MR_HEALTH_DOWN), "down");
	MR_CHECK_STRING(mr_health_word(MR_HEALTH_UNKNOWN), "unknown");
	MR_CHECK_STRING(mr_part_name(MR_PART_PRIMARY), "primary");
	MR_CHECK_STRING(mr_part_name(MR_PART_STANDBY), "standby");
	MR_CHECK_STRING(mr_part_name(MR_PART_UNKNOWN), "unknown");
}
