/*
 * The cache of tenants in shared memory, and how it learns of changes. Inside routing/ only.
 *
 * A tenant belongs to one of MR_TENANT_BUCKETS buckets by its id. A bucket has a word: a
 * generation, and how many changes of it are in flux, which are about to become visible.
 * What was read from the table while nothing was in flux is good for as long as the word is
 * the same; so a change ends a bucket, on the primary and on each standby, by one atomic.
 * The regions have a word of the same kind.
 */
#ifndef MR_TENANT_CACHE_H
#define MR_TENANT_CACHE_H

#include "postgres.h"

#include "access/attnum.h"
#include "port/atomics.h"
#include "utils/snapshot.h"

#include "core/mr_tenant_set.h"

#define MR_TENANT_BUCKETS 4096

/* What a change can be of: a bucket (its number), the regions, all tenants. */
#define MR_CHANGE_REGIONS MR_TENANT_BUCKETS
#define MR_CHANGE_ALL_TENANTS (MR_TENANT_BUCKETS + 1)
#define MR_CHANGES (MR_TENANT_BUCKETS + 2)

/*
 * A commit record names a change by the invalidation of a relation of this OID + the change,
 * which there is not. Part of the WAL: never changes, nor does mr_tenant_bucket().
 */
#define MR_CHANGE_FIRST_OID ((Oid) 0xffffe000)

#define MR_GENERATION (UINT64CONST(1) << 20) /* of a word; below it: changes in flux */
#define MR_IN_FLUX(word) (((word) & (MR_GENERATION - 1)) != 0)

typedef struct MrTenantCounters
{
	pg_atomic_uint64 hits;
	pg_atomic_uint64 misses;    /* looked up in the table */
	pg_atomic_uint64 evictions; /* of a tenant, for another one */
	pg_atomic_uint64 changes;   /* that ended a bucket, all of them, or the regions */
} MrTenantCounters;

typedef struct MrTenantCache
{
	/* read by each look-up, written by changes */
	pg_atomic_uint64 regions;
	pg_atomic_uint32 finishing; /* prepared transactions being committed: any may change any */
	uint32 sets_per_bucket;
	uint64 seed; /* of the hash that finds a set */
	pg_atomic_uint64 buckets[MR_TENANT_BUCKETS];

	char away[PG_CACHE_LINE_SIZE]; /* the counters are written all the time */
	MrTenantCounters counters;
} MrTenantCache;

/* Null without preload, or without memory for it. */
extern MrTenantCache *mr_tenant_cache;

/* ---------- tenant_cache.c ---------- */

/* Shared memory: size, and creation at postmaster start. */
extern Size mr_tenant_cache_size(void);
extern void mr_tenant_cache_initialize(void);

/* The bucket of a tenant, the same on all servers. */
extern uint32 mr_tenant_bucket(const char *tenant, size_t length);

/* The word of the regions; 0 without cache. */
extern uint64 mr_regions_word(void);

/* Tenants that can be found now, and places for them. */
extern int64 mr_tenant_cache_count(void);
extern int64 mr_tenant_cache_slots(void);

/*
 * A change is about to become visible; it has (changed), or will not. Nothing without cache.
 * No lock, no error, no memory: also for the startup process.
 */
extern void mr_change_begin(uint32 change);
extern void mr_change_end(uint32 change, bool changed);

/* ---------- tenant_changes.c ---------- */

/* _PG_init while preloading: sees COMMIT PREPARED, and altered triggers. */
extern void mr_tenant_changes_install(void);

/* Whether this transaction has changed, or may have, a tenant of the bucket; a region. */
extern bool mr_tenants_noted(uint32 bucket);
extern bool mr_regions_noted(void);

/* The relation cache says that this relation (InvalidOid: any) has changed. */
extern void mr_tenant_changes_hear(Oid relation);

/* ---------- tenant_replay.c ---------- */

/* _PG_init while preloading: sees the changes that a standby replays. */
extern void mr_tenant_replay_install(void);

/* ---------- tables.c ---------- */

/* The tables of this database, until one of them changes. */
typedef struct MrRoutingTables
{
	Oid tenant;
	Oid tenant_index; /* of its primary key */
	AttrNumber tenant_id;
	AttrNumber region_key;
	AttrNumber mode;      /* InvalidAttrNumber: an older version of the extension */
	AttrNumber fallbacks; /* the same */
	AttrNumber zone;      /* the same */
	Oid region;
	Oid zones;            /* InvalidOid: an older version */
	bool tenants_watched; /* each change is noted: their contents may be kept */
	bool regions_watched; /* and zones */
} MrRoutingTables;

/* From now on this process hears of changes; mr_routing_tables() does it, too. */
extern void mr_routing_listen(void);

/* What is known without a look, or NULL. */
extern const MrRoutingTables *mr_routing_tables_known(void);

/* The same after a look, if need be. An error without the extension's tables. */
extern const MrRoutingTables *mr_routing_tables(void);

/* Grows when the relation cache has said that the table of regions changed. */
extern uint64 mr_routing_tables_region_changes(void);

/* A snapshot of now, also in a parallel query; to be pushed. */
extern Snapshot mr_routing_snapshot(void);

/*
 * What the table says of a tenant under the active snapshot. False if this transaction may
 * have changed it, so that nobody else may see the answer.
 */
extern bool mr_routing_read_tenant(const char *tenant, size_t length, const MrRouteRegions *regions,
								   MrTenantRule *rule);

/* ---------- regions.c ---------- */

/* The regions in memory, if they are those of this word and of nobody's making; or NULL. */
extern const MrRouteRegions *mr_regions_known(uint64 word);

/* Reads them under the active snapshot; word: mr_regions_word() before that was taken. */
extern const MrRouteRegions *mr_regions_load(uint64 word);

#endif /* MR_TENANT_CACHE_H */
