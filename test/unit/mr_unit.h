/*
 * The harness of the unit tests: a test program is a file test/unit/test_NAME.c
 * with MR_TEST functions and nothing else; its main() is in mr_unit.c. It prints
 * TAP. Sanitizers and MR_ASSERT are on, so a test also fails by crashing.
 *
 *     MR_TEST(a_stale_term_is_refused)
 *     {
 *         MR_CHECK_INT(mr_thing_do(&thing), MR_REFUSE_STALE_TERM);
 *     }
 *
 * A failed check is reported and the test goes on; MR_REQUIRE ends it.
 */
#ifndef MR_UNIT_H
#define MR_UNIT_H

#include <stdbool.h>
#include <stdint.h>

/* Defines a test. Tests run in the order in which they stand in the file. */
#define MR_TEST(name) \
	static void name(void); \
	__attribute__((constructor)) static void register_##name(void) \
	{ \
		mr_unit_add(#name, name); \
	} \
	static void name(void)

#define MR_CHECK(condition) mr_unit_check((condition), __FILE__, __LINE__, #condition)

#define MR_REQUIRE(condition) \
	do \
	{ \
		if (!mr_unit_check((condition), __FILE__, __LINE__, #condition)) \
			return; \
	} while (0)

/* Equality with both values in the report. Any integer type up to 64 bits. */
#define MR_CHECK_INT(actual, expected) \
	mr_unit_check_int((int64_t) (actual), (int64_t) (expected), __FILE__, __LINE__, #actual)

/* Equality of strings; NULL equals only NULL. */
#define MR_CHECK_STRING(actual, expected) \
	mr_unit_check_string((actual), (expected), __FILE__, __LINE__, #actual)

/*
 * What the following failures are about, printed with each of them; for tests that
 * walk a table. printf format. Lasts until the next call or the end of the test.
 */
extern void mr_unit_about(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Behind the macros. Each check returns whether it held. */
extern void mr_unit_add(const char *name, void (*function)(void));
extern bool mr_unit_check(bool held, const char *file, int line, const char *text);
extern bool mr_unit_check_int(int64_t actual, int64_t expected, const char *file, int line,
							  const char *text);
extern bool mr_unit_check_string(const char *actual, const char *expected, const char *file,
								 int line, const char *text);

#endif /* MR_UNIT_H */
