/*
 * Finds the route of a request; see mr_router.h. Pure: table and path in, match out.
 * It must never call a handler itself. Called by service.c and by unit tests.
 */
#include "sidecar/mr_router.h"

#include <string.h>

#include "sidecar/mr_http_text.h"

#define BIT(method) (1U << (method))
#define METHOD_WORD(symbol, word) [symbol] = word,

static const char *const method_words[MR_METHOD_COUNT] = {MR_METHOD_LIST(METHOD_WORD)};

const char *
mr_method_name(MrMethod method)
{
	if ((unsigned int) method >= MR_METHOD_COUNT)
		return "?";
	return method_words[method];
}

/*
 * Compares one segment; a parameter is unescaped into match. MR_TEXT_ABSENT means that
 * it is another path.
 */
static MrTextResult
match_segment(const char *template, size_t template_length, const char *text, size_t length,
			  MrRouteMatch *match)
{
	char literal[64];

	if (template_length > 0 && template[0] == ':')
	{
		if (length == 0)
			return MR_TEXT_ABSENT;
		return mr_http_unescape(text, length, false, match->parameter, sizeof(match->parameter));
	}
	if (mr_http_unescape(text, length, false, literal, sizeof(literal)) != MR_TEXT_OK)
		return MR_TEXT_ABSENT;
	if (strlen(literal) != template_length || memcmp(literal, template, template_length) != 0)
		return MR_TEXT_ABSENT;
	return MR_TEXT_OK;
}

/* Compares a whole path. Both begin with '/'. */
static MrTextResult
match_path(const char *template, const char *path, MrRouteMatch *match)
{
	MrTextResult verdict = MR_TEXT_OK;

	match->parameter[0] = '\0';
	while (*template == '/' && *path == '/')
	{
		size_t template_length = strcspn(++template, "/");
		size_t length = strcspn(++path, "/");
		MrTextResult result = match_segment(template, template_length, path, length, match);

		if (result == MR_TEXT_ABSENT)
			return MR_TEXT_ABSENT;
		if (result != MR_TEXT_OK)
			verdict = result;
		template += template_length;
		path += length;
	}
	if (strcmp(path, "/") == 0)
		path++;
	return *template == '\0' && *path == '\0' ? verdict : MR_TEXT_ABSENT;
}

static bool
serves(const MrRoute *route, MrMethod method)
{
	return route->method == method ||
		   (route->method == MR_METHOD_GET && method == MR_METHOD_HEAD) ||
		   ((route->flags & MR_ROUTE_CHECK) != 0 && method == MR_METHOD_OPTIONS);
}

MrRouteResult
mr_router_find(const MrRoute *routes, size_t count, MrMethod method, const char *path,
			   MrRouteMatch *match)
{
	MrRouteMatch found;
	MrTextResult verdict = MR_TEXT_OK;
	size_t i;

	memset(match, 0, sizeof(*match));
	for (i = 0; i < count; i++)
	{
		MrTextResult result = match_path(routes[i].path, path, &found);

		if (result == MR_TEXT_ABSENT)
			continue;
		verdict = result;
		match->allow |= BIT(routes[i].method) | BIT(MR_METHOD_OPTIONS);
		if (routes[i].method == MR_METHOD_GET)
			match->allow |= BIT(MR_METHOD_HEAD);
		if (serves(&routes[i], method))
		{
			match->route = &routes[i];
			memcpy(match->parameter, found.parameter, sizeof(match->parameter));
		}
	}
	if (match->allow == 0)
		return MR_ROUTE_UNKNOWN;
	if (method == MR_METHOD_OPTIONS && match->route == NULL)
		return MR_ROUTE_OPTIONS;
	if (match->route == NULL)
		return MR_ROUTE_WRONG_METHOD;
	if (verdict == MR_TEXT_TOO_LONG)
		return MR_ROUTE_LONG_PARAMETER;
	return verdict == MR_TEXT_OK ? MR_ROUTE_FOUND : MR_ROUTE_BAD_PARAMETER;
}

void
mr_router_allow(unsigned int allow, char *out, size_t size)
{
	size_t length = 0;
	int method;

	out[0] = '\0';
	for (method = 0; method < MR_METHOD_COUNT; method++)
	{
		const char *word = mr_method_name((MrMethod) method);
		const char *comma = length > 0 ? ", " : "";

		if ((allow & BIT(method)) == 0 || length + strlen(comma) + strlen(word) >= size)
			continue;
		memcpy(out + length, comma, strlen(comma));
		length += strlen(comma);
		memcpy(out + length, word, strlen(word) + 1);
		length += strlen(word);
	}
}
