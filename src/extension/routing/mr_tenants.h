/*
 * Changes of tenants, however they come: one by one from set_tenant_region() and its like,
 * by the thousand from an import, from an application's own table.
 *
 * A batch holds the regions and zones as they are until the transaction ends, and gathers
 * edits; a flush locks the rows, decides each edit with what it finds (core/mr_tenant_rule.h)
 * and writes all of them, with versions and history, by two statements.
 */
#ifndef MR_TENANTS_H
#define MR_TENANTS_H

#include "postgres.h"

#include "utils/array.h"

#include "core/mr_identifier.h"
#include "core/mr_tenant_rule.h"

#define MR_TENANT_BATCH 1000 /* edits gathered at most */
#define MR_NO_ZONE (-1)

/* What is to become of the rule. */
typedef enum MrTenantWish
{
	MR_WISH_NOTHING, /* it stays */
	MR_WISH_RULE,    /* it is this one */
	MR_WISH_HOME,    /* another home; mode and fallbacks stay, as far as they can */
	MR_WISH_DEFAULT  /* this home if there is none yet */
} MrTenantWish;

typedef struct MrTenantState
{
	int64 version; /* 0: there is no row */
	MrTenantRule rule;
	int zone; /* number in the batch, or MR_NO_ZONE */
} MrTenantState;

typedef struct MrTenantEdit
{
	const char *tenant;
	MrTenantWish wish;
	MrTenantRule rule;
	bool sets_zone;
	bool inherits_zone; /* zone is set only if the tenant has none */
	int zone;
	const char *reason; /* may be NULL */
	bool has_expected;
	int64 expected; /* version the caller believes in; 0: the tenant is new */
	uint64 row;     /* of an import, from 1; 0: it is none */
	bool tells;     /* the application's tables are told also if nothing changes */
	/* After a flush. */
	MrTenantState before;
	MrTenantState after;
	bool changed;
	bool done;
} MrTenantEdit;

typedef struct MrTenantBatch
{
	MemoryContext context; /* lives as long as the batch */
	MemoryContext strings; /* ... as the edits */
	MrRouteRegions regions;
	MrZone *zones;
	int zone_count;
	bool has_rules; /* false: tables of 0.1, which know nothing but a home */
	Oid origin;     /* an application's table that knows already, or InvalidOid */
	bool flushed;   /* the edits are results */
	int count;
	MrTenantEdit edits[MR_TENANT_BATCH];
	uint16 slots[4 * MR_TENANT_BATCH]; /* hash of tenants: number of the edit + 1 */
} MrTenantBatch;

/* ---------- tenant_batch.c ---------- */

/* Begins a batch, in parent; ends with it, or by mr_tenant_batch_end(). */
extern MrTenantBatch *mr_tenant_batch_begin(MemoryContext parent);
extern void mr_tenant_batch_end(MrTenantBatch *batch);

/*
 * A new edit that wishes for nothing, for a tenant of which the batch has none. Flushes
 * when it must; the results of an earlier flush are gone. Error 42602 for what is no id.
 */
extern MrTenantEdit *mr_tenant_batch_add(MrTenantBatch *batch, const char *tenant);

/* A copy that lives as long as the edit. */
extern char *mr_tenant_batch_copy(MrTenantBatch *batch, const char *text);

/*
 * Writes all edits. Errors: 40001 for an unexpected version or concurrent changes, 22023
 * for a rule that contradicts itself, 23514 for one its zone forbids.
 */
extern void mr_tenant_batch_flush(MrTenantBatch *batch);

/* The error for what would be wrong with edit->after: 22023 or 23514. */
extern void mr_tenant_batch_refuse(const MrTenantBatch *batch, const MrTenantEdit *edit,
								   MrRuleFault fault, int region) __attribute__((noreturn));

/* The edit of this tenant, or NULL. */
extern MrTenantEdit *mr_tenant_batch_find(MrTenantBatch *batch, const char *tenant);

/* The key of a region of the batch; NULL for MR_NO_REGION. */
extern const char *mr_tenant_batch_key(const MrTenantBatch *batch, int region);

/* Number of the region or zone of a word in any case; error 42704 with those there are. */
extern int mr_tenant_batch_region(const MrTenantBatch *batch, const char *word);
extern int mr_tenant_batch_zone(const MrTenantBatch *batch, const char *word);

/* The fallbacks of a rule as text[] in words: '{US_EAST,EU_WEST}'; NULL if there are none. */
extern char *mr_tenant_batch_fallbacks(const MrTenantBatch *batch, const MrTenantRule *rule);

/* ---------- tenant_set.c ---------- */

/* Fills in the rule from words: region, mode (NULL: prefer) and fallbacks (NULL: none). */
extern void mr_tenant_take_rule(const MrTenantBatch *batch, MrTenantEdit *edit, const char *region,
								const char *mode, ArrayType *fallbacks);

/* ---------- tenant_rows.c ---------- */

/* Fills in before of all edits that are not done, and locks their rows. */
extern void mr_tenant_rows_lock(MrTenantBatch *batch);

/*
 * Writes after of those not done: true for a tenant that has a row, false for a new one.
 * An edit whose row could be written is done.
 */
extern void mr_tenant_rows_write(MrTenantBatch *batch, bool exists, const char *caller);

/* ---------- zones.c ---------- */

/* All zones, in the caller's memory. Returns how many. */
extern int mr_zones_load(const MrRouteRegions *regions, MrZone **zones);

#endif /* MR_TENANTS_H */
