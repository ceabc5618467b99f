/*
 * Tokens of commits: what is written is read again, nothing else is read, and one
 * position has one text.
 */
#include "core/mr_replication_token.h"
#include "unit/mr_unit.h"

#include <ctype.h>
#include <string.h>

static const MrToken example = {
	.system = UINT64_C(0x66f3a1c2d4e5b607), .term = 7, .timeline = 2, .lsn = UINT64_C(0x5000148)};

MR_TEST(a_token_has_the_documented_form)
{
	char text[MR_TOKEN_SIZE];

	mr_token_format(&example, text);
	MR_CHECK_STRING(text, "mr1.66f3a1c2d4e5b607.7.2.5000148.1046322a");
}

MR_TEST(tokens_survive)
{
	static const MrToken tokens[] = {
		{.system = 0, .term = 0, .timeline = 1, .lsn = 1},
		{.system = UINT64_MAX, .term = UINT64_MAX, .timeline = UINT32_MAX, .lsn = UINT64_MAX},
		{.system = 1, .term = 16, .timeline = 16, .lsn = UINT64_C(0x100000000)},
	};
	size_t i;

	for (i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++)
	{
		char text[MR_TOKEN_SIZE];
		MrToken again;

		mr_token_format(&tokens[i], text);
		mr_unit_about("%s", text);
		MR_CHECK(strlen(text) < MR_TOKEN_SIZE);
		MR_REQUIRE(mr_token_parse(text, &again));
		MR_CHECK_INT(again.system, tokens[i].system);
		MR_CHECK_INT(again.term, tokens[i].term);
		MR_CHECK_INT(again.timeline, tokens[i].timeline);
		MR_CHECK_INT(again.lsn, tokens[i].lsn);
	}
}

/* Any one character taken away, doubled or changed: never an earlier commit. */
MR_TEST(a_damaged_token_is_refused)
{
	char good[MR_TOKEN_SIZE];
	char bad[MR_TOKEN_SIZE + 2];
	MrToken token;
	size_t length;
	size_t i;

	mr_token_format(&example, good);
	length = strlen(good);
	for (i = 0; i < length; i++)
	{
		const char *other;

		memcpy(bad, good, i);
		bad[i] = '\0';
		mr_unit_about("%s", bad);
		MR_CHECK(!mr_token_parse(bad, &token));
		memcpy(bad + i, good + i + 1, length - i);
		mr_unit_about("%s", bad);
		MR_CHECK(!mr_token_parse(bad, &token));
		memcpy(bad, good, i + 1);
		memcpy(bad + i + 1, good + i, length - i + 1);
		mr_unit_about("%s", bad);
		MR_CHECK(!mr_token_parse(bad, &token));
		for (other = "0123456789abcdefABCDEF. -/\n"; *other != '\0'; other++)
		{
			memcpy(bad, good, length + 1);
			bad[i] = *other;
			mr_unit_about("%s", bad);
			MR_CHECK(mr_token_parse(bad, &token) == (good[i] == *other));
		}
	}
}

MR_TEST(what_is_no_token_is_refused)
{
	static const char *const texts[] = {
		"",
		"mr1",
		"mr1.",
		"mr2.66f3a1c2d4e5b607.7.2.5000148.1046322a",
		" mr1.66f3a1c2d4e5b607.7.2.5000148.1046322a",
		"mr1.66f3a1c2d4e5b607.7.2.5000148.1046322a ",
		"mr1.66F3A1C2D4E5B607.7.2.5000148.1046322A",
		"mr1.66f3a1c2d4e5b607.7.2.0/5000148.1046322a",
		"mr1.....",
	};
	MrToken token;
	char text[MR_TOKEN_SIZE];
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		mr_unit_about("%s", texts[i]);
		MR_CHECK(!mr_token_parse(texts[i], &token));
	}
	/* No position, whatever its check says. */
	token = example;
	token.timeline = 0;
	mr_token_format(&token, text);
	MR_CHECK(!mr_token_parse(text, &token));
	token = example;
	token.lsn = 0;
	mr_token_format(&token, text);
	MR_CHECK(!mr_token_parse(text, &token));
}

MR_TEST(a_token_needs_no_escape_anywhere)
{
	char text[MR_TOKEN_SIZE];
	const char *c;

	mr_token_format(&example, text);
	for (c = text; *c != '\0'; c++)
		MR_CHECK(isdigit((unsigned char) *c) || islower((unsigned char) *c) || *c == '.');
}

MR_TEST(tokens_are_ordered)
{
	MrToken later = example;

	MR_CHECK_INT(mr_token_compare(&example, &later), 0);
	later.lsn++;
	MR_CHECK(mr_token_compare(&example, &later) < 0 && mr_token_compare(&later, &example) > 0);
	/* After a failover the position may be a smaller one. */
	later.lsn = 1;
	later.timeline++;
	MR_CHECK(mr_token_compare(&example, &later) < 0 && mr_token_compare(&later, &example) > 0);
	later.timeline = 1;
	later.term++;
	MR_CHECK(mr_token_compare(&example, &later) < 0 && mr_token_compare(&later, &example) > 0);
}
