/*
 * Who may change something over HTTP: whoever sends one of the configured tokens as a
 * bearer token (RFC 6750). Reading needs none.
 *
 * This is the one place that decides it. Signed tokens (JWT) that name a role will be
 * another way to the same answer.
 */
#ifndef MR_AUTH_H
#define MR_AUTH_H

#include "adapters/mr_secret.h"
#include "sidecar/mr_environment.h"

#define MR_AUTH_TOKENS 16
#define MR_AUTH_TOKEN_MIN 16 /* bytes: a shorter one can be guessed */
#define MR_AUTH_TOKEN_MAX 1024

typedef struct MrAuth
{
	int count;
	MrSecret tokens[MR_AUTH_TOKENS];
} MrAuth;

typedef enum MrAuthResult
{
	MR_AUTH_GOOD,
	MR_AUTH_NONE_SET, /* no token is configured: nobody may */
	MR_AUTH_ABSENT,   /* the request brings none */
	MR_AUTH_WRONG
} MrAuthResult;

/*
 * Adds the tokens of a list, separated by blanks, commas or line breaks; name is the setting
 * it came from, for what is said about it. No message repeats a token.
 */
extern void mr_auth_add(MrAuth *auth, const char *name, const char *list, MrProblems *problems);

/* Judges the value of an Authorization header; NULL if there is none. */
extern MrAuthResult mr_auth_check(const MrAuth *auth, const char *authorization);

#endif /* MR_AUTH_H */
