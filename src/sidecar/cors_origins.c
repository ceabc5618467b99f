/*
 * Lists of origins; see mr_cors.h. Pure. Called by cors.c, settings_http.c and a unit test.
 */
#include "sidecar/mr_cors.h"

#include <string.h>
#include <strings.h>

#include "sidecar/mr_http_text.h"

#define BETWEEN ", "

/* Whether length bytes are scheme://host, with an optional port and nothing more. */
static bool
is_origin(const char *text, size_t length)
{
	char copy[256];
	const char *host;

	if (length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	if (strncmp(copy, "https://", 8) == 0)
		host = copy + 8;
	else if (strncmp(copy, "http://", 7) == 0)
		host = copy + 7;
	else
		return false;
	return host[0] != '\0' && mr_http_host_is_valid(host);
}

const char *
mr_cors_problem(const char *origins)
{
	const char *text = origins + strspn(origins, BETWEEN);

	if (strcmp(origins, "*") == 0)
		return NULL;
	while (*text != '\0')
	{
		size_t length = strcspn(text, BETWEEN);

		if (!is_origin(text, length))
			return "Origins are like https://app.example.com, separated by commas; or * for all.";
		text += length;
		text += strspn(text, BETWEEN);
	}
	return NULL;
}

bool
mr_cors_is_listed(const char *origins, const char *origin)
{
	const char *text = origins + strspn(origins, BETWEEN);

	while (*text != '\0')
	{
		size_t length = strcspn(text, BETWEEN);

		if (strlen(origin) == length && strncasecmp(text, origin, length) == 0)
			return true;
		text += length;
		text += strspn(text, BETWEEN);
	}
	return false;
}
