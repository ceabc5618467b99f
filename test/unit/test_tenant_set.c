/*
 * Sets of the cache of tenants (core/tenant_set.c): who is found, who makes room, and what
 * a stamp is good for.
 */
#include "core/mr_tenant_set.h"
#include "unit/mr_unit.h"

#include <stdio.h>
#include <string.h>

static const MrTenantStamp now = {7, 3, 5, 16384};

static MrTenantId
id_of(const char *text, uint16_t tag)
{
	MrTenantId id = {text, strlen(text), tag};

	return id;
}

static bool
put(MrTenantSet *set, const char *text, uint16_t tag, int8_t home)
{
	MrTenantId id = id_of(text, tag);
	MrTenantRule rule = {.home = home};

	return mr_tenant_set_put(set, &now, &id, &rule);
}

/* The home of a tenant as the set has it; -9 if it has none. */
static int
home_of(const MrTenantSet *set, const char *text, uint16_t tag)
{
	MrTenantId id = id_of(text, tag);
	int slot = mr_tenant_set_find(set, &now, &id);

	return slot < 0 ? -9 : set->slots[slot].rule.home;
}

static void
fill(MrTenantSet *set)
{
	char text[8];

	memset(set, 0, sizeof(*set));
	for (int i = 0; i < MR_TENANT_SET_SLOTS; i++)
	{
		snprintf(text, sizeof(text), "t%d", i);
		put(set, text, (uint16_t) (100 + i), (int8_t) i);
	}
}

MR_TEST(an_id_is_found_whole)
{
	MrTenantSet set = {0};
	char longest[MR_TENANT_SLOT_ID + 1] = {0};

	memset(longest, 'x', MR_TENANT_SLOT_ID);
	MR_CHECK(!put(&set, "acme", 4, 1));
	MR_CHECK(!put(&set, "acne", 4, 2)); /* of the same tag */
	MR_CHECK(!put(&set, "acm", 4, 3));
	MR_CHECK(!put(&set, longest, 4, 5));
	MR_CHECK_INT(home_of(&set, "acme", 4), 1);
	MR_CHECK_INT(home_of(&set, "acne", 4), 2);
	MR_CHECK_INT(home_of(&set, "acm", 4), 3);
	MR_CHECK_INT(home_of(&set, longest, 4), 5);
	MR_CHECK_INT(home_of(&set, "ac", 4), -9);
	MR_CHECK_INT(home_of(&set, "", 4), -9);
	MR_CHECK_INT(home_of(&set, "acme", 5), -9);
	MR_CHECK_INT(mr_tenant_set_count(&set), 4);
}

MR_TEST(a_tag_of_0_is_no_free_slot)
{
	MrTenantSet set = {0};

	put(&set, "zero", 0, 6);
	MR_CHECK_INT(home_of(&set, "zero", 0), 6);
	MR_CHECK_INT(mr_tenant_set_count(&set), 1);
	MR_CHECK_INT(home_of(&set, "", 0), -9);
}

MR_TEST(a_tenant_has_one_slot)
{
	MrTenantSet set = {0};

	put(&set, "acme", 4, 1);
	MR_CHECK(!put(&set, "acme", 4, 2));
	MR_CHECK_INT(home_of(&set, "acme", 4), 2);
	MR_CHECK_INT(mr_tenant_set_count(&set), 1);
}

MR_TEST(another_stamp_holds_nothing)
{
	static const MrTenantStamp others[] = {
		{8, 3, 5, 16384}, {7, 4, 5, 16384}, {7, 3, 6, 16384}, {7, 3, 5, 16385}};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
	{
		MrTenantSet set;
		MrTenantId id = id_of("t1", 101);
		MrTenantId other = id_of("t2", 102);
		MrTenantRule rule = {.home = 20};

		fill(&set);
		mr_unit_about("stamp %zu", i);
		MR_CHECK_INT(mr_tenant_set_find(&set, &others[i], &id), -1);
		MR_CHECK(!mr_tenant_set_put(&set, &others[i], &id, &rule));
		MR_CHECK(mr_tenant_set_find(&set, &others[i], &id) >= 0);
		MR_CHECK_INT(mr_tenant_set_find(&set, &others[i], &other), -1);
		MR_CHECK_INT(mr_tenant_set_count(&set), 1);
		MR_CHECK_INT(home_of(&set, "t1", 101), -9);
	}
}

MR_TEST(who_was_not_found_makes_room)
{
	MrTenantSet set;

	fill(&set);
	set.recent = 0x7fff & ~(1u << 9);
	MR_CHECK(put(&set, "new", 1, 30));
	MR_CHECK_INT(home_of(&set, "t9", 109), -9);
	MR_CHECK_INT(home_of(&set, "new", 1), 30);
	MR_CHECK_INT(mr_tenant_set_count(&set), MR_TENANT_SET_SLOTS);
	/* The hand has gone by 0 to 8: they have lost their mark, 10 to 14 have not. */
	MR_CHECK_INT(set.recent, 0x7c00);
	MR_CHECK(put(&set, "newer", 2, 31));
	MR_CHECK_INT(home_of(&set, "t0", 100), -9);
	MR_CHECK_INT(home_of(&set, "t10", 110), 10);
	MR_CHECK_INT(home_of(&set, "new", 1), 30);
}

MR_TEST(when_all_are_recent_one_goes_nevertheless)
{
	MrTenantSet set;

	fill(&set);
	set.hand = 4;
	set.recent = 0x7fff;
	MR_CHECK(put(&set, "new", 1, 30));
	MR_CHECK_INT(home_of(&set, "t4", 104), -9);
	MR_CHECK_INT(set.recent, 0);
	MR_CHECK_INT(mr_tenant_set_count(&set), MR_TENANT_SET_SLOTS);
}

MR_TEST(a_scan_drives_out_nobody_who_is_asked_for)
{
	MrTenantSet set;
	char text[16];

	fill(&set);
	for (int i = 0; i < 1000; i++)
	{
		set.recent |= 1u << 3; /* found again and again */
		snprintf(text, sizeof(text), "scan%d", i);
		put(&set, text, (uint16_t) (i + 1000), 1);
	}
	MR_CHECK_INT(home_of(&set, "t3", 103), 3);
}
