/*
 * Where clients are: what the settings, the headers of a request and the database of
 * addresses say.
 *
 * Inside of this folder only. SQL sees resolve_geo(), client_address(), nearest_region()
 * and region_for_tenant().
 */
#ifndef MR_GEO_EXTENSION_H
#define MR_GEO_EXTENSION_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/jsonb.h"

#include "core/mr_country_region.h"
#include "core/mr_geo_headers.h"

/* ---------- geo_settings.c ---------- */

/* multiregion.mmdb_path: empty, there is no database. */
extern char *mr_mmdb_path;

/* Defines the settings; called by mr_settings_define(). */
extern void mr_geo_settings_define(void);

/* The settings as parsed, and the plan made of them: good until the next call. */
extern const MrGeoSettings *mr_geo_settings(void);
extern const MrGeoPlan *mr_geo_plan(void);

/* ---------- geo_mmdb.c ---------- */

/* Looks again at the file at the next look-up. */
extern void mr_geo_mmdb_forget(void);

/* Where an address is, by the database as it is now; false when that is not known. */
extern bool mr_geo_mmdb_find(const MrAddress *address, MrClientPlace *place);

/* ---------- geo_request.c ---------- */

typedef struct MrGeo
{
	MrClientPlace place;
	bool is_known;       /* there is a country or a place */
	bool trusted;        /* whoever says so can be believed */
	const char *source;  /* a provider, mmdb, none */
	const char *note;    /* what is odd about the headers; empty: nothing */
	const char *about;   /* the header it is about, or empty */
	MrAddress address;   /* the client's; family 0: not known */
	bool address_is_his; /* and not that of a proxy, for want of another */
} MrGeo;

/*
 * Whose request it is, and where he is. headers may be NULL; of the peer only the family
 * may be 0. want_place: the address alone is cheaper.
 */
extern void mr_geo_resolve(const Jsonb *headers, const MrAddress *peer, bool want_place,
						   MrGeo *geo);

/* An address from and to SQL. */
extern MrAddress mr_geo_address_argument(FunctionCallInfo fcinfo, int number);
extern Datum mr_geo_address_datum(const MrAddress *address);

/* ---------- country_map.c ---------- */

/* The map of countries to these regions as last committed: good until the next call. */
extern const MrCountryMap *mr_geo_country_map(const MrRouteRegions *regions);

#endif /* MR_GEO_EXTENSION_H */
