/*
 * Bearer tokens; see mr_auth.h. It must never keep a token as it is, print one, or tell by
 * its time how much of a guess was right. Called by settings.c and service.c.
 */
#include "sidecar/mr_auth.h"

#include <string.h>
#include <strings.h>

#define SEPARATORS ", \t\r\n"
#define SCHEME "Bearer"

/* What RFC 6750 lets a bearer token be. */
static bool
is_well_formed(const char *text, size_t length)
{
	static const char symbols[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
								  "-._~+/";
	size_t body = strspn(text, symbols);

	return body > 0 && body + strspn(text + body, "=") >= length;
}

static void
add_token(MrAuth *auth, const char *name, const char *text, size_t length, MrProblems *problems)
{
	if (length < MR_AUTH_TOKEN_MIN || length > MR_AUTH_TOKEN_MAX)
		mr_problems_error(problems, "%s: a token has %d to %d characters", name, MR_AUTH_TOKEN_MIN,
						  MR_AUTH_TOKEN_MAX);
	else if (!is_well_formed(text, length))
		mr_problems_error(problems,
						  "%s: a token consists of letters, digits and - . _ ~ + /, with = only at "
						  "its end",
						  name);
	else if (auth->count == MR_AUTH_TOKENS)
		mr_problems_error(problems, "%s: there are more than %d tokens", name, MR_AUTH_TOKENS);
	else if (!mr_secret_make(&auth->tokens[auth->count], text, length))
		mr_problems_error(problems, "%s: out of memory", name);
	else
		auth->count++;
}

void
mr_auth_add(MrAuth *auth, const char *name, const char *list, MrProblems *problems)
{
	list += strspn(list, SEPARATORS);
	while (*list != '\0')
	{
		size_t length = strcspn(list, SEPARATORS);

		add_token(auth, name, list, length, problems);
		list += length;
		list += strspn(list, SEPARATORS);
	}
}

MrAuthResult
mr_auth_check(const MrAuth *auth, const char *authorization)
{
	size_t scheme = strlen(SCHEME);
	MrSecret given;
	bool good = false;
	int i;

	if (auth->count == 0)
		return MR_AUTH_NONE_SET;
	if (authorization == NULL || strncasecmp(authorization, SCHEME, scheme) != 0 ||
		authorization[scheme] != ' ')
		return MR_AUTH_ABSENT;
	authorization += scheme + strspn(authorization + scheme, " ");
	if (!mr_secret_make(&given, authorization, strlen(authorization)))
		return MR_AUTH_WRONG;
	/* All of them, whatever the first ones say. */
	for (i = 0; i < auth->count; i++)
		good |= mr_secret_equal(&given, &auth->tokens[i]);
	return good ? MR_AUTH_GOOD : MR_AUTH_WRONG;
}
