/*
 * Requests that came before: found by all of their bytes and by nothing less.
 */
#include "sidecar/mr_server_memo.h"
#include "unit/mr_unit.h"

#include <stdio.h>
#include <string.h>

#include "sidecar/server_memo.c"

/* Stand for routes; only their addresses matter. */
static const char a_route;
static const char b_route;
#define ROUTE_A ((const struct MrRoute *) (const void *) &a_route)
#define ROUTE_B ((const struct MrRoute *) (const void *) &b_route)

static const char request[] = "GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n";

MR_TEST(only_the_very_bytes_are_found)
{
	MrMemo *memo = mr_memo_open();
	size_t length = strlen(request);
	char other[sizeof(request)];
	size_t i;

	MR_REQUIRE(memo != NULL);
	MR_CHECK(mr_memo_find(memo, request, length) == NULL);
	mr_memo_add(memo, request, length, ROUTE_A);
	MR_CHECK(mr_memo_find(memo, request, length) == ROUTE_A);
	MR_CHECK(mr_memo_find(memo, request, length - 1) == NULL);
	MR_CHECK(mr_memo_find(memo, request, length + 1) == NULL);
	for (i = 0; i < length; i++)
	{
		memcpy(other, request, sizeof(other));
		other[i] ^= 0x20;
		MR_CHECK(mr_memo_find(memo, other, length) == NULL);
	}
	mr_memo_clear(memo);
	MR_CHECK(mr_memo_find(memo, request, length) == NULL);
	mr_memo_close(memo);
}

MR_TEST(many_are_remembered_and_the_rest_is_forgotten)
{
	MrMemo *memo = mr_memo_open();
	char text[128];
	int found = 0;
	int i;

	MR_REQUIRE(memo != NULL);
	for (i = 0; i < 1000; i++)
	{
		snprintf(text, sizeof(text), "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n", i);
		mr_memo_add(memo, text, strlen(text), i % 2 == 0 ? ROUTE_A : ROUTE_B);
		MR_CHECK(mr_memo_find(memo, text, strlen(text)) == (i % 2 == 0 ? ROUTE_A : ROUTE_B));
	}
	for (i = 0; i < 1000; i++)
	{
		snprintf(text, sizeof(text), "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n", i);
		found += mr_memo_find(memo, text, strlen(text)) != NULL;
	}
	MR_CHECK(found > 100 && found <= 128);
	mr_memo_close(memo);
}

MR_TEST(the_longest_fits_and_a_longer_one_does_not)
{
	static char text[MR_MEMO_BYTES + 1];
	MrMemo *memo = mr_memo_open();

	MR_REQUIRE(memo != NULL);
	memset(text, 'x', sizeof(text));
	mr_memo_add(memo, text, MR_MEMO_BYTES, ROUTE_A);
	MR_CHECK(mr_memo_find(memo, text, MR_MEMO_BYTES) == ROUTE_A);
	mr_memo_add(memo, text, MR_MEMO_BYTES + 1, ROUTE_B);
	MR_CHECK(mr_memo_find(memo, text, MR_MEMO_BYTES + 1) == NULL);
	mr_memo_close(memo);
}
