/*
 * The last answers about tenants, for when the database is down. Bounded: the one not
 * asked for longest goes first. What is kept is what is newest, whoever was told it; it is
 * told only to roles that the database has told something about this tenant.
 */
#ifndef MR_TENANT_CACHE_H
#define MR_TENANT_CACHE_H

#include "core/mr_limits.h"

typedef struct MrTenantAnswer
{
	char region_key[MR_NAME_SIZE];
	char region_id[MR_NAME_SIZE];
	char effective[MR_NAME_SIZE];
	bool known;      /* has a preference of its own */
	bool may_move;   /* known not to be pinned: another region may serve it */
	int64_t version; /* -1 = none */
	int64_t asked_ns;
	int64_t asked_wall_ms;
} MrTenantAnswer;

typedef struct MrTenantCache MrTenantCache;

/* Room for max tenants (0: keeps nothing). NULL without memory. */
extern MrTenantCache *mr_tenant_cache_open(int max);

#define MR_TENANT_READERS 8 /* roles that are remembered of a tenant */

/* Keeps a copy, as told to a role; without memory it keeps nothing. */
extern void mr_tenant_cache_put(MrTenantCache *cache, const char *tenant, const char *role,
								const MrTenantAnswer *answer);

/* The last answer, if this role may know it, or NULL. Valid until the next put. */
extern const MrTenantAnswer *mr_tenant_cache_get(MrTenantCache *cache, const char *tenant,
												 const char *role);

/* How many tenants are kept. */
extern int mr_tenant_cache_count(const MrTenantCache *cache);

/* Forgets all answers and frees the cache; NULL is fine. */
extern void mr_tenant_cache_close(MrTenantCache *cache);

#endif /* MR_TENANT_CACHE_H */
