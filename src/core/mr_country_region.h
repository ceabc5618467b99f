/*
 * Which region serves the clients of a country: as the operator has mapped it, with
 * weights, else by distance.
 */
#ifndef MR_COUNTRY_REGION_H
#define MR_COUNTRY_REGION_H

#include "core/mr_client_place.h"
#include "core/mr_route.h"

/* One line of the map. */
typedef struct MrCountryRegion
{
	char country[3];
	char subdivision[MR_SUBDIVISION_SIZE]; /* empty: the whole country */
	int8_t region;
	int32_t weight; /* > 0 */
} MrCountryRegion;

typedef struct MrCountryMap
{
	int count;
	const MrCountryRegion *lines; /* ordered by country, then subdivision */
} MrCountryMap;

/* Whose request it is, so that the same one is always sent to the same region. */
typedef struct MrRouteKey
{
	bool known;
	uint64_t hash;
} MrRouteKey;

/* A key from bytes; what is added to it distinguishes further. */
extern void mr_route_key_add(MrRouteKey *key, const void *bytes, size_t length);

/*
 * Region of a country's map among those allowed (a bit each): of its subdivision, else of
 * the whole country. Clients are distributed by weight, each always to the same; when its
 * region goes, the others' clients stay where they are. Without a key the heaviest.
 * MR_NO_REGION when nothing is mapped, or allowed.
 */
extern int mr_country_map_choose(const MrCountryMap *map, const MrRouteRegions *regions,
								 const MrClientPlace *client, uint64_t allowed,
								 const MrRouteKey *key);

/* The client's coordinates, else the place of its country; NaN, NaN if neither is known. */
extern MrPlace mr_client_here(const MrClientPlace *client);

/*
 * Region nearest to a client among those allowed: as mapped, else by distance.
 * MR_NO_REGION when the client's place is not known, or no region has one.
 */
extern int mr_route_nearest(const MrRouteRegions *regions, const MrCountryMap *map,
							const MrClientPlace *client, uint64_t allowed, const MrRouteKey *key);

/*
 * mr_route_region() for a client whose place may be known: where nothing that is set for
 * the tenant decides, its country's map does, before distance. Where no health and no
 * primary is known, as on a server that is not managed, all regions count as healthy for
 * this.
 */
extern MrRegionChoice mr_route_region_for_client(
	const MrRouteRegions *regions, const MrTenantRule *rule, const MrRouteHealth *health,
	const MrCountryMap *map, const MrClientPlace *client, const MrRouteKey *key);

#endif /* MR_COUNTRY_REGION_H */
