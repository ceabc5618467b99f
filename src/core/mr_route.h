/*
 * Which region serves a tenant, and why: the one place where that is decided.
 *
 * Regions have numbers here: their index in the table of regions, which is ordered by
 * preference (priority, then key). A number is good for as long as the table's version.
 */
#ifndef MR_ROUTE_H
#define MR_ROUTE_H

#include "core/mr_limits.h"
#include "core/mr_names.h"
#include "core/mr_region.h"

#define MR_MAX_REGIONS 64      /* regions of one cluster */
#define MR_MAX_FALLBACKS 7     /* regions in a tenant's list of fallbacks */
#define MR_MAX_STRICT_ZONES 64 /* of one cluster */
#define MR_NO_REGION (-1)

/* A region, as far as routing needs it. */
typedef struct MrRouteRegion
{
	char key[MR_NAME_SIZE];
	char id[MR_NAME_SIZE];
	MrPlace place; /* NaN, NaN when not known */
	int32_t priority;
} MrRouteRegion;

/* A strict residency zone: its tenants are served within it, or not at all. */
typedef struct MrRouteZone
{
	char name[MR_NAME_SIZE];
	uint64_t regions; /* a bit per region */
} MrRouteZone;

typedef struct MrRouteRegions
{
	uint64_t version; /* of the contents; a number of a region is good within one */
	int count;
	MrRouteRegion regions[MR_MAX_REGIONS];
	int zone_count;
	MrRouteZone zones[MR_MAX_STRICT_ZONES];
} MrRouteRegions;

/* What is set for a tenant; all zero but home (MR_NO_REGION) is a tenant of whom nothing is. */
typedef struct MrTenantRule
{
	int8_t home; /* number of the preferred region, or MR_NO_REGION */
	bool pinned; /* the tenant is served there or nowhere */
	uint8_t fallback_count;
	int8_t fallbacks[MR_MAX_FALLBACKS]; /* in order */
	uint8_t zone;                       /* the strict zone it is in: its number + 1; 0: none */
} MrTenantRule;

/* How the regions are now. */
typedef struct MrRouteHealth
{
	uint64_t healthy; /* bit per region: has a node that can serve reads now */
	int8_t primary;   /* region of the newest primary known, or MR_NO_REGION */
} MrRouteHealth;

typedef struct MrRegionChoice
{
	int region; /* MR_NO_REGION: none can be named */
	MrRouteReason reason;
	int rank; /* 0 the preference, 1 the first fallback ...; -1 for any other reason */
} MrRegionChoice;

/*
 * The region that serves the tenant: its pin whatever its health; else its preference if
 * healthy; else the first healthy fallback; else, if the client's place is known, the
 * nearest healthy region; else the region of the primary. A tenant of whom nothing is set
 * begins at the client's place. A strict zone is never left, whatever the health of its
 * regions. here may be NULL: not known.
 */
extern MrRegionChoice mr_route_region(const MrRouteRegions *regions, const MrTenantRule *rule,
									  const MrRouteHealth *health, const MrPlace *here);

/* The regions that may serve the tenant, a bit each: those of its strict zone, or all. */
extern uint64_t mr_route_allowed(const MrRouteRegions *regions, const MrTenantRule *rule);

/*
 * Region nearest to a place among those allowed (a bit each), or MR_NO_REGION; numbers are
 * in order of preference, which decides between equals.
 */
extern int mr_route_nearest_to(const MrRouteRegions *regions, uint64_t allowed,
							   const MrPlace *here);

/* Number of the region that a word means (key or id, any case), or MR_NO_REGION. */
extern int mr_route_find_region(const MrRouteRegions *regions, const char *word);

#endif /* MR_ROUTE_H */
