/*
 * Who asks over HTTP: what an Authorization header proves, by what the settings know.
 *
 * Three ways, each with the PostgreSQL role that it leads to: a bearer token of
 * MULTIREGION_API_TOKEN and a name with its password (Basic) of MULTIREGION_BASIC_AUTH act as
 * MULTIREGION_API_ROLE, a signed token (JWT) as the role that it names. What a role may do is
 * PostgreSQL's own business; whether a path needs anybody at all is authorize.c's.
 */
#ifndef MR_AUTH_H
#define MR_AUTH_H

#include "adapters/mr_jwt.h"
#include "adapters/mr_secret.h"
#include "sidecar/mr_environment.h"

#define MR_AUTH_TOKENS 16
#define MR_AUTH_TOKEN_MIN 16 /* bytes: a shorter one can be guessed */
#define MR_AUTH_TOKEN_MAX 1024
#define MR_AUTH_VERIFIED 256 /* signed tokens that are remembered; a power of 2 */

typedef enum MrAuthResult
{
	MR_AUTH_GOOD,
	MR_AUTH_NONE_SET, /* nothing is configured that would be good */
	MR_AUTH_ABSENT,   /* the request brings nothing that is understood here */
	MR_AUTH_WRONG
} MrAuthResult;

/* Who somebody is taken for. All zero: nobody in particular. */
typedef struct MrIdentity
{
	char role[MR_JWT_ROLE_SIZE]; /* of PostgreSQL; empty: multiregiond's own */
	char name[MR_JWT_ROLE_SIZE]; /* for the log: the role, the user of Basic, or "token" */
	char *claims;                /* of a signed token, or NULL; from malloc, the owner's */
} MrIdentity;

/* A token that was verified once: not again until it expires. */
typedef struct MrAuthVerified
{
	MrSecret digest;
	MrJwtClaims claims;
} MrAuthVerified;

/* All zero before its first use. */
typedef struct MrAuth
{
	int count;
	MrSecret tokens[MR_AUTH_TOKENS];
	int user_count;
	MrSecret users[MR_AUTH_TOKENS]; /* of "name:password" */
	char role[MR_JWT_ROLE_SIZE];    /* of both; empty: multiregiond's own */
	MrJwtKeys keys;
	const char *audience;
	const char *role_claim;
	MrAuthVerified *verified; /* MR_AUTH_VERIFIED of them, by their digest; NULL without keys */
} MrAuth;

/*
 * Adds the tokens of a list, separated by blanks, commas or line breaks; name is the setting
 * it came from, for what is said about it. No message repeats a token.
 */
extern void mr_auth_add(MrAuth *auth, const char *name, const char *list, MrProblems *problems);

/* The same with pairs NAME:PASSWORD. */
extern void mr_auth_add_users(MrAuth *auth, const char *name, const char *list,
							  MrProblems *problems);

/* Adds keys of signed tokens (mr_jwt.h). */
extern void mr_auth_add_keys(MrAuth *auth, const char *name, const char *text,
							 MrProblems *problems);

/*
 * Judges the value of an Authorization header; NULL if there is none. With MR_AUTH_GOOD
 * identity says who it is; else it is all zero. *why: a sentence about a wrong signed token,
 * or NULL.
 */
extern MrAuthResult mr_auth_check(MrAuth *auth, const char *authorization, int64_t now_s,
								  MrIdentity *identity, const char **why);

/* Frees what the keys take. */
extern void mr_auth_free(MrAuth *auth);

#endif /* MR_AUTH_H */
