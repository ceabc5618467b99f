/*
 * Reads the keys that tokens are verified with, and verifies signatures; see mr_jwt_key.h.
 *
 * It must never take a key for another algorithm than its own, nor repeat a part of one in
 * a message. A private key is refused: who only verifies has no business with it. Called by
 * jwt.c and the sidecar's settings.
 */
#include "adapters/mr_jwt_key.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include "adapters/mr_json.h"

#define HASH_SIZE 32
#define NUMBER_SIZE 32   /* of a coordinate on P-256, and of half a signature */
#define MODULUS_MAX 1024 /* bytes: RSA of 8192 bits */
#define RSA_BITS_MIN 2048
#define MEMBER_SIZE 1500 /* of a JWK: a modulus in base64url */
#define NO_MEMORY "Memory is out."
#define PRIVATE_KEY "A private key is not needed to verify tokens: give the public one."

static void
free_key(MrJwtKey *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pkey);
	if (key->secret != NULL)
		OPENSSL_clear_free(key->secret, key->secret_length);
	free(key);
}

void
mr_jwt_keys_free(MrJwtKeys *keys)
{
	while (keys->count > 0)
		free_key(keys->list[--keys->count]);
}

/* Takes the key over, whatever comes of it. */
static const char *
add_key(MrJwtKeys *keys, MrJwtKey *key)
{
	if (keys->count == MR_JWT_KEYS)
	{
		free_key(key);
		return "There are more than 8 keys.";
	}
	keys->list[keys->count++] = key;
	return NULL;
}

static const char *
add_secret(MrJwtKeys *keys, const unsigned char *secret, size_t length, const char *id)
{
	MrJwtKey *key;

	if (length < MR_JWT_SECRET_MIN)
		return "A secret has at least 32 bytes.";
	key = calloc(1, sizeof(*key));
	if (key == NULL || (key->secret = OPENSSL_memdup(secret, length)) == NULL)
	{
		free(key);
		return NO_MEMORY;
	}
	key->algorithm = MR_JWT_HS256;
	key->secret_length = length;
	snprintf(key->id, sizeof(key->id), "%s", id);
	return add_key(keys, key);
}

/* Takes pkey over, whatever comes of it. */
static const char *
add_public_key(MrJwtKeys *keys, EVP_PKEY *pkey, const char *id)
{
	MrJwtKey *key = calloc(1, sizeof(*key));
	char group[32] = "";
	const char *problem = NULL;

	if (key == NULL)
		problem = NO_MEMORY;
	else if (EVP_PKEY_is_a(pkey, "RSA"))
	{
		key->algorithm = MR_JWT_RS256;
		if (EVP_PKEY_get_bits(pkey) < RSA_BITS_MIN)
			problem = "An RSA key has at least 2048 bits.";
	}
	else if (EVP_PKEY_is_a(pkey, "EC") &&
			 EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) == 1 &&
			 strcmp(group, "prime256v1") == 0)
		key->algorithm = MR_JWT_ES256;
	else
		problem = "A public key is an RSA key or one on the curve P-256.";
	if (problem != NULL)
	{
		free(key);
		EVP_PKEY_free(pkey);
		return problem;
	}
	key->pkey = pkey;
	snprintf(key->id, sizeof(key->id), "%s", id);
	return add_key(keys, key);
}

static const char *
add_pem(MrJwtKeys *keys, const char *text)
{
	BIO *bio = BIO_new_mem_buf(text, -1);
	const char *problem = bio == NULL ? NO_MEMORY : NULL;
	EVP_PKEY *pkey;
	int before = keys->count;

	if (strstr(text, "PRIVATE KEY") != NULL)
		problem = PRIVATE_KEY;
	while (problem == NULL && (pkey = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL)) != NULL)
		problem = add_public_key(keys, pkey, "");
	if (problem == NULL && keys->count == before)
		problem = "The public key in PEM cannot be read.";
	ERR_clear_error();
	BIO_free(bio);
	return problem;
}

/* A member of a JWK that holds base64url; its length, or -1. */
static int
get_bytes(const MrJsonNode *jwk, const char *name, unsigned char *out, size_t size)
{
	char text[MEMBER_SIZE];

	if (mr_json_get_string(jwk, name, text, sizeof(text)) != MR_JSON_FOUND)
		return -1;
	return mr_base64url_decode(text, strlen(text), out, size);
}

static EVP_PKEY *
build_key(const char *kind, OSSL_PARAM_BLD *build)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
	EVP_PKEY *pkey = NULL;

	if (params == NULL || context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
		EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(context);
	OSSL_PARAM_free(params);
	ERR_clear_error();
	return pkey;
}

static EVP_PKEY *
read_rsa(const MrJsonNode *jwk)
{
	unsigned char modulus[MODULUS_MAX];
	unsigned char exponent[8];
	int modulus_length = get_bytes(jwk, "n", modulus, sizeof(modulus));
	int exponent_length = get_bytes(jwk, "e", exponent, sizeof(exponent));
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *n = NULL;
	BIGNUM *e = NULL;
	EVP_PKEY *pkey = NULL;

	if (modulus_length > 0 && exponent_length > 0 && build != NULL &&
		(n = BN_bin2bn(modulus, modulus_length, NULL)) != NULL &&
		(e = BN_bin2bn(exponent, exponent_length, NULL)) != NULL &&
		OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
		OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1)
		pkey = build_key("RSA", build);
	BN_free(n);
	BN_free(e);
	OSSL_PARAM_BLD_free(build);
	return pkey;
}

static EVP_PKEY *
read_ec(const MrJsonNode *jwk)
{
	unsigned char point[1 + 2 * NUMBER_SIZE] = {POINT_CONVERSION_UNCOMPRESSED};
	char curve[16];
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY *pkey = NULL;

	if (build != NULL && mr_json_get_string(jwk, "crv", curve, sizeof(curve)) == MR_JSON_FOUND &&
		strcmp(curve, "P-256") == 0 && get_bytes(jwk, "x", point + 1, NUMBER_SIZE) == NUMBER_SIZE &&
		get_bytes(jwk, "y", point + 1 + NUMBER_SIZE, NUMBER_SIZE) == NUMBER_SIZE &&
		OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
		OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)) == 1)
		pkey = build_key("EC", build);
	OSSL_PARAM_BLD_free(build);
	return pkey;
}

/* A member that may be left out: then "", else false if it is no text of that size. */
static bool
get_text(const MrJsonNode *jwk, const char *name, char *out, size_t size)
{
	MrJsonMember member;

	out[0] = '\0';
	member = mr_json_get_string(jwk, name, out, size);
	return member == MR_JSON_FOUND || member == MR_JSON_ABSENT;
}

/* Whether a JWK may be for this algorithm, as far as kind and algorithm say. */
static bool
is_for(const char *kind, const char *alg, const char *wanted_kind, const char *wanted_alg)
{
	return strcmp(kind, wanted_kind) == 0 && (alg[0] == '\0' || strcmp(alg, wanted_alg) == 0);
}

static const char *
add_jwk(MrJwtKeys *keys, const MrJsonNode *jwk)
{
	char kind[16];
	char alg[16];
	char use[16];
	char id[MR_JWT_KEY_ID_SIZE];
	unsigned char secret[MODULUS_MAX];
	EVP_PKEY *pkey;
	int length;

	if (!get_text(jwk, "kty", kind, sizeof(kind)) || !get_text(jwk, "kid", id, sizeof(id)) ||
		!get_text(jwk, "alg", alg, sizeof(alg)) || !get_text(jwk, "use", use, sizeof(use)))
		return "A JWK has a kind (kty), and an id (kid) of at most 127 bytes.";
	/* one for something else is none of ours */
	if (use[0] != '\0' && strcmp(use, "sig") != 0)
		return NULL;
	if (get_bytes(jwk, "d", secret, sizeof(secret)) >= 0)
		return PRIVATE_KEY;
	if (is_for(kind, alg, "oct", "HS256"))
	{
		length = get_bytes(jwk, "k", secret, sizeof(secret));
		return length < 0 ? "The secret of a JWK cannot be read."
						  : add_secret(keys, secret, (size_t) length, id);
	}
	if (is_for(kind, alg, "RSA", "RS256"))
		pkey = read_rsa(jwk);
	else if (is_for(kind, alg, "EC", "ES256"))
		pkey = read_ec(jwk);
	else
		return "A JWK is a key for HS256, RS256 or ES256.";
	return pkey == NULL ? "A JWK cannot be read as a key." : add_public_key(keys, pkey, id);
}

static const char *
add_json(MrJwtKeys *keys, const char *text)
{
	MrJson json;
	const MrJsonNode *root = mr_json_read(&json, text, strlen(text));
	const MrJsonNode *set = mr_json_get_array(root, "keys");
	const char *problem = NULL;
	int before = keys->count;
	size_t i;

	if (root == NULL)
		problem = "The JWK is not a JSON object.";
	else if (set == NULL)
		problem = add_jwk(keys, root);
	for (i = 0; problem == NULL && i < mr_json_count(set); i++)
		problem = add_jwk(keys, mr_json_object_at(set, i));
	if (problem == NULL && keys->count == before)
		problem = "The JWK set holds no key for signatures.";
	mr_json_abandon(&json);
	return problem;
}

const char *
mr_jwt_keys_add(MrJwtKeys *keys, const char *text)
{
	size_t length;

	while (isspace((unsigned char) *text))
		text++;
	length = strlen(text);
	while (length > 0 && isspace((unsigned char) text[length - 1]))
		length--;
	if (strncmp(text, "-----BEGIN ", 11) == 0)
		return add_pem(keys, text);
	if (*text == '{')
		return add_json(keys, text);
	return add_secret(keys, (const unsigned char *) text, length, "");
}

/* A signature of two numbers (RFC 7518, 3.4) in the form that OpenSSL takes; NULL if none. */
static unsigned char *
der_of_signature(const unsigned char *signature, int *length)
{
	ECDSA_SIG *numbers = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature, NUMBER_SIZE, NULL);
	BIGNUM *s = BN_bin2bn(signature + NUMBER_SIZE, NUMBER_SIZE, NULL);
	unsigned char *der = NULL;

	if (numbers == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(numbers, r, s) != 1)
	{
		BN_free(r);
		BN_free(s);
		ECDSA_SIG_free(numbers);
		return NULL;
	}
	*length = i2d_ECDSA_SIG(numbers, &der);
	ECDSA_SIG_free(numbers);
	return *length > 0 ? der : NULL;
}

static bool
verifies_public(const MrJwtKey *key, const char *text, size_t length,
				const unsigned char *signature, size_t signature_length)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = context != NULL &&
				EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key->pkey) == 1 &&
				EVP_DigestVerify(context, signature, signature_length, (const unsigned char *) text,
								 length) == 1;

	EVP_MD_CTX_free(context);
	ERR_clear_error();
	return good;
}

bool
mr_jwt_key_verifies(const MrJwtKey *key, const char *text, size_t length,
					const unsigned char *signature, size_t signature_length)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned int hash_length = 0;
	unsigned char *der;
	int der_length;
	bool good = false;

	switch (key->algorithm)
	{
		case MR_JWT_HS256:
			good = HMAC(EVP_sha256(), key->secret, (int) key->secret_length,
						(const unsigned char *) text, length, hash, &hash_length) != NULL &&
				   hash_length == HASH_SIZE && signature_length == HASH_SIZE &&
				   CRYPTO_memcmp(hash, signature, HASH_SIZE) == 0;
			break;
		case MR_JWT_RS256:
			good = verifies_public(key, text, length, signature, signature_length);
			break;
		case MR_JWT_ES256:
			if (signature_length != 2 * NUMBER_SIZE ||
				(der = der_of_signature(signature, &der_length)) == NULL)
				break;
			good = verifies_public(key, text, length, der, (size_t) der_length);
			OPENSSL_free(der);
			break;
		case MR_JWT_ALGORITHM_COUNT:
			break;
	}
	return good;
}
