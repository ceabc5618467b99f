/*
 * Which region a word means and which one is nearest: any case, no locale, nothing
 * that is not a place.
 */
#include "core/mr_region.h"
#include "unit/mr_unit.h"

#include <locale.h>
#include <math.h>
#include <string.h>

#define SIXTY_THREE "A23456789012345678901234567890123456789012345678901234567890123"

MR_TEST(keys_and_ids_are_folded)
{
	static const struct
	{
		const char *word;
		const char *folded;
	} cases[] = {
		{"US_EAST", "us_east"},     {"us_east", "us_east"},     {"Us_EasT", "us_east"},
		{"us-east-1", "us-east-1"}, {"US-EAST-1", "us-east-1"}, {"E", "e"},
		{"1-east", "1-east"},       {SIXTY_THREE, NULL},
	};
	char out[MR_NAME_SIZE];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		mr_unit_about("%s", cases[i].word);
		MR_CHECK(mr_region_fold(cases[i].word, out));
		if (cases[i].folded != NULL)
			MR_CHECK_STRING(out, cases[i].folded);
	}
}

MR_TEST(what_can_be_neither_key_nor_id_is_refused)
{
	static const char *const bad[] = {
		"",
		" ",
		" US_EAST",
		"US_EAST ",
		"US EAST",
		"_US",
		"-us",
		"US_EAST'; drop table region; --",
		"us_east\"",
		"us/east",
		"us_east-1",
		"1_EAST",
		"\xC3\x84GYPTEN",
		"US\nEAST",
		SIXTY_THREE "4",
	};
	char out[MR_NAME_SIZE];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		mr_unit_about("\"%s\"", bad[i]);
		memcpy(out, "before", 7);
		MR_CHECK(!mr_region_fold(bad[i], out));
		MR_CHECK_STRING(out, "");
	}
}

MR_TEST(a_word_matches_key_or_id_in_any_case)
{
	MR_CHECK(mr_region_matches("us_east", "US_EAST", "us-east-1"));
	MR_CHECK(mr_region_matches("US-East-1", "US_EAST", "us-east-1"));
	MR_CHECK(!mr_region_matches("US_EAST_1", "US_EAST", "us-east-1"));
	MR_CHECK(!mr_region_matches("us-east", "US_EAST", "us-east-1"));
	MR_CHECK(!mr_region_matches("", "US_EAST", "us-east-1"));
	/* A region without an id yet. */
	MR_CHECK(mr_region_matches("US_EAST", "US_EAST", ""));
	MR_CHECK(!mr_region_matches("", "US_EAST", ""));
}

/* In a Turkish locale the upper case of i is not I. Skipped where it is not installed. */
MR_TEST(the_locale_does_not_matter)
{
	char out[MR_NAME_SIZE];

	(void) setlocale(LC_ALL, "tr_TR.UTF-8");
	MR_CHECK(mr_region_fold("ASIA_INDIA", out));
	MR_CHECK_STRING(out, "asia_india");
	MR_CHECK(mr_region_matches("asia_india", "ASIA_INDIA", "in-1"));
	(void) setlocale(LC_ALL, "C");
}

static const MrPlace virginia = {38.9, -77.4};
static const MrPlace dublin = {53.3, -6.3};
static const MrPlace singapore = {1.35, 103.8};

MR_TEST(the_nearest_place_wins)
{
	const MrPlace places[] = {virginia, dublin, singapore};
	const MrPlace new_york = {40.7, -74.0};
	const MrPlace berlin = {52.5, 13.4};
	const MrPlace sydney = {-33.9, 151.2};

	MR_CHECK_INT(mr_region_nearest(&new_york, places, 3), 0);
	MR_CHECK_INT(mr_region_nearest(&berlin, places, 3), 1);
	MR_CHECK_INT(mr_region_nearest(&sydney, places, 3), 2);
	MR_CHECK_INT(mr_region_nearest(&dublin, places, 3), 1);
	MR_CHECK_INT(mr_region_nearest(&sydney, places, 1), 0);
	MR_CHECK_INT(mr_region_nearest(&sydney, places, 0), -1);
}

MR_TEST(across_the_date_line_is_near)
{
	const MrPlace places[] = {{0, 170}, {0, -179.5}};
	const MrPlace here = {0, 179.5};

	MR_CHECK_INT(mr_region_nearest(&here, places, 2), 1);
}

/* Symmetric places: their sines differ in the last bit, if at all. */
MR_TEST(the_first_of_equals_wins)
{
	const MrPlace here = {0, 0};
	int angle;

	for (angle = 1; angle <= 89; angle++)
	{
		const MrPlace places[] = {{angle, 0}, {-angle, 0}, {0, angle}, {0, -angle}};
		const MrPlace turned[] = {{0, -angle}, {0, angle}, {-angle, 0}, {angle, 0}};

		mr_unit_about("%d degrees", angle);
		MR_CHECK_INT(mr_region_nearest(&here, places, 4), 0);
		MR_CHECK_INT(mr_region_nearest(&here, turned, 4), 0);
		MR_CHECK_INT(mr_region_nearest(&here, places + 1, 3), 0);
	}
}

MR_TEST(what_is_no_place_is_passed_over)
{
	const MrPlace places[] = {
		{(double) NAN, 0}, {0, (double) NAN}, {(double) INFINITY, 0}, {0, (double) -INFINITY},
		{90.001, 0},       {-90.001, 0},      {0, 180.001},           {0, -180.001},
		{80, 170}};
	const MrPlace here = {0, 0};
	int i;

	MR_CHECK_INT(mr_region_nearest(&here, places, 9), 8);
	MR_CHECK_INT(mr_region_nearest(&here, places, 8), -1);
	for (i = 0; i < 8; i++)
	{
		mr_unit_about("place %d", i);
		MR_CHECK_INT(mr_region_nearest(&places[i], &here, 1), -1);
	}
}

MR_TEST(the_poles_and_the_other_side_are_places)
{
	const MrPlace places[] = {{90, 0}, {-90, 180}, {0, 180}};
	const MrPlace here = {89, -33};
	const MrPlace there = {-89, 100};

	MR_CHECK_INT(mr_region_nearest(&here, places, 3), 0);
	MR_CHECK_INT(mr_region_nearest(&there, places, 3), 1);
}
