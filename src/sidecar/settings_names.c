/*
 * The names in environment and settings file: those of later versions are checked, those
 * that nobody reads are reported, as a misspelled setting would otherwise be ignored in
 * silence. It must never repeat a value. Called by settings.c.
 */
#include "sidecar/mr_settings.h"

#include <string.h>

static bool
begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/*
 * A variable that no part of this version reads; its user may think that it does something.
 * In the environment it may be an application's, which is no reason not to start.
 */
static void
check_later(const MrVariable *variable, const MrKnownVariable *known, MrProblems *problems)
{
	const char *problem = mr_variable_problem(known, variable->value);

	if (problem != NULL && variable->line == 0)
		mr_problems_warning(problems, "%s: a later version could not use the value. %s",
							variable->name, problem);
	else if (problem != NULL)
		mr_problems_error(problems, "%s: the value cannot be used. %s%s%s", variable->name, problem,
						  known->words[0] != '\0' ? " Valid values: " : "", known->words);
	else if (variable->line > 0 && strcmp(variable->value, known->initial) != 0)
		mr_problems_warning(problems, "%s (line %d) is not used by this version", variable->name,
							variable->line);
}

/* Of a stranger in the environment nothing is said, unless its name looks like ours. */
static void
report_unknown(const MrVariable *variable, MrProblems *problems)
{
	const MrKnownVariable *near = mr_variable_near(variable->name, variable->line > 0 ? 2 : 1);
	const char *hint = near != NULL ? "; did you mean " : "";
	const char *name = near != NULL ? near->name : "";

	if (begins_with(variable->name, "MULTIREGION_POLICY_"))
	{
		hint = "; see multiregion.policies for the policies there are";
		name = "";
	}
	if (variable->line > 0)
		mr_problems_warning(problems, "%s (line %d) is not a setting of multiregiond%s%s%s",
							variable->name, variable->line, hint, name, name[0] != '\0' ? "?" : "");
	else if (near != NULL || begins_with(variable->name, "MULTIREGION_") ||
			 begins_with(variable->name, "DATABASE_URL_"))
		mr_problems_warning(problems, "%s is not a setting of multiregiond%s%s%s", variable->name,
							hint, name, name[0] != '\0' ? "?" : "");
}

void
mr_settings_check_names(const MrSettings *settings, MrProblems *problems)
{
	size_t i;

	for (i = 0; i < settings->environment.count; i++)
	{
		const MrVariable *variable = &settings->environment.list[i];
		char word[MR_NAME_SIZE * 2];
		const MrKnownVariable *known = mr_variable_find(variable->name, word);

		if (known == NULL && mr_variable_of_file(variable->name, word, sizeof(word)) == NULL)
			report_unknown(variable, problems);
		else if (known != NULL && known->owner == MR_VARIABLE_LATER && variable->value[0] != '\0')
			check_later(variable, known, problems);
	}
}
