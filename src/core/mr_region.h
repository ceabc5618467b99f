/*
 * Names and places of regions.
 *
 * A region has a key (US_EAST) and an id (us-east-1). A user may write either in any
 * case. Folding is ASCII only: the locale of a server must not decide which region
 * is meant.
 */
#ifndef MR_REGION_H
#define MR_REGION_H

#include "core/mr_limits.h"

typedef struct MrPlace
{
	double		latitude;		/* degrees, -90 to 90 */
	double		longitude;		/* degrees, -180 to 180 */
} MrPlace;

/* True for an upper-case letter followed by at most 62 of A-Z, 0-9, _. */
extern bool mr_region_key_is_valid(const char *key);

/* True for 1 to 63 of a-z, 0-9, dash and dot, a letter or digit first and last. */
extern bool mr_region_id_is_valid(const char *id);

/* Upper-cases word into out; false (out empty) if the result is not a valid key. */
extern bool mr_region_key_from(const char *word, char out[MR_NAME_SIZE]);

/* Lower-cases word into out; false (out empty) if the result is not a valid id. */
extern bool mr_region_id_from(const char *word, char out[MR_NAME_SIZE]);

/*
 * Folds a word for comparison: two words mean the same if their folded forms are
 * equal. False (out empty) for what can be neither key nor id in any case.
 */
extern bool mr_region_fold(const char *word, char out[MR_NAME_SIZE]);

/* True if word is this key or this id, in any case. */
extern bool mr_region_matches(const char *word, const char *key, const char *id);

/* True if both are numbers within their range; NaN and infinities are not. */
extern bool mr_place_is_valid(const MrPlace *place);

/* Great-circle distance in km on a sphere (within 0.6 % of the truth); -1 for an invalid place. */
extern double mr_place_distance_km(const MrPlace *a, const MrPlace *b);

/*
 * Index of the place nearest to here, -1 if there is none. Invalid places are passed
 * over. Distances are compared in whole metres and the first of equals wins, so the
 * answer does not hang on the last bit of a sine: pass places in their order of preference.
 */
extern int	mr_place_nearest(const MrPlace *here, const MrPlace *places, int count);

#endif							/* MR_REGION_H */
