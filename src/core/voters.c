/*
 * Which members should have a vote; the rules are in mr_voters.h.
 *
 * Pure: no clock, no I/O. Must never answer a set without the leader, and never
 * one that a majority of healthy nodes cannot confirm. Called by the monitor of
 * the leader (monitor_configuration.c) and by unit tests.
 */
#include "core/mr_voters.h"

#include <string.h>

#define BIT(slot) (UINT32_C(1) << (slot))

/* How many members in mask belong to the region of slot. */
static int
count_of_region(const MrConfig *config, uint32_t mask, int slot)
{
	int count = 0;

	for (int i = 0; i < MR_MAX_MEMBERS; i++)
	{
		if ((mask & BIT(i)) != 0 &&
			strcmp(config->members[i].region, config->members[slot].region) == 0)
			count++;
	}
	return count;
}

/* How many regions the members in mask belong to. */
static int
count_regions(const MrConfig *config, uint32_t mask)
{
	uint32_t seen = 0;
	int count = 0;

	for (int i = 0; i < MR_MAX_MEMBERS; i++)
	{
		if ((mask & BIT(i)) == 0)
			continue;
		if (count_of_region(config, seen, i) == 0)
			count++;
		seen |= BIT(i);
	}
	return count;
}

/* Rule 2: everybody who may vote. */
static uint32_t
who_may_vote(const MrConfig *config, int leader, uint32_t healthy, uint32_t leaving)
{
	uint32_t mask = 0;

	for (int i = 0; i < MR_MAX_MEMBERS; i++)
	{
		const MrMember *member = &config->members[i];

		if (!member->used || !mr_uuid_is_set(&member->uuid) || (leaving & BIT(i)) != 0)
			continue;
		if (i == leader || ((config->voters | healthy) & BIT(i)) != 0)
			mask |= BIT(i);
	}
	return mask;
}

/* Rule 3: how many votes there should be. */
static int
how_many(int nodes, int regions)
{
	int count = (regions % 2 == 1) ? regions : regions - 1;

	if (nodes < 3)
		return 1;
	return (count < 3) ? 3 : count;
}

/* Rule 4: whether a goes before b when the next vote is given. */
static bool
goes_before(const MrConfig *config, uint32_t healthy, uint32_t chosen, bool healthy_first, int a,
			int b)
{
	const MrMember *member_a = &config->members[a];
	const MrMember *member_b = &config->members[b];
	int region_a = count_of_region(config, chosen, a);
	int region_b = count_of_region(config, chosen, b);
	bool voter_a = (config->voters & BIT(a)) != 0;
	bool voter_b = (config->voters & BIT(b)) != 0;
	bool healthy_a = (healthy & BIT(a)) != 0;
	bool healthy_b = (healthy & BIT(b)) != 0;
	bool promotable_a = !member_a->no_promote && !member_a->witness;
	bool promotable_b = !member_b->no_promote && !member_b->witness;

	if (healthy_first && healthy_a != healthy_b)
		return healthy_a;
	if (region_a != region_b)
		return region_a < region_b;
	if (voter_a != voter_b)
		return voter_a;
	if (healthy_a != healthy_b)
		return healthy_a;
	if (promotable_a != promotable_b)
		return promotable_a;
	if (member_a->priority != member_b->priority)
		return member_a->priority < member_b->priority;
	return a < b;
}

/* Gives `count` votes to members of mask, the leader first. */
static uint32_t
give_votes(const MrConfig *config, int leader, uint32_t healthy, uint32_t mask, int count,
		   bool healthy_first)
{
	uint32_t chosen = BIT(leader);

	while (mr_slots_count(chosen) < count)
	{
		int best = MR_NO_SLOT;

		for (int i = 0; i < MR_MAX_MEMBERS; i++)
		{
			if ((mask & ~chosen & BIT(i)) == 0)
				continue;
			if (best == MR_NO_SLOT || goes_before(config, healthy, chosen, healthy_first, i, best))
				best = i;
		}
		if (best == MR_NO_SLOT)
			break;
		chosen |= BIT(best);
	}
	return chosen;
}

/* Rule 5. */
static bool
has_healthy_majority(uint32_t voters, uint32_t healthy)
{
	return 2 * mr_slots_count(voters & healthy) > mr_slots_count(voters);
}

uint32_t
mr_voters_choose(const MrConfig *config, int leader, uint32_t healthy, uint32_t leaving)
{
	uint32_t mask;
	uint32_t chosen;
	int count;

	if (leader < 0 || leader >= MR_MAX_MEMBERS || !config->members[leader].used ||
		config->voters_old != 0)
		return config->voters;

	healthy |= BIT(leader);
	mask = who_may_vote(config, leader, healthy, leaving) | BIT(leader);

	for (count = how_many(mr_slots_count(mask), count_regions(config, mask));; count -= 2)
	{
		chosen = give_votes(config, leader, healthy, mask, count, false);
		if (chosen == config->voters || has_healthy_majority(chosen, healthy))
			return chosen;
		if ((config->voters & ~mask) == 0)
			return config->voters;
		chosen = give_votes(config, leader, healthy, mask, count, true);
		if (has_healthy_majority(chosen, healthy))
			return chosen;
	}
}
