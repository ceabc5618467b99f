/*
 * The configuration of a cluster: lookups, majorities, validity. See mr_topology.h.
 *
 * Pure. Never decides who should be a member, only what a given configuration
 * says. Called by the lease core, the codecs, and whoever edits a configuration.
 */
#include "core/mr_topology.h"

#include <string.h>

#include "core/mr_slice.h"

bool
mr_slots_have(uint32_t mask, int slot)
{
	return (mask & (UINT32_C(1) << slot)) != 0;
}

int
mr_slots_count(uint32_t mask)
{
	int count = 0;

	for (; mask != 0; mask &= mask - 1)
		count++;
	return count;
}

void
mr_config_init(MrConfig *config)
{
	memset(config, 0, sizeof(*config));
#define SET_DEFAULT(name, field, def, min, max, unit, what) config->policy.field = (def);
	MR_POLICY_LIST(SET_DEFAULT)
#undef SET_DEFAULT
}

bool
mr_uuid_is_set(const MrUuid *uuid)
{
	static const MrUuid none;

	return !mr_uuid_equal(uuid, &none);
}

bool
mr_uuid_equal(const MrUuid *a, const MrUuid *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

void
mr_uuid_format(const MrUuid *uuid, char out[33])
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < sizeof(uuid->bytes); i++)
	{
		out[2 * i] = digits[uuid->bytes[i] >> 4];
		out[2 * i + 1] = digits[uuid->bytes[i] & 15];
	}
	out[32] = '\0';
}

bool
mr_uuid_parse(const char *text, MrUuid *uuid)
{
	MrUuid parsed;
	size_t digits = 0;

	memset(&parsed, 0, sizeof(parsed));
	for (; *text != '\0'; text++)
	{
		int value = mr_hex_digit(*text);

		if (*text == '-')
			continue;
		if (value < 0 || digits == 2 * sizeof(parsed.bytes))
			return false;
		parsed.bytes[digits / 2] = (uint8_t) (parsed.bytes[digits / 2] << 4 | value);
		digits++;
	}
	if (digits != 2 * sizeof(parsed.bytes))
		return false;
	*uuid = parsed;
	return true;
}

int
mr_config_slot_of(const MrConfig *config, const MrUuid *uuid)
{
	int slot;

	if (!mr_uuid_is_set(uuid))
		return MR_NO_SLOT;
	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		if (config->members[slot].used && mr_uuid_equal(&config->members[slot].uuid, uuid))
			return slot;
	}
	return MR_NO_SLOT;
}

int
mr_config_slot_of_name(const MrConfig *config, const char *name)
{
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		if (config->members[slot].used && strcmp(config->members[slot].name, name) == 0)
			return slot;
	}
	return MR_NO_SLOT;
}

int
mr_config_compare(uint64_t a_term, uint64_t a_version, uint64_t b_term, uint64_t b_version)
{
	if (a_term != b_term)
		return a_term < b_term ? -1 : 1;
	if (a_version != b_version)
		return a_version < b_version ? -1 : 1;
	return 0;
}

bool
mr_config_is_voter(const MrConfig *config, int slot)
{
	return slot >= 0 && slot < MR_MAX_MEMBERS &&
		   mr_slots_have(config->voters | config->voters_old, slot);
}

int
mr_config_count_voters(const MrConfig *config)
{
	return mr_slots_count(config->voters);
}

int
mr_config_count_members(const MrConfig *config)
{
	int count = 0;
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
		count += config->members[slot].used ? 1 : 0;
	return count;
}

static bool
is_majority(uint32_t voters, uint32_t mask)
{
	return mr_slots_count(voters & mask) > mr_slots_count(voters) / 2;
}

bool
mr_config_has_majority(const MrConfig *config, uint32_t mask)
{
	return is_majority(config->voters, mask) &&
		   (config->voters_old == 0 || is_majority(config->voters_old, mask));
}

/* The latest instant that a majority of voters has granted or passed; 0 if there is none. */
static int64_t
majority_time(uint32_t voters, const int64_t *grants)
{
	int64_t best = 0;
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		uint32_t reached = 0;
		int other;

		if (!mr_slots_have(voters, slot) || grants[slot] <= best)
			continue;
		for (other = 0; other < MR_MAX_MEMBERS; other++)
		{
			if (grants[other] >= grants[slot])
				reached |= UINT32_C(1) << other;
		}
		if (is_majority(voters, reached))
			best = grants[slot];
	}
	return best;
}

int64_t
mr_config_majority_time(const MrConfig *config, const int64_t *grants)
{
	int64_t time = majority_time(config->voters, grants);
	int64_t time_old;

	if (config->voters_old == 0)
		return time;
	time_old = majority_time(config->voters_old, grants);
	return time < time_old ? time : time_old;
}

bool
mr_config_binds(const MrConfig *config)
{
	return config->policy.mode == MR_MODE_MANAGE || config->leaving;
}

bool
mr_config_elects(const MrConfig *config)
{
	return config->policy.mode == MR_MODE_MANAGE;
}

static bool
in_range(int64_t value, int64_t min, int64_t max)
{
	return value >= min && value <= max;
}

static const char *
policy_problem(const MrPolicy *policy)
{
#define CHECK_RANGE(name, field, def, min, max, unit, what) \
	if (!in_range(policy->field, (min), (max))) \
		return "The policy " name " is outside its range.";
	MR_POLICY_LIST(CHECK_RANGE)
#undef CHECK_RANGE
	if (policy->heartbeat_ms > policy->lease_ms / 3)
		return "The policy heartbeat is more than a third of the lease.";
	return NULL;
}

static const char *
member_problem(const MrConfig *config, int slot)
{
	const MrMember *member = &config->members[slot];
	int other;

	if (member->name[0] == '\0')
		return "A node has no name.";
	if (mr_config_is_voter(config, slot) && !mr_uuid_is_set(&member->uuid))
		return "A voter has not joined yet: it has no uuid.";
	for (other = slot + 1; other < MR_MAX_MEMBERS; other++)
	{
		if (!config->members[other].used)
			continue;
		if (strcmp(config->members[other].name, member->name) == 0)
			return "Two nodes have the same name.";
		if (mr_uuid_is_set(&member->uuid) &&
			mr_uuid_equal(&config->members[other].uuid, &member->uuid))
			return "Two nodes have the same uuid.";
	}
	return NULL;
}

const char *
mr_config_problem(const MrConfig *config)
{
	const char *problem = NULL;
	uint32_t used = 0;
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS && problem == NULL; slot++)
	{
		if (!config->members[slot].used)
			continue;
		used |= UINT32_C(1) << slot;
		problem = member_problem(config, slot);
	}
	if (problem != NULL)
		return problem;
	if (config->voters == 0)
		return "The configuration has no voter.";
	if (((config->voters | config->voters_old) & ~used) != 0)
		return "A voter is not a member.";
	return policy_problem(&config->policy);
}
