/*
 * Reads the header x-nf-geo; see mr_geo_json.h. Called by core/geo_headers.c through a
 * pointer, because the core knows no JSON.
 */
#include "adapters/mr_geo_json.h"

#include "adapters/mr_json.h"

static void
take_text(const MrJsonNode *object, const char *key, MrGeoField field, MrClientPlace *place)
{
	char text[MR_CITY_SIZE];

	if (object != NULL && mr_json_get_string(object, key, text, sizeof(text)) == MR_JSON_FOUND)
		mr_client_place_set(place, field, mr_slice(text));
}

bool
mr_geo_json_read(const char *text, size_t length, MrClientPlace *place)
{
	MrJson json;
	const MrJsonNode *root = mr_json_read(&json, text, length);
	double latitude;
	double longitude;

	if (root != NULL)
	{
		take_text(mr_json_get_object(root, "country"), "code", MR_GEO_COUNTRY, place);
		take_text(mr_json_get_object(root, "subdivision"), "code", MR_GEO_SUBDIVISION, place);
		take_text(root, "city", MR_GEO_CITY, place);
		take_text(root, "timezone", MR_GEO_TIME_ZONE, place);
		if (mr_json_get_real(root, "latitude", &latitude) == MR_JSON_FOUND &&
			mr_json_get_real(root, "longitude", &longitude) == MR_JSON_FOUND)
			mr_client_place_set_coordinates(place, latitude, longitude);
	}
	mr_json_abandon(&json);
	return root != NULL;
}
