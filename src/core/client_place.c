/*
 * Where a client is; see mr_client_place.h. Called by geo_headers.c and by the adapters
 * that read databases and JSON.
 */
#include "core/mr_client_place.h"

#include <math.h>
#include <string.h>

#include "core/mr_countries.h"
#include "core/mr_decode.h"
#include "core/mr_geo.h"

void
mr_client_place_init(MrClientPlace *place)
{
	place->country[0] = place->continent[0] = place->subdivision[0] = '\0';
	place->city[0] = place->time_zone[0] = place->raw_subdivision[0] = '\0';
	place->place.latitude = place->place.longitude = (double) NAN;
	place->prefixed = place->nowhere = false;
}

static void
set_country(MrClientPlace *place, MrSlice text)
{
	const MrCountry *country = mr_country_find(text);

	if (country != NULL)
		memcpy(place->country, country->code, sizeof(place->country));
	else
		place->nowhere = true;
}

static void
set_continent(MrClientPlace *place, MrSlice text)
{
	static const char *const continents[] = {"AF", "AN", "AS", "EU", "NA", "OC", "SA"};

	for (size_t i = 0; i < sizeof(continents) / sizeof(continents[0]); i++)
		if (mr_slice_is(text, continents[i]))
			memcpy(place->continent, continents[i], sizeof(place->continent));
}

static void
copy(MrSlice text, char *out, size_t size)
{
	if (text.length == 0 || text.length >= size || !mr_text_is_clean(text.text, text.length))
		return;
	memcpy(out, text.text, text.length);
	out[text.length] = '\0';
}

/*
 * Only names like Europe/Paris. Abbreviations mean several zones, and GMT+10 one thing to
 * who wrote it and the opposite to PostgreSQL.
 */
static void
set_time_zone(MrClientPlace *place, MrSlice text)
{
	if (!mr_slice_is(text, "UTC") && memchr(text.text, '/', text.length) == NULL)
		return;
	for (size_t i = 0; i < text.length; i++)
	{
		char c = text.text[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			  c == '_' || c == '-' || c == '+' || c == '/'))
			return;
	}
	copy(text, place->time_zone, sizeof(place->time_zone));
}

static void
set_degrees(MrSlice text, double *out)
{
	double value;

	if (isnan(*out) && mr_slice_number(text, &value))
		*out = value;
}

static void
set_pair(MrClientPlace *place, MrSlice text)
{
	MrSlice latitude;

	(void) mr_slice_next(&text, ',', &latitude);
	set_degrees(mr_slice_trim(latitude), &place->place.latitude);
	set_degrees(mr_slice_trim(text), &place->place.longitude);
}

void
mr_client_place_set_coordinates(MrClientPlace *place, double latitude, double longitude)
{
	if (!isnan(place->place.latitude) || !isnan(place->place.longitude))
		return;
	place->place.latitude = latitude;
	place->place.longitude = longitude;
}

void
mr_client_place_set(MrClientPlace *place, MrGeoField field, MrSlice text)
{
	text = mr_slice_trim(text);
	if (field == MR_GEO_COUNTRY && place->country[0] == '\0')
		set_country(place, text);
	else if (text.length == 0)
		return;
	else if (field == MR_GEO_SUBDIVISION && place->raw_subdivision[0] == '\0')
		copy(text, place->raw_subdivision, sizeof(place->raw_subdivision));
	else if (field == MR_GEO_CONTINENT && place->continent[0] == '\0')
		set_continent(place, text);
	else if (field == MR_GEO_CITY && place->city[0] == '\0' && !mr_slice_is(text, "?"))
		copy(text, place->city, sizeof(place->city));
	else if (field == MR_GEO_TIME_ZONE && place->time_zone[0] == '\0')
		set_time_zone(place, text);
	else if (field == MR_GEO_LATITUDE)
		set_degrees(text, &place->place.latitude);
	else if (field == MR_GEO_LONGITUDE)
		set_degrees(text, &place->place.longitude);
	else if (field == MR_GEO_COORDINATES)
		set_pair(place, text);
	else if (field == MR_GEO_EDGE && isnan(place->place.latitude) && isnan(place->place.longitude))
		(void) mr_edge_find(text, &place->place);
}

/* Up to three letters and digits, in upper case. */
static bool
take_code(MrSlice text, char out[MR_SUBDIVISION_SIZE])
{
	out[0] = '\0';
	if (text.length == 0 || text.length >= MR_SUBDIVISION_SIZE)
		return false;
	for (size_t i = 0; i < text.length; i++)
	{
		char c = text.text[i];

		if (c >= 'a' && c <= 'z')
			c = (char) (c - ('a' - 'A'));
		if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')))
		{
			out[0] = '\0';
			return false;
		}
		out[i] = c;
		out[i + 1] = '\0';
	}
	return true;
}

bool
mr_subdivision_parse(MrSlice text, const char *country, char out[MR_SUBDIVISION_SIZE])
{
	if (text.length > 3 && text.text[2] == '-')
	{
		MrSlice before = {text.text, 2};
		MrSlice after = {text.text + 3, text.length - 3};

		out[0] = '\0';
		return mr_slice_is(before, country) && take_code(after, out);
	}
	return take_code(text, out);
}

static void
finish_subdivision(MrClientPlace *place)
{
	MrSlice text = mr_slice(place->raw_subdivision);
	MrSlice before = {text.text, 2};

	if (place->country[0] == '\0' || text.length == 0)
		return;
	if (place->prefixed)
	{
		if (text.length < 3 || !mr_slice_is(before, place->country))
			return;
		text.text += 2;
		text.length -= 2;
		if (text.text[0] == '-')
		{
			text.text++;
			text.length--;
		}
	}
	(void) mr_subdivision_parse(text, place->country, place->subdivision);
}

bool
mr_client_place_finish(MrClientPlace *place)
{
	const MrCountry *country;

	if (place->country[0] == '\0' && place->nowhere)
		mr_client_place_init(place);
	/* 0, 0 is in the sea; it is written for "not known" */
	if (!mr_geo_is_place(place->place.latitude, place->place.longitude) ||
		(place->place.latitude == 0.0 && place->place.longitude == 0.0))
		place->place.latitude = place->place.longitude = (double) NAN;
	finish_subdivision(place);
	if (place->country[0] != '\0' && place->continent[0] == '\0')
	{
		country = mr_country_find(mr_slice(place->country));
		if (country != NULL)
			memcpy(place->continent, country->continent, sizeof(place->continent));
	}
	return place->country[0] != '\0' || !isnan(place->place.latitude);
}
