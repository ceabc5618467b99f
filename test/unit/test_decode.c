/*
 * Slices, and the encodings of headers.
 */
#include "core/mr_decode.h"
#include "unit/mr_unit.h"

#include <string.h>

#define SIZE 16

typedef int (*Decoder)(MrSlice text, char *out, size_t size);

typedef struct Case
{
	Decoder decode;
	const char *text;
	const char *expected; /* NULL: refused */
} Case;

static const Case cases[] = {
	{mr_decode_percent, "", ""},
	{mr_decode_percent, "Z%C3%BCrich", "Z\xC3\xBCrich"},
	{mr_decode_percent, "a+b", "a+b"},
	{mr_decode_percent, "a%20b", "a b"},
	{mr_decode_percent, "%", NULL},
	{mr_decode_percent, "%4", NULL},
	{mr_decode_percent, "%4g", NULL},
	{mr_decode_percent, "a%%41", NULL},
	{mr_decode_percent, "1234567890123456", "1234567890123456"},
	{mr_decode_percent, "12345678901234567", NULL},
	{mr_decode_base64, "", ""},
	{mr_decode_base64, "TQ==", "M"},
	{mr_decode_base64, "TQ", "M"},
	{mr_decode_base64, "TWE=", "Ma"},
	{mr_decode_base64, "TWFu", "Man"},
	{mr_decode_base64, "+/8", "\xFB\xFF"},
	{mr_decode_base64, "-_8", "\xFB\xFF"},
	{mr_decode_base64, "T", NULL},
	{mr_decode_base64, "TWFuT", NULL},
	{mr_decode_base64, "TQ===", NULL},
	{mr_decode_base64, "T=E=", NULL},
	{mr_decode_base64, "TW u", NULL},
	{mr_decode_base64, "TWFuTWFuTWFuTWFuTWFuTWFu", NULL},
	{mr_decode_escapes, "Paris", "Paris"},
	{mr_decode_escapes, "S\\u00c3\\u00a3o Paulo", "S\xC3\xA3o Paulo"},
	/* not the bytes of UTF-8, but characters */
	{mr_decode_escapes, "Z\\u00fcrich", "Z\xC3\xBCrich"},
	{mr_decode_escapes, "\\u6771\\u4eac", "\xE6\x9D\xB1\xE4\xBA\xAC"},
	{mr_decode_escapes, "\\u0171", "\xC5\xB1"},
	{mr_decode_escapes, "\\", NULL},
	{mr_decode_escapes, "\\u", NULL},
	{mr_decode_escapes, "\\u00c", NULL},
	{mr_decode_escapes, "\\u00cg", NULL},
	{mr_decode_escapes, "\\n", NULL},
	{mr_decode_escapes, "\\ud800", NULL},
	{mr_decode_escapes, "12345678901234567", NULL},
};

MR_TEST(decoders)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		char out[SIZE + 1];
		int length = cases[i].decode(mr_slice(cases[i].text), out, SIZE);

		mr_unit_about("\"%s\"", cases[i].text);
		if (length >= 0)
			out[length] = '\0';
		MR_CHECK_STRING(length >= 0 ? out : NULL, cases[i].expected);
	}
}

MR_TEST(clean_text)
{
	static const char *const clean[] = {"", "Paris", "Z\xC3\xBCrich", "\xE6\x9D\xB1",
										"\xF0\x9F\x98\x80"};
	static const char *const dirty[] = {"a\nb",
										"\x7F",
										"\xC2\x80",
										"\xC3",
										"\xC3(",
										"\x80",
										"\xC0\x80",
										"\xE0\x80\x80",
										"\xED\xA0\x80",
										"\xF4\x90\x80\x80",
										"\xF5\x80\x80\x80",
										"\xE6\x9D"};

	for (size_t i = 0; i < sizeof(clean) / sizeof(clean[0]); i++)
	{
		mr_unit_about("clean %d", (int) i);
		MR_CHECK(mr_text_is_clean(clean[i], strlen(clean[i])));
	}
	for (size_t i = 0; i < sizeof(dirty) / sizeof(dirty[0]); i++)
	{
		mr_unit_about("dirty %d", (int) i);
		MR_CHECK(!mr_text_is_clean(dirty[i], strlen(dirty[i])));
	}
	MR_CHECK(!mr_text_is_clean("a\0b", 3));
}

MR_TEST(numbers)
{
	static const struct
	{
		const char *text;
		bool is_number;
		double value;
	} numbers[] = {{"0", true, 0},         {"-77.45", true, -77.45},
				   {"+5.", true, 5},       {".5", true, 0.5},
				   {"007", true, 7},       {"", false, 0},
				   {"-", false, 0},        {".", false, 0},
				   {"1.2.3", false, 0},    {"1e5", false, 0},
				   {"0x10", false, 0},     {"nan", false, 0},
				   {"inf", false, 0},      {"1,5", false, 0},
				   {" 1", false, 0},       {"--1", false, 0},
				   {"999.9", true, 999.9}, {"000000000000000000000000000000001", false, 0}};
	double value;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
	{
		mr_unit_about("\"%s\"", numbers[i].text);
		MR_CHECK_INT(mr_slice_number(mr_slice(numbers[i].text), &value), numbers[i].is_number);
		MR_CHECK(!numbers[i].is_number ||
				 (value > numbers[i].value - 1e-9 && value < numbers[i].value + 1e-9));
	}
}

MR_TEST(items_from_both_ends)
{
	MrSlice rest = mr_slice("a,,b");
	MrSlice item;
	int count = 0;

	while (mr_slice_next(&rest, ',', &item))
		count++;
	MR_CHECK_INT(count, 3);
	rest = mr_slice("a,,b");
	MR_CHECK(mr_slice_last(&rest, ',', &item) && mr_slice_is(item, "B"));
	MR_CHECK(mr_slice_last(&rest, ',', &item) && item.length == 0);
	MR_CHECK(mr_slice_last(&rest, ',', &item) && mr_slice_is(item, "a"));
	MR_CHECK(!mr_slice_last(&rest, ',', &item));
	MR_CHECK(mr_slice_is(mr_slice_trim(mr_slice(" \tx y\t ")), "x y"));
	MR_CHECK(!mr_slice_is(mr_slice("ab"), "a"));
	MR_CHECK(!mr_slice_is(mr_slice("a"), "ab"));
}
