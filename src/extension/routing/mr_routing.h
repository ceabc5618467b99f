/*
 * What the routing functions know of regions and tenants, in this process.
 *
 * The functions of a folder of their own (routing/) answer where a tenant, a read or a
 * write belongs. They decide by core/mr_route.h; this is where its inputs come from.
 */
#ifndef MR_ROUTING_H
#define MR_ROUTING_H

#include "postgres.h"

#include "core/mr_route.h"

/*
 * The regions as they were last committed, whatever the snapshot of the transaction, or as
 * this transaction has changed them: good until the next call. Read from the table after it
 * has changed, else from memory.
 */
extern const MrRouteRegions *mr_routing_regions(void);

/* This transaction has changed the table of regions: everybody has to know when it commits. */
extern void mr_regions_note_change(void);

/*
 * What is set for a tenant, as it was last committed, or as this transaction has set it;
 * and the regions that are meant, as mr_routing_regions() gives them. From memory, or by one
 * look at the table's index.
 */
extern const MrRouteRegions *mr_routing_tenant(const char *tenant, size_t length,
											   MrTenantRule *rule);

/*
 * How these regions are now. On a server that is no member no health is known, and no primary.
 */
extern void mr_routing_health(const MrRouteRegions *regions, MrRouteHealth *health);

#endif /* MR_ROUTING_H */
