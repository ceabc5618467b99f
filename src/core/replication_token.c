/*
 * Tokens of commits: see mr_replication_token.h. Pure: text in, text out. It must accept
 * no text but the one that it would write itself. Called by the function that shows a
 * session's last commit; by whoever gets a token from a client.
 */
#include "core/mr_replication_token.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/mr_bytes.h"

#define FORMAT "mr1"
#define SYSTEM_DIGITS 16
#define CHECK_DIGITS 8

void
mr_token_format(const MrToken *token, char out[MR_TOKEN_SIZE])
{
	int length =
		snprintf(out, MR_TOKEN_SIZE, FORMAT ".%016" PRIx64 ".%" PRIx64 ".%" PRIx32 ".%" PRIx64,
				 token->system, token->term, token->timeline, token->lsn);
	uint32_t check = mr_crc32c((const uint8_t *) out, (size_t) length);

	snprintf(out + length, MR_TOKEN_SIZE - (size_t) length, ".%08" PRIx32, check);
}

/* Value of a digit; 16 if it is none. */
static unsigned int
digit_of(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c != '\0' ? strchr(digits, c) : NULL;

	return found != NULL ? (unsigned int) (found - digits) : 16;
}

/* Takes "." and a number of at most max digits off the text; false if there is none. */
static bool
take_number(const char **text, int max, uint64_t *value)
{
	int count = 0;

	if (**text != '.')
		return false;
	(*text)++;
	*value = 0;
	for (; count < max && digit_of(**text) < 16; count++)
		*value = *value << 4 | digit_of(*(*text)++);
	return count > 0;
}

bool
mr_token_parse(const char *text, MrToken *token)
{
	const char *at = text;
	char again[MR_TOKEN_SIZE];
	uint64_t timeline;
	uint64_t check;

	memset(token, 0, sizeof(*token));
	if (strncmp(at, FORMAT, strlen(FORMAT)) != 0)
		return false;
	at += strlen(FORMAT);
	if (!take_number(&at, SYSTEM_DIGITS, &token->system) || !take_number(&at, 16, &token->term) ||
		!take_number(&at, 8, &timeline) || !take_number(&at, 16, &token->lsn) ||
		!take_number(&at, CHECK_DIGITS, &check) || *at != '\0')
		return false;
	token->timeline = (uint32_t) timeline;
	if (token->timeline == 0 || token->lsn == 0)
		return false;
	/* Zeros in front, a wrong check: it is not what we would have written. */
	mr_token_format(token, again);
	return strcmp(text, again) == 0;
}

static int
order(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

int
mr_token_compare(const MrToken *a, const MrToken *b)
{
	if (a->term != b->term)
		return order(a->term, b->term);
	if (a->timeline != b->timeline)
		return order(a->timeline, b->timeline);
	return order(a->lsn, b->lsn);
}
