/*
 * Configurations: identities, lookups, majorities (all of them against a second,
 * dumber count), and each reason why one cannot be used.
 */
#include "core/mr_topology.h"
#include "unit/mr_unit.h"

#include <string.h>

static MrUuid
uuid_of(uint8_t number)
{
	MrUuid uuid;

	memset(&uuid, 0, sizeof(uuid));
	uuid.bytes[15] = number;
	return uuid;
}

/* Members in slots 0, 3 and 15, all voters. */
static MrConfig
good_config(void)
{
	static const int slots[] = {0, 3, 15};
	static const char *const names[] = {"us-a", "eu-a", "ap-a"};
	MrConfig config;
	int i;

	mr_config_init(&config);
	config.cluster = uuid_of(99);
	for (i = 0; i < 3; i++)
	{
		MrMember *member = &config.members[slots[i]];

		member->used = true;
		member->uuid = uuid_of((uint8_t) (i + 1));
		memcpy(member->name, names[i], strlen(names[i]) + 1);
		config.voters |= UINT32_C(1) << slots[i];
	}
	return config;
}

MR_TEST(uuids_are_written_and_read)
{
	MrUuid uuid = {{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0, 0x11, 0x22, 0x33, 0x44, 0x55,
					0x66, 0xff}};
	MrUuid parsed;
	char text[33];

	mr_uuid_format(&uuid, text);
	MR_CHECK_STRING(text, "0123456789abcdef00112233445566ff");
	MR_CHECK(mr_uuid_parse(text, &parsed) && mr_uuid_equal(&uuid, &parsed));
	MR_CHECK(mr_uuid_parse("01234567-89AB-CDEF-0011-2233445566FF", &parsed));
	MR_CHECK(mr_uuid_equal(&uuid, &parsed));
	MR_CHECK(mr_uuid_parse("-0-123456789abcdef00112233445566ff-", &parsed));
	MR_CHECK(mr_uuid_equal(&uuid, &parsed));
}

MR_TEST(what_is_no_uuid_is_refused_and_changes_nothing)
{
	static const char *const bad[] = {
		"",
		"-",
		"0123456789abcdef00112233445566f",
		"0123456789abcdef00112233445566ff0",
		"0123456789abcdef00112233445566fg",
		" 123456789abcdef00112233445566ff",
		"0123456789abcdef00112233445566ff ",
		"{0123456789abcdef00112233445566ff}",
		"0x123456789abcdef00112233445566ff",
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		MrUuid uuid = uuid_of(7);
		MrUuid before = uuid;

		mr_unit_about("\"%s\"", bad[i]);
		MR_CHECK(!mr_uuid_parse(bad[i], &uuid));
		MR_CHECK(mr_uuid_equal(&uuid, &before));
	}
}

MR_TEST(a_uuid_is_set_if_any_byte_is)
{
	MrUuid uuid;
	MrUuid other;
	int i;

	memset(&uuid, 0, sizeof(uuid));
	MR_CHECK(!mr_uuid_is_set(&uuid));
	for (i = 0; i < 16; i++)
	{
		memset(&other, 0, sizeof(other));
		other.bytes[i] = 0x80;
		MR_CHECK(mr_uuid_is_set(&other));
		MR_CHECK(!mr_uuid_equal(&uuid, &other));
	}
}

MR_TEST(a_fresh_configuration_has_the_default_policy_and_nothing_else)
{
	MrConfig config;
	int slot;

	memset(&config, 0xEE, sizeof(config));
	mr_config_init(&config);
#define CHECK_DEFAULT(name, field, def, min, max, unit, what) \
	mr_unit_about(name); \
	MR_CHECK_INT(config.policy.field, (def)); \
	MR_CHECK((int64_t) (def) >= (min) && (int64_t) (def) <= (max));
	MR_POLICY_LIST(CHECK_DEFAULT)
#undef CHECK_DEFAULT
	MR_CHECK_INT(config.voters | config.voters_old, 0);
	MR_CHECK(!mr_uuid_is_set(&config.cluster));
	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
		MR_CHECK(!config.members[slot].used);
}

MR_TEST(members_are_found_by_uuid_and_name)
{
	MrConfig config = good_config();
	MrUuid uuid = uuid_of(3);
	MrUuid none = uuid_of(0);
	MrUuid stranger = uuid_of(77);

	MR_CHECK_INT(mr_config_slot_of(&config, &uuid), 15);
	MR_CHECK_INT(mr_config_slot_of_name(&config, "eu-a"), 3);
	MR_CHECK_INT(mr_config_slot_of_name(&config, "EU-A"), MR_NO_SLOT);
	MR_CHECK_INT(mr_config_slot_of_name(&config, ""), MR_NO_SLOT);
	MR_CHECK_INT(mr_config_slot_of(&config, &stranger), MR_NO_SLOT);

	/* "None" names nobody, not even a member that has no uuid yet. */
	config.members[3].uuid = none;
	MR_CHECK_INT(mr_config_slot_of(&config, &none), MR_NO_SLOT);

	/* What is left in a slot that is free again is no member. */
	config.members[15].used = false;
	MR_CHECK_INT(mr_config_slot_of(&config, &uuid), MR_NO_SLOT);
	MR_CHECK_INT(mr_config_slot_of_name(&config, "ap-a"), MR_NO_SLOT);
}

MR_TEST(configurations_are_ordered_by_term_then_version)
{
	MR_CHECK(mr_config_compare(1, 9, 2, 1) < 0);
	MR_CHECK(mr_config_compare(2, 1, 1, 9) > 0);
	MR_CHECK(mr_config_compare(2, 1, 2, 2) < 0);
	MR_CHECK(mr_config_compare(2, 2, 2, 1) > 0);
	MR_CHECK(mr_config_compare(2, 2, 2, 2) == 0);
	/* A difference would not fit an int, nor a signed number. */
	MR_CHECK(mr_config_compare(UINT64_MAX, 0, 0, 0) > 0);
	MR_CHECK(mr_config_compare(0, 0, 0, UINT64_MAX) < 0);
}

MR_TEST(a_voter_of_either_set_is_a_voter)
{
	MrConfig config = good_config();
	int slot;

	config.voters = UINT32_C(0x8001);
	config.voters_old = UINT32_C(0x0009);
	for (slot = -2; slot < MR_MAX_MEMBERS + 2; slot++)
	{
		mr_unit_about("slot %d", slot);
		MR_CHECK(mr_config_is_voter(&config, slot) == (slot == 0 || slot == 3 || slot == 15));
	}
	MR_CHECK(!mr_config_is_voter(&config, 32));
	MR_CHECK(!mr_config_is_voter(&config, INT32_MAX));
}

/* The five slots of the exhaustive tests lie at the end, where a shift would go wrong. */
static uint32_t
spread(uint32_t five)
{
	return five << (MR_MAX_MEMBERS - 5);
}

static bool
counts_majority(uint32_t voters, uint32_t mask)
{
	int all = 0;
	int have = 0;
	int bit;

	for (bit = 0; bit < 32; bit++)
	{
		all += (voters >> bit) & 1;
		have += (voters >> bit) & (mask >> bit) & 1;
	}
	return 2 * have > all;
}

MR_TEST(majorities_of_all_sets_of_five)
{
	MrConfig config;
	uint32_t voters;
	uint32_t old;
	uint32_t mask;

	mr_config_init(&config);
	for (voters = 0; voters < 32; voters++)
		for (old = 0; old < 32; old++)
			for (mask = 0; mask < 32; mask++)
			{
				bool expected =
					counts_majority(voters, mask) && (old == 0 || counts_majority(old, mask));

				config.voters = spread(voters);
				config.voters_old = spread(old);
				mr_unit_about("voters %x old %x mask %x", voters, old, mask);
				/* Slots of strangers never count. */
				MR_CHECK(mr_config_has_majority(&config, spread(mask) | 0x7F) == expected);
			}
}

MR_TEST(nobody_is_no_majority)
{
	MrConfig config;

	mr_config_init(&config);
	MR_CHECK(!mr_config_has_majority(&config, 0));
	MR_CHECK(!mr_config_has_majority(&config, UINT32_MAX));
	/* Half is not a majority. */
	config.voters = 0xF;
	MR_CHECK(!mr_config_has_majority(&config, 0x3));
	MR_CHECK(mr_config_has_majority(&config, 0x7));
	/* All of the new set alone do not decide while joint. */
	config.voters = 0x7;
	config.voters_old = 0x38;
	MR_CHECK(!mr_config_has_majority(&config, 0x7));
	MR_CHECK(mr_config_has_majority(&config, 0x1B));
}

/* The latest of the times at which a majority (both while joint) has a grant that long. */
static int64_t
slow_majority_time(const MrConfig *config, const int64_t *grants, int64_t last)
{
	int64_t time;

	for (time = last; time > 0; time--)
	{
		uint32_t mask = 0;
		int slot;

		for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
			mask |= grants[slot] >= time ? UINT32_C(1) << slot : 0;
		if (mr_config_has_majority(config, mask))
			return time;
	}
	return 0;
}

MR_TEST(majority_times_of_all_grants_of_five)
{
	MrConfig config;
	int64_t grants[MR_MAX_MEMBERS];
	uint32_t voters;
	uint32_t old;
	int code;

	mr_config_init(&config);
	for (code = 0; code < 4 * 4 * 4 * 4 * 4; code++)
	{
		memset(grants, 0, sizeof(grants));
		/* Grants of strangers never count. */
		grants[0] = 9;
		grants[1] = 9;
		grants[2] = 9;
		grants[11] = code & 3;
		grants[12] = (code >> 2) & 3;
		grants[13] = (code >> 4) & 3;
		grants[14] = (code >> 6) & 3;
		grants[15] = (code >> 8) & 3;
		for (voters = 0; voters < 32; voters++)
			for (old = 0; old < 32; old += voters % 5 + 1)
			{
				config.voters = spread(voters);
				config.voters_old = spread(old);
				mr_unit_about("voters %x old %x grants %x", voters, old, (unsigned) code);
				MR_CHECK_INT(mr_config_majority_time(&config, grants),
							 slow_majority_time(&config, grants, 9));
			}
	}
}

MR_TEST(a_single_voter_is_its_own_majority)
{
	MrConfig config;
	int64_t grants[MR_MAX_MEMBERS] = {0};

	mr_config_init(&config);
	config.voters = 0x8000;
	MR_CHECK_INT(mr_config_majority_time(&config, grants), 0);
	grants[15] = INT64_MAX;
	MR_CHECK_INT(mr_config_majority_time(&config, grants), INT64_MAX);
	/* A grant before the beginning of time is none. */
	grants[15] = -5;
	MR_CHECK_INT(mr_config_majority_time(&config, grants), 0);
}

MR_TEST(good_configurations_have_no_problem)
{
	MrConfig config = good_config();

	MR_CHECK_STRING(mr_config_problem(&config), NULL);
	config.voters_old = 1;
	MR_CHECK_STRING(mr_config_problem(&config), NULL);
	/* A member that has not joined yet, without a vote. */
	config.members[7].used = true;
	memcpy(config.members[7].name, "new", 4);
	MR_CHECK_STRING(mr_config_problem(&config), NULL);
	/* Two of them: having no uuid is not having the same. */
	config.members[8].used = true;
	memcpy(config.members[8].name, "newer", 6);
	MR_CHECK_STRING(mr_config_problem(&config), NULL);
	/* The shortest lease, and the longest heartbeat for it. */
	config.policy.lease_ms = 200;
	config.policy.heartbeat_ms = 66;
	MR_CHECK_STRING(mr_config_problem(&config), NULL);
}

MR_TEST(each_problem_has_its_sentence)
{
	MrConfig config = good_config();

	config.voters = 0;
	MR_CHECK_STRING(mr_config_problem(&config), "The configuration has no voter.");

	config = good_config();
	config.voters |= 2;
	MR_CHECK_STRING(mr_config_problem(&config), "A voter is not a member.");
	config = good_config();
	config.voters_old = UINT32_C(1) << 16;
	MR_CHECK_STRING(mr_config_problem(&config), "A voter is not a member.");

	config = good_config();
	config.members[15].uuid = uuid_of(0);
	MR_CHECK_STRING(mr_config_problem(&config), "A voter has not joined yet: it has no uuid.");
	config.voters = 1;
	MR_CHECK_STRING(mr_config_problem(&config), NULL);
	config.voters_old = 0x8000;
	MR_CHECK_STRING(mr_config_problem(&config), "A voter has not joined yet: it has no uuid.");

	config = good_config();
	memcpy(config.members[15].name, "us-a", 5);
	MR_CHECK_STRING(mr_config_problem(&config), "Two nodes have the same name.");

	config = good_config();
	config.members[15].uuid = uuid_of(2);
	MR_CHECK_STRING(mr_config_problem(&config), "Two nodes have the same uuid.");

	config = good_config();
	config.members[3].name[0] = '\0';
	MR_CHECK_STRING(mr_config_problem(&config), "A node has no name.");

	config = good_config();
	config.policy.heartbeat_ms = config.policy.lease_ms / 3 + 1;
	MR_CHECK_STRING(mr_config_problem(&config),
					"The policy heartbeat is more than a third of the lease.");
}

/* Changes one value and looks for the sentence; unsigned, because min - 1 may wrap. */
static void
check_policy(const char *name, int64_t *field, const MrConfig *config, int64_t value, bool good)
{
	const char *problem;

	*field = value;
	mr_unit_about("%s = %lld", name, (long long) value);
	problem = mr_config_problem(config);
	if (good)
		MR_CHECK(problem == NULL || strstr(problem, "a third of the lease") != NULL);
	else if (MR_CHECK(problem != NULL))
	{
		MR_CHECK(strstr(problem, name) != NULL);
		MR_CHECK(strstr(problem, "outside its range") != NULL);
	}
}

MR_TEST(every_policy_has_its_range)
{
	MrConfig config = good_config();

#define CHECK_RANGE(name, field, def, min, max, unit, what) \
	config = good_config(); \
	check_policy(name, &config.policy.field, &config, (min), true); \
	check_policy(name, &config.policy.field, &config, (max), true); \
	check_policy(name, &config.policy.field, &config, (int64_t) (min) -1, false); \
	check_policy(name, &config.policy.field, &config, INT64_MIN, false); \
	if ((int64_t) (max) < INT64_MAX) \
		check_policy(name, &config.policy.field, &config, INT64_MAX, false);
	MR_POLICY_LIST(CHECK_RANGE)
#undef CHECK_RANGE
}
