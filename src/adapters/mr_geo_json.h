/*
 * Where a client is, from JSON as Netlify writes it.
 */
#ifndef MR_GEO_JSON_H
#define MR_GEO_JSON_H

#include "core/mr_client_place.h"

/*
 * {"city":…,"country":{"code":…},"subdivision":{"code":…},"latitude":…,"longitude":…,
 * "timezone":…} into the place; an MrGeoReadJson. False for what is no such object.
 */
extern bool mr_geo_json_read(const char *text, size_t length, MrClientPlace *place);

#endif /* MR_GEO_JSON_H */
