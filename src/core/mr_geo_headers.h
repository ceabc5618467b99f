/*
 * What the headers of a request tell of where its client is: which headers are of interest,
 * and what stands in them.
 *
 * Whoever has the headers gives each one's name to mr_geo_plan_find() and keeps the values
 * of those that are found in an MrGeoSeen; the providers are asked one after the other then.
 * Reads no header twice, copies none, allocates nothing.
 */
#ifndef MR_GEO_HEADERS_H
#define MR_GEO_HEADERS_H

#include "core/mr_client_address.h"
#include "core/mr_client_place.h"

#define MR_GEO_MAX_HEADERS 128
#define MR_GEO_MAX_RULES 128
#define MR_GEO_MAX_CHANGES 32
#define MR_GEO_MAX_PROOFS 16
#define MR_HEADER_SIZE 64 /* name of a header, with its NUL */
#define MR_PROOF_SIZE 128 /* secret value of a header, with its NUL */

/* Numbers of the headers that every plan has. */
#define MR_HEADER_FORWARDED_FOR 0
#define MR_HEADER_FORWARDED 1
#define MR_HEADER_FIRST_GEO 2

/* A header other than the usual one; an entry of multiregion.geo_headers. */
typedef struct MrGeoChange
{
	int8_t provider;
	int8_t field;
	int8_t format;
	char header[MR_HEADER_SIZE];
} MrGeoChange;

/* A header whose value only the provider knows; an entry of multiregion.geo_proofs. */
typedef struct MrGeoProof
{
	int8_t provider;
	char header[MR_HEADER_SIZE];
	char value[MR_PROOF_SIZE];
} MrGeoProof;

/* Everything that the settings say. */
typedef struct MrGeoSettings
{
	int provider_count;
	const int8_t *providers; /* in the order in which they are asked */
	int change_count;
	const MrGeoChange *changes;
	int proof_count;
	const MrGeoProof *proofs;
	MrTrust trust;
} MrGeoSettings;

typedef struct MrGeoRule
{
	int8_t provider;
	int8_t field;
	int8_t format;
	uint8_t header;
} MrGeoRule;

/* The headers of interest, ready to be looked up. */
typedef struct MrGeoPlan
{
	int header_count;
	int rule_count;
	char names[MR_GEO_MAX_HEADERS][MR_HEADER_SIZE];
	uint8_t lengths[MR_GEO_MAX_HEADERS];
	uint8_t next[MR_GEO_MAX_HEADERS]; /* in the same bucket; number + 1, 0 ends */
	uint8_t buckets[256];
	MrGeoRule rules[MR_GEO_MAX_RULES];
	uint8_t proofs[MR_GEO_MAX_PROOFS]; /* headers of the proofs */
	uint32_t with_net;                 /* bit per provider: has networks of its own */
} MrGeoPlan;

typedef struct MrGeoSeen
{
	uint8_t counts[MR_GEO_MAX_HEADERS]; /* how often it is there; 2 stands for more, too */
	MrSlice values[MR_GEO_MAX_HEADERS];
} MrGeoSeen;

/* Reads JSON like Netlify's into the place; false for anything else. An adapter does it. */
typedef bool (*MrGeoReadJson)(const char *text, size_t length, MrClientPlace *place);

/* Makes the plan of these settings, which it does not keep. */
extern void mr_geo_plan_build(MrGeoPlan *plan, const MrGeoSettings *settings);

/* Number of a header, or -1 when it is of no interest. */
extern int mr_geo_plan_find(const MrGeoPlan *plan, MrSlice name);

/*
 * Whether a provider's headers can be believed: the request came from its network, and with
 * its proof, if these are configured; else from one of our own proxies.
 */
extern bool mr_geo_believes(const MrGeoPlan *plan, const MrGeoSettings *settings,
							const MrGeoSeen *seen, const MrClientWalk *walk, int provider);

/* Name of a header of the provider that is there more than once; NULL if none is. */
extern const char *mr_geo_duplicate(const MrGeoPlan *plan, const MrGeoSeen *seen, int provider);

/* Where a provider says the client is; false when it does not say. */
extern bool mr_geo_read_place(const MrGeoPlan *plan, const MrGeoSeen *seen, int provider,
							  MrGeoReadJson read_json, MrClientPlace *place);

/* The place of the provider's edge that took the request, which is near the client. */
extern bool mr_geo_read_edge(const MrGeoPlan *plan, const MrGeoSeen *seen, int provider,
							 MrClientPlace *place);

/* Which address a provider says the client has; false when it does not say. */
extern bool mr_geo_read_address(const MrGeoPlan *plan, const MrGeoSeen *seen, int provider,
								MrAddress *address);

#endif /* MR_GEO_HEADERS_H */
