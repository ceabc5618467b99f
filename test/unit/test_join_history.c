/*
 * Timeline histories as multiregion-join reads and compares them.
 */
#include "unit/mr_join_facts.h"

#include <stdio.h>
#include <string.h>

#include "unit/mr_unit.h"

static bool
parses(const char *text, uint32_t timeline)
{
	return mr_join_history_parse(text, strlen(text), timeline, &own);
}

MR_TEST(histories_are_read_as_postgresql_writes_them)
{
	MR_REQUIRE(parses("1\t0/5000000\tno recovery target specified\n\n"
					  "# a comment\n  2\t1/A0\tbefore 2000-01-01\n",
					  5));
	MR_CHECK_INT(own.count, 3);
	MR_CHECK_INT(own.list[1].timeline, 2);
	MR_CHECK_INT(own.list[1].begin, 0x5000000);
	MR_CHECK_INT(own.list[2].timeline, 5);
	MR_CHECK_INT(own.list[2].begin, INT64_C(0x1000000A0));
	MR_CHECK(parses("1\t0/5000000\tno newline at the end", 2));
}

MR_TEST(a_history_that_makes_no_sense_is_unknown)
{
	static const char *const wrong[] = {"x\t0/5\t\n",
										"1\n",
										"1\t0\t\n",
										"1\t0/\t\n",
										"1\tG/0\t\n",
										"0\t0/5\t\n",
										"2\t0/5\t\n1\t0/6\t\n",
										"4294967296\t0/5\t\n",
										"1\t1234567890/5\t\n",
										"3\t0/5\t\n"};
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
	{
		mr_unit_about("%s", wrong[i]);
		MR_CHECK(!parses(wrong[i], 3));
		MR_CHECK_INT(own.count, 0);
	}
	MR_CHECK(!mr_join_history_parse(NULL, 0, 2, &own));
	MR_CHECK(!mr_join_history_parse(NULL, 0, 0, &own));
}

MR_TEST(more_timelines_than_fit_are_unknown_not_cut)
{
	static char text[32 * (MR_JOIN_MAX_HISTORY + 2)];
	size_t length = 0;
	int i;

	for (i = 1; i < MR_JOIN_MAX_HISTORY; i++)
		length += (size_t) snprintf(text + length, sizeof(text) - length, "%d\t0/%X\t\n", i, i);
	MR_CHECK(mr_join_history_parse(text, length, MR_JOIN_MAX_HISTORY, &own));
	MR_CHECK_INT(own.count, MR_JOIN_MAX_HISTORY);
	length += (size_t) snprintf(text + length, sizeof(text) - length, "%d\t0/%X\t\n", i, i);
	MR_CHECK(!mr_join_history_parse(text, length, MR_JOIN_MAX_HISTORY + 1, &own));
	MR_CHECK_INT(own.count, 0);
}

MR_TEST(the_common_ancestor_is_where_the_earlier_of_both_left)
{
	uint32_t timeline = 0;
	MrLsn end = 0;

	history(&own, "1\t0/5000000\t\n", 2);
	history(&leaders, "1\t0/4000000\t\n", 3);
	MR_CHECK(mr_join_history_common(&own, &leaders, &timeline, &end));
	MR_CHECK_INT(timeline, 1);
	MR_CHECK_INT(end, 0x4000000);
	history(&leaders, "1\t0/5000000\t\n2\t0/6000000\t\n", 3);
	MR_CHECK(mr_join_history_common(&own, &leaders, &timeline, &end));
	MR_CHECK_INT(timeline, 2);
	MR_CHECK_INT(end, 0x6000000);
	MR_CHECK(mr_join_history_common(&own, &own, &timeline, &end));
	MR_CHECK_INT(timeline, 2);
	MR_CHECK(end == MR_JOIN_NO_END);
	own.count = 0;
	MR_CHECK(!mr_join_history_common(&own, &leaders, &timeline, &end));
}
