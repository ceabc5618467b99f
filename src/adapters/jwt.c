/*
 * Judges signed tokens; see mr_jwt.h. Nothing a token says is believed before its signature
 * is verified, but for which key to try. It must never print a token, and never take an
 * algorithm from one. Called by the sidecar's auth.c.
 */
#include "adapters/mr_jwt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/mr_json.h"
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

/*
 * A JSON object from its encoded form, and as text in buffer (size + 1 bytes); NULL if it is
 * none. Ends with mr_json_abandon either way.
 */
static const MrJsonNode *
read_object(MrJson *json, const char *text, size_t length, char *buffer, size_t size)
{
	int decoded = mr_base64url_decode(text, length, (unsigned char *) buffer, size);

	memset(json, 0, sizeof(*json));
	if (decoded < 0)
		return NULL;
	buffer[decoded] = '\0';
	return mr_json_read(json, buffer, (size_t) decoded);
}

/* Whether any key may be the one of this header, as far as *result says. */
static bool
is_candidate(const MrJwtKey *key, const char *alg, const char *id, MrJwtResult *result)
{
	if (strcmp(alg, algorithm_words[key->algorithm]) != 0)
		return false;
	if (*result == MR_JWT_WRONG_ALGORITHM)
		*result = MR_JWT_WRONG_KEY;
	if (id[0] != '\0' && key->id[0] != '\0' && strcmp(id, key->id) != 0)
		return false;
	*result = MR_JWT_WRONG_SIGNATURE;
	return true;
}

/* The header of a token; false if it is none. */
static bool
read_header(const Parts *parts, char alg[16], char id[MR_JWT_KEY_ID_SIZE], bool *critical)
{
	char text[HEADER_MAX + 1];
	char ignored[1];
	MrJson json;
	const MrJsonNode *header =
		read_object(&json, parts->header, parts->header_length, text, HEADER_MAX);
	MrJsonMember member;
	bool good = false;

	id[0] = '\0';
	if (header != NULL && mr_json_get_string(header, "alg", alg, 16) == MR_JSON_FOUND)
	{
		member = mr_json_get_string(header, "kid", id, MR_JWT_KEY_ID_SIZE);
		good = member == MR_JSON_FOUND || member == MR_JSON_ABSENT;
		*critical = mr_json_get_string(header, "crit", ignored, 1) != MR_JSON_ABSENT;
	}
	mr_json_abandon(&json);
	return good;
}

static MrJwtResult
verify_signature(const MrJwtKeys *keys, const Parts *parts)
{
	unsigned char signature[SIGNATURE_MAX];
	char alg[16];
	char id[MR_JWT_KEY_ID_SIZE];
	bool critical = false;
	int length = mr_base64url_decode(parts->signature, parts->signature_length, signature,
									 sizeof(signature));
	MrJwtResult result = MR_JWT_WRONG_ALGORITHM;
	int i;

	if (length < 0 || !read_header(parts, alg, id, &critical))
		return MR_JWT_MALFORMED;
	if (critical)
		return MR_JWT_CRITICAL;
	for (i = 0; i < keys->count && result != MR_JWT_GOOD; i++)
		if (is_candidate(keys->list[i], alg, id, &result) &&
			mr_jwt_key_verifies(keys->list[i], parts->header,
								(size_t) (parts->signature - 1 - parts->header), signature,
								(size_t) length))
			result = MR_JWT_GOOD;
	return result;
}

/* A claim that is a time (NumericDate). Absent: leaves *value. */
static MrJsonMember
get_time(const MrJsonNode *claims, const char *name, double *value)
{
	MrJsonMember member = mr_json_get_real(claims, name, value);

	return member == MR_JSON_FOUND && !(fabs(*value) < 1e15) ? MR_JSON_OTHER : member;
}

static MrJwtResult
check_times(const MrJsonNode *claims, int64_t now_s, int64_t *expires_s)
{
	double expires = 0;
	double from = 0;
	double issued = 0;
	MrJsonMember has_expiry = get_time(claims, "exp", &expires);

	if (has_expiry == MR_JSON_OTHER || get_time(claims, "nbf", &from) == MR_JSON_OTHER ||
		get_time(claims, "iat", &issued) == MR_JSON_OTHER)
		return MR_JWT_MALFORMED;
	if (has_expiry == MR_JSON_ABSENT)
		return MR_JWT_NO_EXPIRY;
	if (expires + MR_JWT_LEEWAY_S <= (double) now_s)
		return MR_JWT_EXPIRED;
	if (from - MR_JWT_LEEWAY_S > (double) now_s || issued - MR_JWT_LEEWAY_S > (double) now_s)
		return MR_JWT_NOT_YET;
	*expires_s = (int64_t) expires;
	return MR_JWT_GOOD;
}

static bool
is_meant(const MrJsonNode *claims, const char *audience)
{
	const MrJsonNode *list = mr_json_get_array(claims, "aud");
	char text[256];
	size_t i;

	if (audience == NULL || audience[0] == '\0')
		return true;
	if (mr_json_get_string(claims, "aud", text, sizeof(text)) == MR_JSON_FOUND)
		return strcmp(text, audience) == 0;
	for (i = 0; i < mr_json_count(list); i++)
		if (mr_json_string_at(list, i, text, sizeof(text)) == MR_JSON_FOUND &&
			strcmp(text, audience) == 0)
			return true;
	return false;
}

static bool
get_role(const MrJsonNode *claims, const char *path, char role[MR_JWT_ROLE_SIZE])
{
	char name[128];
	size_t length;

	for (length = strcspn(path, "."); path[length] == '.'; length = strcspn(path, "."))
	{
		if (length >= sizeof(name))
			return false;
		memcpy(name, path, length);
		name[length] = '\0';
		claims = mr_json_get_object(claims, name);
		path += length + 1;
	}
	return mr_json_get_string(claims, path, role, MR_JWT_ROLE_SIZE) == MR_JSON_FOUND &&
		   role[0] != '\0';
}

static MrJwtResult
check_claims(const MrJwtRules *rules, const MrJsonNode *object, MrJwtClaims *claims)
{
	MrJwtResult result = check_times(object, rules->now_s, &claims->expires_s);

	if (result != MR_JWT_GOOD)
		return result;
	if (!is_meant(object, rules->audience))
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
	MrJson json;
	const MrJsonNode *object;

	memset(claims, 0, sizeof(*claims));
	if (!split(token, length, &parts))
		return MR_JWT_MALFORMED;
	result = verify_signature(keys, &parts);
	if (result != MR_JWT_GOOD)
		return result;
	object = read_object(&json, parts.payload, parts.payload_length, text, sizeof(text) - 1);
	result = object == NULL ? MR_JWT_MALFORMED : check_claims(rules, object, &found);
	if (result == MR_JWT_GOOD)
	{
		*claims = found;
		claims->json = strdup(text);
	}
	mr_json_abandon(&json);
	return result;
}
