/*
 * The harness of the unit tests (see mr_unit.h): keeps the list of tests of one
 * program, runs them in order, prints TAP.
 *
 *     test_NAME            run all
 *     test_NAME TEST...    run these
 *
 * Linked into every test program.
 */
#include "unit/mr_unit.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAX_TESTS 512
#define MAX_REPORTS 20 /* failures printed for one test; a table may fail in every row */

typedef struct UnitTest
{
	const char *name;
	void (*function)(void);
} UnitTest;

static UnitTest tests[MAX_TESTS];
static int test_count;
static int failures; /* of the running test */
static char about[512];

void
mr_unit_add(const char *name, void (*function)(void))
{
	if (test_count < MAX_TESTS)
	{
		tests[test_count].name = name;
		tests[test_count].function = function;
	}
	test_count++;
}

void
mr_unit_about(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(about, sizeof(about), format, arguments);
	va_end(arguments);
}

/* Counts a failure; true if it is still to be printed. */
static bool
begin_report(const char *file, int line, const char *text)
{
	failures++;
	if (failures > MAX_REPORTS)
		return false;
	printf("# %s:%d: %s", file, line, text);
	if (about[0] != '\0')
		printf(" [%s]", about);
	return true;
}

bool
mr_unit_check(bool held, const char *file, int line, const char *text)
{
	if (!held && begin_report(file, line, text))
		printf(" does not hold\n");
	return held;
}

bool
mr_unit_check_int(int64_t actual, int64_t expected, const char *file, int line, const char *text)
{
	bool held = actual == expected;

	if (!held && begin_report(file, line, text))
		printf(" is %" PRId64 ", not %" PRId64 "\n", actual, expected);
	return held;
}

bool
mr_unit_check_string(const char *actual, const char *expected, const char *file, int line,
					 const char *text)
{
	bool held =
		actual == expected || (actual != NULL && expected != NULL && strcmp(actual, expected) == 0);

	if (!held && begin_report(file, line, text))
		printf(" is \"%s\", not \"%s\"\n", actual ? actual : "(null)",
			   expected ? expected : "(null)");
	return held;
}

static bool
is_wanted(const char *name, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (strcmp(name, argv[i]) == 0)
			return true;
	return argc == 1;
}

int
main(int argc, char **argv)
{
	int i;
	int ran = 0;
	int failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (test_count > MAX_TESTS)
	{
		printf("Bail out! more than %d tests in one program\n", MAX_TESTS);
		return 2;
	}
	for (i = 0; i < test_count; i++)
	{
		if (!is_wanted(tests[i].name, argc, argv))
			continue;
		failures = 0;
		about[0] = '\0';
		tests[i].function();
		if (failures > MAX_REPORTS)
			printf("# and %d more failures\n", failures - MAX_REPORTS);
		printf("%s %d - %s\n", failures == 0 ? "ok" : "not ok", ++ran, tests[i].name);
		failed += failures != 0;
	}
	printf("1..%d\n", ran);
	return failed != 0 || ran == 0;
}
