/*
 * Writing JSON: order, types, escapes, text that is not UTF-8, and failures that show
 * only at the end.
 */
#include "adapters/mr_json.h"
#include "unit/mr_unit.h"

#include <math.h>
#include <stdlib.h>

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
