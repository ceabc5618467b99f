/*
 * The cursor under every binary format: layout of numbers, bounds, the sticky
 * failure, strings, sections, and CRC-32C against published values.
 */
#include "core/mr_bytes.h"
#include "unit/mr_unit.h"

#include <stdlib.h>
#include <string.h>

MR_TEST(numbers_are_little_endian)
{
	static const uint8_t expected[] = {0x01, 0x05, 0x04, 0x03, 0x02, 0x0d, 0x0c,
									   0x0b, 0x0a, 0x09, 0x08, 0x07, 0x06};
	uint8_t out[sizeof(expected)];
	MrBytes bytes;

	mr_bytes_for_write(&bytes, out, sizeof(out));
	mr_put_u8(&bytes, 0x01);
	mr_put_u32(&bytes, 0x02030405);
	mr_put_u64(&bytes, UINT64_C(0x060708090a0b0c0d));
	MR_CHECK(!bytes.failed);
	MR_CHECK_INT(bytes.at, sizeof(expected));
	MR_CHECK(memcmp(out, expected, sizeof(expected)) == 0);

	mr_bytes_for_read(&bytes, out, sizeof(out));
	MR_CHECK_INT(mr_get_u8(&bytes), 0x01);
	MR_CHECK_INT(mr_get_u32(&bytes), 0x02030405);
	MR_CHECK_INT(mr_get_u64(&bytes), INT64_C(0x060708090a0b0c0d));
	MR_CHECK(!bytes.failed);
	MR_CHECK_INT(bytes.at, bytes.size);
}

MR_TEST(largest_numbers_survive)
{
	uint8_t out[13];
	MrBytes bytes;

	mr_bytes_for_write(&bytes, out, sizeof(out));
	mr_put_u8(&bytes, UINT8_MAX);
	mr_put_u32(&bytes, UINT32_MAX);
	mr_put_u64(&bytes, UINT64_MAX);
	mr_bytes_for_read(&bytes, out, sizeof(out));
	MR_CHECK(mr_get_u8(&bytes) == UINT8_MAX);
	MR_CHECK(mr_get_u32(&bytes) == UINT32_MAX);
	MR_CHECK(mr_get_u64(&bytes) == UINT64_MAX);
}

/* The buffers are exactly as large as the cursor is told: the sanitizer watches their end. */
MR_TEST(a_write_past_the_end_fails_and_writes_nothing)
{
	uint8_t *out = malloc(7);
	MrBytes bytes;

	memset(out, 0xEE, 7);
	mr_bytes_for_write(&bytes, out, 7);
	mr_put_u32(&bytes, 1);
	mr_put_u32(&bytes, 2);
	MR_CHECK(bytes.failed);
	MR_CHECK_INT(bytes.at, 4);
	MR_CHECK_INT(out[4], 0xEE);
	/* It would fit, but a part is missing before it. */
	mr_put_u8(&bytes, 3);
	MR_CHECK(bytes.failed);
	MR_CHECK_INT(out[4], 0xEE);
	free(out);
}

MR_TEST(a_read_past_the_end_fails_and_gives_zero)
{
	uint8_t *in = malloc(7);
	MrBytes bytes;
	MrUuid uuid;

	memset(in, 0xEE, 7);
	mr_bytes_for_read(&bytes, in, 7);
	MR_CHECK_INT(mr_get_u64(&bytes), 0);
	MR_CHECK(bytes.failed);
	MR_CHECK_INT(mr_get_u8(&bytes), 0);
	MR_CHECK_INT(mr_get_u32(&bytes), 0);
	MR_CHECK(!mr_get_bool(&bytes));
	memset(&uuid, 0xEE, sizeof(uuid));
	mr_get_uuid(&bytes, &uuid);
	MR_CHECK_INT(uuid.bytes[0], 0);
	MR_CHECK_INT(bytes.at, 0);
	free(in);
}

MR_TEST(a_cursor_goes_one_way_only)
{
	uint8_t buffer[8] = {0};
	MrBytes bytes;

	mr_bytes_for_read(&bytes, buffer, sizeof(buffer));
	mr_put_u8(&bytes, 1);
	MR_CHECK(bytes.failed);
	MR_CHECK_INT(buffer[0], 0);
	mr_bytes_for_write(&bytes, buffer, sizeof(buffer));
	(void) mr_get_u8(&bytes);
	MR_CHECK(bytes.failed);
}

MR_TEST(an_empty_cursor_has_nothing)
{
	MrBytes bytes;

	mr_bytes_for_read(&bytes, NULL, 0);
	MR_CHECK_INT(mr_get_u8(&bytes), 0);
	MR_CHECK(bytes.failed);
}

MR_TEST(a_boolean_is_zero_or_one)
{
	int value;

	for (value = 0; value < 256; value++)
	{
		uint8_t byte = (uint8_t) value;
		MrBytes bytes;

		mr_unit_about("byte %d", value);
		mr_bytes_for_read(&bytes, &byte, 1);
		MR_CHECK(mr_get_bool(&bytes) == (value == 1));
		MR_CHECK(bytes.failed == (value > 1));
	}
}

MR_TEST(uuids_are_copied)
{
	MrUuid in;
	MrUuid out;
	uint8_t buffer[16];
	MrBytes bytes;
	int i;

	for (i = 0; i < 16; i++)
		in.bytes[i] = (uint8_t) (0xF0 + i);
	mr_bytes_for_write(&bytes, buffer, sizeof(buffer));
	mr_put_uuid(&bytes, &in);
	MR_CHECK(!bytes.failed);
	mr_bytes_for_read(&bytes, buffer, sizeof(buffer));
	mr_get_uuid(&bytes, &out);
	MR_CHECK(!bytes.failed);
	MR_CHECK(memcmp(&in, &out, sizeof(in)) == 0);
	mr_bytes_for_write(&bytes, buffer, sizeof(buffer) - 1);
	mr_put_uuid(&bytes, &in);
	MR_CHECK(bytes.failed);
}

MR_TEST(strings_come_back_and_clear_what_was_there)
{
	uint8_t buffer[32];
	char out[8];
	MrBytes bytes;

	mr_bytes_for_write(&bytes, buffer, sizeof(buffer));
	mr_put_string(&bytes, "seven77");
	mr_put_string(&bytes, "");
	mr_put_string(&bytes, "ab");
	MR_CHECK_INT(bytes.at, 2 + 7 + 2 + 2 + 2);
	mr_bytes_for_read(&bytes, buffer, bytes.at);
	mr_get_string(&bytes, out, sizeof(out));
	MR_CHECK_STRING(out, "seven77");
	mr_get_string(&bytes, out, sizeof(out));
	MR_CHECK_STRING(out, "");
	mr_get_string(&bytes, out, sizeof(out));
	MR_CHECK(memcmp(out, "ab\0\0\0\0\0", sizeof(out)) == 0);
	MR_CHECK(!bytes.failed);
	MR_CHECK_INT(bytes.at, bytes.size);
}

MR_TEST(bad_strings_are_refused)
{
	static const struct
	{
		const char *what;
		uint8_t in[12];
		size_t size;
	} cases[] = {
		{"longer than the room for it", {8, 0, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'}, 10},
		{"longer than the input", {3, 0, 'a', 'b'}, 4},
		{"a NUL inside", {3, 0, 'a', 0, 'b'}, 5},
		{"a NUL at its end", {2, 0, 'a', 0}, 4},
		{"half a length", {1}, 1},
		{"no length", {0}, 0},
		{"a huge length", {0xFF, 0xFF, 'a'}, 3},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		uint8_t *in = malloc(cases[i].size + 1);
		char out[8] = "garbage";
		MrBytes bytes;

		mr_unit_about("%s", cases[i].what);
		memcpy(in, cases[i].in, cases[i].size);
		mr_bytes_for_read(&bytes, in, cases[i].size);
		mr_get_string(&bytes, out, sizeof(out));
		MR_CHECK(bytes.failed);
		MR_CHECK_STRING(out, "");
		free(in);
	}
}

MR_TEST(a_string_too_long_for_its_length_field_is_not_written)
{
	char *text = malloc(65537);
	uint8_t *out = malloc(70000);
	MrBytes bytes;

	memset(text, 'x', 65536);
	text[65536] = '\0';
	mr_bytes_for_write(&bytes, out, 70000);
	mr_put_string(&bytes, text);
	MR_CHECK(bytes.failed);
	mr_bytes_for_write(&bytes, out, 70000);
	mr_put_string(&bytes, text + 1);
	MR_CHECK(!bytes.failed);
	MR_CHECK_INT(bytes.at, 65537);
	free(text);
	free(out);
}

MR_TEST(sections_nest_and_end_where_they_say)
{
	uint8_t buffer[32];
	MrBytes bytes;
	MrBytes outer;
	MrBytes inner;
	size_t begin_outer;
	size_t begin_inner;

	mr_bytes_for_write(&bytes, buffer, sizeof(buffer));
	begin_outer = mr_put_begin(&bytes);
	mr_put_u8(&bytes, 1);
	begin_inner = mr_put_begin(&bytes);
	mr_put_u8(&bytes, 2);
	mr_put_u8(&bytes, 3);
	mr_put_end(&bytes, begin_inner);
	mr_put_u8(&bytes, 4);
	mr_put_end(&bytes, begin_outer);
	mr_put_u8(&bytes, 5);

	mr_bytes_for_read(&bytes, buffer, bytes.at);
	mr_get_section(&bytes, &outer);
	MR_CHECK_INT(outer.size, 8);
	MR_CHECK_INT(mr_get_u8(&outer), 1);
	mr_get_section(&outer, &inner);
	MR_CHECK_INT(inner.size, 2);
	MR_CHECK_INT(mr_get_u8(&inner), 2);
	/* What is left unread inside does not shift what comes after. */
	MR_CHECK_INT(mr_get_u8(&outer), 4);
	MR_CHECK_INT(mr_get_u8(&bytes), 5);
	MR_CHECK(!bytes.failed && !outer.failed && !inner.failed);

	/* The inside cannot be left. */
	(void) mr_get_u8(&inner);
	(void) mr_get_u8(&inner);
	MR_CHECK(inner.failed);
	MR_CHECK(!outer.failed);
}

MR_TEST(a_section_larger_than_its_surroundings_is_refused)
{
	static const uint8_t in[] = {2, 0, 0, 0, 7, 7, 0xFF, 0xFF, 0xFF, 0xFF, 1};
	MrBytes bytes;
	MrBytes section;

	mr_bytes_for_read(&bytes, in, 5);
	mr_get_section(&bytes, &section);
	MR_CHECK(bytes.failed && section.failed);
	MR_CHECK_INT(mr_get_u8(&section), 0);

	mr_bytes_for_read(&bytes, in + 6, 5);
	mr_get_section(&bytes, &section);
	MR_CHECK(bytes.failed && section.failed);

	mr_bytes_for_read(&bytes, in, 3);
	mr_get_section(&bytes, &section);
	MR_CHECK(bytes.failed && section.failed);
}

MR_TEST(a_section_that_did_not_fit_is_not_patched)
{
	uint8_t buffer[6] = {9, 9, 9, 9, 9, 9};
	MrBytes bytes;
	size_t begin;

	mr_bytes_for_write(&bytes, buffer, sizeof(buffer));
	begin = mr_put_begin(&bytes);
	mr_put_u32(&bytes, 1);
	mr_put_end(&bytes, begin);
	MR_CHECK(bytes.failed);
	mr_bytes_for_write(&bytes, buffer, 3);
	begin = mr_put_begin(&bytes);
	mr_put_end(&bytes, begin);
	MR_CHECK(bytes.failed);
	MR_CHECK_INT(buffer[4], 9);
}

/* From RFC 3720, appendix B.4, and the check value of the catalogue of CRCs. */
MR_TEST(crc32c_gives_the_published_values)
{
	uint8_t block[32];
	int i;

	MR_CHECK_INT(mr_crc32c((const uint8_t *) "123456789", 9), 0xE3069283);
	MR_CHECK_INT(mr_crc32c(NULL, 0), 0);
	memset(block, 0, sizeof(block));
	MR_CHECK_INT(mr_crc32c(block, sizeof(block)), 0x8A9136AA);
	memset(block, 0xFF, sizeof(block));
	MR_CHECK_INT(mr_crc32c(block, sizeof(block)), 0x62A8AB43);
	for (i = 0; i < 32; i++)
		block[i] = (uint8_t) i;
	MR_CHECK_INT(mr_crc32c(block, sizeof(block)), 0x46DD794E);
	for (i = 0; i < 32; i++)
		block[i] = (uint8_t) (31 - i);
	MR_CHECK_INT(mr_crc32c(block, sizeof(block)), 0x113FDB5C);
}
