/*
 * Hot answers: the age and the time are written anew, wherever else in the document they
 * seem to stand; and the entity tag names the rest.
 */
#include "sidecar/mr_hot.h"
#include "unit/mr_unit.h"

#include <stdlib.h>
#include <string.h>

#include "sidecar/hot.c"
#include "sidecar/log.c"
#include "sidecar/loop.c"

/* What is written of a text at an age; to be freed. */
static char *
written(const char *text, int64_t age_ms)
{
	MrHotAnswer answer;
	size_t length = 0;
	char *out;

	memset(&answer, 0, sizeof(answer));
	mr_hot_read(&answer, strdup(text), true);
	out = mr_hot_write(&answer, age_ms, 1000, &length);
	MR_CHECK(out != NULL && length == strlen(out));
	free(answer.text);
	return out;
}

static void
check(const char *text, int64_t age_ms, const char *expected)
{
	char *out = written(text, age_ms);

	MR_CHECK_STRING(out, expected);
	free(out);
}

MR_TEST(the_age_is_written_anew)
{
	check("{\"a\":1,\"ageMs\":12,\"stale\":false}", 3456,
		  "{\"a\":1,\"ageMs\":3456,\"stale\":false}\n");
	check("{\"ageMs\":12}", 0, "{\"ageMs\":0}\n");
	check("{\"ageMs\":null}", 5, "{\"ageMs\":null}\n");
	check("{}", 5, "{}\n");
}

MR_TEST(so_is_the_time_of_the_answer)
{
	check("{\"checkedAt\":\"2026-05-04T09:30:12.465Z\",\"ageMs\":1,\"asOf\":\"x\"}", 7,
		  "{\"checkedAt\":\"1970-01-01T00:00:01.000Z\",\"ageMs\":7,\"asOf\":\"x\"}\n");
}

MR_TEST(a_time_ends_where_its_string_does)
{
	check("{\"checkedAt\":\"a\\\"b\",\"ageMs\":1}", 7,
		  "{\"checkedAt\":\"1970-01-01T00:00:01.000Z\",\"ageMs\":7}\n");
	check("{\"ageMs\":1,\"checkedAt\":\"unfinished", 7,
		  "{\"ageMs\":7,\"checkedAt\":\"1970-01-01T00:00:01.000Z\"\n");
}

MR_TEST(only_members_of_the_root_are)
{
	check("{\"n\":[{\"ageMs\":1,\"checkedAt\":\"x\"}],\"o\":{\"ageMs\":2},\"ageMs\":3}", 9,
		  "{\"n\":[{\"ageMs\":1,\"checkedAt\":\"x\"}],\"o\":{\"ageMs\":2},\"ageMs\":9}\n");
	check("{\"name\":\"x\\\"ageMs\\\":5 \\\\\",\"ageMs\":3}", 9,
		  "{\"name\":\"x\\\"ageMs\\\":5 \\\\\",\"ageMs\":9}\n");
	check("{\"name\":\"ageMs\",\"b\":\"}}{{[\",\"ageMs\":3}", 9,
		  "{\"name\":\"ageMs\",\"b\":\"}}{{[\",\"ageMs\":9}\n");
}

static void
tag_of(const char *text, MrHotAnswer *answer)
{
	memset(answer, 0, sizeof(*answer));
	mr_hot_read(answer, strdup(text), true);
	free(answer->text);
}

MR_TEST(the_tag_leaves_the_age_out)
{
	MrHotAnswer first;
	MrHotAnswer second;

	tag_of("{\"a\":1,\"asOf\":\"x\",\"ageMs\":12}", &first);
	tag_of("{\"a\":1,\"asOf\":\"yy\",\"ageMs\":3}", &second);
	MR_CHECK_STRING(first.tag, second.tag);
	tag_of("{\"a\":2,\"asOf\":\"x\",\"ageMs\":12}", &second);
	MR_CHECK(strcmp(first.tag, second.tag) != 0);
	tag_of("{\"a\":1,\"asOf\":\"x\",\"ageMs\":12,\"n\":{\"ageMs\":1}}", &first);
	tag_of("{\"a\":1,\"asOf\":\"x\",\"ageMs\":12,\"n\":{\"ageMs\":2}}", &second);
	MR_CHECK(strcmp(first.tag, second.tag) != 0);
}

MR_TEST(a_condition_names_the_tag)
{
	MrHotAnswer answer;

	tag_of("{}", &answer);
	MR_CHECK(mr_hot_matches(&answer, answer.tag));
	MR_CHECK(mr_hot_matches(&answer, "*"));
	MR_CHECK(!mr_hot_matches(&answer, NULL));
	MR_CHECK(!mr_hot_matches(&answer, "\"x\""));
	answer.tag[0] = '\0';
	MR_CHECK(!mr_hot_matches(&answer, "*"));
}
