/*
 * Names and places of regions. See mr_region.h.
 *
 * Pure, and without the C library's locale. Called by the SQL functions, by the
 * sidecar's environment reader and by routing.
 */
#include "core/mr_region.h"

#include <math.h>
#include <string.h>

#define EARTH_RADIUS_KM 6371.0088
#define RADIANS_PER_DEGREE 0.017453292519943295769

static bool
is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char
to_upper(char c)
{
	return is_lower(c) ? (char) (c - 'a' + 'A') : c;
}

static char
to_lower(char c)
{
	return is_upper(c) ? (char) (c - 'A' + 'a') : c;
}

bool
mr_region_key_is_valid(const char *key)
{
	size_t i;

	if (!is_upper(key[0]))
		return false;
	for (i = 1; key[i] != '\0'; i++)
	{
		if (i >= MR_NAME_SIZE - 1 || !(is_upper(key[i]) || is_digit(key[i]) || key[i] == '_'))
			return false;
	}
	return true;
}

bool
mr_region_id_is_valid(const char *id)
{
	size_t i;

	for (i = 0; id[i] != '\0'; i++)
	{
		bool inner = i > 0 && id[i + 1] != '\0' && (id[i] == '-' || id[i] == '.');

		if (i >= MR_NAME_SIZE - 1 || !(is_lower(id[i]) || is_digit(id[i]) || inner))
			return false;
	}
	return i > 0;
}

static bool
convert(const char *word, char (*change)(char), bool (*is_valid)(const char *),
		char out[MR_NAME_SIZE])
{
	size_t i;

	out[0] = '\0';
	for (i = 0; word[i] != '\0' && i < MR_NAME_SIZE - 1; i++)
		out[i] = change(word[i]);
	out[i] = '\0';
	if (word[i] == '\0' && is_valid(out))
		return true;
	out[0] = '\0';
	return false;
}

bool
mr_region_key_from(const char *word, char out[MR_NAME_SIZE])
{
	return convert(word, to_upper, mr_region_key_is_valid, out);
}

bool
mr_region_id_from(const char *word, char out[MR_NAME_SIZE])
{
	return convert(word, to_lower, mr_region_id_is_valid, out);
}

bool
mr_region_fold(const char *word, char out[MR_NAME_SIZE])
{
	size_t i;

	if (mr_region_id_from(word, out))
		return true;
	if (!mr_region_key_from(word, out))
		return false;
	for (i = 0; out[i] != '\0'; i++)
		out[i] = to_lower(out[i]);
	return true;
}

bool
mr_region_matches(const char *word, const char *key, const char *id)
{
	char folded_word[MR_NAME_SIZE];
	char folded[MR_NAME_SIZE];

	if (!mr_region_fold(word, folded_word))
		return false;
	return (mr_region_fold(key, folded) && strcmp(folded, folded_word) == 0) ||
		   (mr_region_fold(id, folded) && strcmp(folded, folded_word) == 0);
}

bool
mr_place_is_valid(const MrPlace *place)
{
	/* Every comparison with NaN is false. */
	return place->latitude >= -90.0 && place->latitude <= 90.0 && place->longitude >= -180.0 &&
		   place->longitude <= 180.0;
}

double
mr_place_distance_km(const MrPlace *a, const MrPlace *b)
{
	double half_latitude;
	double half_longitude;
	double h;

	if (!mr_place_is_valid(a) || !mr_place_is_valid(b))
		return -1.0;
	half_latitude = sin((b->latitude - a->latitude) * RADIANS_PER_DEGREE / 2.0);
	half_longitude = sin((b->longitude - a->longitude) * RADIANS_PER_DEGREE / 2.0);
	h = half_latitude * half_latitude + cos(a->latitude * RADIANS_PER_DEGREE) *
											cos(b->latitude * RADIANS_PER_DEGREE) * half_longitude *
											half_longitude;
	/* Rounding can carry antipodes past 1, where asin() has no value. */
	return 2.0 * EARTH_RADIUS_KM * asin(sqrt(h < 1.0 ? h : 1.0));
}

int
mr_place_nearest(const MrPlace *here, const MrPlace *places, int count)
{
	double best_metres = 0.0;
	int best = -1;
	int i;

	for (i = 0; i < count; i++)
	{
		double km = mr_place_distance_km(here, &places[i]);
		double metres = floor(km * 1000.0 + 0.5);

		if (km >= 0.0 && (best < 0 || metres < best_metres))
		{
			best = i;
			best_metres = metres;
		}
	}
	return best;
}
