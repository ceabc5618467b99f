/*
 * libFuzzer: any text as a token, which is never believed, as its key, and, signed, as the
 * header and the claims of one: what is accepted then names an algorithm of the key, a role
 * and a time that is not over. Run by test/fuzz/run.sh.
 */
#include "adapters/mr_jwt.h"
#include "fuzz/mr_fuzz.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define SECRET "0123456789abcdefghijklmnopqrstuvwxyz"
#define NOW 1700000000

static const char *const seeds[] = {
	"{\"alg\":\"HS256\"}\n{\"role\":\"r\",\"exp\":1700000100}",
	"{\"alg\":\"HS256\",\"kid\":\"a\",\"typ\":\"JWT\"}\n"
	"{\"role\":\"r\",\"exp\":1700000100,\"nbf\":1,\"iat\":1,\"aud\":[\"a\",\"b\"],\"a\":{\"b\":1}}",
	"{\"alg\":\"none\",\"crit\":[]}\n{}",
	"eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiciJ9.AAAA",
	"{\"keys\":[{\"kty\":\"oct\",\"kid\":\"a\",\"k\":"
	"\"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE\"}]}",
	"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
	"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}",
	"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n",
};

MR_FUZZ_BEGIN_WITH(seeds)

static size_t
encode(const unsigned char *from, size_t length, char *to)
{
	size_t written = (size_t) EVP_EncodeBlock((unsigned char *) to, from, (int) length);
	size_t i;

	while (written > 0 && to[written - 1] == '=')
		written--;
	for (i = 0; i < written; i++)
		to[i] = to[i] == '+' ? '-' : to[i] == '/' ? '_' : to[i];
	return written;
}

static MrJwtResult
judge(const MrJwtKeys *keys, const char *token, size_t length)
{
	MrJwtRules rules = {.role_claim = "role", .now_s = NOW};
	MrJwtClaims claims;
	MrJwtResult result = mr_jwt_verify(keys, &rules, token, length, &claims);

	if (result == MR_JWT_GOOD &&
		(claims.role[0] == '\0' || claims.json == NULL || claims.expires_s < NOW - MR_JWT_LEEWAY_S))
		abort();
	free(claims.json);
	return result;
}

static void
try_signed(const MrJwtKeys *keys, const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size);
	char token[4096];
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned int hash_length;
	size_t length;

	if (end == NULL || size > 2000)
		return;
	length = encode(data, (size_t) (end - data), token);
	token[length++] = '.';
	length += encode(end + 1, (size_t) (data + size - end - 1), token + length);
	(void) HMAC(EVP_sha256(), SECRET, (int) strlen(SECRET), (unsigned char *) token, length, hash,
				&hash_length);
	token[length++] = '.';
	length += encode(hash, hash_length, token + length);
	if (judge(keys, token, length) == MR_JWT_GOOD &&
		memmem(data, (size_t) (end - data), "HS256", 5) == NULL &&
		memmem(data, (size_t) (end - data), "\\u", 2) == NULL)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static MrJwtKeys keys;
	MrJwtKeys others = {.count = 0};
	char *text = malloc(size + 1);

	if (keys.count == 0 && mr_jwt_keys_add(&keys, SECRET) != NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	if (judge(&keys, text, size) == MR_JWT_GOOD)
		abort();
	try_signed(&keys, data, size);
	(void) mr_jwt_keys_add(&others, text);
	(void) judge(&others, text, size);
	mr_jwt_keys_free(&others);
	free(text);
	return 0;
}
