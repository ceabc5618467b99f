/*
 * JSON by jansson. The only file that includes jansson.h.
 *
 * It must never call the constructor of empty objects by its plain name: inside the
 * server that symbol is PostgreSQL's SQL function of the same name, and the call ends
 * the backend. json_pack("{}") makes one. Called by the sidecar's endpoints.
 */
#include "adapters/mr_json.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */
#define LONGEST_SEQUENCE 4
#define REAL_DIGITS 15 /* what a double always keeps: 38.9 stays 38.9 */

MrJsonNode *
mr_json_begin(MrJson *json)
{
	json->root = json_pack("{}");
	json->failed = json->root == NULL;
	return json->root;
}

/* Hands node (which may be NULL) over to parent; returns it, borrowed. */
static MrJsonNode *
attach(MrJson *json, MrJsonNode *parent, const char *key, json_t *node)
{
	int result;

	if (node == NULL || parent == NULL)
	{
		json_decref(node);
		json->failed = true;
		return NULL;
	}
	if (key != NULL)
		result = json_object_set_new(parent, key, node);
	else
		result = json_array_append_new(parent, node);
	if (result != 0)
	{
		json->failed = true;
		return NULL;
	}
	return node;
}

MrJsonNode *
mr_json_add_object(MrJson *json, MrJsonNode *parent, const char *key)
{
	return attach(json, parent, key, json_pack("{}"));
}

MrJsonNode *
mr_json_add_array(MrJson *json, MrJsonNode *parent, const char *key)
{
	return attach(json, parent, key, json_array());
}

bool
mr_json_is_text(const char *text, size_t length)
{
	json_t *node;

	if (memchr(text, '\0', length) != NULL)
		return false;
	node = json_stringn(text, length);
	json_decref(node);
	return node != NULL;
}

/* Length of the UTF-8 sequence that text begins with; 0 if it is none. */
static size_t
sequence_length(const char *text, size_t left)
{
	size_t length;

	for (length = 1; length <= LONGEST_SEQUENCE && length <= left; length++)
		if (mr_json_is_text(text, length))
			return length;
	return 0;
}

/* A string node from text that is not all UTF-8. Slow, and rare. */
static json_t *
repaired_string(const char *text, size_t length)
{
	size_t size = length * strlen(REPLACEMENT);
	char *copy = malloc(size);
	size_t from = 0;
	size_t to = 0;
	json_t *node;

	if (copy == NULL)
		return NULL;
	while (from < length)
	{
		size_t step = sequence_length(text + from, length - from);

		if (step == 0)
		{
			memcpy(copy + to, REPLACEMENT, strlen(REPLACEMENT));
			to += strlen(REPLACEMENT);
			from++;
			continue;
		}
		memcpy(copy + to, text + from, step);
		to += step;
		from += step;
	}
	node = json_stringn(copy, to);
	free(copy);
	return node;
}

void
mr_json_add_string(MrJson *json, MrJsonNode *parent, const char *key, const char *text)
{
	json_t *node;

	if (text == NULL)
		node = json_null();
	else
	{
		node = json_string(text);
		if (node == NULL)
			node = repaired_string(text, strlen(text));
	}
	attach(json, parent, key, node);
}

void
mr_json_add_integer(MrJson *json, MrJsonNode *parent, const char *key, int64_t value)
{
	attach(json, parent, key, json_integer(value));
}

void
mr_json_add_real(MrJson *json, MrJsonNode *parent, const char *key, double value)
{
	attach(json, parent, key, isfinite(value) ? json_real(value) : json_null());
}

void
mr_json_add_boolean(MrJson *json, MrJsonNode *parent, const char *key, bool value)
{
	attach(json, parent, key, json_boolean(value));
}

void
mr_json_add_null(MrJson *json, MrJsonNode *parent, const char *key)
{
	attach(json, parent, key, json_null());
}

char *
mr_json_end(MrJson *json)
{
	char *text = NULL;

	if (!json->failed)
		text = json_dumps(json->root, JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS));
	mr_json_abandon(json);
	return text;
}

void
mr_json_abandon(MrJson *json)
{
	json_decref(json->root);
	json->root = NULL;
	json->failed = true;
}

MrJsonNode *
mr_json_read(MrJson *json, const char *text, size_t length)
{
	json->root = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	json->failed = !json_is_object(json->root);
	return json->failed ? NULL : json->root;
}

/* The member if it is there and not null. */
static const json_t *
find_member(const MrJsonNode *object, const char *key)
{
	const json_t *node = json_object_get(object, key);

	return json_is_null(node) ? NULL : node;
}

static MrJsonMember
take_string(const json_t *node, char *out, size_t size)
{
	if (node == NULL)
		return MR_JSON_ABSENT;
	if (!json_is_string(node))
		return MR_JSON_OTHER;
	if (json_string_length(node) >= size)
		return MR_JSON_TOO_LONG;
	memcpy(out, json_string_value(node), json_string_length(node) + 1);
	return MR_JSON_FOUND;
}

MrJsonMember
mr_json_get_string(const MrJsonNode *object, const char *key, char *out, size_t size)
{
	return take_string(find_member(object, key), out, size);
}

MrJsonMember
mr_json_get_integer(const MrJsonNode *object, const char *key, int64_t *value)
{
	const json_t *node = find_member(object, key);

	if (node == NULL)
		return MR_JSON_ABSENT;
	if (!json_is_integer(node))
		return MR_JSON_OTHER;
	*value = json_integer_value(node);
	return MR_JSON_FOUND;
}

MrJsonMember
mr_json_get_real(const MrJsonNode *object, const char *key, double *value)
{
	const json_t *node = find_member(object, key);

	if (node == NULL)
		return MR_JSON_ABSENT;
	if (!json_is_number(node))
		return MR_JSON_OTHER;
	*value = json_number_value(node);
	return MR_JSON_FOUND;
}

const MrJsonNode *
mr_json_get_object(const MrJsonNode *object, const char *key)
{
	const json_t *node = find_member(object, key);

	return json_is_object(node) ? node : NULL;
}

const MrJsonNode *
mr_json_get_array(const MrJsonNode *object, const char *key)
{
	const json_t *node = find_member(object, key);

	return json_is_array(node) ? node : NULL;
}

size_t
mr_json_count(const MrJsonNode *array)
{
	return json_array_size(array);
}

const MrJsonNode *
mr_json_object_at(const MrJsonNode *array, size_t index)
{
	const json_t *node = json_array_get(array, index);

	return json_is_object(node) ? node : NULL;
}

MrJsonMember
mr_json_string_at(const MrJsonNode *array, size_t index, char *out, size_t size)
{
	return take_string(json_array_get(array, index), out, size);
}

MrJsonMember
mr_json_get_object_text(const MrJsonNode *object, const char *key, char **text)
{
	const json_t *node = find_member(object, key);

	if (node == NULL)
		return MR_JSON_ABSENT;
	if (!json_is_object(node))
		return MR_JSON_OTHER;
	*text = json_dumps(node, JSON_COMPACT);
	return *text != NULL ? MR_JSON_FOUND : MR_JSON_ABSENT;
}

MrJsonMember
mr_json_get_boolean(const MrJsonNode *object, const char *key, bool *value)
{
	const json_t *node = find_member(object, key);

	if (node == NULL)
		return MR_JSON_ABSENT;
	if (!json_is_boolean(node))
		return MR_JSON_OTHER;
	*value = json_is_true(node);
	return MR_JSON_FOUND;
}

bool
mr_json_has_only(const MrJsonNode *object, const char *const *keys, size_t count)
{
	size_t found = 0;
	size_t i;

	for (i = 0; i < count; i++)
		found += json_object_get(object, keys[i]) != NULL ? 1 : 0;
	return found == json_object_size(object);
}

void
mr_json_add_text(MrJson *json, MrJsonNode *parent, const char *key, const char *text)
{
	attach(json, parent, key, json_loads(text, JSON_DECODE_ANY, NULL));
}
