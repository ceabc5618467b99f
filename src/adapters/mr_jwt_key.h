/*
 * Keys that tokens are verified with; only jwt.c and jwt_key.c know what is in one.
 */
#ifndef MR_JWT_KEY_H
#define MR_JWT_KEY_H

#include <openssl/evp.h>

#include "adapters/mr_jwt.h"

#define MR_JWT_KEY_ID_SIZE 128

/* X(symbol, word of "alg") */
#define MR_JWT_ALGORITHM_LIST(X) \
	X(MR_JWT_HS256, "HS256") \
	X(MR_JWT_RS256, "RS256") \
	X(MR_JWT_ES256, "ES256")

#define MR_JWT_ALGORITHM_ENUM(symbol, word) symbol,
typedef enum MrJwtAlgorithm
{
	MR_JWT_ALGORITHM_LIST(MR_JWT_ALGORITHM_ENUM) MR_JWT_ALGORITHM_COUNT
} MrJwtAlgorithm;
#undef MR_JWT_ALGORITHM_ENUM

typedef struct MrJwtKey
{
	MrJwtAlgorithm algorithm;
	char id[MR_JWT_KEY_ID_SIZE]; /* "kid", or empty */
	EVP_PKEY *pkey;              /* RS256, ES256 */
	unsigned char *secret;       /* HS256 */
	size_t secret_length;
} MrJwtKey;

/* Whether the signature of a signed text was made with the key. */
extern bool mr_jwt_key_verifies(const MrJwtKey *key, const char *text, size_t length,
								const unsigned char *signature, size_t signature_length);

#endif /* MR_JWT_KEY_H */
