/*
 * Errors of the API: every entry is complete, SQLSTATEs have the status that
 * docs/errors.md gives them.
 */
#include "sidecar/mr_http_error.h"
#include "unit/mr_unit.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/http_error.c"

MR_TEST(every_error_is_complete_and_has_its_own_code)
{
	int a;
	int b;

	for (a = 0; a < MR_HTTP_ERROR_COUNT; a++)
	{
		char *body = mr_http_error_body((MrHttpError) a, NULL);

		mr_unit_about("%d", a);
		MR_REQUIRE(body != NULL && mr_http_error_code((MrHttpError) a) != NULL);
		MR_CHECK(strstr(body, "\"details\":null,\"hint\":\"") != NULL);
		MR_CHECK(mr_http_error_status((MrHttpError) a) >= 400);
		MR_CHECK(strcmp(mr_http_reason(mr_http_error_status((MrHttpError) a)), "Unknown") != 0);
		/* As PostgreSQL: the message small and without a stop, the hint a sentence. */
		MR_CHECK(islower((unsigned char) entries[a].message[0]));
		MR_CHECK(entries[a].hint[strlen(entries[a].hint) - 1] == '.');
		for (b = 0; b < a; b++)
			MR_CHECK(strcmp(entries[a].code, entries[b].code) != 0);
		free(body);
	}
}

MR_TEST(the_librarys_own_refusals_find_their_entry)
{
	MR_CHECK_INT(mr_http_error_of_status(400), MR_ERROR_BAD_REQUEST);
	MR_CHECK_INT(mr_http_error_of_status(413), MR_ERROR_TOO_LARGE);
	MR_CHECK_INT(mr_http_error_of_status(417), MR_ERROR_EXPECTATION);
	MR_CHECK_INT(mr_http_error_of_status(501), MR_ERROR_UNKNOWN_METHOD);
	MR_CHECK_INT(mr_http_error_of_status(418), MR_ERROR_BAD_REQUEST);
	MR_CHECK_INT(mr_http_error_of_status(599), MR_ERROR_INTERNAL);
}

MR_TEST(sqlstates_have_a_status)
{
	static const struct
	{
		const char *sqlstate;
		int status;
	} expected[] = {
		{"08006", 503}, {"22021", 400}, {"22P05", 400}, {"23503", 409}, {"23505", 409},
		{"23514", 400}, {"25006", 503}, {"28000", 503}, {"3F000", 503}, {"40001", 409},
		{"42501", 403}, {"42602", 400}, {"2BP01", 409}, {"42704", 404}, {"42710", 409},
		{"42883", 503}, {"42P01", 503}, {"53300", 503}, {"54000", 413}, {"55000", 409},
		{"57014", 504}, {"57P01", 503}, {"57P03", 503}, {"P0001", 500}, {"P0002", 404},
		{"XX000", 500}, {NULL, 500},
	};
	size_t i;

	for (i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
	{
		mr_unit_about("%s", expected[i].sqlstate != NULL ? expected[i].sqlstate : "none");
		MR_CHECK_INT(mr_http_status_of_sqlstate(expected[i].sqlstate), expected[i].status);
	}
}

MR_TEST(an_error_of_the_database_keeps_its_parts)
{
	char *body = mr_http_error_body_of("22023", "bad \"x\"", "Detail.", NULL);

	MR_CHECK_STRING(body,
					"{\"code\":\"22023\",\"message\":\"bad \\\"x\\\"\",\"details\":\"Detail.\","
					"\"hint\":null}");
	free(body);
}
