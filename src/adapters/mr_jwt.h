/*
 * Signed tokens (JWT, RFC 7519) over OpenSSL and jansson: keys are read once, tokens are
 * judged by them.
 *
 * The algorithm belongs to the key, never to the token: a secret verifies HS256, an RSA key
 * RS256, a key on P-256 ES256, and a token that names another one for it is refused. So is
 * everything that RFC 8725 warns of: no signature, members that come twice, unknown "crit".
 */
#ifndef MR_JWT_H
#define MR_JWT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MR_JWT_KEYS 8
#define MR_JWT_SECRET_MIN 32 /* bytes: as long as what HS256 makes of it */
#define MR_JWT_MAX 8192      /* bytes of a token */
#define MR_JWT_ROLE_SIZE 64  /* as long as PostgreSQL lets a role's name be, with its NUL */
#define MR_JWT_LEEWAY_S 30   /* for clocks that differ */

/* X(symbol, sentence for who sent it) */
#define MR_JWT_RESULT_LIST(X) \
	X(MR_JWT_GOOD, "The token is good.") \
	X(MR_JWT_MALFORMED, "The token is not a JWT in compact form.") \
	X(MR_JWT_WRONG_ALGORITHM, "No key here is for the algorithm that the token names.") \
	X(MR_JWT_WRONG_KEY, "No key here has the id that the token names.") \
	X(MR_JWT_CRITICAL, "The token demands an extension that is not understood here.") \
	X(MR_JWT_WRONG_SIGNATURE, "The signature of the token is wrong.") \
	X(MR_JWT_NO_EXPIRY, "The token has no time of expiry (exp).") \
	X(MR_JWT_EXPIRED, "The token has expired.") \
	X(MR_JWT_NOT_YET, "The token is not valid yet.") \
	X(MR_JWT_WRONG_AUDIENCE, "The token is for another audience.") \
	X(MR_JWT_NO_ROLE, "The token names no role.")

#define MR_JWT_ENUM(symbol, sentence) symbol,
typedef enum MrJwtResult
{
	MR_JWT_RESULT_LIST(MR_JWT_ENUM) MR_JWT_RESULT_COUNT
} MrJwtResult;
#undef MR_JWT_ENUM

struct MrJwtKey;

/* All zero before its first use. */
typedef struct MrJwtKeys
{
	struct MrJwtKey *list[MR_JWT_KEYS];
	int count;
} MrJwtKeys;

/*
 * Adds what a text holds: public keys in PEM, a JWK or JWK set (RFC 7517) of kinds oct, RSA
 * and EC P-256, or else a secret, as it is but for white space around it. Returns NULL, or a
 * sentence that says why not and repeats nothing of the text.
 */
extern const char *mr_jwt_keys_add(MrJwtKeys *keys, const char *text);

/* Forgets all keys. */
extern void mr_jwt_keys_free(MrJwtKeys *keys);

/* What a token must say. */
typedef struct MrJwtRules
{
	const char *audience;   /* one of the token's; NULL or empty: not looked at */
	const char *role_claim; /* where the role is: names of members, joined by '.' */
	int64_t now_s;          /* seconds since 1970 */
} MrJwtRules;

typedef struct MrJwtClaims
{
	char role[MR_JWT_ROLE_SIZE];
	int64_t expires_s;
	char *json; /* the claims as the token has them; from malloc, the caller's */
} MrJwtClaims;

/*
 * Judges a token of length bytes. Only with MR_JWT_GOOD is anything in claims; claims->json
 * may still be NULL, without memory.
 */
extern MrJwtResult mr_jwt_verify(const MrJwtKeys *keys, const MrJwtRules *rules, const char *token,
								 size_t length, MrJwtClaims *claims);

/* The sentence of a result. */
extern const char *mr_jwt_sentence(MrJwtResult result);

/*
 * Decodes base64url without padding (RFC 7515), strictly: no other character, no stray bits.
 * Returns how many bytes there are, or -1 (malformed, or more than size).
 */
extern int mr_base64url_decode(const char *text, size_t length, unsigned char *out, size_t size);

#endif /* MR_JWT_H */
