/*
 * Requests as strangers send them: percent escapes, query strings, Host headers, and
 * the way to a route.
 */
#include "sidecar/mr_http_text.h"
#include "sidecar/mr_router.h"
#include "unit/mr_unit.h"

#include <string.h>

#include "sidecar/http_text.c"
#include "sidecar/router.c"

static void
nothing(struct MrService *service, struct MrRequest *request, const struct MrRouteMatch *match)
{
	(void) service;
	(void) request;
	(void) match;
}

static const MrRoute table[] = {
	{MR_METHOD_GET, "/", nothing, "root", 0},
	{MR_METHOD_GET, "/a", nothing, "a", 0},
	{MR_METHOD_GET, "/a/:id/region", nothing, "get", 0},
	{MR_METHOD_POST, "/a/:id/region", nothing, "set", 0},
	{MR_METHOD_GET, "/a/b/c", nothing, "abc", 0},
	{MR_METHOD_GET, "/check", nothing, "check", MR_ROUTE_CHECK},
};

static MrRouteMatch match;

static MrRouteResult
find(MrMethod method, const char *path)
{
	mr_unit_about("%s", path);
	return mr_router_find(table, sizeof(table) / sizeof(table[0]), method, path, &match);
}

MR_TEST(paths_lead_to_their_routes)
{
	MR_CHECK_INT(find(MR_METHOD_GET, "/"), MR_ROUTE_FOUND);
	MR_CHECK_STRING(match.route->what, "root");
	MR_CHECK_INT(find(MR_METHOD_GET, "/a"), MR_ROUTE_FOUND);
	MR_CHECK_STRING(match.route->what, "a");
	MR_CHECK_INT(find(MR_METHOD_GET, "/a/"), MR_ROUTE_FOUND);
	MR_CHECK_INT(find(MR_METHOD_GET, "/%61"), MR_ROUTE_FOUND);
	MR_CHECK_INT(find(MR_METHOD_HEAD, "/a"), MR_ROUTE_FOUND);
	MR_CHECK_INT(find(MR_METHOD_GET, "/a/b/c"), MR_ROUTE_FOUND);
	MR_CHECK_STRING(match.route->what, "abc");
	MR_CHECK_INT(find(MR_METHOD_POST, "/a/x/region"), MR_ROUTE_FOUND);
	MR_CHECK_STRING(match.route->what, "set");
}

MR_TEST(a_check_answers_options_itself)
{
	MR_CHECK_INT(find(MR_METHOD_OPTIONS, "/check"), MR_ROUTE_FOUND);
	MR_CHECK_STRING(match.route->what, "check");
	MR_CHECK_INT(find(MR_METHOD_HEAD, "/check"), MR_ROUTE_FOUND);
	MR_CHECK_INT(find(MR_METHOD_POST, "/check"), MR_ROUTE_WRONG_METHOD);
	MR_CHECK_INT(find(MR_METHOD_OPTIONS, "/a"), MR_ROUTE_OPTIONS);
}

MR_TEST(other_paths_lead_nowhere)
{
	static const char *const paths[] = {
		"",      "a",     "/?",          "/b",         "/A",
		"/a//",  "/a/b",  "/a/x/y",      "/a//region", "/a/x/region/z",
		"/a/b/", "/%2Fa", "/a/%zz/tail", "/a%2Fb%2Fc", "/a/../a"};
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		MR_CHECK_INT(find(MR_METHOD_GET, paths[i]), MR_ROUTE_UNKNOWN);
}

MR_TEST(a_parameter_is_one_segment_unescaped)
{
	MR_CHECK_INT(find(MR_METHOD_GET, "/a/ac%20me%2F%c3%a9+'\"/region"), MR_ROUTE_FOUND);
	MR_CHECK_STRING(match.parameter, "ac me/\xC3\xA9+'\"");
	MR_CHECK_INT(find(MR_METHOD_GET, "/a"), MR_ROUTE_FOUND);
	MR_CHECK_STRING(match.parameter, "");
}

MR_TEST(a_parameter_that_cannot_be_read_is_refused)
{
	char path[MR_PARAMETER_SIZE + 32];

	MR_CHECK_INT(find(MR_METHOD_GET, "/a/x%00y/region"), MR_ROUTE_BAD_PARAMETER);
	MR_CHECK_INT(find(MR_METHOD_GET, "/a/%/region"), MR_ROUTE_BAD_PARAMETER);
	MR_CHECK_INT(find(MR_METHOD_GET, "/a/%4/region"), MR_ROUTE_BAD_PARAMETER);
	MR_CHECK_INT(find(MR_METHOD_GET, "/a/%g0/region"), MR_ROUTE_BAD_PARAMETER);
	MR_CHECK_INT(find(MR_METHOD_GET, "/a/%ff/region"), MR_ROUTE_BAD_PARAMETER);
	memset(path, 'x', sizeof(path));
	memcpy(path, "/a/", 3);
	memcpy(path + 3 + MR_PARAMETER_SIZE, "/region", 8);
	MR_CHECK_INT(find(MR_METHOD_GET, path), MR_ROUTE_LONG_PARAMETER);
	memcpy(path + 3 + MR_PARAMETER_SIZE - 1, "/region", 8);
	MR_CHECK_INT(find(MR_METHOD_GET, path), MR_ROUTE_FOUND);
}

MR_TEST(a_wrong_method_is_told_the_right_ones)
{
	char allow[MR_ROUTE_ALLOW_SIZE];

	MR_CHECK_INT(find(MR_METHOD_POST, "/a"), MR_ROUTE_WRONG_METHOD);
	mr_router_allow(match.allow, allow, sizeof(allow));
	MR_CHECK_STRING(allow, "GET, HEAD, OPTIONS");
	MR_CHECK_INT(find(MR_METHOD_DELETE, "/a/x/region"), MR_ROUTE_WRONG_METHOD);
	mr_router_allow(match.allow, allow, sizeof(allow));
	MR_CHECK_STRING(allow, "GET, HEAD, OPTIONS, POST");
	MR_CHECK_INT(find(MR_METHOD_OPTIONS, "/a/x/region"), MR_ROUTE_OPTIONS);
	MR_CHECK_INT(find(MR_METHOD_OPTIONS, "/nope"), MR_ROUTE_UNKNOWN);
	mr_router_allow(~0U, allow, sizeof(allow));
	MR_CHECK_STRING(allow, "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE, TRACE, CONNECT");
	mr_router_allow(~0U, allow, 8);
	MR_CHECK_STRING(allow, "GET");
}

static void
check_query(const char *query, MrTextResult result, const char *value)
{
	char out[8];

	mr_unit_about("%s", query != NULL ? query : "(none)");
	MR_CHECK_INT(mr_http_query_value(query, "strict", out, sizeof(out)), result);
	if (result == MR_TEXT_OK)
		MR_CHECK_STRING(out, value);
}

MR_TEST(query_parameters_are_found_by_name)
{
	check_query("strict=true", MR_TEXT_OK, "true");
	check_query("a=1&strict=a%20b+c&strict=2", MR_TEXT_OK, "a b c");
	check_query("str%69ct=1", MR_TEXT_OK, "1");
	check_query("strict", MR_TEXT_OK, "");
	check_query("strict=&x", MR_TEXT_OK, "");
	check_query("xstrict=1&strictx=2", MR_TEXT_ABSENT, NULL);
	check_query("", MR_TEXT_ABSENT, NULL);
	check_query(NULL, MR_TEXT_ABSENT, NULL);
	check_query("averylongparametername=1&%zz=2", MR_TEXT_ABSENT, NULL);
	check_query("strict=%zz", MR_TEXT_MALFORMED, NULL);
	check_query("strict=%00", MR_TEXT_MALFORMED, NULL);
	check_query("strict=12345678", MR_TEXT_TOO_LONG, NULL);
}

MR_TEST(booleans_have_few_words)
{
	static const struct
	{
		const char *text;
		bool good;
		bool value;
	} words[] = {{"true", true, true}, {"TRUE", true, true},   {"1", true, true},
				 {"on", true, true},   {"", true, true},       {"false", true, false},
				 {"0", true, false},   {"No", true, false},    {"maybe", false, false},
				 {"2", false, false},  {" true", false, false}};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
	{
		bool value = false;

		mr_unit_about("%s", words[i].text);
		MR_CHECK_INT(mr_http_parse_boolean(words[i].text, &value), words[i].good);
		if (words[i].good)
			MR_CHECK_INT(value, words[i].value);
	}
}

MR_TEST(a_host_is_a_name_or_an_address)
{
	static const char *const good[] = {"localhost", "a.b-c_d", "127.0.0.1:3001",
									   "x:1",       "[::1]",   "[::1]:65535"};
	static const char *const bad[] = {"",         " ",        "a b",   "a/b", "a:",  "a:x",
									  "a:123456", "[::1",     "[]",    "a@b", "a,b", "::1",
									  "[::1]x",   "http://a", "a:1:2", "a\"b"};
	char longest[300];
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
	{
		mr_unit_about("%s", good[i]);
		MR_CHECK(mr_http_host_is_valid(good[i]));
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		mr_unit_about("%s", bad[i]);
		MR_CHECK(!mr_http_host_is_valid(bad[i]));
	}
	memset(longest, 'a', sizeof(longest));
	longest[256] = '\0';
	MR_CHECK(!mr_http_host_is_valid(longest));
	longest[255] = '\0';
	MR_CHECK(mr_http_host_is_valid(longest));
}
