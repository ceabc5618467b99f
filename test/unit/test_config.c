/*
 * Encoding of configurations: what could make a node count a wrong majority, keep a
 * wrong policy or take one member for another is refused; what a newer version adds
 * is not.
 */
#include "core/mr_bytes.h"
#include "unit/mr_examples.h"
#include "unit/mr_unit.h"

#include <string.h>

MR_TEST(what_a_newer_version_appends_to_a_member_is_ignored)
{
	MrMessage decoded;
	MrConfig config;
	MrEncoded encoded;
	size_t last_length;

	mr_example_encode_both(&encoded);
	/* The length of the last member: slot, two booleans, priority, pause, uuid, four strings. */
	last_length = encoded.size - (1 + 2 + 4 + 8 + 16 + 2 + 4 + 2 + 2 + 2) - 4;
	MR_REQUIRE(mr_example_get_u32(&encoded, last_length) == encoded.size - last_length - 4);
	mr_example_grow(&encoded, encoded.size,
					(const size_t[]){BODY_LENGTH_AT, CONFIG_AT + CONFIG_LENGTH, last_length}, 3);
	MR_CHECK(!mr_example_is_accepted(&encoded));
	encoded.bytes[CONFIG_AT] = 2;
	MR_REQUIRE(mr_example_decode(encoded.bytes, encoded.size, &decoded, &config));
	MR_CHECK_STRING(config.members[15].name, "ap-w");
}

static bool
config_is_read(const MrConfig *config)
{
	uint8_t out[MR_MESSAGE_SIZE];
	MrConfig read;
	MrBytes bytes;

	mr_bytes_for_write(&bytes, out, sizeof(out));
	mr_config_write(&bytes, config);
	if (bytes.failed)
		return false;
	mr_bytes_for_read(&bytes, out, bytes.at);
	return mr_config_read(&bytes, &read) && bytes.at == bytes.size;
}

MR_TEST(voters_must_be_members)
{
	MrConfig config;
	int bit;

	for (bit = 0; bit < 32; bit++)
	{
		bool member = bit == 0 || bit == 1 || bit == 15;

		mr_unit_about("bit %d", bit);
		mr_example_config(&config);
		config.voters |= UINT32_C(1) << bit;
		MR_CHECK(config_is_read(&config) == member);
		mr_example_config(&config);
		config.voters_old = UINT32_C(1) << bit;
		MR_CHECK(config_is_read(&config) == member);
	}
	/* A node that has not joined yet has an empty configuration. */
	mr_config_init(&config);
	MR_CHECK(config_is_read(&config));
}

MR_TEST(policy_outside_its_range_is_refused)
{
	MrConfig config;

#define CHECK_RANGE(name, field, def, min, max, unit, what) \
	mr_unit_about(name); \
	mr_example_config(&config); \
	config.policy.field = (min); \
	MR_CHECK(config_is_read(&config)); \
	config.policy.field = (max); \
	MR_CHECK(config_is_read(&config)); \
	config.policy.field = (int64_t) (min) -1; \
	MR_CHECK(!config_is_read(&config)); \
	config.policy.field = (int64_t) (max) == INT64_MAX ? INT64_MIN : (int64_t) (max) + 1; \
	MR_CHECK(!config_is_read(&config));
	MR_POLICY_LIST(CHECK_RANGE)
#undef CHECK_RANGE
}

MR_TEST(policy_values_are_counted)
{
	static const size_t lengths[] = {BODY_LENGTH_AT, CONFIG_AT + CONFIG_LENGTH};
	const size_t values = CONFIG_AT + CONFIG_POLICY + 1;
	MrMessage message;
	MrConfig config;
	MrConfig expected;
	MrEncoded plain;
	MrEncoded encoded;

	mr_example_encode_both(&plain);
	mr_example_config(&expected);
	MR_REQUIRE(plain.bytes[values - 1] == POLICY_COUNT);

	/* All but the last value. */
	encoded = plain;
	memmove(encoded.bytes + values + 8 * (POLICY_COUNT - 1),
			encoded.bytes + values + 8 * POLICY_COUNT, encoded.size - values - 8 * POLICY_COUNT);
	encoded.size -= 8;
	encoded.bytes[values - 1]--;
	mr_example_add_u32(&encoded, lengths[0], (uint32_t) -8);
	mr_example_add_u32(&encoded, lengths[1], (uint32_t) -8);
	MR_REQUIRE(mr_example_decode(encoded.bytes, encoded.size, &message, &config));
	MR_CHECK(memcmp(&config, &expected, sizeof(config)) == 0);

	/* One more. */
	encoded = plain;
	memmove(encoded.bytes + values + 8 * (POLICY_COUNT + 1),
			encoded.bytes + values + 8 * POLICY_COUNT, encoded.size - values - 8 * POLICY_COUNT);
	encoded.size += 8;
	encoded.bytes[values - 1]++;
	mr_example_add_u32(&encoded, lengths[0], 8);
	mr_example_add_u32(&encoded, lengths[1], 8);
	MR_REQUIRE(mr_example_decode(encoded.bytes, encoded.size, &message, &config));
	MR_CHECK(memcmp(&config, &expected, sizeof(config)) == 0);

	/* More than there is. */
	encoded = plain;
	encoded.bytes[values - 1] = 255;
	MR_CHECK(!mr_example_is_accepted(&encoded));
}

static bool
hand_written_is_read(uint8_t slot, uint8_t second_slot, uint8_t no_promote, uint8_t witness,
					 const char *conninfo)
{
	uint8_t out[2048];
	MrBytes bytes;
	MrConfig config;
	MrUuid uuid = mr_example_uuid(1);
	size_t begin;
	int i;

	mr_bytes_for_write(&bytes, out, sizeof(out));
	mr_put_u8(&bytes, 1);
	begin = mr_put_begin(&bytes);
	mr_put_uuid(&bytes, &uuid);
	mr_put_u64(&bytes, 1);
	mr_put_u64(&bytes, 1);
	mr_put_u32(&bytes, 0);
	mr_put_u32(&bytes, 0);
	mr_put_u8(&bytes, 0);
	mr_put_string(&bytes, "");
	mr_put_u64(&bytes, 0);
	mr_put_u8(&bytes, 0); /* not leaving a mode */
	mr_put_u8(&bytes, 2);
	for (i = 0; i < 2; i++)
	{
		size_t member = mr_put_begin(&bytes);

		mr_put_u8(&bytes, i == 0 ? slot : second_slot);
		mr_put_u8(&bytes, no_promote);
		mr_put_u8(&bytes, witness);
		mr_put_u32(&bytes, 0);
		mr_put_u64(&bytes, 0);
		mr_put_uuid(&bytes, &uuid);
		mr_put_string(&bytes, "name");
		mr_put_string(&bytes, "REGION");
		mr_put_string(&bytes, conninfo);
		mr_put_string(&bytes, "");
		mr_put_end(&bytes, member);
	}
	mr_put_end(&bytes, begin);
	mr_bytes_for_read(&bytes, out, bytes.at);
	return mr_config_read(&bytes, &config);
}

MR_TEST(impossible_members_are_refused)
{
	char conninfo[MR_CONNINFO_SIZE + 1];

	MR_CHECK(hand_written_is_read(0, MR_MAX_MEMBERS - 1, 0, 1, "host=a"));
	mr_unit_about("the same slot twice");
	MR_CHECK(!hand_written_is_read(3, 3, 0, 0, "host=a"));
	mr_unit_about("no slot");
	MR_CHECK(!hand_written_is_read(3, MR_MAX_MEMBERS, 0, 0, "host=a"));
	MR_CHECK(!hand_written_is_read(255, 3, 0, 0, "host=a"));
	mr_unit_about("booleans");
	MR_CHECK(!hand_written_is_read(0, 1, 2, 0, "host=a"));
	MR_CHECK(!hand_written_is_read(0, 1, 0, 255, "host=a"));
	mr_unit_about("length of the conninfo");
	memset(conninfo, 'c', sizeof(conninfo));
	conninfo[MR_CONNINFO_SIZE - 1] = '\0';
	MR_CHECK(hand_written_is_read(0, 1, 0, 0, conninfo));
	conninfo[MR_CONNINFO_SIZE - 1] = 'c';
	conninfo[MR_CONNINFO_SIZE] = '\0';
	MR_CHECK(!hand_written_is_read(0, 1, 0, 0, conninfo));
}

MR_TEST(a_nul_in_a_name_is_refused)
{
	MrEncoded encoded;
	size_t i;
	int found = 0;

	mr_example_encode_both(&encoded);
	for (i = 0; i + 4 <= encoded.size; i++)
	{
		if (memcmp(encoded.bytes + i, "us-a", 4) != 0)
			continue;
		found++;
		encoded.bytes[i + 1] = '\0';
		MR_CHECK(!mr_example_is_accepted(&encoded));
	}
	MR_CHECK_INT(found, 1);
}
