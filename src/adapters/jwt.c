/*
 * Judges signed tokens; see mr_jwt.h. Nothing a token says is believed before its signature
 * is verified, but for which key to try. It must never print a token, and never take an
 * algorithm from one. Called by the sidecar's auth.c.
 */
#include "adapters/mr_jwt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "adapters/mr_jwt_key.h"

#define HEADER_MAX 1024    /* bytes, decoded */
#define SIGNATURE_MAX 1024 /* bytes: RSA of 8192 bits */

/* The three parts of a token, as they stand there. */
typedef struct Parts
{
	const char *header;
	size_t header_length;
	const char *payload;
	size_t payload_length;
	const char *signature;
	size_t signature_length;
} Parts;

#define SENTENCE(symbol, sentence) [symbol] = sentence,
static const char *const sentences[MR_JWT_RESULT_COUNT] = {MR_JWT_RESULT_LIST(SENTENCE)};

#define ALGORITHM_WORD(symbol, word) [symbol] = word,
static const char *const algorithm_words[MR_JWT_ALGORITHM_COUNT] = {
	MR_JWT_ALGORITHM_LIST(ALGORITHM_WORD)};

const char *
mr_jwt_sentence(MrJwtResult result)
{
	return sentences[result];
}

static int
digit_of(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int) (at - digits) : -1;
}

int
mr_base64url_decode(const char *text, size_t length, unsigned char *out, size_t size)
{
	unsigned int bits = 0;
	int held = 0;
	size_t written = 0;
	size_t i;

	if (length % 4 == 1)
		return -1;
	for (i = 0; i < length; i++)
	{
		int digit = digit_of(text[i]);

		if (digit < 0)
			return -1;
		bits = bits << 6 | (unsigned int) digit;
		held += 6;
		if (held < 8)
			continue;
		held -= 8;
		if (written == size)
			return -1;
		out[written++] = (unsigned char) (bits >> held);
		bits &= (1U << held) - 1;
	}
	return bits == 0 ? (int) written : -1;
}

static bool
split(const char *token, size_t length, Parts *parts)
{
	const char *end = token + length;
	const char *first = memchr(token, '.', length);
	const char *second = first != NULL ? memchr(first + 1, '.', (size_t) (end - first - 1)) : NULL;

	if (second == NULL || length > MR_JWT_MAX ||
		memchr(second + 1, '.', (size_t) (end - second - 1)) != NULL)
		return false;
	parts->header = token;
	parts->header_length = (size_t) (first - token);
	parts->payload = first + 1;
	parts->payload_length = (size_t) (second - first - 1);
	parts->signature = second + 1;
	parts->signature_length = (size_t) (end - second - 1);
	return true;
}

/* A JSON object from its encoded form, and as text in buffer (size + 1 bytes); NULL if none. */
static json_t *
read_object(const char *text, size_t length, char *buffer, size_t size)
{
	int decoded = mr_base64url_decode(text, length, (unsigned char *) buffer, size);
	json_t *object;

	if (decoded < 0)
		return NULL;
	buffer[decoded] = '\0';
	object = json_loadb(buffer, (size_t) decoded, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(object))
		return object;
	json_decref(object);
	return NULL;
}

/* Whether any key may be the one of this header, as far as *result says. */
static bool
is_candidate(const MrJwtKey *key, const char *alg, const char *id, MrJwtResult *result)
{
	if (strcmp(alg, algorithm_words[key->algorithm]) != 0)
		return false;
	if (*result == MR_JWT_WRONG_ALGORITHM)
		*result = MR_JWT_WRONG_KEY;
	if (id != NULL && key->id[0] != '\0' && strcmp(id, key->id) != 0)
		return false;
	*result = MR_JWT_WRONG_SIGNATURE;
	return true;
}

static MrJwtResult
verify_signature(const MrJwtKeys *keys, const Parts *parts)
{
	char text[HEADER_MAX + 1];
	unsigned char signature[SIGNATURE_MAX];
	json_t *header = read_object(parts->header, parts->header_length, text, HEADER_MAX);
	const json_t *kid = json_object_get(header, "kid");
	const char *alg = json_string_value(json_object_get(header, "alg"));
	int length = mr_base64url_decode(parts->signature, parts->signature_length, signature,
									 sizeof(signature));
	MrJwtResult result = MR_JWT_WRONG_ALGORITHM;
	int i;

	if (header == NULL || alg == NULL || length < 0 || (kid != NULL && !json_is_string(kid)))
		result = MR_JWT_MALFORMED;
	else if (json_object_get(header, "crit") != NULL)
		result = MR_JWT_CRITICAL;
	else
		for (i = 0; i < keys->count && result != MR_JWT_GOOD; i++)
			if (is_candidate(keys->list[i], alg, json_string_value(kid), &result) &&
				mr_jwt_key_verifies(keys->list[i], parts->header,
									(size_t) (parts->signature - 1 - parts->header), signature,
									(size_t) length))
				result = MR_JWT_GOOD;
	json_decref(header);
	return result;
}

/* A claim that is a time (NumericDate). Absent: leaves *value; false if it is none. */
static bool
get_time(const json_t *claims, const char *name, double *value)
{
	const json_t *claim = json_object_get(claims, name);

	if (claim == NULL)
		return true;
	if (!json_is_number(claim))
		return false;
	*value = json_number_value(claim);
	return isfinite(*value) && fabs(*value) < 1e15;
}

static MrJwtResult
check_times(const json_t *claims, int64_t now_s, int64_t *expires_s)
{
	double expires = -1;
	double from = 0;
	double issued = 0;

	if (!get_time(claims, "exp", &expires) || !get_time(claims, "nbf", &from) ||
		!get_time(claims, "iat", &issued))
		return MR_JWT_MALFORMED;
	if (json_object_get(claims, "exp") == NULL)
		return MR_JWT_NO_EXPIRY;
	if (expires + MR_JWT_LEEWAY_S <= (double) now_s)
		return MR_JWT_EXPIRED;
	if (from - MR_JWT_LEEWAY_S > (double) now_s || issued - MR_JWT_LEEWAY_S > (double) now_s)
		return MR_JWT_NOT_YET;
	*expires_s = (int64_t) expires;
	return MR_JWT_GOOD;
}

static bool
is_text(const json_t *value, const char *text)
{
	return json_is_string(value) && json_string_length(value) == strlen(text) &&
		   strcmp(json_string_value(value), text) == 0;
}

static bool
is_for(const json_t *claims, const char *audience)
{
	const json_t *claim = json_object_get(claims, "aud");
	size_t i;

	if (audience == NULL || audience[0] == '\0' || is_text(claim, audience))
		return true;
	for (i = 0; i < json_array_size(claim); i++)
		if (is_text(json_array_get(claim, i), audience))
			return true;
	return false;
}

static bool
get_role(const json_t *claims, const char *path, char role[MR_JWT_ROLE_SIZE])
{
	char name[128];
	const json_t *value = claims;
	size_t length;

	for (; value != NULL; path += length + 1)
	{
		length = strcspn(path, ".");
		if (length == 0 || length >= sizeof(name))
			return false;
		memcpy(name, path, length);
		name[length] = '\0';
		value = json_object_get(value, name);
		if (path[length] == '\0')
			break;
	}
	length = json_string_length(value);
	if (!json_is_string(value) || length == 0 || length >= MR_JWT_ROLE_SIZE ||
		strlen(json_string_value(value)) != length)
		return false;
	memcpy(role, json_string_value(value), length + 1);
	return true;
}

static MrJwtResult
check_claims(const MrJwtRules *rules, const json_t *object, MrJwtClaims *claims)
{
	MrJwtResult result = check_times(object, rules->now_s, &claims->expires_s);

	if (result != MR_JWT_GOOD)
		return result;
	if (!is_for(object, rules->audience))
		return MR_JWT_WRONG_AUDIENCE;
	return get_role(object, rules->role_claim, claims->role) ? MR_JWT_GOOD : MR_JWT_NO_ROLE;
}

MrJwtResult
mr_jwt_verify(const MrJwtKeys *keys, const MrJwtRules *rules, const char *token, size_t length,
			  MrJwtClaims *claims)
{
	Parts parts;
	MrJwtResult result;
	MrJwtClaims found = {.expires_s = 0};
	char text[MR_JWT_MAX];
	json_t *object;

	memset(claims, 0, sizeof(*claims));
	if (!split(token, length, &parts))
		return MR_JWT_MALFORMED;
	result = verify_signature(keys, &parts);
	if (result != MR_JWT_GOOD)
		return result;
	object = read_object(parts.payload, parts.payload_length, text, sizeof(text) - 1);
	if (object == NULL)
		return MR_JWT_MALFORMED;
	result = check_claims(rules, object, &found);
	if (result == MR_JWT_GOOD)
	{
		*claims = found;
		claims->json = strdup(text);
	}
	json_decref(object);
	return result;
}
