/*
 * `multiregiond init`: the order of its steps, and how it speaks. See mr_init_steps.h.
 *
 * It must never change what somebody has set: what is there and differs is reported.
 * Called by main.c.
 */
#include "sidecar/mr_init.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/mr_init_steps.h"

static void
print(FILE *out, const char *prefix, const char *format, va_list arguments)
{
	fputs(prefix, out);
	vfprintf(out, format, arguments);
	fputc('\n', out);
	fflush(out);
}

void
mr_init_did(MrInit *init, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print(stdout, "", format, arguments);
	va_end(arguments);
	init->changes++;
}

void
mr_init_differs(MrInit *init, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print(stdout, "differs: ", format, arguments);
	va_end(arguments);
	init->differences++;
}

void
mr_init_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print(stderr, "error: ", format, arguments);
	va_end(arguments);
}

static void
print_field(const PGresult *result, int field, const char *word)
{
	const char *text = PQresultErrorField(result, field);

	if (text != NULL)
		fprintf(stderr, "%s: %s\n", word, text);
}

PGresult *
mr_init_query(MrInit *init, const char *sql, int nparams, const char *const *values, bool quiet,
			  char sqlstate[6])
{
	PGresult *result = PQexecParams(init->conn, sql, nparams, NULL, values, NULL, NULL, 0);
	ExecStatusType status = PQresultStatus(result);
	const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
		return result;
	if (sqlstate != NULL)
		snprintf(sqlstate, 6, "%s", code != NULL ? code : "08006");
	if (!quiet && code != NULL)
	{
		print_field(result, PG_DIAG_MESSAGE_PRIMARY, "error");
		print_field(result, PG_DIAG_MESSAGE_DETAIL, "detail");
		print_field(result, PG_DIAG_MESSAGE_HINT, "hint");
	}
	else if (!quiet)
		mr_init_error("the connection to the local database was lost");
	PQclear(result);
	return NULL;
}

MrExit
mr_init_execute(MrInit *init, const char *sql, int nparams, const char *const *values)
{
	PGresult *result = mr_init_query(init, sql, nparams, values, false, NULL);

	if (result == NULL)
		return MR_EXIT_FAILED;
	PQclear(result);
	return MR_EXIT_OK;
}

char *
mr_init_literal(const MrInit *init, const char *text)
{
	return PQescapeLiteral(init->conn, text, strlen(text));
}

static MrExit
run_steps(MrInit *init)
{
	/*
	 * First what only looks: a refusal changes nothing. Then regions and passwords before
	 * membership, as init() needs its region and connects by its own string.
	 */
	static MrExit (*const steps[])(MrInit *) = {
		mr_init_connect,    mr_init_look,  mr_init_conninfos, mr_init_readiness,
		mr_init_extension,  mr_init_roles, mr_init_passfile,  mr_init_regions,
		mr_init_membership, mr_init_nodes, mr_init_policies,  mr_init_report_checks,
	};
	MrExit code = MR_EXIT_OK;
	size_t i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]) && code == MR_EXIT_OK; i++)
		code = steps[i](init);
	return code;
}

static void
print_summary(const MrInit *init, MrExit code)
{
	if (init->changes > 0)
		printf("%d %s made\n", init->changes, init->changes == 1 ? "change" : "changes");
	else if (code == MR_EXIT_OK && init->check && init->differences > 0)
		printf("%d %s, nothing was changed\n", init->differences,
			   init->differences == 1 ? "difference" : "differences");
	else if (code == MR_EXIT_OK)
		puts("unchanged");
}

MrExit
mr_init(MrSettings *settings, bool check)
{
	MrInit *init = calloc(1, sizeof(*init));
	MrExit code = MR_EXIT_FAILED;

	if (init != NULL && !settings->enabled)
	{
		puts("ENABLE_MULTI_REGION is not true: nothing to do");
		code = MR_EXIT_OK;
	}
	else if (init != NULL)
	{
		init->settings = settings;
		init->check = check;
		code = run_steps(init);
		PQfinish(init->conn);
		print_summary(init, code);
		if (code == MR_EXIT_OK && init->differences > 0)
			code = MR_EXIT_DIFFERS;
	}
	free(init);
	mr_settings_free(settings);
	free(settings);
	return code;
}
