/*
 * What a name may look like: see mr_identifier.h.
 *
 * Works on bytes: letters and digits are those of ASCII, whatever the locale. Never
 * repeats the text it was given. Called by the catalog and by whoever takes names
 * from outside.
 */
#include "core/mr_identifier.h"

#include <string.h>

static bool
is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
has_control(const char *text)
{
	for (; *text != '\0'; text++)
	{
		if ((unsigned char) *text < 0x20 || *text == 0x7f)
			return true;
	}
	return false;
}

/* Letters in upper case, digits and underscores, a letter first. */
static bool
is_key(const char *text)
{
	const char *c;
	bool good = is_upper(text[0]) && strlen(text) < MR_NAME_SIZE;

	for (c = text; good && *c != '\0'; c++)
		good = is_upper(*c) || is_digit(*c) || *c == '_';
	return good;
}

const char *
mr_zone_problem(const char *text)
{
	return is_key(text) ? NULL
						: "A zone's name begins with a letter and has at most 63 letters, digits "
						  "and underscores, like EU.";
}

const char *
mr_region_key_problem(const char *text)
{
	return is_key(text)
			   ? NULL
			   : "A region key begins with a letter and has at most 63 letters, digits and "
				 "underscores, like US_EAST.";
}

const char *
mr_region_id_problem(const char *text)
{
	const char *c;
	bool good = (is_lower(text[0]) || is_digit(text[0])) && strlen(text) < MR_NAME_SIZE;

	for (c = text; good && *c != '\0'; c++)
		good = is_lower(*c) || is_digit(*c) || *c == '-';
	return good ? NULL
				: "A region id begins with a letter or digit and has at most 63 letters, digits "
				  "and hyphens, like us-east-1.";
}

const char *
mr_node_name_problem(const char *text)
{
	const char *c;
	bool good = (is_upper(text[0]) || is_lower(text[0]) || is_digit(text[0])) &&
				strlen(text) < MR_NAME_SIZE;

	for (c = text; good && *c != '\0'; c++)
		good = is_upper(*c) || is_lower(*c) || is_digit(*c) || strchr("_.-", *c) != NULL;
	return good ? NULL
				: "A node name begins with a letter or digit and has at most 63 letters, digits, "
				  "underscores, dots and hyphens, like us-east-1-a.";
}

const char *
mr_tenant_problem(const char *text)
{
	if (text[0] == '\0')
		return "A tenant id must not be empty.";
	if (strlen(text) >= MR_TENANT_SIZE)
		return "A tenant id has at most 255 bytes.";
	if (has_control(text))
		return "A tenant id must not contain control characters.";
	return NULL;
}

const char *
mr_label_problem(const char *text)
{
	if (text[0] == '\0')
		return "A display name must not be empty.";
	if (strlen(text) >= MR_LABEL_SIZE)
		return "A display name has at most 127 bytes.";
	if (has_control(text))
		return "A display name must not contain control characters.";
	return NULL;
}

/* Length of the scheme with its "://", 0 if it is neither http nor https. */
static size_t
scheme_length(const char *text)
{
	static const char *const schemes[] = {"http://", "https://"};
	size_t i;

	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
	{
		if (strncmp(text, schemes[i], strlen(schemes[i])) == 0)
			return strlen(schemes[i]);
	}
	return 0;
}

const char *
mr_endpoint_problem(const char *text)
{
	size_t scheme = scheme_length(text);
	size_t authority;

	if (scheme == 0)
		return "An endpoint is a URL that begins with http:// or https://.";
	if (strlen(text) >= MR_ENDPOINT_SIZE)
		return "An endpoint has at most 255 bytes.";
	if (has_control(text) || strpbrk(text, " \"'<>\\`{}|^") != NULL)
		return "An endpoint must not contain blanks, quotes, brackets or control characters.";
	authority = strcspn(text + scheme, "/?#");
	if (authority == 0)
		return "An endpoint needs a host name after http:// or https://.";
	if (memchr(text + scheme, '@', authority) != NULL)
		return "An endpoint is shown to everybody and must not hold a user or password.";
	return NULL;
}

bool
mr_text_upper(const char *text, char *out, size_t size)
{
	size_t i;

	for (i = 0; text[i] != '\0' && i + 1 < size; i++)
		out[i] = is_lower(text[i]) ? (char) (text[i] - 'a' + 'A') : text[i];
	out[text[i] == '\0' ? i : 0] = '\0';
	return text[i] == '\0';
}

bool
mr_text_lower(const char *text, char *out, size_t size)
{
	size_t i;

	for (i = 0; text[i] != '\0' && i + 1 < size; i++)
		out[i] = is_upper(text[i]) ? (char) (text[i] - 'A' + 'a') : text[i];
	out[text[i] == '\0' ? i : 0] = '\0';
	return text[i] == '\0';
}
