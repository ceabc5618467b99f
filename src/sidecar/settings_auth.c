/*
 * Settings of who may what over HTTP; part of mr_settings_read(). It must never repeat a
 * secret. Called by settings.c.
 */
#include "sidecar/mr_settings.h"

#include <stdio.h>
#include <string.h>

/* A role's name, or empty. */
static void
read_role(const MrSettings *settings, const char *name, char role[MR_JWT_ROLE_SIZE],
		  MrProblems *problems)
{
	const char *text = mr_environment_get(&settings->environment, name);

	role[0] = '\0';
	if (text == NULL)
		return;
	if (strlen(text) >= MR_JWT_ROLE_SIZE)
		mr_problems_error(problems, "%s: the name of a role has at most %d bytes", name,
						  MR_JWT_ROLE_SIZE - 1);
	else
		snprintf(role, MR_JWT_ROLE_SIZE, "%s", text);
}

static void
read_anonymous(MrSettings *settings, MrProblems *problems)
{
	const char *name = "MULTIREGION_ANONYMOUS";
	const char *text = mr_environment_get(&settings->environment, name);

	settings->anonymous_reads = text == NULL || strcmp(text, "reads") == 0;
	if (!settings->anonymous_reads && strcmp(text, "checks") != 0)
		mr_problems_error(problems, "%s: \"%s\" is none of reads, checks", name, text);
}

void
mr_settings_read_auth(MrSettings *settings, MrProblems *problems)
{
	static const struct
	{
		const char *name;
		void (*add)(MrAuth *auth, const char *name, const char *text, MrProblems *problems);
	} secrets[] = {
		{"MULTIREGION_API_TOKEN", mr_auth_add},
		{"MULTIREGION_BASIC_AUTH", mr_auth_add_users},
		{"MULTIREGION_JWT_KEY", mr_auth_add_keys},
	};
	MrAuth *auth = &settings->auth;
	size_t i;

	for (i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
	{
		const char *text = mr_environment_get(&settings->environment, secrets[i].name);

		if (text != NULL)
			secrets[i].add(auth, secrets[i].name, text, problems);
	}
	auth->audience = mr_environment_get(&settings->environment, "MULTIREGION_JWT_AUDIENCE");
	auth->role_claim = mr_environment_get(&settings->environment, "MULTIREGION_JWT_ROLE_CLAIM");
	if (auth->role_claim == NULL)
		auth->role_claim = "role";
	read_role(settings, "MULTIREGION_API_ROLE", auth->role, problems);
	read_role(settings, "MULTIREGION_ANONYMOUS_ROLE", settings->anonymous_role, problems);
	read_role(settings, "MULTIREGION_CERTIFICATE_ROLE", settings->certificate_role, problems);
	read_anonymous(settings, problems);
}
