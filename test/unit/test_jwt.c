/*
 * Signed tokens: the examples of RFC 7515, tokens signed here, and the ways to forge one.
 * Keys are made anew by OpenSSL; what a token says is written by hand.
 */
#include "adapters/mr_jwt.h"
#include "unit/mr_unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#define NOW 1700000000
#define SECRET "0123456789abcdefghijklmnopqrstuvwxyz"
#define CLAIMS "{\"role\":\"editor\",\"exp\":1700000100}"

/* RFC 7515, A.1: a token of long ago, without a role. */
#define RFC_SECRET \
	"{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75" \
	"aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow\"}"
#define RFC_PAYLOAD \
	"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl" \
	"fQ"
#define RFC_TOKEN \
	"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." RFC_PAYLOAD \
	".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
/* A.3 */
#define RFC_EC \
	"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\"," \
	"\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"," \
	"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}"
#define RFC_EC_TOKEN \
	"eyJhbGciOiJFUzI1NiJ9." RFC_PAYLOAD \
	".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"

static MrJwtKeys keys;
static MrJwtRules rules;
static EVP_PKEY *rsa;
static EVP_PKEY *ec;
static char token[3 * MR_JWT_MAX];

static void
end(void)
{
	mr_jwt_keys_free(&keys);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
}

/* They take a moment to make, once. */
__attribute__((constructor)) static void
make_keys(void)
{
	rsa = EVP_RSA_gen(2048);
	ec = EVP_EC_gen("P-256");
	(void) atexit(end);
}

static void
begin(const char *key)
{
	mr_jwt_keys_free(&keys);
	rules = (MrJwtRules){.role_claim = "role", .now_s = NOW};
	if (key != NULL)
		MR_CHECK_STRING(mr_jwt_keys_add(&keys, key), NULL);
}

static void
append(const void *bytes, size_t length)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const unsigned char *from = bytes;
	char *to = token + strlen(token);
	unsigned int bits = 0;
	int held = 0;
	size_t i;

	for (i = 0; i < length; i++)
	{
		bits = bits << 8 | from[i];
		for (held += 8; held >= 6; held -= 6)
			*to++ = digits[bits >> (held - 6) & 63];
	}
	if (held > 0)
		*to++ = digits[bits << (6 - held) & 63];
	*to = '\0';
}

static void
end_part(void)
{
	size_t length = strlen(token);

	token[length] = '.';
	token[length + 1] = '\0';
}

/* Begins a token; what it signs is what is there so far. */
static void
write_parts(const char *header, const char *claims)
{
	token[0] = '\0';
	append(header, strlen(header));
	end_part();
	append(claims, strlen(claims));
}

static const char *
sign_hmac(const char *header, const char *claims, const char *secret)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned int length;

	write_parts(header, claims);
	(void) HMAC(EVP_sha256(), secret, (int) strlen(secret), (unsigned char *) token, strlen(token),
				hash, &length);
	end_part();
	append(hash, length);
	return token;
}

static const char *
sign(const char *header, const char *claims, EVP_PKEY *key)
{
	unsigned char signature[1024];
	unsigned char numbers[64] = {0};
	size_t length = sizeof(signature);
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	write_parts(header, claims);
	MR_CHECK(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1);
	MR_CHECK(EVP_DigestSign(context, signature, &length, (unsigned char *) token, strlen(token)) ==
			 1);
	EVP_MD_CTX_free(context);
	end_part();
	if (key != ec)
		append(signature, length);
	else
	{
		const unsigned char *at = signature;
		ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long) length);

		(void) BN_bn2binpad(ECDSA_SIG_get0_r(pair), numbers, 32);
		(void) BN_bn2binpad(ECDSA_SIG_get0_s(pair), numbers + 32, 32);
		ECDSA_SIG_free(pair);
		append(numbers, sizeof(numbers));
	}
	return token;
}

static const char *
pem_of(EVP_PKEY *key)
{
	static char text[4096];
	BIO *bio = BIO_new(BIO_s_mem());
	int length;

	MR_CHECK(PEM_write_bio_PUBKEY(bio, key) == 1);
	length = BIO_read(bio, text, sizeof(text) - 1);
	text[length > 0 ? length : 0] = '\0';
	BIO_free(bio);
	return text;
}

static MrJwtResult
judge(const char *text)
{
	MrJwtClaims claims;
	MrJwtResult result = mr_jwt_verify(&keys, &rules, text, strlen(text), &claims);

	mr_unit_about("%.60s: %s", text, mr_jwt_sentence(result));
	MR_CHECK_INT(claims.json != NULL, result == MR_JWT_GOOD);
	free(claims.json);
	return result;
}

MR_TEST(the_examples_of_the_standard_are_verified)
{
	begin(RFC_SECRET);
	rules.now_s = 1300819300;
	MR_CHECK_INT(judge(RFC_TOKEN), MR_JWT_NO_ROLE);
	rules.role_claim = "iss";
	MR_CHECK_INT(judge(RFC_TOKEN), MR_JWT_GOOD);
	rules.now_s = NOW;
	MR_CHECK_INT(judge(RFC_TOKEN), MR_JWT_EXPIRED);
	begin(RFC_EC);
	rules.now_s = 1300819300;
	rules.role_claim = "iss";
	MR_CHECK_INT(judge(RFC_EC_TOKEN), MR_JWT_GOOD);
}

MR_TEST(each_kind_of_key_verifies_its_own_algorithm)
{
	MrJwtClaims claims;

	begin(SECRET "\n");
	sign_hmac("{\"alg\":\"HS256\",\"typ\":\"JWT\"}", CLAIMS, SECRET);
	MR_CHECK_INT(mr_jwt_verify(&keys, &rules, token, strlen(token), &claims), MR_JWT_GOOD);
	MR_CHECK_STRING(claims.role, "editor");
	MR_CHECK_STRING(claims.json, CLAIMS);
	MR_CHECK_INT(claims.expires_s, NOW + 100);
	free(claims.json);
	begin(pem_of(rsa));
	MR_CHECK_INT(judge(sign("{\"alg\":\"RS256\"}", CLAIMS, rsa)), MR_JWT_GOOD);
	begin(pem_of(ec));
	MR_CHECK_INT(judge(sign("{\"alg\":\"ES256\"}", CLAIMS, ec)), MR_JWT_GOOD);
}

MR_TEST(the_algorithm_is_the_keys)
{
	char pem[4096];

	begin(SECRET);
	write_parts("{\"alg\":\"none\"}", CLAIMS);
	end_part();
	MR_CHECK_INT(judge(token), MR_JWT_WRONG_ALGORITHM);
	MR_CHECK_INT(judge(sign_hmac("{\"alg\":\"none\"}", CLAIMS, SECRET)), MR_JWT_WRONG_ALGORITHM);
	MR_CHECK_INT(judge(sign_hmac("{\"alg\":\"hs256\"}", CLAIMS, SECRET)), MR_JWT_WRONG_ALGORITHM);
	MR_CHECK_INT(judge(sign_hmac("{\"alg\":\"HS512\"}", CLAIMS, SECRET)), MR_JWT_WRONG_ALGORITHM);
	/* the public key as if it were a secret */
	snprintf(pem, sizeof(pem), "%s", pem_of(rsa));
	begin(pem);
	MR_CHECK_INT(judge(sign_hmac("{\"alg\":\"HS256\"}", CLAIMS, pem)), MR_JWT_WRONG_ALGORITHM);
	MR_CHECK_INT(judge(sign_hmac("{\"alg\":\"RS256\"}", CLAIMS, pem)), MR_JWT_WRONG_SIGNATURE);
	MR_CHECK_INT(judge(sign("{\"alg\":\"ES256\"}", CLAIMS, rsa)), MR_JWT_WRONG_ALGORITHM);
	MR_CHECK_INT(judge(sign("{\"alg\":\"RS256\"}", CLAIMS, ec)), MR_JWT_WRONG_SIGNATURE);
}

MR_TEST(another_key_or_a_changed_text_is_noticed)
{
	size_t length;
	size_t i;

	begin(SECRET);
	MR_CHECK_INT(judge(sign_hmac("{\"alg\":\"HS256\"}", CLAIMS, SECRET "!")),
				 MR_JWT_WRONG_SIGNATURE);
	sign_hmac("{\"alg\":\"HS256\"}", CLAIMS, SECRET);
	length = strlen(token);
	for (i = 0; i < length; i++)
	{
		char was = token[i];

		token[i] = was == 'x' ? 'y' : 'x';
		MR_CHECK(judge(token) != MR_JWT_GOOD);
		token[i] = was;
	}
	for (; length > 0; length--)
	{
		token[length - 1] = '\0';
		MR_CHECK(judge(token) != MR_JWT_GOOD);
	}
	begin(pem_of(ec));
	write_parts("{\"alg\":\"ES256\"}", CLAIMS);
	end_part();
	append((unsigned char[64]){0}, 64);
	MR_CHECK_INT(judge(token), MR_JWT_WRONG_SIGNATURE);
}

MR_TEST(keys_are_chosen_by_their_id)
{
	begin(
		"{\"keys\":[{\"kty\":\"oct\",\"kid\":\"a\",\"k\":"
		"\"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE\"},"
		"{\"kty\":\"oct\",\"kid\":\"b\",\"k\":\"QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI\"},"
		"{\"kty\":\"RSA\",\"use\":\"enc\"}]}");
	MR_CHECK_INT(keys.count, 2);
#define A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	MR_CHECK_INT(judge(sign_hmac("{\"alg\":\"HS256\"}", CLAIMS, A)), MR_JWT_GOOD);
	MR_CHECK_INT(judge(sign_hmac("{\"alg\":\"HS256\",\"kid\":\"a\"}", CLAIMS, A)), MR_JWT_GOOD);
	MR_CHECK_INT(judge(sign_hmac("{\"alg\":\"HS256\",\"kid\":\"b\"}", CLAIMS, A)),
				 MR_JWT_WRONG_SIGNATURE);
	MR_CHECK_INT(judge(sign_hmac("{\"alg\":\"HS256\",\"kid\":\"c\"}", CLAIMS, A)),
				 MR_JWT_WRONG_KEY);
	MR_CHECK_INT(judge(sign_hmac("{\"alg\":\"HS256\",\"kid\":7}", CLAIMS, A)), MR_JWT_MALFORMED);
}

MR_TEST(times_are_checked_with_some_leeway)
{
	static const struct
	{
		const char *claims;
		MrJwtResult result;
	} cases[] = {
		{"{\"role\":\"r\",\"exp\":1699999971}", MR_JWT_GOOD},
		{"{\"role\":\"r\",\"exp\":1699999970}", MR_JWT_EXPIRED},
		{"{\"role\":\"r\",\"exp\":1700000000.5}", MR_JWT_GOOD},
		{"{\"role\":\"r\"}", MR_JWT_NO_EXPIRY},
		{"{\"role\":\"r\",\"exp\":null}", MR_JWT_NO_EXPIRY},
		{"{\"role\":\"r\",\"exp\":\"1700000100\"}", MR_JWT_MALFORMED},
		{"{\"role\":\"r\",\"exp\":1e300}", MR_JWT_MALFORMED},
		{"{\"role\":\"r\",\"exp\":1e999}", MR_JWT_MALFORMED},
		{"{\"role\":\"r\",\"exp\":-1700000100}", MR_JWT_EXPIRED},
		{"{\"role\":\"r\",\"exp\":1700000100,\"nbf\":1700000030}", MR_JWT_GOOD},
		{"{\"role\":\"r\",\"exp\":1700000100,\"nbf\":1700000031}", MR_JWT_NOT_YET},
		{"{\"role\":\"r\",\"exp\":1700000100,\"nbf\":[]}", MR_JWT_MALFORMED},
		{"{\"role\":\"r\",\"exp\":1700000100,\"iat\":1700000031}", MR_JWT_NOT_YET},
	};
	size_t i;

	begin(SECRET);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		MR_CHECK_INT(judge(sign_hmac("{\"alg\":\"HS256\"}", cases[i].claims, SECRET)),
					 cases[i].result);
}

MR_TEST(audience_and_role_are_found_where_they_belong)
{
	static const struct
	{
		const char *more; /* of the claims */
		const char *audience;
		const char *path;
		MrJwtResult result;
	} cases[] = {
		{"\"role\":\"r\"", "api", "role", MR_JWT_WRONG_AUDIENCE},
		{"\"role\":\"r\",\"aud\":\"api\"", "api", "role", MR_JWT_GOOD},
		{"\"role\":\"r\",\"aud\":\"apis\"", "api", "role", MR_JWT_WRONG_AUDIENCE},
		{"\"role\":\"r\",\"aud\":[\"x\",\"api\"]", "api", "role", MR_JWT_GOOD},
		{"\"role\":\"r\",\"aud\":[]", "api", "role", MR_JWT_WRONG_AUDIENCE},
		{"\"role\":\"r\",\"aud\":{\"api\":1}", "api", "role", MR_JWT_WRONG_AUDIENCE},
		{"\"role\":\"r\",\"aud\":\"api\"", "", "role", MR_JWT_GOOD},
		{"\"app\":{\"role\":\"r\"}", "", "app.role", MR_JWT_GOOD},
		{"\"app\":\"r\"", "", "app.role", MR_JWT_NO_ROLE},
		{"\"role\":\"\"", "", "role", MR_JWT_NO_ROLE},
		{"\"role\":[\"r\"]", "", "role", MR_JWT_NO_ROLE},
		{"\"role\":\"r\\u0000x\"", "", "role", MR_JWT_MALFORMED},
		{"\"role\":\"\xc3\xa4\"", "", "role", MR_JWT_GOOD},
		{"\"role\":\"\xff\"", "", "role", MR_JWT_MALFORMED},
		{"\"role\":\"r\",\"role\":\"s\"", "", "role", MR_JWT_MALFORMED},
		{"\"role\":\"0123456789012345678901234567890123456789012345678901234567890123\"", "",
		 "role", MR_JWT_NO_ROLE},
	};
	char claims[256];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		begin(SECRET);
		rules.audience = cases[i].audience;
		rules.role_claim = cases[i].path;
		snprintf(claims, sizeof(claims), "{\"exp\":1700000100,%s}", cases[i].more);
		MR_CHECK_INT(judge(sign_hmac("{\"alg\":\"HS256\"}", claims, SECRET)), cases[i].result);
	}
}

MR_TEST(what_is_no_token_is_refused)
{
	static const char *const texts[] = {
		"",         ".",        "..",        "...",           "a.b",  "a.b.c.d",
		"e30.e30.", "!.e30.AA", "e30.e30.=", "bnVsbA.e30.AA", " . . "};
	char *large;
	size_t i;

	begin(SECRET);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		MR_CHECK_INT(judge(texts[i]), MR_JWT_MALFORMED);
	MR_CHECK_INT(judge(sign_hmac("{\"alg\":\"HS256\",\"alg\":\"HS256\"}", CLAIMS, SECRET)),
				 MR_JWT_MALFORMED);
	MR_CHECK_INT(judge(sign_hmac("{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", CLAIMS, SECRET)),
				 MR_JWT_CRITICAL);
	MR_CHECK_INT(judge(sign_hmac("{\"alg\":\"HS256\"}", "[" CLAIMS "]", SECRET)), MR_JWT_MALFORMED);
	MR_CHECK_INT(judge(sign_hmac("{\"alg\":\"HS256\"}", CLAIMS "x", SECRET)), MR_JWT_MALFORMED);
	/* a token within a token */
	sign_hmac("{\"alg\":\"HS256\"}", CLAIMS, SECRET);
	large = strdup(token);
	MR_CHECK_INT(judge(sign_hmac("{\"alg\":\"HS256\",\"cty\":\"JWT\"}", large, SECRET)),
				 MR_JWT_MALFORMED);
	free(large);
	large = malloc(MR_JWT_MAX);
	memset(large, 'x', MR_JWT_MAX - 1);
	large[MR_JWT_MAX - 1] = '\0';
	MR_CHECK_INT(judge(sign_hmac("{\"alg\":\"HS256\"}", large, SECRET)), MR_JWT_MALFORMED);
	MR_CHECK_INT(judge(sign_hmac(large, CLAIMS, SECRET)), MR_JWT_MALFORMED);
	free(large);
}

MR_TEST(keys_that_are_none_are_refused)
{
	static const char *const texts[] = {
		"",
		"short",
		"{}",
		"{\"keys\":[]}",
		"{\"kty\":\"oct\",\"k\":\"QUFB\"}",
		"{\"kty\":\"oct\",\"k\":7}",
		"{\"kty\":\"RSA\",\"n\":\"AQ\",\"e\":\"AQAB\"}",
		"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\"}",
		"{\"kty\":\"EC\",\"crv\":\"P-521\"}",
		"{\"kty\":\"OKP\"}",
		"{\"kty\":\"oct\",\"k\":\"QUFB\"",
		"{\"kty\":\"oct\",\"alg\":\"HS512\",\"k\":"
		"\"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE\"}",
		"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
		"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		mr_jwt_keys_free(&keys);
		mr_unit_about("%s", texts[i]);
		MR_CHECK(mr_jwt_keys_add(&keys, texts[i]) != NULL);
	}
}

MR_TEST(a_small_or_foreign_key_is_refused)
{
	EVP_PKEY *small = EVP_RSA_gen(1024);
	EVP_PKEY *foreign = EVP_EC_gen("P-384");

	mr_jwt_keys_free(&keys);
	MR_CHECK(mr_jwt_keys_add(&keys, pem_of(small)) != NULL);
	MR_CHECK(mr_jwt_keys_add(&keys, pem_of(foreign)) != NULL);
	MR_CHECK_INT(keys.count, 0);
	EVP_PKEY_free(small);
	EVP_PKEY_free(foreign);
}

MR_TEST(base64url_is_read_strictly)
{
	unsigned char out[8];

	MR_CHECK_INT(mr_base64url_decode("", 0, out, sizeof(out)), 0);
	MR_CHECK_INT(mr_base64url_decode("_-8", 3, out, sizeof(out)), 2);
	MR_CHECK_INT(out[0], 0xff);
	MR_CHECK_INT(out[1], 0xef);
	MR_CHECK_INT(mr_base64url_decode("_-9", 3, out, sizeof(out)), -1); /* stray bits */
	MR_CHECK_INT(mr_base64url_decode("AAAAA", 5, out, sizeof(out)), -1);
	MR_CHECK_INT(mr_base64url_decode("AA==", 4, out, sizeof(out)), -1);
	MR_CHECK_INT(mr_base64url_decode("A+8", 3, out, sizeof(out)), -1);
	MR_CHECK_INT(mr_base64url_decode("A\0AA", 4, out, sizeof(out)), -1);
	MR_CHECK_INT(mr_base64url_decode("AAAAAAAAAAAA", 12, out, sizeof(out)), -1);
}
