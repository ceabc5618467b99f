/*
 * The environment variables of the programs as a list: see mr_variables.h.
 *
 * Pure. Must never put a value into a sentence: it may be a password. Called by the
 * sidecar's settings and by the view of settings.
 */
#include "core/mr_variables.h"

#include <string.h>

#include "core/mr_identifier.h"
#include "core/mr_policy.h"

#define LONGEST_NAME 64 /* of a pattern; longer names are near to nothing */

static const MrKnownVariable variables[] = {
#define VARIABLE(name, owner, kind, initial, words, what) \
	{name, MR_VARIABLE_##owner, MR_VARIABLE_##kind, initial, words, what},
	MR_VARIABLE_LIST(VARIABLE)
#undef VARIABLE
#define VARIABLE(name, policy, initial) \
	{name, MR_VARIABLE_INIT, MR_VARIABLE_POLICY, initial, policy, "initial value of the policy"},
		MR_POLICY_VARIABLES(VARIABLE)
#undef VARIABLE
#define VARIABLE(field, name, initial, min, max, what) \
	{name, MR_VARIABLE_SIDECAR, MR_VARIABLE_NUMBER, #initial, "", what},
			MR_SETTING_NUMBERS(VARIABLE)
#undef VARIABLE
};

#define VARIABLE_COUNT ((int) (sizeof(variables) / sizeof(variables[0])))

const MrKnownVariable *
mr_variable_at(int index)
{
	return index >= 0 && index < VARIABLE_COUNT ? &variables[index] : NULL;
}

const char *
mr_variable_owner_name(MrVariableOwner owner)
{
	static const char *const words[] = {
#define OWNER_WORD(symbol, word) [symbol] = word,
		MR_VARIABLE_OWNER_LIST(OWNER_WORD)
#undef OWNER_WORD
	};

	return words[owner];
}

/* Whether the key can stand for what is in angle brackets there. */
static bool
fits(const char *bracket, const char *key)
{
	char lower[MR_NAME_SIZE];

	if (strncmp(bracket, "<NAME>", strlen("<NAME>")) == 0)
		return mr_text_lower(key, lower, sizeof(lower)) && strcmp(lower, key) != 0 &&
			   mr_policy_find(lower) != NULL;
	return mr_region_key_problem(key) == NULL;
}

static bool
matches(const char *pattern, const char *name, char key[MR_NAME_SIZE])
{
	const char *bracket = strchr(pattern, '<');
	const char *suffix = bracket != NULL ? strchr(bracket, '>') : NULL;
	size_t prefix = (size_t) (bracket - pattern);
	size_t length = strlen(name);
	size_t rest;

	key[0] = '\0';
	if (bracket == NULL || suffix == NULL)
		return strcmp(pattern, name) == 0;
	rest = strlen(++suffix);
	if (length <= prefix + rest || length - prefix - rest >= MR_NAME_SIZE ||
		strncmp(name, pattern, prefix) != 0 || strcmp(name + length - rest, suffix) != 0)
		return false;
	memcpy(key, name + prefix, length - prefix - rest);
	key[length - prefix - rest] = '\0';
	if (fits(bracket, key))
		return true;
	key[0] = '\0';
	return false;
}

const MrKnownVariable *
mr_variable_find(const char *name, char key[MR_NAME_SIZE])
{
	int i;

	for (i = 0; i < VARIABLE_COUNT; i++)
	{
		if (matches(variables[i].name, name, key))
			return &variables[i];
	}
	return NULL;
}

const MrKnownVariable *
mr_variable_of_file(const char *name, char *base, size_t size)
{
	static const char suffix[] = "_FILE";
	const MrKnownVariable *variable;
	char key[MR_NAME_SIZE];
	size_t length = strlen(name);

	if (length <= strlen(suffix) || length - strlen(suffix) >= size ||
		strcmp(name + length - strlen(suffix), suffix) != 0)
		return NULL;
	memcpy(base, name, length - strlen(suffix));
	base[length - strlen(suffix)] = '\0';
	variable = mr_variable_find(base, key);
	/* multiregion-join refuses passwords, so it needs no files for them. */
	if (variable == NULL || variable->kind != MR_VARIABLE_SECRET ||
		variable->owner == MR_VARIABLE_JOIN)
		return NULL;
	return variable;
}

/* ---------- misspelled names ---------- */

static int
least(int a, int b)
{
	return a < b ? a : b;
}

/*
 * One row of the table of edit distances: the pattern's next letter against the whole name.
 * What is in angle brackets takes any letters for nothing, but at least one.
 */
static void
next_row(int *row, const char *name, int length, char letter)
{
	int diagonal = row[0];
	int i;

	row[0] = diagonal + 1;
	for (i = 1; i <= length; i++)
	{
		int above = row[i];

		if (letter == '<')
			row[i] = least(least(diagonal, row[i - 1]), above + 1);
		else
			row[i] =
				least(diagonal + (letter == name[i - 1] ? 0 : 1), least(above, row[i - 1]) + 1);
		diagonal = above;
	}
}

/* In how many letters a name differs from a pattern. */
static int
distance(const char *pattern, const char *name)
{
	int row[LONGEST_NAME + 1] = {0};
	int length = (int) strlen(name);
	int i;

	for (i = 0; i <= length; i++)
		row[i] = i;
	for (; *pattern != '\0'; pattern++)
	{
		next_row(row, name, length, *pattern);
		if (*pattern == '<')
			pattern = strchr(pattern, '>');
	}
	return row[length];
}

const MrKnownVariable *
mr_variable_near(const char *name, int edits)
{
	const MrKnownVariable *nearest = NULL;
	int i;

	/* Of a short name few letters are left. */
	if (strlen(name) > LONGEST_NAME || strlen(name) < 8)
		return NULL;
	for (i = 0; i < VARIABLE_COUNT; i++)
	{
		int d = distance(variables[i].name, name);

		if (d > edits)
			continue;
		edits = d - 1;
		nearest = &variables[i];
	}
	return nearest;
}

/* ---------- values ---------- */

/* Copies the part up to the separator; false when it does not fit. Moves *list on. */
static bool
next_part(const char **list, const char *separator, char *out, size_t size)
{
	size_t length = strcspn(*list, separator);

	if (length >= size)
		return false;
	memcpy(out, *list, length);
	out[length] = '\0';
	*list += length;
	if (**list != '\0')
		(*list)++;
	return true;
}

static bool
is_word(const char *words, const char *text)
{
	char word[MR_NAME_SIZE];
	char lower[MR_NAME_SIZE];

	if (!mr_text_lower(text, lower, sizeof(lower)))
		return false;
	while (*words != '\0')
	{
		if (next_part(&words, "|", word, sizeof(word)) && strcmp(word, lower) == 0)
			return true;
	}
	return false;
}

/* host:port of one node; an IPv6 address stands in brackets. */
static bool
is_host(const char *text)
{
	const char *colon = strrchr(text, ':');
	const char *digit;
	int port = 0;

	if (colon == NULL || colon == text || strlen(colon) > sizeof("65535"))
		return false;
	for (digit = colon + 1; *digit >= '0' && *digit <= '9'; digit++)
		port = port * 10 + (*digit - '0');
	if (*digit != '\0' || port < 1 || port > 65535)
		return false;
	if (text[0] == '[')
		return colon[-1] == ']';
	return strcspn(text, ":/@ \t") == (size_t) (colon - text);
}

static bool
are_hosts(const char *text)
{
	char host[MR_LABEL_SIZE * 2];
	char *start;

	while (*text != '\0')
	{
		if (!next_part(&text, ",", host, sizeof(host)))
			return false;
		start = host + strspn(host, " \t");
		start[strcspn(start, " \t")] = '\0';
		if (!is_host(start))
			return false;
	}
	return true;
}

const char *
mr_variable_problem(const MrKnownVariable *variable, const char *text)
{
	switch (variable->kind)
	{
		case MR_VARIABLE_BOOLEAN:
			return is_word("true|false|1|0|yes|no|on|off", text) ? NULL
																 : "It is neither true nor false.";
		case MR_VARIABLE_WORD:
			return is_word(variable->words, text) ? NULL : "It is none of the words there are.";
		case MR_VARIABLE_HOSTS:
			return are_hosts(text) ? NULL : "It is not a list of host:port, separated by commas.";
		case MR_VARIABLE_TEXT:
		case MR_VARIABLE_NUMBER:
		case MR_VARIABLE_POLICY:
		case MR_VARIABLE_SECRET:
			break;
	}
	return NULL;
}
