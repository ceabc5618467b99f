/*
 * Which region serves a client: maps, weights, distance, and where the place of a client
 * comes among what is set for its tenant.
 */
#include "core/mr_country_region.h"
#include "unit/mr_unit.h"

#include <math.h>
#include <string.h>

enum
{
	EAST,
	WEST,
	EUROPE,
	ASIA,
	DARK,
	REGIONS
};

#define ALL (~UINT64_C(0))
#define BIT(region) (UINT64_C(1) << (region))

static MrRouteRegions regions = {.version = 1,
								 REGIONS,
								 .regions = {{"US_EAST", "us-east-1", {38.95, -77.45}, 1},
											 {"US_WEST", "us-west-2", {45.9, -119.3}, 2},
											 {"EU_WEST", "eu-west-1", {53.35, -6.26}, 3},
											 {"AP_SOUTHEAST", "ap-southeast-1", {1.35, 103.8}, 4},
											 {"DARK", "dark", {0, 0}, 5}}};

static const MrCountryRegion lines[] = {{"CH", "", DARK, 1},   {"DE", "", EUROPE, 300},
										{"DE", "", ASIA, 100}, {"JP", "", 99, 5},
										{"US", "", EAST, 100}, {"US", "CA", WEST, 100}};
static const MrCountryMap map = {sizeof(lines) / sizeof(lines[0]), lines};
static const MrCountryMap no_map = {0, NULL};
static const MrRouteKey no_key = {false, 0};

static MrClientPlace
client_in(const char *country, const char *subdivision)
{
	MrClientPlace client;

	regions.regions[DARK].place.latitude = regions.regions[DARK].place.longitude = (double) NAN;
	mr_client_place_init(&client);
	if (country[0] == '\0')
		return client;
	mr_client_place_set(&client, MR_GEO_COUNTRY, mr_slice(country));
	mr_client_place_set(&client, MR_GEO_SUBDIVISION, mr_slice(subdivision));
	MR_CHECK(mr_client_place_finish(&client));
	return client;
}

MR_TEST(maps_go_before_distance)
{
	static const struct
	{
		const char *country;
		const char *subdivision;
		uint64_t allowed;
		int expected;
	} cases[] = {{"US", "CA", ALL, WEST},
				 {"US", "NY", ALL, EAST},
				 {"US", "", ALL, EAST},
				 /* its own region down, the subdivision is served as its country */
				 {"US", "CA", ~BIT(WEST), EAST},
				 {"US", "CA", ~BIT(WEST) & ~BIT(EAST), EUROPE},
				 {"DE", "", ALL, EUROPE},
				 {"DE", "BE", ~BIT(EUROPE), ASIA},
				 /* mapped to a region without a place; and to one that is gone */
				 {"CH", "", ALL, DARK},
				 {"CH", "", ~BIT(DARK), EUROPE},
				 {"JP", "", ALL, ASIA},
				 {"FR", "", ALL, EUROPE},
				 {"", "", ALL, MR_NO_REGION},
				 {"FR", "", 0, MR_NO_REGION},
				 {"FR", "", BIT(DARK), MR_NO_REGION}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		MrClientPlace client;

		client = client_in(cases[i].country, cases[i].subdivision);
		mr_unit_about("%s-%s", cases[i].country, cases[i].subdivision);
		MR_CHECK_INT(mr_route_nearest(&regions, &map, &client, cases[i].allowed, &no_key),
					 cases[i].expected);
	}
}

MR_TEST(coordinates_go_before_the_place_of_the_country)
{
	MrClientPlace client = client_in("US", "");

	MR_CHECK_INT(mr_route_nearest(&regions, &no_map, &client, ALL, &no_key), EAST);
	mr_client_place_set_coordinates(&client, 47.6, -122.3);
	MR_CHECK_INT(mr_route_nearest(&regions, &no_map, &client, ALL, &no_key), WEST);
	client = client_in("", "");
	MR_CHECK(isnan(mr_client_here(&client).latitude));
}

static MrRouteKey
key_of(int number)
{
	MrRouteKey key = {false, 0};

	mr_route_key_add(&key, &number, sizeof(number));
	return key;
}

/* 3 : 1, the same client always the same way, and only the clients of a lost region move. */
MR_TEST(weights)
{
	MrClientPlace client = client_in("DE", "");
	int asia = 0;

	for (int i = 0; i < 10000; i++)
	{
		MrRouteKey key = key_of(i);
		int region = mr_country_map_choose(&map, &regions, &client, ALL, &key);

		asia += region == ASIA ? 1 : 0;
		MR_CHECK_INT(mr_country_map_choose(&map, &regions, &client, ALL, &key), region);
		MR_CHECK_INT(mr_country_map_choose(&map, &regions, &client, ~BIT(EAST), &key), region);
		MR_CHECK_INT(mr_country_map_choose(&map, &regions, &client, ~BIT(ASIA), &key), EUROPE);
	}
	mr_unit_about("%d of 10000", asia);
	MR_CHECK(asia > 2350 && asia < 2650);
}

/* Regions change their numbers when one is added; clients must not move for that. */
MR_TEST(numbers_of_regions_do_not_matter)
{
	static const MrCountryRegion other_lines[] = {{"DE", "", 1, 100}, {"DE", "", 3, 300}};
	const MrCountryMap other_map = {2, other_lines};
	MrRouteRegions others = regions;
	MrClientPlace client = client_in("DE", "");

	others.regions[1] = regions.regions[ASIA];
	others.regions[3] = regions.regions[EUROPE];
	for (int i = 0; i < 1000; i++)
	{
		MrRouteKey key = key_of(i);
		int here = mr_country_map_choose(&map, &regions, &client, ALL, &key);
		int there = mr_country_map_choose(&other_map, &others, &client, ALL, &key);

		MR_CHECK_STRING(others.regions[there].key, regions.regions[here].key);
	}
}

MR_TEST(the_place_of_a_client_comes_after_what_is_set)
{
	static const struct
	{
		int home;
		bool pinned;
		int fallback; /* MR_NO_REGION: none */
		uint64_t healthy;
		int primary;
		const char *country;
		int expected;
		MrRouteReason reason;
	} cases[] = {
		{ASIA, true, MR_NO_REGION, BIT(EAST), EAST, "DE", ASIA, MR_ROUTE_PIN},
		{ASIA, false, MR_NO_REGION, ALL, EAST, "DE", ASIA, MR_ROUTE_PREFERENCE},
		{ASIA, false, WEST, ~BIT(ASIA), EAST, "DE", WEST, MR_ROUTE_FALLBACK},
		{ASIA, false, WEST, ~BIT(ASIA) & ~BIT(WEST), EAST, "DE", EUROPE, MR_ROUTE_COUNTRY},
		{MR_NO_REGION, false, MR_NO_REGION, ALL, EAST, "US", EAST, MR_ROUTE_COUNTRY},
		{MR_NO_REGION, false, MR_NO_REGION, ~BIT(EAST), WEST, "US", WEST, MR_ROUTE_NEAREST},
		{MR_NO_REGION, false, MR_NO_REGION, ALL, EAST, "FR", EUROPE, MR_ROUTE_NEAREST},
		{MR_NO_REGION, false, MR_NO_REGION, ALL, EAST, "", EAST, MR_ROUTE_PRIMARY},
		{MR_NO_REGION, false, MR_NO_REGION, 0, EAST, "DE", EAST, MR_ROUTE_PRIMARY},
		/* no health is known: a server that is not managed */
		{MR_NO_REGION, false, MR_NO_REGION, 0, MR_NO_REGION, "FR", EUROPE, MR_ROUTE_NEAREST},
		{MR_NO_REGION, false, MR_NO_REGION, 0, MR_NO_REGION, "US", EAST, MR_ROUTE_COUNTRY},
		{MR_NO_REGION, false, MR_NO_REGION, 0, MR_NO_REGION, "", MR_NO_REGION, MR_ROUTE_NOWHERE},
		{ASIA, false, MR_NO_REGION, 0, MR_NO_REGION, "FR", ASIA, MR_ROUTE_UNKNOWN_HEALTH},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		MrTenantRule rule = {.home = (int8_t) cases[i].home,
							 .pinned = cases[i].pinned,
							 .fallback_count = cases[i].fallback != MR_NO_REGION,
							 .fallbacks = {(int8_t) cases[i].fallback}};
		MrRouteHealth health = {cases[i].healthy, (int8_t) cases[i].primary};
		MrClientPlace client = client_in(cases[i].country, "");
		MrRegionChoice choice =
			mr_route_region_for_client(&regions, &rule, &health, &map, &client, &no_key);

		mr_unit_about("case %d", (int) i);
		MR_CHECK_INT(choice.region, cases[i].expected);
		MR_CHECK_STRING(mr_route_reason_name(choice.reason), mr_route_reason_name(cases[i].reason));
	}
}
