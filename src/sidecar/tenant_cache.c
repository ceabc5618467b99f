/*
 * A hash table with an order of use; see mr_tenant_cache.h. The hash is seeded at
 * random: tenant ids come from strangers. It must never give an answer to a role that was
 * never given one. Called by endpoint_tenant.c, endpoint_tenant_write.c and endpoint_route.c.
 */
#include "sidecar/mr_tenant_cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

typedef struct Entry
{
	struct Entry *chain; /* next in the bucket */
	struct Entry *newer;
	struct Entry *older;
	uint64_t hash;
	uint64_t readers[MR_TENANT_READERS]; /* hashes of roles, the newest first; 0 = none */
	MrTenantAnswer answer;
	char tenant[]; /* with its NUL */
} Entry;

struct MrTenantCache
{
	int max;
	int count;
	uint64_t seed;
	Entry *newest;
	Entry *oldest;
	size_t mask; /* buckets - 1 */
	Entry *buckets[];
};

/* FNV-1a, started at the seed and stirred at the end. */
static uint64_t
hash_of(const MrTenantCache *cache, const char *text)
{
	uint64_t hash = cache->seed ^ UINT64_C(0xcbf29ce484222325);

	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char) *text) * UINT64_C(0x100000001b3);
	hash ^= hash >> 32;
	return hash * UINT64_C(0x9e3779b97f4a7c15) ^ cache->seed;
}

MrTenantCache *
mr_tenant_cache_open(int max)
{
	size_t buckets = 1;
	MrTenantCache *cache;

	while (buckets < (size_t) max)
		buckets *= 2;
	cache = calloc(1, sizeof(*cache) + buckets * sizeof(cache->buckets[0]));
	if (cache == NULL)
		return NULL;
	cache->max = max;
	cache->mask = buckets - 1;
	/* Without randomness the table is only slower against an attacker. */
	if (getrandom(&cache->seed, sizeof(cache->seed), GRND_NONBLOCK) < 0)
		cache->seed = (uint64_t) (uintptr_t) cache;
	return cache;
}

static void
unlink_use(MrTenantCache *cache, Entry *entry)
{
	if (entry->newer != NULL)
		entry->newer->older = entry->older;
	else
		cache->newest = entry->older;
	if (entry->older != NULL)
		entry->older->newer = entry->newer;
	else
		cache->oldest = entry->newer;
}

static void
make_newest(MrTenantCache *cache, Entry *entry)
{
	entry->newer = NULL;
	entry->older = cache->newest;
	if (cache->newest != NULL)
		cache->newest->newer = entry;
	cache->newest = entry;
	if (cache->oldest == NULL)
		cache->oldest = entry;
}

static Entry *
find(const MrTenantCache *cache, const char *tenant, uint64_t hash)
{
	Entry *entry = cache->buckets[hash & cache->mask];

	while (entry != NULL && (entry->hash != hash || strcmp(entry->tenant, tenant) != 0))
		entry = entry->chain;
	return entry;
}

static void
drop_oldest(MrTenantCache *cache)
{
	Entry *entry = cache->oldest;
	Entry **link = &cache->buckets[entry->hash & cache->mask];

	while (*link != entry)
		link = &(*link)->chain;
	*link = entry->chain;
	unlink_use(cache, entry);
	free(entry);
	cache->count--;
}

static uint64_t
reader_of(const MrTenantCache *cache, const char *role)
{
	uint64_t reader = hash_of(cache, role);

	return reader != 0 ? reader : 1;
}

/* The place of a role among those that may know, or MR_TENANT_READERS. */
static int
find_reader(const Entry *entry, uint64_t reader)
{
	int i;

	for (i = 0; i < MR_TENANT_READERS; i++)
		if (entry->readers[i] == reader)
			break;
	return i;
}

/* The one that was there longest goes, if there are too many. */
static void
add_reader(Entry *entry, uint64_t reader)
{
	int at = find_reader(entry, reader);

	if (at == MR_TENANT_READERS)
		at--;
	memmove(entry->readers + 1, entry->readers, (size_t) at * sizeof(entry->readers[0]));
	entry->readers[0] = reader;
}

void
mr_tenant_cache_put(MrTenantCache *cache, const char *tenant, const char *role,
					const MrTenantAnswer *answer)
{
	uint64_t hash = hash_of(cache, tenant);
	Entry *entry = find(cache, tenant, hash);

	if (cache->max == 0)
		return;
	if (entry != NULL)
		unlink_use(cache, entry);
	else
	{
		entry = calloc(1, sizeof(*entry) + strlen(tenant) + 1);
		if (entry == NULL)
			return;
		if (cache->count == cache->max)
			drop_oldest(cache);
		entry->hash = hash;
		memcpy(entry->tenant, tenant, strlen(tenant) + 1);
		entry->chain = cache->buckets[hash & cache->mask];
		cache->buckets[hash & cache->mask] = entry;
		cache->count++;
	}
	entry->answer = *answer;
	add_reader(entry, reader_of(cache, role));
	make_newest(cache, entry);
}

const MrTenantAnswer *
mr_tenant_cache_get(MrTenantCache *cache, const char *tenant, const char *role)
{
	Entry *entry = find(cache, tenant, hash_of(cache, tenant));

	if (entry == NULL || find_reader(entry, reader_of(cache, role)) == MR_TENANT_READERS)
		return NULL;
	unlink_use(cache, entry);
	make_newest(cache, entry);
	return &entry->answer;
}

int
mr_tenant_cache_count(const MrTenantCache *cache)
{
	return cache->count;
}

void
mr_tenant_cache_close(MrTenantCache *cache)
{
	while (cache != NULL && cache->count > 0)
		drop_oldest(cache);
	free(cache);
}
