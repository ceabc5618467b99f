/*
 * Collects settings from the environment and the settings file; see mr_environment.h.
 * It must never repeat a value in a message. Called by settings.c.
 */
#include "sidecar/mr_environment.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "adapters/mr_env_file.h"
#include "core/mr_variables.h"

static void
add_line(MrProblems *problems, const char *word, const char *format, va_list arguments)
{
	size_t left = sizeof(problems->text) - problems->length;
	int count = snprintf(problems->text + problems->length, left, "%s: ", word);

	if (count > 0 && (size_t) count < left)
	{
		problems->length += (size_t) count;
		left -= (size_t) count;
		count = vsnprintf(problems->text + problems->length, left, format, arguments);
	}
	if (count < 0 || (size_t) count + 1 >= left)
	{
		problems->length = sizeof(problems->text) - 1;
		return;
	}
	problems->length += (size_t) count;
	problems->text[problems->length++] = '\n';
	problems->text[problems->length] = '\0';
}

void
mr_problems_error(MrProblems *problems, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_line(problems, "error", format, arguments);
	va_end(arguments);
	problems->errors++;
}

void
mr_problems_warning(MrProblems *problems, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_line(problems, "warning", format, arguments);
	va_end(arguments);
	problems->warnings++;
}

static MrVariable *
find(const MrEnvironment *environment, const char *name)
{
	size_t i;

	for (i = 0; i < environment->count; i++)
		if (strcmp(environment->list[i].name, name) == 0)
			return &environment->list[i];
	return NULL;
}

bool
mr_environment_set(MrEnvironment *environment, const char *name, const char *value, int line)
{
	MrVariable *variable = find(environment, name);
	char *copy = strdup(value);

	if (copy == NULL)
		return false;
	if (variable == NULL)
	{
		if (environment->count == environment->space)
		{
			size_t space = environment->space == 0 ? 64 : environment->space * 2;
			MrVariable *list = realloc(environment->list, space * sizeof(*list));

			if (list == NULL)
			{
				free(copy);
				return false;
			}
			environment->list = list;
			environment->space = space;
		}
		variable = &environment->list[environment->count];
		variable->value = NULL;
		variable->name = strdup(name);
		if (variable->name == NULL)
		{
			free(copy);
			return false;
		}
		environment->count++;
	}
	free(variable->value);
	variable->value = copy;
	variable->line = line;
	return true;
}

const char *
mr_environment_get(const MrEnvironment *environment, const char *name)
{
	const MrVariable *variable = find(environment, name);

	return variable != NULL && variable->value[0] != '\0' ? variable->value : NULL;
}

void
mr_environment_add_text(MrEnvironment *environment, const char *text, size_t size,
						MrProblems *problems)
{
	MrEnvReader reader;
	MrEnvNews news;

	mr_env_open(&reader, text, size);
	while ((news = mr_env_next(&reader)) != MR_ENV_END)
	{
		const MrVariable *earlier;

		if (news == MR_ENV_PROBLEM)
		{
			mr_problems_error(problems, "line %d of the settings file: %s", reader.line,
							  reader.problem);
			continue;
		}
		earlier = find(environment, reader.name);
		if (earlier != NULL)
			mr_problems_warning(problems, "%s is set in line %d and again in line %d, which counts",
								reader.name, earlier->line, reader.line);
		if (!mr_environment_set(environment, reader.name, reader.value, reader.line))
			mr_problems_error(problems, "out of memory");
	}
}

/* Whether the sidecar knows its clients by it; that a key is a public one is not looked at. */
static bool
is_way_in(const char *name)
{
	static const char *const names[] = {"MULTIREGION_API_TOKEN", "MULTIREGION_BASIC_AUTH",
										"MULTIREGION_JWT_KEY"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* A file in which a secret stands should be for its owner alone. */
static void
check_mode(const MrEnvironment *environment, const char *path, unsigned int mode,
		   MrProblems *problems)
{
	size_t i;

	if ((mode & (S_IRGRP | S_IROTH)) == 0)
		return;
	for (i = 0; i < environment->count; i++)
	{
		const char *value = environment->list[i].value;
		const char *scheme = strstr(value, "://");
		const char *at = scheme != NULL ? strchr(scheme, '@') : NULL;
		const char *colon = at != NULL ? strchr(scheme + 1, ':') : NULL;

		if ((colon != NULL && colon < at) || strstr(value, "password=") != NULL ||
			(value[0] != '\0' && is_way_in(environment->list[i].name)))
		{
			mr_problems_warning(problems,
								"%s holds a secret and others than its owner may read it: "
								"chmod 600 it",
								path);
			return;
		}
	}
}

static void
load_file(MrEnvironment *environment, const char *path, MrProblems *problems)
{
	const char *file = path != NULL ? path : MR_ENVIRONMENT_FILE;
	size_t size;
	unsigned int mode;
	char *text = mr_env_file_read(file, &size, &mode);

	if (text == NULL)
	{
		if (path != NULL || errno != ENOENT)
			mr_problems_error(problems, "could not read %s: %s", file, strerror(errno));
		return;
	}
	mr_environment_add_text(environment, text, size, problems);
	free(text);
	check_mode(environment, file, mode, problems);
}

/*
 * The one line in a file, or all of them, without the last end; NULL, and what is wrong with
 * it in *problem. Free it with free().
 */
static char *
read_secret(const char *path, bool lines, const char **problem)
{
	size_t size;
	unsigned int mode;
	char *text = mr_env_file_read(path, &size, &mode);

	*problem = text == NULL ? strerror(errno) : NULL;
	if (text == NULL)
		return NULL;
	if (size > 0 && text[size - 1] == '\n')
		size--;
	if (size > 0 && text[size - 1] == '\r')
		size--;
	text[size] = '\0';
	if (size == 0)
		*problem = "it is empty";
	else if (strlen(text) != size || (!lines && strpbrk(text, "\r\n") != NULL))
		*problem = "it holds more than one line";
	else if (size >= MR_ENV_VALUE_SIZE)
		*problem = "it is too long";
	if (*problem == NULL)
		return text;
	free(text);
	return NULL;
}

/* Takes one secret from its file, unless something of a higher rank says it already. */
static void
take_file(MrEnvironment *environment, const char *name, const char *base, MrProblems *problems)
{
	const MrVariable *file = find(environment, name);
	const MrVariable *said = find(environment, base);
	char key[MR_NAME_SIZE];
	const char *problem;
	char *text;

	if (said != NULL && said->value[0] != '\0')
	{
		/* Line 0 is the environment, which wins. */
		if ((said->line == 0) == (file->line == 0))
			mr_problems_error(problems, "%s and %s are both set: keep one of them", base, name);
		if (said->line == 0)
			return;
	}
	text = read_secret(file->value, strcmp(mr_variable_find(base, key)->words, "lines") == 0,
					   &problem);
	if (text == NULL)
		mr_problems_error(problems, "%s: could not take the value from that file: %s", name,
						  problem);
	else if (!mr_environment_set(environment, base, text, file->line))
		mr_problems_error(problems, "out of memory");
	free(text);
}

void
mr_environment_take_files(MrEnvironment *environment, MrProblems *problems)
{
	size_t count = environment->count;
	size_t i;

	for (i = 0; i < count; i++)
	{
		const char *name = environment->list[i].name;
		char base[MR_ENV_NAME_SIZE];

		if (environment->list[i].value[0] != '\0' &&
			mr_variable_of_file(name, base, sizeof(base)) != NULL)
			take_file(environment, name, base, problems);
	}
}

void
mr_environment_load(MrEnvironment *environment, const char *path, char *const *environ,
					MrProblems *problems)
{
	memset(environment, 0, sizeof(*environment));
	load_file(environment, path, problems);
	for (; *environ != NULL; environ++)
	{
		char name[MR_ENV_NAME_SIZE];
		const char *equals = strchr(*environ, '=');
		size_t length = equals != NULL ? (size_t) (equals - *environ) : 0;

		/* What has a name that no setting can have is none of ours. */
		if (length == 0 || length >= sizeof(name))
			continue;
		memcpy(name, *environ, length);
		name[length] = '\0';
		if (!mr_environment_set(environment, name, equals + 1, 0))
			mr_problems_error(problems, "out of memory");
	}
	mr_environment_take_files(environment, problems);
}

void
mr_environment_free(MrEnvironment *environment)
{
	size_t i;

	for (i = 0; i < environment->count; i++)
	{
		free(environment->list[i].name);
		free(environment->list[i].value);
	}
	free(environment->list);
	memset(environment, 0, sizeof(*environment));
}
