/*
 * Who may change something: which tokens are taken from the settings, and which request
 * brings one of them. No message repeats a token.
 */
#include "sidecar/mr_auth.h"
#include "unit/mr_unit.h"

#include <stdio.h>
#include <string.h>

#include "sidecar/auth.c"
#include "sidecar/environment.c"

#define GOOD "geheim-0123456789abcdef"
#define OTHER "geheim.ABCDEFGHIJKLMNOP/+~_=="

static MrAuth auth;
static MrProblems problems;

static void
add(const char *list)
{
	memset(&auth, 0, sizeof(auth));
	memset(&problems, 0, sizeof(problems));
	mr_auth_add(&auth, "NAME", list, &problems);
	mr_unit_about("%s", problems.text);
	MR_CHECK(strstr(problems.text, "geheim") == NULL);
}

MR_TEST(without_a_token_nobody_may)
{
	add("");
	MR_CHECK_INT(problems.errors, 0);
	MR_CHECK_INT(mr_auth_check(&auth, NULL), MR_AUTH_NONE_SET);
	MR_CHECK_INT(mr_auth_check(&auth, "Bearer " GOOD), MR_AUTH_NONE_SET);
	MR_CHECK_INT(mr_auth_check(&auth, "Bearer "), MR_AUTH_NONE_SET);
}

MR_TEST(one_of_several_tokens_is_enough)
{
	add(" " GOOD ",\n" OTHER "\r\n");
	MR_CHECK_INT(problems.errors, 0);
	MR_CHECK_INT(auth.count, 2);
	MR_CHECK_INT(mr_auth_check(&auth, "Bearer " GOOD), MR_AUTH_GOOD);
	MR_CHECK_INT(mr_auth_check(&auth, "bEARER   " OTHER), MR_AUTH_GOOD);
}

MR_TEST(anything_else_is_not)
{
	static const struct
	{
		const char *header;
		MrAuthResult result;
	} cases[] = {
		{NULL, MR_AUTH_ABSENT},
		{"", MR_AUTH_ABSENT},
		{GOOD, MR_AUTH_ABSENT},
		{"Bearer", MR_AUTH_ABSENT},
		{"Bearer" GOOD, MR_AUTH_ABSENT},
		{"Basic " GOOD, MR_AUTH_ABSENT},
		{"Bearer ", MR_AUTH_WRONG},
		{"Bearer geheim", MR_AUTH_WRONG},
		{"Bearer " GOOD "0", MR_AUTH_WRONG},
		{"Bearer " GOOD " ", MR_AUTH_WRONG},
		{"Bearer " GOOD "," OTHER, MR_AUTH_WRONG},
		{"Bearer Geheim-0123456789abcdef", MR_AUTH_WRONG},
		{"Bearer geheim-0123456789abcde", MR_AUTH_WRONG},
	};
	size_t i;

	add(GOOD " " OTHER);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		mr_unit_about("%s", cases[i].header != NULL ? cases[i].header : "none");
		MR_CHECK_INT(mr_auth_check(&auth, cases[i].header), cases[i].result);
	}
}

MR_TEST(a_token_that_is_none_is_an_error)
{
	static const char *const lists[] = {"geheim",
										"geheim-01234567",
										"geheim=01234567890123456789",
										"==========================",
										"geheim\x01\x02-0123456789abcdef",
										"geheim:0123456789abcdef",
										"geheim-\xc3\xa9-0123456789"};
	char list[2048];
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
	{
		add(lists[i]);
		MR_CHECK_INT(problems.errors, 1);
		MR_CHECK_INT(auth.count, 0);
	}
	memset(list, 'x', MR_AUTH_TOKEN_MAX + 1);
	list[MR_AUTH_TOKEN_MAX + 1] = '\0';
	add(list);
	MR_CHECK_INT(problems.errors, 1);
	list[MR_AUTH_TOKEN_MAX] = '\0';
	add(list);
	MR_CHECK_INT(problems.errors, 0);
	list[0] = '\0';
	for (i = 0; i <= MR_AUTH_TOKENS; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), GOOD "%zu ", i);
	add(list);
	MR_CHECK_INT(problems.errors, 1);
	MR_CHECK_INT(auth.count, MR_AUTH_TOKENS);
}
