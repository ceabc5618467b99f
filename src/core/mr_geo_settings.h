/*
 * The settings about clients' whereabouts, from their texts: lists whose items stand
 * between commas or blanks.
 *
 * Each parser fills an array and returns how many items there are; -1 when the text is
 * wrong, with the reason in problem. A reason never repeats a secret.
 */
#ifndef MR_GEO_SETTINGS_H
#define MR_GEO_SETTINGS_H

#include "core/mr_geo_headers.h"

#define MR_PROBLEM_SIZE 200

/* Words of the lists in mr_geo_providers.h; "?" for a number outside its list. */
extern const char *mr_geo_provider_name(int provider);

/* Providers, in the order in which they are asked: cloudflare, nginx */
extern int mr_geo_parse_providers(const char *text, int8_t out[MR_GEO_PROVIDER_COUNT],
								  char problem[MR_PROBLEM_SIZE]);

/* Headers: country=x-country, google.city=x-city:percent (custom is meant without provider) */
extern int mr_geo_parse_headers(const char *text, MrGeoChange out[MR_GEO_MAX_CHANGES],
								char problem[MR_PROBLEM_SIZE]);

/* Proofs: cloudflare=x-edge-secret:VALUE */
extern int mr_geo_parse_proofs(const char *text, MrGeoProof out[MR_GEO_MAX_PROOFS],
							   char problem[MR_PROBLEM_SIZE]);

/* Networks of proxies: 10.0.0.0/8, cloudflare=173.245.48.0/20 */
extern int mr_geo_parse_trusted(const char *text, MrTrustedNet out[MR_MAX_TRUSTED_NETS],
								char problem[MR_PROBLEM_SIZE]);

#endif /* MR_GEO_SETTINGS_H */
