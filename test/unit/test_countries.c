/*
 * The list of countries, and the codes that are none.
 */
#include "core/mr_client_place.h"
#include "core/mr_countries.h"
#include "core/mr_geo.h"
#include "unit/mr_unit.h"

#include <string.h>

MR_TEST(there_are_249_in_order_on_continents_that_exist)
{
	const MrCountry *country;
	const char *before = "";
	int count = 0;

	while ((country = mr_country_at(count)) != NULL)
	{
		mr_unit_about("%s", country->code);
		MR_CHECK(strlen(country->code) == 2 && strcmp(before, country->code) < 0);
		MR_CHECK(strstr("AF AN AS EU NA OC SA", country->continent) != NULL);
		MR_CHECK(mr_geo_is_place(country->place.latitude, country->place.longitude));
		MR_CHECK(country->place.latitude != 0.0 || country->place.longitude != 0.0);
		MR_CHECK(mr_country_find(mr_slice(country->code)) == country);
		before = country->code;
		count++;
	}
	MR_CHECK_INT(count, MR_COUNTRY_COUNT);
	MR_CHECK(mr_country_at(-1) == NULL);
}

/* A slip of a sign or a swap of the numbers leaves these boxes. */
MR_TEST(each_lies_on_its_continent)
{
	static const struct
	{
		const char *continent;
		double south, north, west, east;
	} boxes[] = {{"AF", -35, 38, -26, 64},  {"AN", -90, -49, -140, 80}, {"AS", -13, 56, 25, 145},
				 {"EU", 34, 79, -20, 50},   {"NA", 7, 72, -110, -50},   {"SA", -55, 13, -82, -45},
				 {"OC", -45, 20, -180, 180}};
	const MrCountry *country;

	for (int i = 0; (country = mr_country_at(i)) != NULL; i++)
		for (size_t box = 0; box < sizeof(boxes) / sizeof(boxes[0]); box++)
		{
			if (strcmp(boxes[box].continent, country->continent) != 0)
				continue;
			mr_unit_about("%s", country->code);
			MR_CHECK(country->place.latitude >= boxes[box].south &&
					 country->place.latitude <= boxes[box].north);
			MR_CHECK(country->place.longitude >= boxes[box].west &&
					 country->place.longitude <= boxes[box].east);
			if (box == 6)
				MR_CHECK(country->place.longitude > 110 || country->place.longitude < -125);
		}
}

MR_TEST(capitals_are_near)
{
	static const struct
	{
		const char *code;
		double latitude, longitude, km;
	} capitals[] = {
		{"DE", 52.5, 13.4, 400},   {"FR", 48.9, 2.4, 400},    {"GB", 51.5, -0.1, 400},
		{"JP", 35.7, 139.7, 400},  {"US", 38.9, -77.0, 1500}, {"BR", -23.5, -46.6, 700},
		{"IN", 28.6, 77.2, 900},   {"ZA", -25.7, 28.2, 900},  {"AU", -33.9, 151.2, 700},
		{"NZ", -41.3, 174.8, 200}, {"RU", 55.8, 37.6, 1000},  {"CN", 31.2, 121.5, 1000},
		{"SG", 1.3, 103.8, 50},    {"KE", -1.3, 36.8, 300},   {"CL", -33.4, -70.7, 200}};

	for (size_t i = 0; i < sizeof(capitals) / sizeof(capitals[0]); i++)
	{
		const MrCountry *country = mr_country_find(mr_slice(capitals[i].code));

		mr_unit_about("%s", capitals[i].code);
		MR_REQUIRE(country != NULL);
		MR_CHECK(mr_geo_distance_km(country->place.latitude, country->place.longitude,
									capitals[i].latitude, capitals[i].longitude) < capitals[i].km);
	}
}

MR_TEST(codes)
{
	static const char *const none[] = {"XX", "T1", "ZZ", "A1",  "A2", "O1",       "EU", "AP",
									   "?",  "",   "D",  "DEU", "D ", "\xC3\x84", "??"};

	MR_CHECK_STRING(mr_country_find(mr_slice("de"))->code, "DE");
	MR_CHECK_STRING(mr_country_find(mr_slice("uk"))->code, "GB");
	MR_CHECK_STRING(mr_country_find(mr_slice("XK"))->code, "XK");
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
	{
		mr_unit_about("\"%s\"", none[i]);
		MR_CHECK(mr_country_find(mr_slice(none[i])) == NULL);
	}
}

MR_TEST(subdivisions)
{
	static const struct
	{
		const char *text;
		const char *expected; /* NULL: none */
	} cases[] = {{"CA", "CA"},    {"ca", "CA"},      {"US-CA", "CA"}, {"us-ca", "CA"},
				 {"FR-75", NULL}, {"", NULL},        {"CALI", NULL},  {"C-", NULL},
				 {"US-", NULL},   {"US-CALI", NULL}, {"13", "13"}};
	char out[MR_SUBDIVISION_SIZE];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		bool found = mr_subdivision_parse(mr_slice(cases[i].text), "US", out);

		mr_unit_about("\"%s\"", cases[i].text);
		MR_CHECK_STRING(found ? out : NULL, cases[i].expected);
		MR_CHECK(found || out[0] == '\0');
	}
}

MR_TEST(edges)
{
	MrPlace place;

	MR_CHECK(mr_edge_find(mr_slice("FRA"), &place) && place.latitude > 49 && place.latitude < 51);
	MR_CHECK(!mr_edge_find(mr_slice("xxx"), &place));
	MR_CHECK(!mr_edge_find(mr_slice(""), &place));
	MR_CHECK(!mr_edge_find(mr_slice("frankfurt"), &place));
}
