/*
 * Reading what a member answers to the monitor (adapters/pg_probe.c). Goal: the right
 * server is told from every other one, and no answer, however strange, is believed
 * or crashes. Method: results built by hand, each a good one with one thing changed.
 */
#include "adapters/mr_pg_probe.h"
#include "unit/mr_unit.h"

#include <string.h>

#define PROBE_COLUMNS 12
#define EVENT_COLUMNS 10
#define NULL_VALUE ((const char *) NULL)

static const char *const good_standby[PROBE_COLUMNS] = {
	"7312345678901234567",
	"t",
	"50331800",
	"50331648",
	"t",
	"EU_WEST-1",
	"follower",
	"7",
	"2",
	"f",
	"f",
	"1795734000000001",
};

static PGresult *
make_result(int columns, const char *const *values)
{
	static char name[] = "column";
	PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	PGresAttDesc attributes[16];
	int column;

	memset(attributes, 0, sizeof(attributes));
	for (column = 0; column < columns; column++)
		attributes[column].name = name;
	MR_CHECK(PQsetResultAttrs(result, columns, attributes) == 1);
	for (column = 0; values != NULL && column < columns; column++)
	{
		char value[256] = "";

		if (values[column] != NULL)
			strncpy(value, values[column], sizeof(value) - 1);
		MR_CHECK(PQsetvalue(result, 0, column, values[column] != NULL ? value : NULL,
							values[column] != NULL ? (int) strlen(value) : -1) == 1);
	}
	return result;
}

static MrProbeVerdict
read_changed(int column, const char *value, bool must_be_standby, MrProbeAnswer *answer,
			 char error[MR_PROBE_ERROR_SIZE])
{
	MrProbeExpectation expected = {.node = "EU_WEST-1",
								   .system_identifier = UINT64_C(7312345678901234567),
								   .must_be_standby = must_be_standby};
	const char *values[PROBE_COLUMNS];
	PGresult *result;
	MrProbeVerdict verdict;

	memcpy(values, good_standby, sizeof(values));
	if (column >= 0)
		values[column] = value;
	result = make_result(PROBE_COLUMNS, values);
	verdict = mr_pg_probe_read(result, &expected, answer, error);
	PQclear(result);
	return verdict;
}

MR_TEST(a_good_answer_is_read)
{
	MrProbeAnswer answer;
	char error[MR_PROBE_ERROR_SIZE];

	MR_CHECK_INT(read_changed(-1, NULL, true, &answer, error), MR_PROBE_OK);
	MR_CHECK_STRING(error, "");
	MR_CHECK(answer.system_identifier == UINT64_C(7312345678901234567));
	MR_CHECK(answer.in_recovery && answer.managed && !answer.fenced && !answer.stopping);
	MR_CHECK_INT(answer.receive_lsn, 50331800);
	MR_CHECK_INT(answer.replay_lsn, 50331648);
	MR_CHECK_INT(answer.term, 7);
	MR_CHECK_INT(answer.timeline, 2);
	MR_CHECK_INT(answer.clock_us, 1795734000000001);
	MR_CHECK_STRING(answer.node, "EU_WEST-1");
	MR_CHECK_STRING(answer.role, "follower");
}

MR_TEST(what_nobody_knows_yet_is_zero)
{
	MrProbeAnswer answer;
	char error[MR_PROBE_ERROR_SIZE];

	MR_CHECK_INT(read_changed(2, NULL_VALUE, true, &answer, error), MR_PROBE_OK);
	MR_CHECK_INT(answer.receive_lsn, 0);
	MR_CHECK_INT(read_changed(8, NULL_VALUE, true, &answer, error), MR_PROBE_OK);
	MR_CHECK_INT(answer.timeline, 0);
}

static const struct
{
	const char *why;
	int column;
	const char *value;
	bool must_be_standby;
	MrProbeVerdict verdict;
	const char *error;
} cases[] = {
	{"another cluster", 0, "7312345678901234568", false, MR_PROBE_WRONG_SERVER,
	 "wrong_server: a server of another cluster answers (system identifier "
	 "7312345678901234568)"},
	{"another node", 5, "US_EAST-1", false, MR_PROBE_WRONG_SERVER,
	 "wrong_server: node \"US_EAST-1\" answers"},
	{"a longer name", 5, "EU_WEST-11", false, MR_PROBE_WRONG_SERVER,
	 "wrong_server: node \"EU_WEST-11\" answers"},
	{"an unmanaged server", 4, "f", false, MR_PROBE_WRONG_SERVER,
	 "wrong_server: an unmanaged server answers"},
	{"a former primary", 1, "f", true, MR_PROBE_NOT_STANDBY,
	 "not_standby: the node does not follow the primary, it waits for its rejoin"},
	{"the primary", 1, "f", false, MR_PROBE_OK, ""},
	{"no name", 5, NULL_VALUE, false, MR_PROBE_WRONG_SERVER, "wrong_server: node \"\" answers"},
	{"no identifier", 0, NULL_VALUE, false, MR_PROBE_WRONG_SERVER,
	 "wrong_server: the answer makes no sense"},
	{"a negative identifier", 0, "-1", false, MR_PROBE_WRONG_SERVER,
	 "wrong_server: the answer makes no sense"},
	{"too large a number", 7, "18446744073709551616", false, MR_PROBE_WRONG_SERVER,
	 "wrong_server: the answer makes no sense"},
	{"a number with a tail", 2, "5033180 ", false, MR_PROBE_WRONG_SERVER,
	 "wrong_server: the answer makes no sense"},
	{"no number", 2, "0/3000000", false, MR_PROBE_WRONG_SERVER,
	 "wrong_server: the answer makes no sense"},
	{"a timeline past its range", 8, "4294967296", false, MR_PROBE_WRONG_SERVER,
	 "wrong_server: the answer makes no sense"},
	{"no boolean", 1, "true", false, MR_PROBE_WRONG_SERVER,
	 "wrong_server: the answer makes no sense"},
	{"no opinion on the fence", 9, NULL_VALUE, false, MR_PROBE_WRONG_SERVER,
	 "wrong_server: the answer makes no sense"},
	{"a clock before 1970", 11, "-5", false, MR_PROBE_OK, ""},
	{"a role of a newer version", 6, "observer", false, MR_PROBE_OK, ""},
	{"too long a role", 6, "a role that no version has", false, MR_PROBE_WRONG_SERVER,
	 "wrong_server: the answer makes no sense"},
	{"too long a name", 5, "0123456789012345678901234567890123456789012345678901234567890123",
	 false, MR_PROBE_WRONG_SERVER, "wrong_server: the answer makes no sense"},
};

MR_TEST(every_other_server_is_told_apart)
{
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		MrProbeAnswer answer;
		char error[MR_PROBE_ERROR_SIZE];

		mr_unit_about("%s", cases[i].why);
		MR_CHECK_INT(
			read_changed(cases[i].column, cases[i].value, cases[i].must_be_standby, &answer, error),
			cases[i].verdict);
		MR_CHECK_STRING(error, cases[i].error);
	}
}

MR_TEST(a_leader_that_we_have_not_heard_of_yet_is_well)
{
	MrProbeExpectation expected = {.node = "EU_WEST-1", .must_be_standby = true};
	const char *values[PROBE_COLUMNS];
	PGresult *result;
	MrProbeAnswer answer;
	char error[MR_PROBE_ERROR_SIZE];

	memcpy(values, good_standby, sizeof(values));
	values[1] = "f";
	values[6] = "leader";
	result = make_result(PROBE_COLUMNS, values);
	MR_CHECK_INT(mr_pg_probe_read(result, &expected, &answer, error), MR_PROBE_OK);
	values[6] = "candidate";
	PQclear(result);
	result = make_result(PROBE_COLUMNS, values);
	MR_CHECK_INT(mr_pg_probe_read(result, &expected, &answer, error), MR_PROBE_NOT_STANDBY);
	PQclear(result);
}

MR_TEST(an_unmanaged_server_has_no_opinion_and_is_named_so)
{
	MrProbeExpectation expected = {.node = "EU_WEST-1"};
	const char *values[PROBE_COLUMNS] = {"1",        "f",        "0",        "0",
										 "f",        NULL_VALUE, NULL_VALUE, NULL_VALUE,
										 NULL_VALUE, NULL_VALUE, NULL_VALUE, "1"};
	PGresult *result = make_result(PROBE_COLUMNS, values);
	MrProbeAnswer answer;
	char error[MR_PROBE_ERROR_SIZE];

	MR_CHECK_INT(mr_pg_probe_read(result, &expected, &answer, error), MR_PROBE_WRONG_SERVER);
	MR_CHECK_STRING(error, "wrong_server: an unmanaged server answers");
	PQclear(result);
}

MR_TEST(a_witness_has_a_cluster_of_its_own)
{
	MrProbeExpectation expected = {.node = "EU_WEST-1", .system_identifier = 0};
	PGresult *result = make_result(PROBE_COLUMNS, good_standby);
	MrProbeAnswer answer;
	char error[MR_PROBE_ERROR_SIZE];

	MR_CHECK_INT(mr_pg_probe_read(result, &expected, &answer, error), MR_PROBE_OK);
	PQclear(result);
}

MR_TEST(results_of_another_shape_are_refused)
{
	MrProbeExpectation expected = {.node = "EU_WEST-1"};
	PGresult *results[] = {
		make_result(PROBE_COLUMNS, NULL), /* no row */
		make_result(PROBE_COLUMNS - 1, good_standby),
		make_result(0, NULL),
		PQmakeEmptyPGresult(NULL, PGRES_FATAL_ERROR),
		PQmakeEmptyPGresult(NULL, PGRES_COMMAND_OK),
	};
	size_t i;

	for (i = 0; i < sizeof(results) / sizeof(results[0]); i++)
	{
		MrProbeAnswer answer;
		char error[MR_PROBE_ERROR_SIZE];

		mr_unit_about("result %d", (int) i);
		MR_CHECK(mr_pg_probe_read(results[i], &expected, &answer, error) != MR_PROBE_OK);
		MR_CHECK(error[0] != '\0');
		MR_CHECK_INT(answer.system_identifier, 0);
		MR_CHECK_INT(mr_pg_probe_event_count(results[i]), -1);
		PQclear(results[i]);
	}
}

static const char *const good_event[EVENT_COLUMNS] = {
	"-81985529216486896", "12",      "1790000000123456", "3",        "-1",
	"node_down",          "warning", "US_EAST",          NULL_VALUE, "no answer within 3000 ms",
};

static bool
read_event_changed(int column, const char *value)
{
	const char *values[EVENT_COLUMNS];
	PGresult *result;
	MrProbeEvent event;
	bool good;

	memcpy(values, good_event, sizeof(values));
	values[column] = value;
	result = make_result(EVENT_COLUMNS, values);
	good = mr_pg_probe_event(result, 0, &event);
	PQclear(result);
	return good;
}

MR_TEST(an_event_is_read)
{
	PGresult *result = make_result(EVENT_COLUMNS, good_event);
	MrProbeEvent event;

	MR_CHECK_INT(mr_pg_probe_event_count(result), 1);
	MR_REQUIRE(mr_pg_probe_event(result, 0, &event));
	MR_CHECK_INT(event.boot, INT64_C(-81985529216486896));
	MR_CHECK_INT(event.sequence, 12);
	MR_CHECK_INT(event.at_us, INT64_C(1790000000123456));
	MR_CHECK_INT(event.term, 3);
	MR_CHECK_INT(event.value, -1);
	MR_CHECK_STRING(event.kind, "node_down");
	MR_CHECK_STRING(event.severity, "warning");
	MR_CHECK_STRING(event.subject, "US_EAST");
	MR_CHECK_STRING(event.reason, NULL);
	MR_CHECK_STRING(event.detail, "no answer within 3000 ms");
	PQclear(result);
}

MR_TEST(events_that_make_no_sense_are_refused)
{
	MR_CHECK(!read_event_changed(0, NULL_VALUE));
	MR_CHECK(!read_event_changed(0, "9223372036854775808"));
	MR_CHECK(!read_event_changed(1, "0"));
	MR_CHECK(!read_event_changed(1, "-3"));
	MR_CHECK(!read_event_changed(2, "2026-11-23"));
	MR_CHECK(!read_event_changed(3, "x"));
	MR_CHECK(!read_event_changed(4, ""));
	MR_CHECK(!read_event_changed(5, NULL_VALUE));
	MR_CHECK(!read_event_changed(6, NULL_VALUE));
	MR_CHECK(read_event_changed(3, NULL_VALUE));
	MR_CHECK(read_event_changed(7, NULL_VALUE));
}
