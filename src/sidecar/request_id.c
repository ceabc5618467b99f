/*
 * Ids of requests; see mr_request_id.h. It must never cost a system call for each one, and
 * never let through what could break a header or a line of the log. Called by
 * server_answer.c.
 */
#include "sidecar/mr_request_id.h"

#include <stdint.h>
#include <string.h>

#include <event2/util.h>

static struct
{
	bool begun;
	uint64_t start; /* of this process, by chance */
	uint64_t count;
} ids;

bool
mr_request_id_is_valid(const char *id, size_t size)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
								  "._~+/=:-";
	size_t length = strspn(id, allowed);

	return length > 0 && length < size && id[length] == '\0';
}

static void
write_hex(uint64_t number, char *out)
{
	int i;

	for (i = 15; i >= 0; i--, number >>= 4)
		out[i] = "0123456789abcdef"[number & 15];
}

void
mr_request_id_make(char *out, size_t size)
{
	char text[33];

	if (!ids.begun)
		evutil_secure_rng_get_bytes(&ids.start, sizeof(ids.start));
	ids.begun = true;
	write_hex(ids.start, text);
	write_hex(++ids.count, text + 16);
	text[32] = '\0';
	if (size > 0)
	{
		memcpy(out, text, size < sizeof(text) ? size : sizeof(text));
		out[size - 1] = '\0';
	}
}
