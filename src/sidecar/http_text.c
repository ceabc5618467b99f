/*
 * Percent escapes, query strings and host names of requests; see mr_http_text.h.
 * It must never allocate or log. Called by router, server and endpoints.
 */
#include "sidecar/mr_http_text.h"

#include <string.h>
#include <strings.h>

#include "adapters/mr_json.h"
#include "core/mr_slice.h"

#define HOST_LENGTH_MAX 255

MrTextResult
mr_http_unescape(const char *text, size_t length, bool plus_is_space, char *out, size_t size)
{
	size_t from;
	size_t to = 0;

	for (from = 0; from < length; from++)
	{
		char c = text[from];

		if (c == '%')
		{
			bool complete = length - from > 2;
			int high = complete ? mr_hex_digit(text[from + 1]) : -1;
			int low = complete ? mr_hex_digit(text[from + 2]) : -1;

			if (high < 0 || low < 0)
				return MR_TEXT_MALFORMED;
			c = (char) (high * 16 + low);
			from += 2;
		}
		else if (c == '+' && plus_is_space)
			c = ' ';
		if (to + 1 >= size)
			return MR_TEXT_TOO_LONG;
		out[to++] = c;
	}
	out[to] = '\0';
	return mr_json_is_text(out, to) ? MR_TEXT_OK : MR_TEXT_MALFORMED;
}

MrTextResult
mr_http_query_value(const char *query, const char *name, char *out, size_t size)
{
	const char *at = query;

	while (at != NULL && *at != '\0')
	{
		size_t length = strcspn(at, "&");
		size_t name_length = strcspn(at, "=&");
		MrTextResult result;

		/* Names are escaped too, but nobody escapes letters: compare the decoded name. */
		result = mr_http_unescape(at, name_length, true, out, size);
		if (result == MR_TEXT_OK && strcmp(out, name) == 0)
		{
			if (name_length == length)
			{
				out[0] = '\0';
				return MR_TEXT_OK;
			}
			return mr_http_unescape(at + name_length + 1, length - name_length - 1, true, out,
									size);
		}
		at += length;
		if (*at == '&')
			at++;
	}
	return MR_TEXT_ABSENT;
}

bool
mr_http_parse_boolean(const char *text, bool *value)
{
	static const char *const words[][2] = {
		{"true", "false"}, {"1", "0"}, {"yes", "no"}, {"on", "off"}};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
	{
		if (strcasecmp(text, words[i][0]) == 0)
			*value = true;
		else if (strcasecmp(text, words[i][1]) == 0)
			*value = false;
		else
			continue;
		return true;
	}
	if (text[0] != '\0')
		return false;
	*value = true;
	return true;
}

static bool
is_alphanumeric(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Length of the run of characters a host name may hold. */
static size_t
name_length(const char *text, const char *also)
{
	size_t length = 0;

	while (text[length] != '\0' &&
		   (is_alphanumeric(text[length]) || strchr(also, text[length]) != NULL))
		length++;
	return length;
}

bool
mr_http_host_is_valid(const char *host)
{
	const char *at = host;
	size_t length;

	if (strlen(host) > HOST_LENGTH_MAX)
		return false;
	if (*at == '[')
	{
		length = name_length(++at, ":.");
		if (length == 0 || at[length] != ']')
			return false;
		at += length + 1;
	}
	else
	{
		length = name_length(at, "-._");
		if (length == 0)
			return false;
		at += length;
	}
	if (*at == '\0')
		return true;
	length = strspn(at + 1, "0123456789");
	return *at == ':' && length >= 1 && length <= 5 && at[1 + length] == '\0';
}
