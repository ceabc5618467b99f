/*
 * The conditions in the query string of a health check; see mr_patroni_check.h. Pure. It
 * must never take what it cannot read for no condition. Called by endpoint_patroni.c, unit
 * tests and a fuzzer.
 */
#include "sidecar/mr_patroni_check.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TAG "tag_"
#define VALUE_SIZE 256

/* A decimal number without sign or exponent, and what follows it; NULL if there is none. */
static const char *
read_number(const char *text, double *number)
{
	size_t length = strspn(text, "0123456789");
	size_t fraction = text[length] == '.' ? strspn(text + length + 1, "0123456789") : 0;
	char digits[32];

	if (text[length] == '.')
		fraction++;
	if (length == 0 || fraction == 1 || length + fraction >= sizeof(digits))
		return NULL;
	memcpy(digits, text, length + fraction);
	digits[length + fraction] = '\0';
	*number = strtod(digits, NULL);
	return text + length + fraction;
}

/* The number times what its unit says; false if that is none, or it does not fit. */
static bool
scale(double number, double factor, int64_t *out)
{
	number *= factor;
	if (!(number >= 0 && number < 9.0e18))
		return false;
	*out = (int64_t) number;
	return true;
}

bool
mr_patroni_bytes(const char *text, int64_t *bytes)
{
	static const struct
	{
		const char *unit;
		double factor;
	} units[] = {
		{"", 1}, {"B", 1}, {"kB", 1024}, {"MB", 1048576}, {"GB", 1073741824}, {"TB", 1099511627776},
	};
	const char *rest;
	double number;
	size_t i;

	text += strspn(text, " ");
	rest = read_number(text, &number);
	if (rest == NULL)
		return false;
	rest += strspn(rest, " ");
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcasecmp(rest, units[i].unit) == 0)
			return scale(number, units[i].factor, bytes);
	return false;
}

bool
mr_patroni_seconds(const char *text, int64_t *ms)
{
	const char *rest;
	double number;

	rest = read_number(text, &number);
	return rest != NULL && *rest == '\0' && scale(number, 1000, ms);
}

/* A parameter: whether it is there. *good is false when it cannot be read. */
static bool
find(const char *query, const char *name, char *out, size_t size, bool *good)
{
	MrTextResult result = mr_http_query_value(query, name, out, size);

	*good = result == MR_TEXT_OK || result == MR_TEXT_ABSENT;
	return result == MR_TEXT_OK;
}

static bool
tag_fits(const MrPatroniTag *tags, int count, const char *name, const char *value)
{
	int i;

	for (i = 0; i < count; i++)
		if (strcmp(tags[i].name, name) == 0)
			return strcmp(tags[i].value, value) == 0;
	return false;
}

/* Every ?tag_NAME=VALUE. False if one cannot be read. */
static bool
read_tags(const char *query, const MrStatus *status, MrPatroniQuery *out)
{
	MrPatroniTag tags[MR_PATRONI_TAGS];
	int count = mr_patroni_tags(status, tags);
	char name[VALUE_SIZE];
	char value[VALUE_SIZE];

	while (query != NULL && *query != '\0')
	{
		size_t length = strcspn(query, "&");
		size_t name_length = strcspn(query, "=&");

		/* One that is no text is no tag either. */
		if (mr_http_unescape(query, name_length, true, name, sizeof(name)) == MR_TEXT_OK &&
			strncmp(name, TAG, strlen(TAG)) == 0)
		{
			const char *text = name_length < length ? query + name_length + 1 : query + length;

			if (mr_http_unescape(text, (size_t) (query + length - text), true, value,
								 sizeof(value)) != MR_TEXT_OK)
				return false;
			out->tags_differ |= !tag_fits(tags, count, name + strlen(TAG), value);
		}
		query += length;
		query += *query == '&';
	}
	return true;
}

/* Key or id of the region, in any case. */
static bool
is_own_region(const MrStatus *status, const char *text)
{
	MrPatroniTag tags[MR_PATRONI_TAGS];
	int count = mr_patroni_tags(status, tags);
	int i;

	for (i = 0; i < count; i++)
		if (strcasecmp(tags[i].value, text) == 0)
			return true;
	return false;
}

/* How far behind a standby may be, and what it must be doing. */
static const char *
read_lag(const char *query, const MrStatus *status, MrPatroniQuery *out)
{
	char value[VALUE_SIZE];
	bool good;

	if (find(query, "lag", value, sizeof(value), &good))
		good = mr_patroni_bytes(value, &out->lag_bytes);
	if (!good)
		return "lag";
	if (find(query, "lag_seconds", value, sizeof(value), &good))
		good = mr_patroni_seconds(value, &out->lag_ms);
	if (!good)
		return "lag_seconds";
	if (find(query, "mode", value, sizeof(value), &good))
	{
		out->by_write = strcmp(value, "write") == 0;
		good = out->by_write || strcmp(value, "apply") == 0;
	}
	if (!good)
		return "mode";
	if (find(query, "replication_state", value, sizeof(value), &good))
		out->state_differs =
			strcmp(value, status->server.streaming ? "streaming" : "in archive recovery") != 0;
	return good ? NULL : "replication_state";
}

/* Who leads is asked for as it is: Patroni looks at neither lag nor tags of a leader. */
static bool
looks_at_lag(MrPatroniCheck check)
{
	return check != MR_CHECK_WRITER && check != MR_CHECK_NEVER && check != MR_CHECK_LIVE &&
		   check != MR_CHECK_ALWAYS && check != MR_CHECK_RUNNING;
}

const char *
mr_patroni_query_read(MrPatroniCheck check, const char *query, const MrStatus *status,
					  MrPatroniQuery *out)
{
	const char *problem = NULL;
	char value[VALUE_SIZE];
	bool good;

	memset(out, 0, sizeof(*out));
	out->lag_bytes = MR_UNKNOWN;
	out->lag_ms = MR_UNKNOWN;
	if (query == NULL || check == MR_CHECK_LIVE || check == MR_CHECK_ALWAYS)
		return NULL;
	if (looks_at_lag(check))
		problem = read_lag(query, status, out);
	if (problem != NULL)
		return problem;
	if (check != MR_CHECK_WRITER && check != MR_CHECK_NEVER && check != MR_CHECK_READY &&
		!read_tags(query, status, out))
		return "tag_";
	if (find(query, "region", value, sizeof(value), &good))
		out->region_differs = !is_own_region(status, value);
	if (!good)
		return "region";
	out->has_tenant = find(query, "tenant", out->tenant, sizeof(out->tenant), &good);
	if (!good || (out->has_tenant && out->tenant[0] == '\0'))
		return "tenant";
	return NULL;
}
