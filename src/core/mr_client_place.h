/*
 * Where a client is, put together from what headers or a database say of it.
 *
 * Whatever makes no sense is left out: a code that is none, a place that is not on earth, a
 * text that is not text.
 */
#ifndef MR_CLIENT_PLACE_H
#define MR_CLIENT_PLACE_H

#include "core/mr_geo_providers.h"
#include "core/mr_region.h"
#include "core/mr_slice.h"

#define MR_CITY_SIZE 128
#define MR_TIME_ZONE_SIZE 64
#define MR_SUBDIVISION_SIZE 4 /* of ISO 3166-2, without the country before it */

typedef struct MrClientPlace
{
	char country[3];   /* ISO 3166-1 alpha-2; each text may be empty */
	char continent[3]; /* AF AN AS EU NA OC SA */
	char subdivision[MR_SUBDIVISION_SIZE];
	char city[MR_CITY_SIZE]; /* UTF-8 */
	char time_zone[MR_TIME_ZONE_SIZE];
	MrPlace place; /* NaN, NaN when not known */
	/* until mr_client_place_finish() */
	char raw_subdivision[8];
	bool prefixed; /* its country stands before it */
	bool nowhere;  /* the source says that it does not know */
} MrClientPlace;

/* Nothing is known. */
extern void mr_client_place_init(MrClientPlace *place);

/*
 * Takes one thing over, decoded; not a record, not an address. A thing that is known
 * already stays as it is.
 */
extern void mr_client_place_set(MrClientPlace *place, MrGeoField field, MrSlice text);
extern void mr_client_place_set_coordinates(MrClientPlace *place, double latitude,
											double longitude);

/* After the last one: makes the whole consistent. False when neither country nor place is known. */
extern bool mr_client_place_finish(MrClientPlace *place);

/*
 * The parts of a subdivision as people write it, CA or US-CA, in any case: false for what is
 * none. The country of the second form must be the given one.
 */
extern bool mr_subdivision_parse(MrSlice text, const char *country, char out[MR_SUBDIVISION_SIZE]);

/* The place of an edge of a CDN, from its code (fra); false when it is not known. */
extern bool mr_edge_find(MrSlice code, MrPlace *place);

#endif /* MR_CLIENT_PLACE_H */
