/*
 * `multiregiond settings`: every variable there is, what it is here and where that comes
 * from. It must never show a secret. Called by main.c.
 */
#include "sidecar/mr_show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOURCE_SIZE 32

/* One line. variable NULL: nobody has said anything. */
static void
show(const char *name, const MrKnownVariable *known, const MrVariable *variable)
{
	char source[SOURCE_SIZE] = "not set";
	const char *value = known->initial;

	if (variable != NULL && variable->value[0] != '\0')
	{
		value = known->kind == MR_VARIABLE_SECRET ? "(not shown)" : variable->value;
		if (variable->line > 0)
			snprintf(source, sizeof(source), "line %d", variable->line);
		else
			snprintf(source, sizeof(source), "environment");
	}
	else if (value[0] != '\0')
		snprintf(source, sizeof(source), "default");
	printf("%-38s %-8s %-12s %s\n", name, mr_variable_owner_name(known->owner), source, value);
}

/* All that are set of a name with <REGION> or <NAME> in it, or the name itself. */
static void
show_each(const MrEnvironment *environment, const MrKnownVariable *known)
{
	char key[MR_NAME_SIZE];
	bool any = false;
	size_t i;

	for (i = 0; i < environment->count; i++)
	{
		const MrVariable *variable = &environment->list[i];

		if (mr_variable_find(variable->name, key) != known)
			continue;
		show(variable->name, known, variable);
		any = true;
	}
	if (!any)
		show(known->name, known, NULL);
}

MrExit
mr_show_settings(MrSettings *settings)
{
	const MrKnownVariable *known;
	int i;

	printf("%-38s %-8s %-12s %s\n", "NAME", "READ BY", "SOURCE", "VALUE");
	for (i = 0; (known = mr_variable_at(i)) != NULL; i++)
		show_each(&settings->environment, known);
	mr_settings_free(settings);
	free(settings);
	return fflush(stdout) == 0 ? MR_EXIT_OK : MR_EXIT_FAILED;
}
