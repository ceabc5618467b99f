/*
 * Distances on the globe, against known ones.
 */
#include "core/mr_geo.h"
#include "unit/mr_unit.h"

#include <math.h>

static bool
close_to(double actual, double expected)
{
	return fabs(actual - expected) < 1.0;
}

MR_TEST(known_distances)
{
	/* Half and a quarter of the circumference of the mean sphere, 40030.2 km. */
	MR_CHECK(close_to(mr_geo_distance_km(0, 0, 0, 180), 20015.1));
	MR_CHECK(close_to(mr_geo_distance_km(90, 0, -90, 0), 20015.1));
	MR_CHECK(close_to(mr_geo_distance_km(0, 0, 90, 77), 10007.6));
	/* Across the date line, not round the world. */
	MR_CHECK(close_to(mr_geo_distance_km(0, 179, 0, -179), 222.4));
	MR_CHECK(mr_geo_distance_km(12.5, 99.25, 12.5, 99.25) == 0.0);
}

MR_TEST(it_is_symmetric_and_finite_at_the_antipodes)
{
	double there = mr_geo_distance_km(38.9, -77.4, 53.3, -6.3);

	MR_CHECK(fabs(there - mr_geo_distance_km(53.3, -6.3, 38.9, -77.4)) < 1e-9);
	MR_CHECK(isfinite(mr_geo_distance_km(33.3, 10.0, -33.3, -170.0)));
}

MR_TEST(places)
{
	MR_CHECK(mr_geo_is_place(90, 180));
	MR_CHECK(mr_geo_is_place(-90, -180));
	MR_CHECK(!mr_geo_is_place(90.1, 0));
	MR_CHECK(!mr_geo_is_place(0, -180.1));
	MR_CHECK(!mr_geo_is_place((double) NAN, 0));
	MR_CHECK(!mr_geo_is_place(0, (double) INFINITY));
}
