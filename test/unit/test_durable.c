/*
 * Encoding of the state file: the frozen layout, every field there and back, and
 * that no damage passes: each flipped bit, each cut, each other length.
 */
#include "core/mr_bytes.h"
#include "core/mr_durable.h"
#include "unit/mr_unit.h"

#include <stdlib.h>
#include <string.h>

#define VERSION_AT 4
#define LENGTH_AT 5
#define AMNESIAC_AT (9 + 32 + 6 + 9 + 16 + 16 + 16 + 36 + 8 + 8 + 8 + 8)
#define MEMBERS 16 /* of a file that any build reads */
#define MEMBERS_AT (AMNESIAC_AT + 1 + 1 + 16 * MR_FAILOVERS_KEPT)

static MrUuid
uuid_of(uint8_t number)
{
	MrUuid uuid;

	memset(&uuid, number, sizeof(uuid));
	return uuid;
}

static void
fill(MrDurable *durable)
{
	int i;

	memset(durable, 0, sizeof(*durable));
	durable->cluster = uuid_of(0x11);
	durable->node = uuid_of(0x12);
	memcpy(durable->name, "us-a", 5);
	memcpy(durable->region, "US_EAST", 8);
	durable->sequence = UINT64_C(0x2101020304050607);
	durable->term = UINT64_C(0x2201020304050607);
	durable->voted_for = uuid_of(0x13);
	durable->voted_nonce = UINT64_C(0x2301020304050607);
	durable->log_term = UINT64_C(0x2401020304050607);
	durable->stamp.term = UINT64_C(0x2501020304050607);
	durable->stamp.node = uuid_of(0x14);
	durable->stamp.timeline = 0x26010203;
	durable->stamp.lsn = UINT64_C(0x2701020304050607);
	durable->rebuilding_term = UINT64_C(0x2801020304050607);
	durable->reserved_timeline = 0x29010203;
	durable->max_lease_ms = 0x2A010203;
	durable->last_led_term = UINT64_C(0x2B01020304050607);
	durable->leader_lsn = UINT64_C(0x2C01020304050607);
	durable->amnesiac = true;
	for (i = 0; i < MR_FAILOVERS_KEPT; i++)
	{
		durable->failovers[i].term = UINT64_C(0x2D01020304050600) + (uint64_t) i;
		durable->failovers[i].wall_ms = INT64_C(0x2E01020304050600) + i;
	}
	for (i = 0; i < MEMBERS; i++)
		durable->peer_sequence[i] = UINT64_C(0x2C01020304050600) + (uint64_t) i;
	mr_config_init(&durable->config);
	durable->config.cluster = uuid_of(0x11);
	durable->config.term = 3;
	durable->config.version = 4;
	durable->config.voters = 0x8000;
	durable->config.members[15].used = true;
	durable->config.members[15].uuid = uuid_of(0x12);
	memcpy(durable->config.members[15].name, "us-a", 5);
}

static size_t
encode_example(uint8_t out[MR_STATE_SIZE])
{
	MrDurable durable;

	fill(&durable);
	return mr_durable_encode(&durable, out, MR_STATE_SIZE);
}

/* From a block that ends where the input ends: the sanitizer sees a read past it. */
static const char *
problem_of(const uint8_t *in, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);
	MrDurable durable;
	const char *problem;

	memcpy(copy, in, size);
	problem = mr_durable_decode(copy, size, &durable);
	free(copy);
	return problem;
}

/* Makes the checksum right again, as if somebody had written the rest on purpose. */
static void
seal(uint8_t *out, size_t size)
{
	MrBytes bytes;

	mr_bytes_for_write(&bytes, out + size - 4, 4);
	mr_put_u32(&bytes, mr_crc32c(out, size - 4));
}

/*
 * A change of these numbers makes every node forget: it needs a new version number, and
 * a reader of the old one. The configuration at the end is test_message's.
 */
MR_TEST(the_layout_of_version_1_is_frozen)
{
	static const uint8_t head[] = {'M', 'R', 'S', 'T', 1};
	uint8_t out[MR_STATE_SIZE];
	size_t size = encode_example(out);
	MrBytes bytes;

	MR_REQUIRE(size > 13);
	MR_CHECK(memcmp(out, head, sizeof(head)) == 0);
	mr_bytes_for_read(&bytes, out + LENGTH_AT, 4);
	MR_CHECK_INT(mr_get_u32(&bytes), size - 9 - 4);
	MR_CHECK_INT(mr_crc32c(out + 9, MEMBERS_AT + 1 + 8 * MEMBERS - 9), 3022354754);
	MR_CHECK_INT(out[MEMBERS_AT + 1 + 8 * MEMBERS], 1);
}

MR_TEST(every_field_comes_back)
{
	uint8_t out[MR_STATE_SIZE];
	MrDurable durable;
	MrDurable decoded;
	size_t size;

	fill(&durable);
	size = mr_durable_encode(&durable, out, sizeof(out));
	MR_REQUIRE(size > 0);
	memset(&decoded, 0xEE, sizeof(decoded));
	MR_CHECK_STRING(mr_durable_decode(out, size, &decoded), NULL);
	MR_CHECK(memcmp(&durable, &decoded, sizeof(durable)) == 0);
}

MR_TEST(a_fresh_state_comes_back)
{
	uint8_t out[MR_STATE_SIZE];
	MrDurable durable;
	MrDurable decoded;
	size_t size;

	memset(&durable, 0, sizeof(durable));
	mr_config_init(&durable.config);
	size = mr_durable_encode(&durable, out, sizeof(out));
	MR_CHECK_STRING(mr_durable_decode(out, size, &decoded), NULL);
	MR_CHECK(memcmp(&durable, &decoded, sizeof(durable)) == 0);
}

/* Only a forced quorum makes a file of version 2: all others stay readable for version 1. */
/* What more members have heard makes the file longer; an older build refuses that one. */
MR_TEST(more_members_than_the_first_builds_had_come_back)
{
	uint8_t out[MR_STATE_SIZE];
	MrDurable durable;
	MrDurable decoded;
	size_t small;
	size_t size;

	fill(&durable);
	small = mr_durable_encode(&durable, out, sizeof(out));
	durable.peer_sequence[MR_MAX_MEMBERS - 2] = 77;
	size = mr_durable_encode(&durable, out, sizeof(out));
	MR_CHECK_INT(size - small, 8 * (MR_MAX_MEMBERS - 1 - MEMBERS));
	MR_CHECK_INT(out[MEMBERS_AT], MR_MAX_MEMBERS - 1);
	MR_CHECK_STRING(mr_durable_decode(out, size, &decoded), NULL);
	MR_CHECK(memcmp(&durable, &decoded, sizeof(durable)) == 0);
}

MR_TEST(discarded_members_come_back_in_version_2)
{
	uint8_t out[MR_STATE_SIZE];
	MrDurable durable;
	MrDurable decoded;
	size_t size;
	int i;

	fill(&durable);
	for (i = 0; i < MR_MAX_MEMBERS; i++)
		durable.discarded[i] = uuid_of((uint8_t) (0x40 + i));
	durable.ndiscarded = MR_MAX_MEMBERS;
	size = mr_durable_encode(&durable, out, sizeof(out));
	MR_REQUIRE(size > 0);
	MR_CHECK_INT(out[VERSION_AT], 2);
	MR_CHECK_STRING(mr_durable_decode(out, size, &decoded), NULL);
	MR_CHECK(memcmp(&durable, &decoded, sizeof(durable)) == 0);
	out[size - 4 - 16 * MR_MAX_MEMBERS - 1] = MR_MAX_MEMBERS + 1;
	seal(out, size);
	MR_CHECK_STRING(problem_of(out, size), "The content of the state file is not consistent.");
	out[size - 4 - 16 * MR_MAX_MEMBERS - 1] = 0;
	seal(out, size);
	MR_CHECK_STRING(problem_of(out, size), "The content of the state file is not consistent.");
	durable.ndiscarded = MR_MAX_MEMBERS + 1;
	MR_CHECK_INT(mr_durable_encode(&durable, out, sizeof(out)), 0);
}

MR_TEST(every_flipped_bit_is_noticed)
{
	uint8_t out[MR_STATE_SIZE];
	size_t size = encode_example(out);
	size_t bit;

	for (bit = 0; bit < 8 * size; bit++)
	{
		mr_unit_about("bit %zu of byte %zu", bit % 8, bit / 8);
		out[bit / 8] ^= (uint8_t) (1 << (bit % 8));
		MR_CHECK(problem_of(out, size) != NULL);
		out[bit / 8] ^= (uint8_t) (1 << (bit % 8));
	}
	MR_CHECK_STRING(problem_of(out, size), NULL);
}

MR_TEST(every_cut_is_noticed)
{
	uint8_t out[MR_STATE_SIZE];
	size_t size = encode_example(out);
	size_t cut;

	for (cut = 0; cut < size; cut++)
	{
		mr_unit_about("%zu of %zu bytes", cut, size);
		MR_CHECK(problem_of(out, cut) != NULL);
		MR_CHECK(problem_of(out + size - cut, cut) != NULL);
	}
	MR_CHECK_STRING(problem_of(out, size), NULL);
}

/* A write that was lost: the file has its length, but blocks of it are zero. */
MR_TEST(lost_blocks_are_noticed)
{
	uint8_t out[MR_STATE_SIZE];
	size_t size = encode_example(out);
	size_t from;

	for (from = 0; from < size; from++)
	{
		uint8_t damaged[MR_STATE_SIZE];

		memcpy(damaged, out, size);
		memset(damaged + from, 0, size - from);
		mr_unit_about("zero from %zu", from);
		MR_CHECK(problem_of(damaged, size) != NULL);
	}
}

MR_TEST(anything_after_its_end_is_noticed)
{
	uint8_t out[MR_STATE_SIZE];
	size_t size = encode_example(out);
	size_t more;

	for (more = 1; more < 64; more++)
	{
		memset(out + size, 0, more);
		mr_unit_about("%zu bytes more", more);
		MR_CHECK(problem_of(out, size + more) != NULL);
		seal(out, size + more);
		MR_CHECK(problem_of(out, size + more) != NULL);
		encode_example(out);
	}
}

/* Of the same format version: it may be dropped, so an older build may go on with the file. */
MR_TEST(what_a_newer_build_has_appended_is_passed_over)
{
	uint8_t out[MR_STATE_SIZE];
	size_t size = encode_example(out);
	size_t more;
	MrDurable durable;

	for (more = 1; more < 64; more++)
	{
		size_t length = size - 13 + more;

		mr_unit_about("%zu bytes more", more);
		memset(out + size - 4, 0xA5, more + 4);
		out[LENGTH_AT] = (uint8_t) length;
		out[LENGTH_AT + 1] = (uint8_t) (length >> 8);
		seal(out, size + more);
		MR_CHECK_STRING(mr_durable_decode(out, size + more, &durable), NULL);
		MR_CHECK(durable.term == UINT64_C(0x2201020304050607));
		MR_CHECK(durable.config.members[15].used);
		encode_example(out);
	}
}

MR_TEST(each_kind_of_damage_has_its_sentence)
{
	uint8_t out[MR_STATE_SIZE];
	size_t size = encode_example(out);

	MR_CHECK_STRING(problem_of(out, 0), "The state file is empty.");
	MR_CHECK_STRING(problem_of(out, 3), "The file is not a multiregion state file.");
	MR_CHECK_STRING(problem_of((const uint8_t *) "PostgreSQL", 10),
					"The file is not a multiregion state file.");
	MR_CHECK_STRING(problem_of(out, 12), "The state file is cut off.");
	MR_CHECK_STRING(problem_of(out, size - 1), "The state file is cut off.");
	out[100] ^= 1;
	MR_CHECK_STRING(problem_of(out, size), "The checksum of the state file is wrong.");
	out[100] ^= 1;
	out[VERSION_AT] = 3;
	seal(out, size);
	MR_CHECK_STRING(problem_of(out, size),
					"The state file was written by a newer version of multiregion.");
	out[VERSION_AT] = 0;
	seal(out, size);
	MR_CHECK_STRING(problem_of(out, size), "The content of the state file is not consistent.");
}

/* With a checksum that is right: whatever is read must still be possible. */
MR_TEST(a_sealed_file_with_impossible_content_is_refused)
{
	static const char wrong[] = "The content of the state file is not consistent.";
	uint8_t out[MR_STATE_SIZE];
	size_t size = encode_example(out);
	MrDurable durable;

	MR_REQUIRE(out[AMNESIAC_AT] == 1 && out[MEMBERS_AT] == MEMBERS);
	out[AMNESIAC_AT] = 2;
	seal(out, size);
	MR_CHECK_STRING(problem_of(out, size), wrong);
	out[AMNESIAC_AT] = 0;
	seal(out, size);
	MR_CHECK_STRING(problem_of(out, size), NULL);
	out[MEMBERS_AT] = MR_MAX_MEMBERS + 1;
	seal(out, size);
	MR_CHECK_STRING(problem_of(out, size), wrong);
	out[MEMBERS_AT] = MEMBERS - 1;
	seal(out, size);
	MR_CHECK_STRING(problem_of(out, size), wrong);

	fill(&durable);
	durable.config.voters = 1;
	size = mr_durable_encode(&durable, out, sizeof(out));
	MR_CHECK_STRING(problem_of(out, size), wrong);
	fill(&durable);
	durable.config.policy.durability = MR_DURABILITY_COUNT;
	size = mr_durable_encode(&durable, out, sizeof(out));
	MR_CHECK_STRING(problem_of(out, size), wrong);
}

MR_TEST(a_buffer_too_small_gives_nothing)
{
	uint8_t example[MR_STATE_SIZE];
	size_t needed = encode_example(example);
	size_t size;
	MrDurable durable;

	fill(&durable);
	for (size = 0; size <= needed; size++)
	{
		uint8_t *out = malloc(size > 0 ? size : 1);

		mr_unit_about("%zu of %zu bytes", size, needed);
		MR_CHECK_INT(mr_durable_encode(&durable, out, size), size == needed ? needed : 0);
		free(out);
	}
}

MR_TEST(the_largest_state_fits)
{
	uint8_t out[MR_STATE_SIZE];
	MrDurable durable;
	size_t size;
	int slot;

	fill(&durable);
	memset(durable.name, 'n', MR_NAME_SIZE - 1);
	memset(durable.region, 'r', MR_NAME_SIZE - 1);
	memset(durable.config.preferred_region, 'p', MR_NAME_SIZE - 1);
	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		MrMember *member = &durable.config.members[slot];

		member->used = true;
		memset(member->name, 'n', MR_NAME_SIZE - 1);
		memset(member->region, 'r', MR_NAME_SIZE - 1);
		memset(member->conninfo, 'c', MR_CONNINFO_SIZE - 1);
		memset(member->hostaddr, 'h', MR_HOSTADDR_SIZE - 1);
	}
	size = mr_durable_encode(&durable, out, sizeof(out));
	MR_REQUIRE(size > 0);
	MR_CHECK_STRING(problem_of(out, size), NULL);
}
