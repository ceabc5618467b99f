/*
 * Writing JSON: order, types, escapes, text that is not UTF-8, and failures that show
 * only at the end.
 */
#include "adapters/mr_json.h"
#include "unit/mr_unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Ends the document and compares its text. */
static void
check_text(MrJson *json, const char *expected)
{
	char *text = mr_json_end(json);

	MR_CHECK_STRING(text, expected);
	free(text);
}

MR_TEST(members_keep_their_order_and_types)
{
	MrJson json;
	MrJsonNode *root = mr_json_begin(&json);
	MrJsonNode *list = mr_json_add_array(&json, root, "z");
	MrJsonNode *inner = mr_json_add_object(&json, list, NULL);

	mr_json_add_integer(&json, inner, "n", INT64_MIN);
	mr_json_add_real(&json, list, NULL, 38.9);
	mr_json_add_boolean(&json, root, "b", false);
	mr_json_add_null(&json, root, "a");
	mr_json_add_string(&json, root, "s", NULL);
	check_text(&json,
			   "{\"z\":[{\"n\":-9223372036854775808},38.9],\"b\":false,\"a\":null,\"s\":null}");
}

MR_TEST(an_empty_document_is_an_object)
{
	MrJson json;

	(void) mr_json_begin(&json);
	check_text(&json, "{}");
}

MR_TEST(quotes_and_controls_are_escaped)
{
	MrJson json;
	MrJsonNode *root = mr_json_begin(&json);

	mr_json_add_string(&json, root, "s", "a\"b\\c\n\x01 \xC3\xA9");
	check_text(&json, "{\"s\":\"a\\\"b\\\\c\\n\\u0001 \xC3\xA9\"}");
}

MR_TEST(bytes_that_are_not_utf8_are_replaced_one_by_one)
{
	MrJson json;
	MrJsonNode *root = mr_json_begin(&json);

	mr_json_add_string(&json, root, "s", "a\xFF\xC3z\xE2\x82\xAC\xE2\x82");
	check_text(&json, "{\"s\":\"a\xEF\xBF\xBD\xEF\xBF\xBDz\xE2\x82\xAC\xEF\xBF\xBD\xEF\xBF\xBD\"}");
}

MR_TEST(numbers_that_json_has_not_are_null)
{
	MrJson json;
	MrJsonNode *root = mr_json_begin(&json);

	mr_json_add_real(&json, root, "nan", NAN);
	mr_json_add_real(&json, root, "inf", INFINITY);
	check_text(&json, "{\"nan\":null,\"inf\":null}");
}

MR_TEST(a_step_that_failed_takes_the_whole_document)
{
	MrJson json;
	MrJsonNode *root = mr_json_begin(&json);

	mr_json_add_string(&json, root, "s", "kept");
	MR_CHECK(mr_json_add_object(&json, NULL, "lost") == NULL);
	MR_CHECK(mr_json_end(&json) == NULL);
}

MR_TEST(an_abandoned_document_leaves_nothing_behind)
{
	MrJson json;

	mr_json_add_integer(&json, mr_json_begin(&json), "n", 1);
	mr_json_abandon(&json);
	MR_CHECK(json.root == NULL);
	MR_CHECK(mr_json_end(&json) == NULL);
}

MR_TEST(text_is_utf8_without_nul)
{
	MR_CHECK(mr_json_is_text("", 0));
	MR_CHECK(mr_json_is_text("\xF0\x9F\x98\x80", 4));
	MR_CHECK(!mr_json_is_text("a\0b", 3));
	MR_CHECK(!mr_json_is_text("\xC0\xAF", 2));         /* overlong */
	MR_CHECK(!mr_json_is_text("\xED\xA0\x80", 3));     /* surrogate */
	MR_CHECK(!mr_json_is_text("\xF4\x90\x80\x80", 4)); /* beyond Unicode */
	MR_CHECK(!mr_json_is_text("\xC3", 1));
}

static MrJsonNode *
read_text(MrJson *json, const char *text)
{
	mr_unit_about("%s", text);
	return mr_json_read(json, text, strlen(text));
}

MR_TEST(an_object_is_read)
{
	MrJson json;
	MrJsonNode *root =
		read_text(&json, "{\"s\":\"a\\u00e9\",\"i\":-7,\"t\":true,\"n\":null,\"r\":1.5}");
	char text[8] = "kept";
	int64_t number = 42;
	bool flag = false;

	MR_REQUIRE(root != NULL);
	MR_CHECK_INT(mr_json_get_string(root, "s", text, sizeof(text)), MR_JSON_FOUND);
	MR_CHECK_STRING(text, "a\xC3\xA9");
	MR_CHECK_INT(mr_json_get_string(root, "s", text, 3), MR_JSON_TOO_LONG);
	MR_CHECK_INT(mr_json_get_integer(root, "i", &number), MR_JSON_FOUND);
	MR_CHECK_INT(number, -7);
	MR_CHECK_INT(mr_json_get_boolean(root, "t", &flag), MR_JSON_FOUND);
	MR_CHECK(flag);
	MR_CHECK_INT(mr_json_get_integer(root, "n", &number), MR_JSON_ABSENT);
	MR_CHECK_INT(mr_json_get_integer(root, "x", &number), MR_JSON_ABSENT);
	MR_CHECK_INT(mr_json_get_integer(root, "r", &number), MR_JSON_OTHER);
	MR_CHECK_INT(mr_json_get_integer(root, "s", &number), MR_JSON_OTHER);
	MR_CHECK_INT(mr_json_get_string(root, "i", text, sizeof(text)), MR_JSON_OTHER);
	MR_CHECK_INT(mr_json_get_boolean(root, "i", &flag), MR_JSON_OTHER);
	MR_CHECK_INT(number, -7);
	mr_json_abandon(&json);
}

MR_TEST(unknown_keys_show)
{
	static const char *const keys[] = {"a", "b", "c"};
	MrJson json;

	MR_CHECK(mr_json_has_only(read_text(&json, "{\"c\":1,\"a\":null}"), keys, 3));
	mr_json_abandon(&json);
	MR_CHECK(mr_json_has_only(read_text(&json, "{}"), keys, 3));
	mr_json_abandon(&json);
	MR_CHECK(!mr_json_has_only(read_text(&json, "{\"a\":1,\"A\":1}"), keys, 3));
	mr_json_abandon(&json);
}

MR_TEST(what_is_no_object_is_not_read)
{
	static const char *const texts[] = {"",
										"[]",
										"null",
										"{",
										"1",
										"{\"a\":1,}",
										"{\"a\":1} x",
										"{\"a\":1,\"a\":1}",
										"x",
										"{\"a\":\"\xff\"}",
										"{\"a\":\"\\u0000\"}",
										"{'a':1}",
										"{\"a\":99999999999999999999}"};
	MrJson json;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		MR_CHECK(read_text(&json, texts[i]) == NULL);
		mr_json_abandon(&json);
	}
	MR_CHECK(mr_json_read(&json, "{\"a\":\"\0\"}", 9) == NULL);
	mr_json_abandon(&json);
}

MR_TEST(a_document_goes_into_another)
{
	MrJson json;
	MrJsonNode *root = mr_json_begin(&json);

	mr_json_add_text(&json, root, "a", "[{\"b\": 1}, null]");
	check_text(&json, "{\"a\":[{\"b\":1},null]}");
	root = mr_json_begin(&json);
	mr_json_add_text(&json, root, "a", "nonsense");
	MR_CHECK(mr_json_end(&json) == NULL);
}
