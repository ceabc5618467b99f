/*
 * A bounded hash table; see mr_haproxy_recent.h. The hash is seeded at random: tenant ids
 * come from strangers. Called by haproxy_feed.c and haproxy_change.c.
 */
#include "sidecar/mr_haproxy_recent.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define BUCKETS (sizeof(((MrHaproxyRecent *) 0)->buckets) / sizeof(MrHaproxyEntry *))

void
mr_haproxy_recent_init(MrHaproxyRecent *recent)
{
	memset(recent, 0, sizeof(*recent));
	/* Without randomness the table is only slower against an attacker. */
	if (getrandom(&recent->seed, sizeof(recent->seed), GRND_NONBLOCK) < 0)
		recent->seed = (uint64_t) (uintptr_t) recent;
}

static MrHaproxyEntry **
bucket_of(MrHaproxyRecent *recent, const char *key)
{
	uint64_t hash = recent->seed;

	for (; *key != '\0'; key++)
		hash = (hash ^ (unsigned char) *key) * UINT64_C(0x100000001b3);
	hash ^= hash >> 32;
	return &recent->buckets[hash % BUCKETS];
}

MrHaproxyPut
mr_haproxy_recent_put(MrHaproxyRecent *recent, const char *key, const char *value, uint64_t round)
{
	MrHaproxyEntry **bucket = bucket_of(recent, key);
	MrHaproxyEntry *entry = *bucket;
	char *copy;

	while (entry != NULL && strcmp(entry->key, key) != 0)
		entry = entry->chain;
	if (entry != NULL && strcmp(entry->value, value) == 0)
	{
		/* It may have been another in between: a whole map begun before may have that one. */
		entry->round = round;
		return MR_HAPROXY_PUT_SAME;
	}
	if (entry == NULL && recent->count >= MR_HAPROXY_RECENT_MAX)
		return MR_HAPROXY_PUT_FULL;
	copy = strdup(value);
	if (copy == NULL)
		return MR_HAPROXY_PUT_FULL;
	if (entry != NULL)
	{
		free(entry->value);
		entry->value = copy;
		entry->round = round;
		return MR_HAPROXY_PUT_CHANGED;
	}
	entry = malloc(sizeof(*entry) + strlen(key) + 1);
	if (entry == NULL)
	{
		free(copy);
		return MR_HAPROXY_PUT_FULL;
	}
	memcpy(entry->key, key, strlen(key) + 1);
	entry->value = copy;
	entry->round = round;
	entry->chain = *bucket;
	*bucket = entry;
	recent->count++;
	return MR_HAPROXY_PUT_NEW;
}

void
mr_haproxy_recent_forget(MrHaproxyRecent *recent, uint64_t round)
{
	size_t i;

	for (i = 0; i < BUCKETS; i++)
	{
		MrHaproxyEntry **link = &recent->buckets[i];

		while (*link != NULL)
		{
			MrHaproxyEntry *entry = *link;

			if (entry->round >= round)
			{
				link = &entry->chain;
				continue;
			}
			*link = entry->chain;
			free(entry->value);
			free(entry);
			recent->count--;
		}
	}
}

void
mr_haproxy_recent_each(const MrHaproxyRecent *recent,
					   void (*act)(const MrHaproxyEntry *entry, void *arg), void *arg)
{
	size_t i;
	const MrHaproxyEntry *entry;

	for (i = 0; i < BUCKETS; i++)
		for (entry = recent->buckets[i]; entry != NULL; entry = entry->chain)
			act(entry, arg);
}
