/*
 * Which region a word means, and which region is nearest.
 *
 * A region has a key (US_EAST) and an id (us-east-1); a user may write either in any
 * case. What is valid as one or the other is said by mr_identifier.h, distances by
 * mr_geo.h.
 */
#ifndef MR_REGION_H
#define MR_REGION_H

#include "core/mr_limits.h"

typedef struct MrPlace
{
	double latitude; /* degrees; NaN for a region whose place is not known */
	double longitude;
} MrPlace;

/*
 * Folds a word for comparison: two words mean the same if their folded forms are
 * equal. False (out empty) for what can be neither key nor id in any case.
 */
extern bool mr_region_fold(const char *word, char out[MR_NAME_SIZE]);

/* True if word is this key or this id, in any case. */
extern bool mr_region_matches(const char *word, const char *key, const char *id);

/*
 * Index of the place nearest to here, -1 if there is none or here is no place. What
 * mr_geo_is_place() refuses is passed over. Distances are compared in whole metres and
 * the first of equals wins, so the answer does not hang on the last bit of a sine: pass
 * places in their order of preference.
 */
extern int mr_region_nearest(const MrPlace *here, const MrPlace *places, int count);

#endif /* MR_REGION_H */
