/*
 * Why routing answers as it does, once; part of mr_names.h.
 */
#ifndef MR_ROUTE_REASONS_H
#define MR_ROUTE_REASONS_H

/* Why a tenant is served by a region: X(symbol, word, sentence). */
#define MR_ROUTE_REASON_LIST(X) \
	X(MR_ROUTE_NOWHERE, "nowhere", "no region is known") \
	X(MR_ROUTE_PIN, "pin", "the tenant is pinned to the region") \
	X(MR_ROUTE_PREFERENCE, "preference", "the region is the tenant's preference") \
	X(MR_ROUTE_FALLBACK, "fallback", "the regions before it in the tenant's list are not healthy") \
	X(MR_ROUTE_NEAREST, "nearest", "the region is the nearest healthy one to the client") \
	X(MR_ROUTE_PRIMARY, "primary", "nothing else decides, and the primary is in the region") \
	X(MR_ROUTE_UNKNOWN_HEALTH, "unknown_health", \
	  "the region is the tenant's preference, and no region's health is known")

#endif /* MR_ROUTE_REASONS_H */
