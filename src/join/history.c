/*
 * Timeline histories; see mr_join_history.h.
 *
 * Reads no file: the text comes from the local WAL directory or from the leader.
 * Must never guess: a line that cannot be read makes the whole history unknown.
 */
#include "join/mr_join_history.h"

#include <stdlib.h>
#include <string.h>

/* Reads digits of the base; false if there are none or the number exceeds max. */
static bool
take_number(const char **at, const char *end, int base, uint64_t max, uint64_t *out)
{
	const char *start = *at;
	uint64_t value = 0;

	for (; *at < end; (*at)++)
	{
		char c = **at;
		uint64_t digit;

		if (c >= '0' && c <= '9')
			digit = (uint64_t) (c - '0');
		else if (base == 16 && c >= 'A' && c <= 'F')
			digit = (uint64_t) (c - 'A') + 10;
		else if (base == 16 && c >= 'a' && c <= 'f')
			digit = (uint64_t) (c - 'a') + 10;
		else
			break;
		value = value * (uint64_t) base + digit;
		if (value > max)
			return false;
	}
	*out = value;
	return *at > start;
}

static void
skip_blanks(const char **at, const char *end)
{
	while (*at < end && (**at == ' ' || **at == '\t'))
		(*at)++;
}

/* "TIMELINE  HIGH/LOW  reason" */
static bool
parse_line(const char *at, const char *end, uint32_t *timeline, MrLsn *left_at)
{
	uint64_t number;
	uint64_t high;
	uint64_t low;

	if (!take_number(&at, end, 10, UINT32_MAX, &number) || number == 0)
		return false;
	*timeline = (uint32_t) number;
	skip_blanks(&at, end);
	if (!take_number(&at, end, 16, UINT32_MAX, &high) || at >= end || *at++ != '/')
		return false;
	if (!take_number(&at, end, 16, UINT32_MAX, &low))
		return false;
	*left_at = high << 32 | low;
	return true;
}

static bool
add_timeline(MrJoinHistory *history, uint32_t timeline, MrLsn begin)
{
	const MrJoinTimeline *last = history->count > 0 ? &history->list[history->count - 1] : NULL;

	if (history->count >= MR_JOIN_MAX_HISTORY)
		return false;
	if (last != NULL && timeline <= last->timeline)
		return false;
	history->list[history->count].timeline = timeline;
	history->list[history->count].begin = begin;
	history->count++;
	return true;
}

static bool
parse_lines(const char *text, size_t size, MrJoinHistory *out, MrLsn *left_at)
{
	const char *end = text + size;
	const char *line;
	const char *next;

	for (line = text; line < end; line = next)
	{
		const char *stop = memchr(line, '\n', (size_t) (end - line));
		MrLsn begin = *left_at;
		uint32_t timeline;

		stop = stop != NULL ? stop : end;
		next = stop < end ? stop + 1 : end;
		skip_blanks(&line, stop);
		if (line == stop || *line == '#' || *line == '\r')
			continue;
		if (!parse_line(line, stop, &timeline, left_at) || !add_timeline(out, timeline, begin))
			return false;
	}
	return true;
}

bool
mr_join_history_parse(const char *text, size_t size, uint32_t timeline, MrJoinHistory *out)
{
	MrLsn left_at = 0;

	out->count = 0;
	if (timeline > 0 && (text == NULL ? timeline == 1 : parse_lines(text, size, out, &left_at)) &&
		add_timeline(out, timeline, left_at))
		return true;
	out->count = 0;
	return false;
}

static MrLsn
end_of(const MrJoinHistory *history, int i)
{
	return i + 1 < history->count ? history->list[i + 1].begin : MR_JOIN_NO_END;
}

bool
mr_join_history_common(const MrJoinHistory *a, const MrJoinHistory *b, uint32_t *timeline,
					   MrLsn *end)
{
	int shared = 0;

	while (shared < a->count && shared < b->count &&
		   a->list[shared].timeline == b->list[shared].timeline &&
		   a->list[shared].begin == b->list[shared].begin)
		shared++;
	if (shared == 0)
		return false;
	*timeline = a->list[shared - 1].timeline;
	*end = end_of(a, shared - 1) < end_of(b, shared - 1) ? end_of(a, shared - 1)
														 : end_of(b, shared - 1);
	return true;
}

bool
mr_join_history_begin(const MrJoinHistory *history, uint32_t timeline, MrLsn *begin)
{
	int i;

	for (i = 0; i < history->count; i++)
	{
		if (history->list[i].timeline != timeline)
			continue;
		*begin = history->list[i].begin;
		return true;
	}
	return false;
}
