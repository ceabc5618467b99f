/*
 * How often a client may ask for changes; see mr_rate_limit.h. It must never grow with the
 * number of clients. Called by front.c and unit tests.
 */
#include "sidecar/mr_rate_limit.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define SETS 256
#define WAYS 8
#define NS_PER_MINUTE INT64_C(60000000000)
#define NS_PER_S INT64_C(1000000000)

/*
 * Instead of a level that must be filled, when the bucket will be full again: each request
 * moves that on by its share of a minute.
 */
typedef struct Bucket
{
	uint64_t client; /* 0 = unused */
	int64_t full_ns;
} Bucket;

struct MrRateLimit
{
	Bucket buckets[SETS][WAYS];
};

/* A number for a client, never 0 (FNV-1a). */
static uint64_t
number_of(const char *client)
{
	unsigned char address[16];
	const unsigned char *bytes = (const unsigned char *) client;
	size_t length = strlen(client);
	uint64_t number = UINT64_C(14695981039346656037);
	size_t i;

	if (inet_pton(AF_INET6, client, address) == 1)
	{
		bytes = address;
		length = 8;
	}
	for (i = 0; i < length; i++)
		number = (number ^ bytes[i]) * UINT64_C(1099511628211);
	return number != 0 ? number : 1;
}

MrRateLimit *
mr_rate_limit_open(void)
{
	return calloc(1, sizeof(MrRateLimit));
}

int64_t
mr_rate_limit_take(MrRateLimit *limit, const char *client, int64_t per_minute, int64_t now_ns)
{
	uint64_t number = number_of(client);
	Bucket *set = limit->buckets[(number >> 32) % SETS];
	Bucket *bucket = set;
	int64_t share_ns;
	int64_t room_ns = MR_RATE_BURST_S * NS_PER_S;
	int i;

	if (per_minute <= 0)
		return 0;
	share_ns = NS_PER_MINUTE / per_minute;
	if (room_ns < share_ns)
		room_ns = share_ns;
	for (i = 0; i < WAYS; i++)
	{
		if (set[i].client == number)
		{
			bucket = &set[i];
			break;
		}
		if (set[i].full_ns < bucket->full_ns)
			bucket = &set[i];
	}
	if (bucket->client != number || bucket->full_ns < now_ns)
		bucket->full_ns = now_ns;
	bucket->client = number;
	if (bucket->full_ns + share_ns - now_ns > room_ns)
		return (bucket->full_ns + share_ns - now_ns - room_ns) / 1000000 + 1;
	bucket->full_ns += share_ns;
	return 0;
}

void
mr_rate_limit_close(MrRateLimit *limit)
{
	free(limit);
}
