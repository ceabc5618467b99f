/*
 * Countries: which codes there are, and where they lie.
 */
#ifndef MR_COUNTRIES_H
#define MR_COUNTRIES_H

#include "core/mr_region.h"
#include "core/mr_slice.h"

#define MR_COUNTRY_COUNT 249 /* countries of ISO 3166-1 */

typedef struct MrCountry
{
	char code[3];      /* ISO 3166-1 alpha-2 */
	char continent[3]; /* AF AN AS EU NA OC SA */
	MrPlace place;     /* stands for all who live there */
} MrCountry;

/*
 * The country of a code, in any case; UK is GB. NULL for what is no country: XX, ZZ, T1
 * (Tor), A1, A2, O1 (proxies, satellites), EU, AP, ?, and all else that headers say when
 * they do not know.
 */
extern const MrCountry *mr_country_find(MrSlice word);

/* The countries of ISO 3166-1 one after the other, from 0; NULL behind the last. */
extern const MrCountry *mr_country_at(int number);

#endif /* MR_COUNTRIES_H */
