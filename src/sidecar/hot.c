/*
 * Hot answers; see mr_hot.h. Pure. It must never take a part of a name that a user has
 * given for one of its members: what stands in a string is skipped. Called by service_hot.c
 * and unit tests.
 */
#include "sidecar/mr_hot.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/mr_loop.h"

#define AGE "\"ageMs\":"
#define NOW "\"checkedAt\":"
#define READ "\"asOf\":"

/* End of the string whose quote is at text[at]. */
static size_t
end_of_string(const char *text, size_t at)
{
	for (at++; text[at] != '\0' && text[at] != '"'; at++)
		if (text[at] == '\\' && text[at + 1] != '\0')
			at++;
	return text[at] == '"' ? at + 1 : at;
}

/* End of the value that begins at text[at]: a string, a number or null. */
static size_t
end_of_value(const char *text, size_t at)
{
	if (text[at] == '"')
		return end_of_string(text, at);
	return at + strcspn(text + at, ",}");
}

static bool
begins_with(const char *text, const char *prefix, size_t *length)
{
	*length = strlen(prefix);
	return strncmp(text, prefix, *length) == 0;
}

static uint64_t
add_hash(uint64_t hash, const char *text, size_t from, size_t to)
{
	for (; from < to; from++)
		hash = (hash ^ (unsigned char) text[from]) * UINT64_C(1099511628211);
	return hash;
}

/* A member of the root whose value the clock writes: notes its place unless it is null. */
static void
add_hole(MrHotAnswer *answer, size_t start, size_t end, bool is_age)
{
	if (answer->text[start] == 'n' || answer->hole_count == MR_HOT_HOLES)
		return;
	answer->holes[answer->hole_count++] = (MrHotHole){.start = start, .end = end, .is_age = is_age};
}

void
mr_hot_read(MrHotAnswer *answer, char *text, bool tagged)
{
	uint64_t hash = UINT64_C(14695981039346656037);
	size_t hashed = 0;
	size_t at = 0;
	int depth = 0;

	answer->text = text;
	answer->length = strlen(text);
	answer->hole_count = 0;
	while (at < answer->length)
	{
		bool is_age;
		size_t key;
		size_t end;

		if (text[at] != '"')
		{
			depth += text[at] == '{' || text[at] == '[';
			depth -= text[at] == '}' || text[at] == ']';
			at++;
			continue;
		}
		is_age = begins_with(text + at, AGE, &key);
		if (depth != 1 ||
			(!is_age && !begins_with(text + at, NOW, &key) && !begins_with(text + at, READ, &key)))
		{
			at = end_of_string(text, at);
			continue;
		}
		end = end_of_value(text, at + key);
		hash = add_hash(hash, text, hashed, at + key);
		hashed = end;
		if (strncmp(text + at, READ, strlen(READ)) != 0)
			add_hole(answer, at + key, end, is_age);
		at = end;
	}
	hash = add_hash(hash, text, hashed, answer->length);
	answer->tag[0] = '\0';
	if (tagged)
		snprintf(answer->tag, sizeof(answer->tag), "\"%016" PRIx64 "\"", hash);
}

char *
mr_hot_write(const MrHotAnswer *answer, int64_t age_ms, int64_t wall_ms, size_t *length)
{
	size_t size = answer->length + (size_t) answer->hole_count * (MR_TIMESTAMP_SIZE + 2) + 2;
	char *out = malloc(size);
	size_t from = 0;
	size_t at = 0;
	int i;

	if (out == NULL)
		return NULL;
	for (i = 0; i < answer->hole_count; i++)
	{
		const MrHotHole *hole = &answer->holes[i];
		char time[MR_TIMESTAMP_SIZE];

		memcpy(out + at, answer->text + from, hole->start - from);
		at += hole->start - from;
		if (hole->is_age)
			at += (size_t) snprintf(out + at, size - at, "%" PRId64, age_ms);
		else
		{
			mr_loop_format_time(wall_ms, time);
			at += (size_t) snprintf(out + at, size - at, "\"%s\"", time);
		}
		from = hole->end;
	}
	memcpy(out + at, answer->text + from, answer->length - from);
	at += answer->length - from;
	out[at++] = '\n';
	out[at] = '\0';
	*length = at;
	return out;
}

bool
mr_hot_matches(const MrHotAnswer *answer, const char *if_none_match)
{
	if (if_none_match == NULL || answer->tag[0] == '\0')
		return false;
	return strcmp(if_none_match, "*") == 0 || strstr(if_none_match, answer->tag) != NULL;
}

void
mr_hot_free(MrHot *hot)
{
	size_t i;

	for (i = 0; i < MR_HOT_ROUTES; i++)
		free(hot->answers[i].text);
	memset(hot, 0, sizeof(*hot));
}
