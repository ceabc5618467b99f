/*
 * Who may change something: which tokens are taken from the settings, and which request
 * brings one of them. No message repeats a token.
 */
#include "sidecar/mr_auth.h"
#include "unit/mr_unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/auth.c"
#include "sidecar/environment.c"

#define GOOD "geheim-0123456789abcdef"
#define OTHER "geheim.ABCDEFGHIJKLMNOP/+~_=="

static MrAuth auth;
static MrProblems problems;

static MrIdentity identity;
static const char *why;

static MrAuthResult
check(const char *header)
{
	free(identity.claims);
	return mr_auth_check(&auth, header, 1700000000, &identity, &why);
}

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
	MR_CHECK_INT(check(NULL), MR_AUTH_NONE_SET);
	MR_CHECK_INT(check("Bearer " GOOD), MR_AUTH_NONE_SET);
	MR_CHECK_INT(check("Bearer "), MR_AUTH_NONE_SET);
}

MR_TEST(one_of_several_tokens_is_enough)
{
	add(" " GOOD ",\n" OTHER "\r\n");
	MR_CHECK_INT(problems.errors, 0);
	MR_CHECK_INT(auth.count, 2);
	MR_CHECK_INT(check("Bearer " GOOD), MR_AUTH_GOOD);
	MR_CHECK_INT(check("bEARER   " OTHER), MR_AUTH_GOOD);
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
		MR_CHECK_INT(check(cases[i].header), cases[i].result);
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

#define PASSWORD "hunter2-hunter2-hunter2"

MR_TEST(a_user_and_his_password_are_known_together)
{
	memset(&auth, 0, sizeof(auth));
	memset(&problems, 0, sizeof(problems));
	mr_auth_add_users(&auth, "NAME", "ops:" PASSWORD " dba:x:" PASSWORD, &problems);
	MR_CHECK_INT(problems.errors, 0);
	memcpy(auth.role, "operator", sizeof("operator"));
	/* ops:hunter2-hunter2-hunter2 */
	MR_CHECK_INT(check("Basic b3BzOmh1bnRlcjItaHVudGVyMi1odW50ZXIy"), MR_AUTH_GOOD);
	MR_CHECK_STRING(identity.name, "ops");
	MR_CHECK_STRING(identity.role, "operator");
	/* dba:x:hunter2-hunter2-hunter2 */
	MR_CHECK_INT(check("basic ZGJhOng6aHVudGVyMi1odW50ZXIyLWh1bnRlcjI="), MR_AUTH_GOOD);
	MR_CHECK_STRING(identity.name, "dba");
	/* opt:hunter2-hunter2-hunter2 */
	MR_CHECK_INT(check("Basic b3B0Omh1bnRlcjItaHVudGVyMi1odW50ZXIy"), MR_AUTH_WRONG);
	MR_CHECK_STRING(identity.name, "");
	MR_CHECK_INT(check("Basic ops:" PASSWORD), MR_AUTH_WRONG);
	MR_CHECK_INT(check("Basic "), MR_AUTH_WRONG);
	MR_CHECK_INT(check("Bearer " PASSWORD), MR_AUTH_WRONG);
}

MR_TEST(a_user_without_a_good_password_is_refused)
{
	static const char *const lists[] = {"ops", "ops:", ":" PASSWORD, "ops:short", PASSWORD};
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
	{
		memset(&auth, 0, sizeof(auth));
		memset(&problems, 0, sizeof(problems));
		mr_auth_add_users(&auth, "NAME", lists[i], &problems);
		MR_CHECK_INT(problems.errors, 1);
		MR_CHECK(strstr(problems.text, "hunter2") == NULL);
		MR_CHECK_INT(auth.user_count, 0);
	}
}

/* {"alg":"HS256"} {"role":"editor","exp":1700000100}, signed with forty times k */
#define SIGNED \
	"eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiZWRpdG9yIiwiZXhwIjoxNzAwMDAwMTAwfQ." \
	"do-3zZVkM4jrRIBy0mt_MY291Q7trIo0GgYx0_qa7BE"

MR_TEST(a_signed_token_names_its_role_until_it_expires)
{
	memset(&auth, 0, sizeof(auth));
	memset(&problems, 0, sizeof(problems));
	mr_auth_add_keys(&auth, "NAME", "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk", &problems);
	auth.role_claim = "role";
	MR_CHECK_INT(problems.errors, 0);
	for (int again = 0; again < 2; again++) /* verified, then remembered */
	{
		MR_CHECK_INT(check("Bearer " SIGNED), MR_AUTH_GOOD);
		MR_CHECK_STRING(identity.role, "editor");
		MR_CHECK_STRING(identity.claims, "{\"role\":\"editor\",\"exp\":1700000100}");
	}
	MR_CHECK_INT(check("Bearer " SIGNED "x"), MR_AUTH_WRONG);
	MR_CHECK_STRING(identity.claims, NULL);
	free(identity.claims);
	MR_CHECK_INT(mr_auth_check(&auth, "Bearer " SIGNED, 1700000200, &identity, &why),
				 MR_AUTH_WRONG);
	MR_CHECK_STRING(why, "The token has expired.");
	MR_CHECK_INT(check("Bearer a.b.c"), MR_AUTH_WRONG);
	mr_auth_free(&auth);
}

MR_TEST(keys_that_cannot_be_used_are_named_and_not_shown)
{
	memset(&auth, 0, sizeof(auth));
	memset(&problems, 0, sizeof(problems));
	mr_auth_add_keys(&auth, "NAME", "geheim", &problems);
	MR_CHECK_INT(problems.errors, 1);
	MR_CHECK(strstr(problems.text, "geheim") == NULL);
	mr_auth_free(&auth);
}
