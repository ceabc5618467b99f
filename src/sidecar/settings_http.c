/*
 * Settings of the HTTP server that are neither numbers nor addresses. It must never open
 * what they name. Called by settings.c.
 */
#include "sidecar/mr_settings.h"

#include <string.h>

#include "sidecar/mr_cors.h"

#define ACCESS_WORD(symbol, word) [symbol] = word,

static const char *const access_words[MR_ACCESS_COUNT] = {MR_ACCESS_LIST(ACCESS_WORD)};

bool
mr_access_level_from_name(const char *word, MrAccessLevel *level)
{
	int i;

	for (i = 0; i < MR_ACCESS_COUNT; i++)
		if (strcmp(access_words[i], word) == 0)
		{
			*level = (MrAccessLevel) i;
			return true;
		}
	return false;
}

void
mr_settings_read_http(MrSettings *settings, MrProblems *problems)
{
	const char *name = "MULTIREGION_CORS_ORIGINS";
	const char *text = mr_environment_get(&settings->environment, name);

	settings->cors_origins = text != NULL ? text : "";
	if (mr_cors_problem(settings->cors_origins) != NULL)
		mr_problems_error(problems, "%s: \"%s\" cannot be used. %s", name, text,
						  mr_cors_problem(settings->cors_origins));
	name = "MULTIREGION_ACCESS_LOG";
	text = mr_environment_get(&settings->environment, name);
	settings->access_log = MR_ACCESS_OFF;
	if (text != NULL && !mr_access_level_from_name(text, &settings->access_log))
		mr_problems_error(problems, "%s: \"%s\" is none of off, errors, all", name, text);
}
