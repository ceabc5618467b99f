/*
 * The choice of a region (core/route.c) as a table, of the three regions of
 * mr_route_examples.h.
 */
#include "unit/mr_route_examples.h"
#include "unit/mr_unit.h"

#include <math.h>

static const struct
{
	int8_t home;
	bool pinned;
	int8_t fallback; /* first and only one, or MR_NO_REGION */
	uint64_t healthy;
	int8_t primary;
	double longitude; /* NaN: the client's place is not known */
	int region;
	MrRouteReason reason;
	int rank;
} cases[] = {
	{1, false, -1, 7, 0, NAN, 1, MR_ROUTE_PREFERENCE, 0},
	{1, false, -1, 7, 0, 89.0, 1, MR_ROUTE_PREFERENCE, 0},
	{1, true, 2, 5, 0, 89.0, 1, MR_ROUTE_PIN, 0},
	{1, false, 2, 5, 0, NAN, 2, MR_ROUTE_FALLBACK, 1},
	{1, false, 2, 1, 0, NAN, 0, MR_ROUTE_PRIMARY, -1},
	{1, false, -1, 5, 0, 89.0, 2, MR_ROUTE_NEAREST, -1},
	{-1, false, -1, 7, 0, 11.0, 1, MR_ROUTE_NEAREST, -1},
	{-1, false, -1, 5, 0, 4.0, 0, MR_ROUTE_NEAREST, -1},
	{-1, false, -1, 7, 2, NAN, 2, MR_ROUTE_PRIMARY, -1},
	{-1, false, -1, 0, 2, 11.0, 2, MR_ROUTE_PRIMARY, -1},
	{1, false, 2, 0, -1, NAN, 1, MR_ROUTE_UNKNOWN_HEALTH, 0},
	{-1, false, -1, 0, -1, NAN, -1, MR_ROUTE_NOWHERE, -1},
};

MR_TEST(each_rule_decides_in_its_turn)
{
	MrRouteRegions regions = mr_three_regions();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		MrTenantRule rule = {.home = cases[i].home, .pinned = cases[i].pinned};
		MrRouteHealth health = {cases[i].healthy, cases[i].primary};
		MrPlace here = {0.0, cases[i].longitude};
		MrRegionChoice choice;

		rule.fallback_count = cases[i].fallback != MR_NO_REGION;
		rule.fallbacks[0] = cases[i].fallback;
		mr_unit_about("case %zu", i);
		choice = mr_route_region(&regions, &rule, &health, isnan(here.longitude) ? NULL : &here);
		MR_CHECK_INT(choice.region, cases[i].region);
		MR_CHECK_INT(choice.reason, cases[i].reason);
		MR_CHECK_INT(choice.rank, cases[i].rank);
	}
}

MR_TEST(a_strict_zone_is_never_left)
{
	static const struct
	{
		int8_t home;
		uint64_t healthy;
		int8_t primary;
		double longitude; /* NaN: the client's place is not known */
		int region;
		MrRouteReason reason;
	} within[] = {
		{1, 7, 0, NAN, 1, MR_ROUTE_PREFERENCE}, {1, 5, 0, NAN, 2, MR_ROUTE_ZONE},
		{1, 5, 0, 1.0, 2, MR_ROUTE_NEAREST},    {1, 1, 0, 1.0, 1, MR_ROUTE_ZONE},
		{-1, 7, 0, 1.0, 1, MR_ROUTE_NEAREST},   {-1, 7, 2, NAN, 2, MR_ROUTE_PRIMARY},
		{-1, 7, 0, NAN, 1, MR_ROUTE_ZONE},      {-1, 1, 0, 80.0, 2, MR_ROUTE_ZONE},
		{-1, 0, -1, NAN, 1, MR_ROUTE_ZONE},     {0, 7, 0, NAN, 1, MR_ROUTE_ZONE},
	};
	MrRouteRegions regions = mr_three_regions();

	regions.zone_count = 2;
	regions.zones[1].regions = 6; /* B and C */
	for (size_t i = 0; i < sizeof(within) / sizeof(within[0]); i++)
	{
		MrTenantRule rule = {.home = within[i].home, .zone = 2};
		MrRouteHealth health = {within[i].healthy, within[i].primary};
		MrPlace here = {0.0, within[i].longitude};
		MrRegionChoice choice;

		mr_unit_about("case %zu", i);
		choice = mr_route_region(&regions, &rule, &health, isnan(here.longitude) ? NULL : &here);
		MR_CHECK_INT(choice.region, within[i].region);
		MR_CHECK_INT(choice.reason, within[i].reason);
	}
}

MR_TEST(a_region_is_meant_by_key_or_id)
{
	MrRouteRegions regions = mr_three_regions();

	MR_CHECK_INT(mr_route_find_region(&regions, "b"), 1);
	MR_CHECK_INT(mr_route_find_region(&regions, "Z"), 2);
	MR_CHECK_INT(mr_route_find_region(&regions, "D"), MR_NO_REGION);
	MR_CHECK_INT(mr_route_find_region(&regions, ""), MR_NO_REGION);
}
