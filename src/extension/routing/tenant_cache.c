/*
 * The cache of tenants in shared memory; see mr_tenant_cache.h.
 *
 * Sets of some slots, of which a tenant has one: by his bucket, then by a hash whose seed is
 * drawn at each start, so that nobody can choose ids that meet in one set. Nobody ever waits:
 * a reader who finds a set being changed, or its bucket in flux, asks the table; a writer who
 * finds another one at work lets his answer be forgotten.
 *
 * What is put in was read with a snapshot that is younger than the words of its stamp, with
 * nothing in flux. A commit that the snapshot does not show was not in flux yet, and makes
 * that stamp worthless before anybody can have seen it. decisions/0006-tenant-cache.md.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/inval.h"
#include "utils/snapmgr.h"

#include "core/mr_identifier.h"
#include "extension/mr_settings.h"
#include "extension/routing/mr_routing.h"
#include "extension/routing/mr_tenant_cache.h"

#define HITS_AT_ONCE 256 /* counted here before all see them */

MrTenantCache *mr_tenant_cache = NULL;
static MrTenantSet *sets = NULL;

/* ---------- shared memory ---------- */

static uint32
sets_per_bucket(void)
{
	Size smallest = MR_TENANT_BUCKETS * sizeof(MrTenantSet);

	return mr_tenant_cache_kb == 0 ? 0
								   : (uint32) Max((Size) mr_tenant_cache_kb * 1024 / smallest, 1);
}

static Size
sets_size(void)
{
	return mul_size(sets_per_bucket(), MR_TENANT_BUCKETS * sizeof(MrTenantSet));
}

Size
mr_tenant_cache_size(void)
{
	if (sets_per_bucket() == 0)
		return 0;
	return add_size(MAXALIGN(sizeof(MrTenantCache)), add_size(sets_size(), PG_CACHE_LINE_SIZE));
}

static void
initialize(MrTenantCache *cache)
{
	memset(cache, 0, sizeof(*cache));
	pg_atomic_init_u64(&cache->regions, MR_GENERATION);
	pg_atomic_init_u32(&cache->finishing, 0);
	cache->sets_per_bucket = sets_per_bucket();
	if (!pg_strong_random(&cache->seed, sizeof(cache->seed)))
		ereport(FATAL,
				(errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values")));
	/* No set has a stamp of generation 0. */
	for (int i = 0; i < MR_TENANT_BUCKETS; i++)
		pg_atomic_init_u64(&cache->buckets[i], MR_GENERATION);
	pg_atomic_init_u64(&cache->counters.hits, 0);
	pg_atomic_init_u64(&cache->counters.misses, 0);
	pg_atomic_init_u64(&cache->counters.evictions, 0);
	pg_atomic_init_u64(&cache->counters.changes, 0);
}

void
mr_tenant_cache_initialize(void)
{
	bool found;

	StaticAssertStmt(sizeof(MrTenantSet) == 1024, "sets fill pages");
	if (mr_tenant_cache_kb == 0)
		return;
	mr_tenant_cache = ShmemInitStruct("multiregion tenant cache", mr_tenant_cache_size(), &found);
	sets = (MrTenantSet *) TYPEALIGN(PG_CACHE_LINE_SIZE,
									 (char *) mr_tenant_cache + sizeof(MrTenantCache));
	if (found)
		return;
	initialize(mr_tenant_cache);
	memset(sets, 0, sets_size());
}

/* ---------- words ---------- */

uint32
mr_tenant_bucket(const char *tenant, size_t length)
{
	return (uint32) hash_bytes_extended((const unsigned char *) tenant, (int) length, 0) %
		   MR_TENANT_BUCKETS;
}

uint64
mr_regions_word(void)
{
	return mr_tenant_cache != NULL ? pg_atomic_read_u64(&mr_tenant_cache->regions) : 0;
}

static void
add(uint32 change, int64 what)
{
	if (change == MR_CHANGE_REGIONS)
		pg_atomic_fetch_add_u64(&mr_tenant_cache->regions, what);
	else if (change < MR_TENANT_BUCKETS)
		pg_atomic_fetch_add_u64(&mr_tenant_cache->buckets[change], what);
	else
		for (int i = 0; i < MR_TENANT_BUCKETS; i++)
			pg_atomic_fetch_add_u64(&mr_tenant_cache->buckets[i], what);
}

void
mr_change_begin(uint32 change)
{
	if (mr_tenant_cache != NULL)
		add(change, 1);
}

void
mr_change_end(uint32 change, bool changed)
{
	if (mr_tenant_cache == NULL)
		return;
	add(change, changed ? (int64) MR_GENERATION - 1 : -1);
	if (changed)
		pg_atomic_fetch_add_u64(&mr_tenant_cache->counters.changes, 1);
}

/*
 * The stamp of what is true of a bucket now. False if that is about to change, if nobody may
 * keep it, or if this transaction sees something else.
 */
static bool
take_stamp(uint32 bucket, MrTenantStamp *stamp)
{
	const MrRoutingTables *tables = mr_routing_tables_known();

	if (mr_tenant_cache == NULL || tables == NULL || !tables->tenants_watched ||
		mr_tenants_noted(bucket) || mr_regions_noted() ||
		(IsParallelWorker() && TransactionIdIsValid(GetTopTransactionIdIfAny())))
		return false;
	stamp->bucket = pg_atomic_read_u64(&mr_tenant_cache->buckets[bucket]);
	stamp->regions = pg_atomic_read_u64(&mr_tenant_cache->regions);
	stamp->database = MyDatabaseId;
	stamp->table = tables->tenant;
	if (MR_IN_FLUX(stamp->bucket) || MR_IN_FLUX(stamp->regions) ||
		pg_atomic_read_u32(&mr_tenant_cache->finishing) != 0)
		return false;
	pg_read_barrier();
	return true;
}

/* ---------- sets ---------- */

static MrTenantSet *
set_of(uint32 bucket, MrTenantId *id)
{
	uint64 hash = hash_bytes_extended((const unsigned char *) id->text, (int) id->length,
									  mr_tenant_cache->seed);

	id->tag = (uint16) hash;
	return &sets[(Size) bucket * mr_tenant_cache->sets_per_bucket +
				 (uint32) (hash >> 32) % mr_tenant_cache->sets_per_bucket];
}

static pg_atomic_uint32 *
sequence_of(MrTenantSet *set)
{
	return (pg_atomic_uint32 *) &set->sequence;
}

static bool
find(MrTenantSet *set, const MrTenantStamp *stamp, const MrTenantId *id, MrTenantRule *rule)
{
	uint32 before = pg_atomic_read_u32(sequence_of(set));
	int slot;

	if (before & 1)
		return false;
	pg_read_barrier();
	slot = mr_tenant_set_find(set, stamp, id);
	if (slot < 0)
		return false;
	*rule = set->slots[slot].rule;
	pg_read_barrier();
	if (pg_atomic_read_u32(sequence_of(set)) != before)
		return false;
	/* A mark that is lost when two set theirs at once is set the next time. */
	if ((set->recent & (1 << slot)) == 0)
		set->recent |= 1 << slot;
	return true;
}

static void
put(MrTenantSet *set, const MrTenantStamp *stamp, const MrTenantId *id, const MrTenantRule *rule)
{
	uint32 before = pg_atomic_read_u32(sequence_of(set));
	bool evicted;

	if ((before & 1) || !pg_atomic_compare_exchange_u32(sequence_of(set), &before, before + 1))
		return;
	evicted = mr_tenant_set_put(set, stamp, id, rule);
	pg_write_barrier();
	pg_atomic_write_u32(sequence_of(set), before + 2);
	if (evicted)
		pg_atomic_fetch_add_u64(&mr_tenant_cache->counters.evictions, 1);
}

/* ---------- look-ups ---------- */

/* Without writing to what all others write to for each of them. */
static void
count_hit(void)
{
	static uint32 hits = 0;

	if (++hits < HITS_AT_ONCE)
		return;
	pg_atomic_fetch_add_u64(&mr_tenant_cache->counters.hits, hits);
	hits = 0;
}

/*
 * What the tables say now, of tenant and regions by the same snapshot; or with the regions in
 * memory, if they are still those of now when the tenant has been read. Returns whether
 * *stamp tells of when that is.
 */
static bool
read_tables(const MrTenantId *id, uint32 bucket, MrTenantRule *rule, MrTenantStamp *stamp,
			const MrRouteRegions **regions)
{
	bool loads;
	bool keeps;

	do
	{
		uint64 word;

		(void) mr_routing_tables(); /* listens from now on, and has heard what was said */
		keeps = take_stamp(bucket, stamp);
		word = mr_regions_word();
		*regions = mr_regions_known(word);
		loads = *regions == NULL;
		PushActiveSnapshot(mr_routing_snapshot());
		if (loads)
			*regions = mr_regions_load(word);
		keeps &= mr_routing_read_tenant(id->text, id->length, *regions, rule);
		PopActiveSnapshot();
	} while (!loads && mr_regions_known(mr_regions_word()) == NULL);
	return keeps && mr_regions_known(stamp->regions) != NULL;
}

static const MrRouteRegions *
look_up(const MrTenantId *id, uint32 bucket, MrTenantSet *set, MrTenantRule *rule)
{
	const MrRouteRegions *regions;
	MrTenantStamp stamp;
	MrTenantStamp now;
	bool keeps = read_tables(id, bucket, rule, &stamp, &regions);

	if (mr_tenant_cache != NULL)
		pg_atomic_fetch_add_u64(&mr_tenant_cache->counters.misses, 1);
	/* An old stamp would do no harm but to what is there under a newer one. */
	if (keeps && set != NULL && take_stamp(bucket, &now) && mr_tenant_stamp_equal(&stamp, &now))
		put(set, &stamp, id, rule);
	return regions;
}

const MrRouteRegions *
mr_routing_tenant(const char *tenant, size_t length, MrTenantRule *rule)
{
	MrTenantId id = {tenant, length, 0};
	MrTenantSet *set;
	MrTenantStamp stamp;
	const MrRouteRegions *regions;
	uint32 bucket;

	if (length == 0 || length >= MR_TENANT_SIZE)
	{
		memset(rule, 0, sizeof(*rule));
		rule->home = MR_NO_REGION;
		return mr_routing_regions();
	}
	bucket = mr_tenant_bucket(tenant, length);
	if (mr_tenant_cache == NULL || length > MR_TENANT_SLOT_ID)
		return look_up(&id, bucket, NULL, rule);
	set = set_of(bucket, &id);
	if (!take_stamp(bucket, &stamp))
		return look_up(&id, bucket, set, rule);
	regions = mr_regions_known(stamp.regions);
	if (regions == NULL || !find(set, &stamp, &id, rule))
		return look_up(&id, bucket, set, rule);
	count_hit();
	return regions;
}

/* ---------- what is in it ---------- */

int64
mr_tenant_cache_slots(void)
{
	return mr_tenant_cache == NULL
			   ? 0
			   : (int64) mr_tenant_cache->sets_per_bucket * MR_TENANT_BUCKETS * MR_TENANT_SET_SLOTS;
}

/* Sets that are changed meanwhile are counted somehow. */
int64
mr_tenant_cache_count(void)
{
	int64 count = 0;

	if (mr_tenant_cache == NULL)
		return 0;
	for (uint32 bucket = 0; bucket < MR_TENANT_BUCKETS; bucket++)
	{
		const MrTenantSet *first = &sets[(Size) bucket * mr_tenant_cache->sets_per_bucket];
		uint64 word = pg_atomic_read_u64(&mr_tenant_cache->buckets[bucket]);
		uint64 regions = pg_atomic_read_u64(&mr_tenant_cache->regions);

		for (uint32 i = 0; i < mr_tenant_cache->sets_per_bucket; i++)
			if (first[i].stamp.bucket == word && first[i].stamp.regions == regions)
				count += mr_tenant_set_count(&first[i]);
	}
	return count;
}
