/*
 * Which region a word means, and which region is nearest. See mr_region.h.
 *
 * Pure, and without the C library's locale. Called by the SQL functions, by the
 * sidecar's environment reader and by routing.
 */
#include "core/mr_region.h"

#include <math.h>
#include <string.h>

#include "core/mr_geo.h"
#include "core/mr_identifier.h"

bool
mr_region_fold(const char *word, char out[MR_NAME_SIZE])
{
	if (mr_text_upper(word, out, MR_NAME_SIZE) && mr_region_key_problem(out) == NULL)
		return mr_text_lower(word, out, MR_NAME_SIZE);
	if (mr_text_lower(word, out, MR_NAME_SIZE) && mr_region_id_problem(out) == NULL)
		return true;
	out[0] = '\0';
	return false;
}

static bool
means(const char *folded_word, const char *name)
{
	char folded[MR_NAME_SIZE];

	return mr_region_fold(name, folded) && strcmp(folded, folded_word) == 0;
}

bool
mr_region_matches(const char *word, const char *key, const char *id)
{
	char folded[MR_NAME_SIZE];

	return mr_region_fold(word, folded) && (means(folded, key) || means(folded, id));
}

int
mr_region_nearest(const MrPlace *here, const MrPlace *places, int count)
{
	double best_metres = 0.0;
	int best = -1;
	int i;

	if (!mr_geo_is_place(here->latitude, here->longitude))
		return -1;
	for (i = 0; i < count; i++)
	{
		double metres;

		if (!mr_geo_is_place(places[i].latitude, places[i].longitude))
			continue;
		metres = floor(mr_geo_distance_km(here->latitude, here->longitude, places[i].latitude,
										  places[i].longitude) *
						   1000.0 +
					   0.5);
		if (best < 0 || metres < best_metres)
		{
			best = i;
			best_metres = metres;
		}
	}
	return best;
}
