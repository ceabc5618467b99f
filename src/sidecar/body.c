/*
 * Bodies of requests; see mr_body.h. It must never answer twice, nor repeat what it was
 * sent. Called by the endpoints that change something.
 */
#include "sidecar/mr_body.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MEDIA_TYPE "application/json"

/* Parameters (charset) are none of JSON's business: it is UTF-8. */
bool
mr_body_is_json(const MrRequest *request)
{
	const char *type = mr_request_find_header(request, "Content-Type");
	size_t length = strlen(MEDIA_TYPE);

	return type != NULL && strncasecmp(type, MEDIA_TYPE, length) == 0 &&
		   strchr("; \t", type[length]) != NULL;
}

static void
refuse(MrBody *body, MrHttpError error, const char *details)
{
	if (!body->refused)
		mr_request_refuse(body->request, error, details);
	body->refused = true;
}

bool
mr_body_open(MrBody *body, MrRequest *request, const char *const *keys, size_t count)
{
	const char *text;
	size_t length;

	memset(body, 0, sizeof(*body));
	body->request = request;
	if (!mr_body_is_json(request))
	{
		refuse(body, MR_ERROR_MEDIA_TYPE, NULL);
		return false;
	}
	text = mr_request_body(request, &length);
	body->root = text != NULL ? mr_json_read(&body->json, text, length) : NULL;
	if (body->root == NULL)
		refuse(body, MR_ERROR_BAD_BODY, "It is not one JSON object with each key once.");
	else if (!mr_json_has_only(body->root, keys, count))
		refuse(body, MR_ERROR_BAD_BODY, "It has a key that this path does not know.");
	return !body->refused;
}

/* What came of looking for a member; refuses what is not as it must be. */
static bool
take(MrBody *body, MrJsonMember member, const char *key, const char *kind, bool required)
{
	char details[160];

	switch (member)
	{
		case MR_JSON_FOUND:
			return true;
		case MR_JSON_ABSENT:
			if (!required)
				return false;
			snprintf(details, sizeof(details), "\"%s\" is missing.", key);
			break;
		case MR_JSON_OTHER:
			snprintf(details, sizeof(details), "\"%s\" is not %s.", key, kind);
			break;
		case MR_JSON_TOO_LONG:
			snprintf(details, sizeof(details), "\"%s\" is too long.", key);
			break;
	}
	refuse(body, MR_ERROR_BAD_BODY, details);
	return false;
}

bool
mr_body_string(MrBody *body, const char *key, bool required, char *out, size_t size)
{
	return !body->refused &&
		   take(body, mr_json_get_string(body->root, key, out, size), key, "a string", required);
}

bool
mr_body_integer(MrBody *body, const char *key, int64_t *value)
{
	return !body->refused &&
		   take(body, mr_json_get_integer(body->root, key, value), key, "a whole number", false);
}

bool
mr_body_real(MrBody *body, const char *key, double *value)
{
	return !body->refused &&
		   take(body, mr_json_get_real(body->root, key, value), key, "a number", false);
}

char *
mr_body_object(MrBody *body, const char *key)
{
	char *text = NULL;

	if (!body->refused)
		(void) take(body, mr_json_get_object_text(body->root, key, &text), key, "an object", false);
	return text;
}

void
mr_body_boolean(MrBody *body, const char *key, bool *value)
{
	if (!body->refused)
		(void) take(body, mr_json_get_boolean(body->root, key, value), key, "true or false", false);
}

bool
mr_body_close(MrBody *body)
{
	mr_json_abandon(&body->json);
	return !body->refused;
}
