/*
 * Requests that came before; see mr_server_memo.h. Pure. It must never take two requests
 * for the same that differ in a single byte. Called by server_fast.c and a unit test.
 */
#include "sidecar/mr_server_memo.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 128

typedef struct Slot
{
	const struct MrRoute *route; /* NULL = empty */
	size_t length;
	char bytes[MR_MEMO_BYTES];
} Slot;

struct MrMemo
{
	Slot slots[SLOTS];
};

/* Where a request would be. Which others share its place does not matter much. */
static size_t
place_of(const char *bytes, size_t length)
{
	uint64_t hash = length;
	uint64_t word;
	size_t at;

	for (at = 0; at + sizeof(word) <= length; at += sizeof(word))
	{
		memcpy(&word, bytes + at, sizeof(word));
		hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
		hash ^= hash >> 29;
	}
	for (; at < length; at++)
		hash = (hash ^ (unsigned char) bytes[at]) * UINT64_C(0x100000001B3);
	return (hash ^ hash >> 32) % SLOTS;
}

MrMemo *
mr_memo_open(void)
{
	return calloc(1, sizeof(MrMemo));
}

const struct MrRoute *
mr_memo_find(const MrMemo *memo, const char *bytes, size_t length)
{
	const Slot *slot = &memo->slots[place_of(bytes, length)];

	if (slot->route == NULL || slot->length != length || memcmp(slot->bytes, bytes, length) != 0)
		return NULL;
	return slot->route;
}

void
mr_memo_add(MrMemo *memo, const char *bytes, size_t length, const struct MrRoute *route)
{
	Slot *slot = &memo->slots[place_of(bytes, length)];

	if (length > MR_MEMO_BYTES)
		return;
	slot->route = route;
	slot->length = length;
	memcpy(slot->bytes, bytes, length);
}

void
mr_memo_clear(MrMemo *memo)
{
	size_t i;

	for (i = 0; i < SLOTS; i++)
		memo->slots[i].route = NULL;
}

void
mr_memo_close(MrMemo *memo)
{
	free(memo);
}
