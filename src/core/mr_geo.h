/*
 * Distances on the globe. A sphere is exact enough to rank regions.
 */
#ifndef MR_GEO_H
#define MR_GEO_H

#include "core/mr_limits.h"

/* Whether these are degrees of a place on earth; false for NaN and infinities. */
extern bool mr_geo_is_place(double latitude, double longitude);

/* Great-circle distance in km between two places (see mr_geo_is_place()). */
extern double mr_geo_distance_km(double latitude_a, double longitude_a, double latitude_b,
								 double longitude_b);

#endif /* MR_GEO_H */
