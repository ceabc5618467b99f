/*
 * The map of countries to regions in the catalog; the rules of mr_catalog_edit.h hold.
 */
#ifndef MR_CATALOG_COUNTRY_H
#define MR_CATALOG_COUNTRY_H

#include "postgres.h"

#include "core/mr_client_place.h"

typedef struct MrCountryRow
{
	char country[3];
	char subdivision[MR_SUBDIVISION_SIZE]; /* empty: the whole country */
	char region[MR_NAME_SIZE];             /* key */
	int32 weight;
} MrCountryRow;

/* All lines in the caller's memory, ordered by country and subdivision. Returns how many. */
extern int mr_catalog_list_countries(MrCountryRow **rows);

/* Adds a line, or changes the weight of the one there is. */
extern void mr_catalog_map_country(const MrCountryRow *row);

/* Removes a line; with an empty region those of all. Returns how many. */
extern int64 mr_catalog_unmap_country(const MrCountryRow *row);

#endif /* MR_CATALOG_COUNTRY_H */
