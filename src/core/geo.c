/*
 * Distances on the globe: see mr_geo.h. Pure arithmetic; called by nearest_region()
 * and whoever else ranks regions by distance.
 */
#include "core/mr_geo.h"

#include <math.h>

#define EARTH_RADIUS_KM 6371.0088 /* mean radius (IUGG) */
#define RADIANS_PER_DEGREE 0.017453292519943295

bool
mr_geo_is_place(double latitude, double longitude)
{
	return latitude >= -90.0 && latitude <= 90.0 && longitude >= -180.0 && longitude <= 180.0;
}

/* The haversine formula: stable for neighbours, where the cosine rule is not. */
double
mr_geo_distance_km(double latitude_a, double longitude_a, double latitude_b, double longitude_b)
{
	double a = latitude_a * RADIANS_PER_DEGREE;
	double b = latitude_b * RADIANS_PER_DEGREE;
	double north = sin((b - a) / 2.0);
	double east = sin((longitude_b - longitude_a) * RADIANS_PER_DEGREE / 2.0);
	double h = north * north + cos(a) * cos(b) * east * east;

	return 2.0 * EARTH_RADIUS_KM * asin(h < 1.0 ? sqrt(h) : 1.0);
}
