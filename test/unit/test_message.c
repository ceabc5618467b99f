/*
 * Encoding of messages: the frozen layout, every field there and back, and refusal of
 * everything that is not well-formed. What comes from a newer version is read as far
 * as it is known.
 */
#include "core/mr_bytes.h"
#include "unit/mr_examples.h"
#include "unit/mr_unit.h"

#include <stdlib.h>
#include <string.h>

static bool
same_message(const MrMessage *a, const MrConfig *a_config, const MrMessage *b,
			 const MrConfig *b_config)
{
	MrEncoded one;
	MrEncoded two;

	mr_example_encode(a, a_config, &one);
	mr_example_encode(b, b_config, &two);
	return one.size > 0 && one.size == two.size && memcmp(one.bytes, two.bytes, one.size) == 0;
}

/* The CRC of a part stands for its bytes; the last argument is the known value. */
static void
check_bytes(const char *what, const uint8_t *from, size_t size, uint32_t crc)
{
	mr_unit_about("%s", what);
	MR_CHECK_INT(mr_crc32c(from, size), crc);
}

/*
 * Nodes of different versions talk to each other: a change of these numbers is a
 * change of the protocol, and must be one that appends and raises the version. (A line
 * appended to the policy list changes none of them.)
 */
MR_TEST(the_layout_of_version_1_is_frozen)
{
	static const uint8_t head[] = {'M', 'R', 1, 0x5A, 0x01, 0, 0, 3, 1, 7, 6, 5, 4, 3, 2, 1, 0x11};
	const size_t policy = CONFIG_AT + CONFIG_POLICY + 1;
	const size_t after_policy = policy + 8 * POLICY_COUNT;
	MrMessage message;
	MrEncoded encoded;

	mr_example_message(&message);
	mr_example_peers(&message, 1);
	mr_example_encode(&message, NULL, &encoded);
	MR_REQUIRE(encoded.size == 353);
	MR_CHECK(memcmp(encoded.bytes, head, sizeof(head)) == 0);
	check_bytes("message", encoded.bytes, encoded.size, 2532639734);

	mr_example_encode_both(&encoded);
	check_bytes("configuration", encoded.bytes + CONFIG_AT + 5, 40, 235764135);
	check_bytes("policy", encoded.bytes + policy, 8 * 13, 4047088383);
	check_bytes("members", encoded.bytes + after_policy, encoded.size - after_policy, 4027601924);
}

MR_TEST(every_field_comes_back)
{
	MrMessage message;
	MrMessage decoded;
	MrConfig config;
	MrConfig decoded_config;
	MrEncoded encoded;
	int npeers;

	mr_example_config(&config);
	for (npeers = 0; npeers <= MR_MAX_MEMBERS; npeers++)
	{
		mr_unit_about("%d peers", npeers);
		mr_example_message(&message);
		mr_example_peers(&message, npeers);
		message.has_config = (npeers & 1) != 0;
		mr_example_encode(&message, &config, &encoded);
		MR_REQUIRE(encoded.size > 0);
		memset(&decoded, 0xEE, sizeof(decoded));
		memset(&decoded_config, 0xEE, sizeof(decoded_config));
		MR_REQUIRE(mr_example_decode(encoded.bytes, encoded.size, &decoded, &decoded_config));
		MR_CHECK(memcmp(&message, &decoded, sizeof(message)) == 0);
		if (message.has_config)
			MR_CHECK(memcmp(&config, &decoded_config, sizeof(config)) == 0);
		else
			MR_CHECK(decoded_config.term == UINT64_C(0xEEEEEEEEEEEEEEEE));
	}
}

MR_TEST(a_configuration_that_is_not_wanted_may_be_left_out)
{
	MrEncoded encoded;
	MrMessage message;

	mr_example_encode_both(&encoded);
	MR_CHECK(mr_example_decode(encoded.bytes, encoded.size, &message, NULL));
	MR_CHECK(message.has_config);
	/* But it must still be well-formed. */
	encoded.bytes[CONFIG_AT] = 0;
	MR_CHECK(!mr_example_decode(encoded.bytes, encoded.size, &message, NULL));
}

MR_TEST(every_truncation_is_refused)
{
	MrEncoded encoded;
	MrMessage message;
	MrConfig config;
	size_t size;

	mr_example_encode_both(&encoded);
	memset(&config, 0xEE, sizeof(config));
	for (size = 0; size < encoded.size; size++)
	{
		mr_unit_about("%zu of %zu bytes", size, encoded.size);
		MR_CHECK(!mr_example_decode(encoded.bytes, size, &message, &config));
	}
	/* ... and with lengths that agree with it, too. */
	for (size = BODY_AT; size < encoded.size; size++)
	{
		MrEncoded cut = encoded;

		cut.size = size;
		mr_example_add_u32(&cut, BODY_LENGTH_AT, (uint32_t) (size - encoded.size));
		mr_unit_about("section of %zu bytes", size - BODY_AT);
		MR_CHECK(!mr_example_decode(cut.bytes, cut.size, &message, &config));
	}
	/* Nothing half read was handed out. */
	MR_CHECK(config.term == UINT64_C(0xEEEEEEEEEEEEEEEE));
	MR_CHECK(config.members[0].conninfo[0] == (char) 0xEE);
}

MR_TEST(bytes_after_the_message_are_refused)
{
	MrEncoded encoded;

	mr_example_encode_both(&encoded);
	MR_CHECK(mr_example_is_accepted(&encoded));
	encoded.size++;
	MR_CHECK(!mr_example_is_accepted(&encoded));
	encoded.bytes[VERSION_AT] = 2;
	MR_CHECK(!mr_example_is_accepted(&encoded));
}

MR_TEST(another_magic_or_no_version_is_refused)
{
	static const size_t at[] = {0, 1, VERSION_AT};
	MrEncoded encoded;
	size_t i;

	for (i = 0; i < 3; i++)
	{
		mr_example_encode_both(&encoded);
		encoded.bytes[at[i]] = 0;
		mr_unit_about("byte %zu", at[i]);
		MR_CHECK(!mr_example_is_accepted(&encoded));
	}
}

MR_TEST(what_a_newer_version_appends_is_ignored)
{
	static const size_t body[] = {BODY_LENGTH_AT};
	static const size_t config[] = {BODY_LENGTH_AT, CONFIG_AT + CONFIG_LENGTH};
	static const size_t peer[] = {BODY_LENGTH_AT, NPEERS_AT + 1};
	MrMessage message;
	MrMessage decoded;
	MrConfig some_config;
	MrConfig decoded_config;
	MrEncoded plain;
	MrEncoded encoded;

	mr_example_message(&message);
	mr_example_config(&some_config);
	message.has_config = true;
	mr_example_encode(&message, &some_config, &plain);

	/* At the end of the message. Of our own version it is garbage. */
	encoded = plain;
	mr_example_grow(&encoded, encoded.size, body, 1);
	MR_CHECK(!mr_example_is_accepted(&encoded));
	encoded.bytes[VERSION_AT] = 2;
	MR_REQUIRE(mr_example_decode(encoded.bytes, encoded.size, &decoded, &decoded_config));
	MR_CHECK(same_message(&message, &some_config, &decoded, &decoded_config));
	encoded.bytes[VERSION_AT] = 255;
	MR_CHECK(mr_example_is_accepted(&encoded));

	/* At the end of the configuration, which has a version of its own. */
	encoded = plain;
	mr_example_grow(&encoded, encoded.size, config, 2);
	MR_CHECK(!mr_example_is_accepted(&encoded));
	encoded.bytes[VERSION_AT] = 2;
	MR_CHECK(!mr_example_is_accepted(&encoded));
	encoded.bytes[CONFIG_AT] = 2;
	MR_REQUIRE(mr_example_decode(encoded.bytes, encoded.size, &decoded, &decoded_config));
	MR_CHECK(same_message(&message, &some_config, &decoded, &decoded_config));

	/* At the end of the first of two peers. */
	mr_example_peers(&message, 2);
	mr_example_encode(&message, &some_config, &encoded);
	mr_example_grow(&encoded, NPEERS_AT + 1 + PEER_SIZE, peer, 2);
	MR_CHECK(!mr_example_is_accepted(&encoded));
	encoded.bytes[VERSION_AT] = 2;
	MR_REQUIRE(mr_example_decode(encoded.bytes, encoded.size, &decoded, &decoded_config));
	MR_CHECK(same_message(&message, &some_config, &decoded, &decoded_config));
}

/* The last member is the last thing in the configuration, and so in the message. */
MR_TEST(kinds_that_are_not_known_are_refused)
{
	MrEncoded encoded;
	int kind;

	mr_example_encode_both(&encoded);
	for (kind = 0; kind < 256; kind++)
	{
		mr_unit_about("kind %d", kind);
		encoded.bytes[KIND_AT] = (uint8_t) kind;
		MR_CHECK(mr_example_is_accepted(&encoded) ==
				 (kind > MR_MSG_NONE && kind < MR_MESSAGE_COUNT));
	}
}

MR_TEST(unknown_refusals_and_causes_are_kept_as_numbers)
{
	MrMessage message;
	MrConfig config;
	MrEncoded encoded;

	mr_example_encode_both(&encoded);
	encoded.bytes[REFUSAL_AT] = 250;
	encoded.bytes[CAUSE_AT] = 251;
	MR_REQUIRE(mr_example_decode(encoded.bytes, encoded.size, &message, &config));
	MR_CHECK_INT(message.refusal, 250);
	MR_CHECK_INT(message.cause, 251);
}

MR_TEST(booleans_are_zero_or_one)
{
	static const size_t at[] = {IS_REPLY_AT, OK_AT, HAS_CONFIG_AT};
	MrEncoded encoded;
	size_t i;

	for (i = 0; i < 3; i++)
	{
		mr_example_encode_both(&encoded);
		mr_unit_about("byte %zu", at[i]);
		MR_CHECK_INT(encoded.bytes[at[i]], 1);
		encoded.bytes[at[i]] = 2;
		MR_CHECK(!mr_example_is_accepted(&encoded));
	}
}

MR_TEST(impossible_peers_are_refused)
{
	MrMessage message;
	MrEncoded encoded;
	size_t second;

	mr_example_message(&message);
	mr_example_peers(&message, 3);
	mr_example_encode(&message, NULL, &encoded);
	second = NPEERS_AT + 1 + PEER_SIZE + 4;
	MR_CHECK(mr_example_is_accepted(&encoded));
	MR_CHECK_INT(encoded.bytes[second], 14);
	encoded.bytes[second] = 15;
	mr_unit_about("the slot of the first");
	MR_CHECK(!mr_example_is_accepted(&encoded));
	encoded.bytes[second] = MR_MAX_MEMBERS;
	mr_unit_about("no slot");
	MR_CHECK(!mr_example_is_accepted(&encoded));
	encoded.bytes[second] = 255;
	MR_CHECK(!mr_example_is_accepted(&encoded));

	/* More than there can be, in the message and in the struct. */
	mr_example_peers(&message, MR_MAX_MEMBERS);
	mr_example_encode(&message, NULL, &encoded);
	encoded.bytes[NPEERS_AT] = MR_MAX_MEMBERS + 1;
	mr_unit_about("too many");
	MR_CHECK(!mr_example_is_accepted(&encoded));
	message.npeers = MR_MAX_MEMBERS + 1;
	mr_example_encode(&message, NULL, &encoded);
	MR_CHECK_INT(encoded.size, 0);
}

/* Encodes the configuration alone, changed; whether it is read again. */
/* An older version knows fewer of them, a newer one more. */
/* A configuration of one member, written by hand so that it can be wrong. */
/* Any accepted input means one message: encoding it again loses nothing of it. */
MR_TEST(every_flipped_bit_is_refused_or_understood)
{
	MrMessage message;
	MrConfig config;
	MrEncoded plain;
	size_t bit;
	size_t accepted = 0;

	mr_example_encode_both(&plain);
	for (bit = 0; bit < 8 * plain.size; bit++)
	{
		MrEncoded flipped = plain;
		MrEncoded again;
		MrMessage second;
		MrConfig second_config;

		flipped.bytes[bit / 8] ^= (uint8_t) (1 << (bit % 8));
		memset(&config, 0, sizeof(config));
		memset(&second_config, 0, sizeof(second_config));
		if (!mr_example_decode(flipped.bytes, flipped.size, &message, &config))
			continue;
		accepted++;
		mr_unit_about("bit %zu", bit);
		mr_example_encode(&message, &config, &again);
		MR_REQUIRE(mr_example_decode(again.bytes, again.size, &second, &second_config));
		MR_CHECK(memcmp(&message, &second, sizeof(message)) == 0);
		MR_CHECK(memcmp(&config, &second_config, sizeof(config)) == 0);
	}
	/* Most bits are numbers, of which any is good. */
	MR_CHECK(accepted > 4 * plain.size);
	MR_CHECK(accepted < 8 * plain.size);
}

MR_TEST(a_buffer_too_small_gives_nothing)
{
	MrMessage message;
	MrConfig config;
	MrEncoded plain;
	size_t size;

	mr_example_message(&message);
	mr_example_peers(&message, 2);
	mr_example_config(&config);
	message.has_config = true;
	mr_example_encode(&message, &config, &plain);
	for (size = 0; size <= plain.size; size++)
	{
		uint8_t *out = malloc(size > 0 ? size : 1);

		mr_unit_about("%zu of %zu bytes", size, plain.size);
		MR_CHECK_INT(mr_message_encode(&message, &config, out, size),
					 size == plain.size ? plain.size : 0);
		free(out);
	}
}

MR_TEST(sizes_stay_within_their_limits)
{
	MrMessage message;
	MrConfig config;
	MrEncoded encoded;

	mr_example_message(&message);
	mr_example_peers(&message, 3);
	mr_example_encode(&message, NULL, &encoded);
	MR_CHECK(encoded.size > 0 && encoded.size < 700);

	mr_example_largest_config(&config);
	mr_example_peers(&message, MR_MAX_MEMBERS);
	message.has_config = true;
	mr_example_encode(&message, &config, &encoded);
	MR_CHECK(encoded.size > 0 && encoded.size <= MR_MESSAGE_SIZE);
	MR_CHECK(mr_example_is_accepted(&encoded));
}
