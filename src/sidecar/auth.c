/*
 * Who asks; see mr_auth.h. It must never keep a token as it is, print one, or tell by its
 * time how much of a guess was right. Called by settings_auth.c and authorize.c.
 */
#include "sidecar/mr_auth.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SEPARATORS ", \t\r\n"
#define BASIC_MAX 512 /* bytes of NAME:PASSWORD */

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

/* NAME:PASSWORD; what is kept is of both at once. */
static void
add_user(MrAuth *auth, const char *name, const char *text, size_t length, MrProblems *problems)
{
	const char *colon = memchr(text, ':', length);

	if (colon == NULL || colon == text || (size_t) (colon - text) >= MR_JWT_ROLE_SIZE ||
		length > BASIC_MAX)
		mr_problems_error(problems, "%s: a user is given as NAME:PASSWORD", name);
	else if (text + length - colon - 1 < MR_AUTH_TOKEN_MIN)
		mr_problems_error(problems, "%s: a password has at least %d characters", name,
						  MR_AUTH_TOKEN_MIN);
	else if (auth->user_count == MR_AUTH_TOKENS)
		mr_problems_error(problems, "%s: there are more than %d users", name, MR_AUTH_TOKENS);
	else if (!mr_secret_make(&auth->users[auth->user_count], text, length))
		mr_problems_error(problems, "%s: out of memory", name);
	else
		auth->user_count++;
}

typedef void (*AddOne)(MrAuth *auth, const char *name, const char *text, size_t length,
					   MrProblems *problems);

static void
add_each(MrAuth *auth, const char *name, const char *list, MrProblems *problems, AddOne add_one)
{
	list += strspn(list, SEPARATORS);
	while (*list != '\0')
	{
		size_t length = strcspn(list, SEPARATORS);

		add_one(auth, name, list, length, problems);
		list += length;
		list += strspn(list, SEPARATORS);
	}
}

void
mr_auth_add(MrAuth *auth, const char *name, const char *list, MrProblems *problems)
{
	add_each(auth, name, list, problems, add_token);
}

void
mr_auth_add_users(MrAuth *auth, const char *name, const char *list, MrProblems *problems)
{
	add_each(auth, name, list, problems, add_user);
}

void
mr_auth_add_keys(MrAuth *auth, const char *name, const char *text, MrProblems *problems)
{
	const char *problem = mr_jwt_keys_add(&auth->keys, text);

	if (auth->verified == NULL)
		auth->verified = calloc(MR_AUTH_VERIFIED, sizeof(*auth->verified));
	if (problem == NULL && auth->verified == NULL)
		problem = "Memory is out.";
	if (problem != NULL)
		mr_problems_error(problems, "%s cannot be used. %s", name, problem);
}

void
mr_auth_free(MrAuth *auth)
{
	int i;

	for (i = 0; auth->verified != NULL && i < MR_AUTH_VERIFIED; i++)
		free(auth->verified[i].claims.json);
	free(auth->verified);
	mr_jwt_keys_free(&auth->keys);
	memset(auth, 0, sizeof(*auth));
}

/* Whether a text is one of those; all of them are looked at, whatever the first ones say. */
static bool
is_among(const char *text, size_t length, const MrSecret *list, int count)
{
	MrSecret given;
	bool good = false;
	int i;

	if (!mr_secret_make(&given, text, length))
		return false;
	for (i = 0; i < count; i++)
		good |= mr_secret_equal(&given, &list[i]);
	return good;
}

/* What stands behind the word of a scheme, or NULL. */
static const char *
credentials_of(const char *authorization, const char *scheme)
{
	size_t length = strlen(scheme);

	if (strncasecmp(authorization, scheme, length) != 0 || authorization[length] != ' ')
		return NULL;
	authorization += length;
	return authorization + strspn(authorization, " ");
}

/* Copies claims to who asks; false without memory. */
static bool
identify(MrIdentity *identity, const MrJwtClaims *claims)
{
	identity->claims = claims->json != NULL ? strdup(claims->json) : NULL;
	memcpy(identity->role, claims->role, sizeof(identity->role));
	memcpy(identity->name, claims->role, sizeof(identity->name));
	return identity->claims != NULL;
}

/* A verified token's place is given by its digest: whoever comes there next takes it. */
static MrAuthResult
check_signed(MrAuth *auth, const char *token, int64_t now_s, MrIdentity *identity, const char **why)
{
	MrJwtRules rules = {.audience = auth->audience, .role_claim = auth->role_claim, .now_s = now_s};
	size_t length = strlen(token);
	MrSecret digest;
	MrAuthVerified *place;
	MrJwtClaims claims;
	MrJwtResult result;

	if (!mr_secret_make(&digest, token, length))
		return MR_AUTH_WRONG;
	place = &auth->verified[digest.digest[0] % MR_AUTH_VERIFIED];
	if (now_s < place->claims.expires_s && mr_secret_equal(&digest, &place->digest))
		return identify(identity, &place->claims) ? MR_AUTH_GOOD : MR_AUTH_WRONG;
	result = mr_jwt_verify(&auth->keys, &rules, token, length, &claims);
	if (result != MR_JWT_GOOD)
	{
		*why = mr_jwt_sentence(result);
		return MR_AUTH_WRONG;
	}
	free(place->claims.json);
	place->claims = claims;
	place->digest = digest;
	return identify(identity, &claims) ? MR_AUTH_GOOD : MR_AUTH_WRONG;
}

static MrAuthResult
check_bearer(MrAuth *auth, const char *token, int64_t now_s, MrIdentity *identity, const char **why)
{
	if (is_among(token, strlen(token), auth->tokens, auth->count))
	{
		memcpy(identity->role, auth->role, sizeof(identity->role));
		memcpy(identity->name, "token", sizeof("token"));
		return MR_AUTH_GOOD;
	}
	/* a word of ours has no dot in such places, but whoever has both kinds may err */
	if (auth->keys.count == 0)
		return MR_AUTH_WRONG;
	return check_signed(auth, token, now_s, identity, why);
}

static MrAuthResult
check_basic(const MrAuth *auth, const char *encoded, MrIdentity *identity)
{
	unsigned char text[BASIC_MAX + 3];
	char standard[BASIC_MAX * 2];
	size_t length = strcspn(encoded, " =");
	size_t name_length;
	int decoded;
	size_t i;

	if (length >= sizeof(standard))
		return MR_AUTH_WRONG;
	for (i = 0; i < length; i++)
		standard[i] = encoded[i] == '+' ? '-' : encoded[i] == '/' ? '_' : encoded[i];
	decoded = mr_base64url_decode(standard, length, text, sizeof(text));
	if (decoded <= 0 || !is_among((char *) text, (size_t) decoded, auth->users, auth->user_count))
		return MR_AUTH_WRONG;
	memcpy(identity->role, auth->role, sizeof(identity->role));
	name_length = (size_t) ((unsigned char *) memchr(text, ':', (size_t) decoded) - text);
	memcpy(identity->name, text, name_length);
	return MR_AUTH_GOOD;
}

MrAuthResult
mr_auth_check(MrAuth *auth, const char *authorization, int64_t now_s, MrIdentity *identity,
			  const char **why)
{
	const char *credentials;

	*why = NULL;
	memset(identity, 0, sizeof(*identity));
	if (auth->count == 0 && auth->user_count == 0 && auth->keys.count == 0)
		return MR_AUTH_NONE_SET;
	if (authorization == NULL)
		return MR_AUTH_ABSENT;
	credentials = credentials_of(authorization, "Bearer");
	if (credentials != NULL)
		return check_bearer(auth, credentials, now_s, identity, why);
	credentials = credentials_of(authorization, "Basic");
	if (credentials != NULL && auth->user_count > 0)
		return check_basic(auth, credentials, identity);
	return MR_AUTH_ABSENT;
}
