/*
 * Countries and their regions; see mr_country_region.h. Pure. Called by the SQL functions
 * on clients (extension/routing/geo.c).
 */
#include "core/mr_country_region.h"

#include <math.h>
#include <string.h>

#include "core/mr_countries.h"

#define FNV_START UINT64_C(14695981039346656037)
#define FNV_PRIME UINT64_C(1099511628211)

static uint64_t
add_bytes(uint64_t hash, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ at[i]) * FNV_PRIME;
	return hash;
}

void
mr_route_key_add(MrRouteKey *key, const void *bytes, size_t length)
{
	key->hash = add_bytes(key->known ? key->hash : FNV_START, bytes, length);
	key->known = true;
}

/* Spreads the bits of a hash over all of them (splitmix64). */
static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static int
compare(const MrCountryRegion *line, const char *country, const char *subdivision)
{
	int order = strcmp(line->country, country);

	return order != 0 ? order : strcmp(line->subdivision, subdivision);
}

/* First line of a country (with a subdivision, or empty), or where it would be. */
static int
first_line(const MrCountryMap *map, const char *country, const char *subdivision)
{
	int low = 0;
	int high = map->count;

	while (low < high)
	{
		int middle = (low + high) / 2;

		if (compare(&map->lines[middle], country, subdivision) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * Weighted rendezvous: each region draws a lot that only depends on the client and itself,
 * and the best one wins.
 */
static double
lot(const MrRouteRegion *region, int32_t weight, const MrRouteKey *key)
{
	uint64_t hash = mix(add_bytes(key->hash, region->key, strlen(region->key)));
	double uniform = ((double) (hash >> 11) + 0.5) / 9007199254740992.0; /* 2^53 */

	return -(double) weight / log(uniform);
}

static int
choose_line(const MrCountryMap *map, const MrRouteRegions *regions, const char *country,
			const char *subdivision, uint64_t allowed, const MrRouteKey *key)
{
	int best = MR_NO_REGION;
	double best_lot = 0.0;

	for (int i = first_line(map, country, subdivision);
		 i < map->count && compare(&map->lines[i], country, subdivision) == 0; i++)
	{
		const MrCountryRegion *line = &map->lines[i];
		double mine;

		if (line->region < 0 || line->region >= regions->count ||
			(allowed >> line->region & 1) == 0)
			continue;
		mine = key->known ? lot(&regions->regions[line->region], line->weight, key)
						  : (double) line->weight;
		/* between equals the preferred one, whatever the order of the lines */
		if (best == MR_NO_REGION || mine > best_lot || (mine >= best_lot && line->region < best))
		{
			best = line->region;
			best_lot = mine;
		}
	}
	return best;
}

int
mr_country_map_choose(const MrCountryMap *map, const MrRouteRegions *regions,
					  const MrClientPlace *client, uint64_t allowed, const MrRouteKey *key)
{
	int region = MR_NO_REGION;

	if (map->count == 0 || client->country[0] == '\0')
		return MR_NO_REGION;
	if (client->subdivision[0] != '\0')
		region = choose_line(map, regions, client->country, client->subdivision, allowed, key);
	if (region == MR_NO_REGION)
		region = choose_line(map, regions, client->country, "", allowed, key);
	return region;
}

MrPlace
mr_client_here(const MrClientPlace *client)
{
	const MrCountry *country;

	if (!isnan(client->place.latitude) || client->country[0] == '\0')
		return client->place;
	country = mr_country_find(mr_slice(client->country));
	return country != NULL ? country->place : client->place;
}

int
mr_route_nearest(const MrRouteRegions *regions, const MrCountryMap *map,
				 const MrClientPlace *client, uint64_t allowed, const MrRouteKey *key)
{
	MrPlace here = mr_client_here(client);
	int mapped = mr_country_map_choose(map, regions, client, allowed, key);

	return mapped != MR_NO_REGION ? mapped : mr_route_nearest_to(regions, allowed, &here);
}

MrRegionChoice
mr_route_region_for_client(const MrRouteRegions *regions, const MrTenantRule *rule,
						   const MrRouteHealth *health, const MrCountryMap *map,
						   const MrClientPlace *client, const MrRouteKey *key)
{
	MrRouteHealth assumed = *health;
	MrPlace here = mr_client_here(client);
	MrRegionChoice choice;
	int mapped;

	if (health->healthy == 0 && health->primary == MR_NO_REGION && rule->home == MR_NO_REGION)
		assumed.healthy = ~UINT64_C(0);
	choice = mr_route_region(regions, rule, &assumed, &here);
	if (choice.reason == MR_ROUTE_PIN || choice.reason == MR_ROUTE_PREFERENCE ||
		choice.reason == MR_ROUTE_FALLBACK)
		return choice;
	mapped = mr_country_map_choose(map, regions, client,
								   assumed.healthy & mr_route_allowed(regions, rule), key);
	if (mapped == MR_NO_REGION)
		return choice;
	choice.region = mapped;
	choice.reason = MR_ROUTE_COUNTRY;
	choice.rank = -1;
	return choice;
}
