/*
 * Name and value pairs from the process environment and a settings file; the
 * environment wins. Values may be secrets: they are never logged from here.
 */
#ifndef MR_ENVIRONMENT_H
#define MR_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

#define MR_ENVIRONMENT_FILE ".env.multiregion" /* read if it exists */

typedef struct MrVariable
{
	char *name;
	char *value;
	int line; /* in the settings file; 0 = from the environment */
} MrVariable;

typedef struct MrEnvironment
{
	MrVariable *list;
	size_t count;
	size_t space;
} MrEnvironment;

#define MR_PROBLEMS_SIZE 8192

/* What is wrong with the settings, a line each: "error: ..." or "warning: ...". */
typedef struct MrProblems
{
	int errors;
	int warnings;
	size_t length;
	char text[MR_PROBLEMS_SIZE];
} MrProblems;

/* Appends a line (cut at the end of the text). printf format. */
extern void mr_problems_error(MrProblems *problems, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
extern void mr_problems_warning(MrProblems *problems, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Reads the file, then the environment ("NAME=value" strings, NULL at the end) over it.
 * path NULL is MR_ENVIRONMENT_FILE, which need not exist; a path given must. Free with
 * mr_environment_free, also after errors.
 */
extern void mr_environment_load(MrEnvironment *environment, const char *path, char *const *environ,
								MrProblems *problems);

/* The same with the text of a file; for tests and mr_environment_load. */
extern void mr_environment_add_text(MrEnvironment *environment, const char *text, size_t size,
									MrProblems *problems);

/*
 * Sets each secret whose NAME_FILE is set to the line in that file. The environment's NAME
 * wins over the settings file's NAME_FILE, and the other way round; both in one place is an
 * error. The last step of mr_environment_load; also for tests.
 */
extern void mr_environment_take_files(MrEnvironment *environment, MrProblems *problems);

/* Sets a variable, over what is there. False without memory. */
extern bool mr_environment_set(MrEnvironment *environment, const char *name, const char *value,
							   int line);

/* The value, or NULL. An empty value counts as none. */
extern const char *mr_environment_get(const MrEnvironment *environment, const char *name);

/* Frees what loading made; the variables are gone. */
extern void mr_environment_free(MrEnvironment *environment);

#endif /* MR_ENVIRONMENT_H */
