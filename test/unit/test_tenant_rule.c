/*
 * What may be set for a tenant (core/tenant_rule.c). Regions are 0 to 9; zone EU has 1 and 2.
 */
#include "core/mr_tenant_rule.h"
#include "unit/mr_unit.h"

#include <string.h>

#define NONE MR_NO_REGION

static const MrZone loose = {"EU", 1u << 1 | 1u << 2, false};
static const MrZone strict = {"EU", 1u << 1 | 1u << 2, true};

static MrTenantRule
rule_of(int home, bool pinned, int count, const int8_t *fallbacks)
{
	MrTenantRule rule;

	mr_tenant_rule_clear(&rule);
	rule.home = (int8_t) home;
	rule.pinned = pinned;
	for (int i = 0; i < count; i++)
		(void) mr_tenant_rule_add_fallback(&rule, fallbacks[i]);
	return rule;
}

static const struct
{
	int home;
	bool pinned;
	int count;
	int8_t fallbacks[MR_MAX_FALLBACKS];
	const MrZone *zone;
	MrRuleFault fault;
	int region;
} cases[] = {
	{NONE, false, 0, {0}, NULL, MR_RULE_FINE, NONE},
	{NONE, false, 0, {0}, &strict, MR_RULE_FINE, NONE},
	{0, true, 2, {1, 2}, NULL, MR_RULE_FINE, 2},
	{0, false, 7, {1, 2, 3, 4, 5, 6, 7}, NULL, MR_RULE_FINE, 7},
	{0, false, 2, {1, 0}, NULL, MR_RULE_HOME_TWICE, 0},
	{0, false, 3, {1, 2, 1}, NULL, MR_RULE_TWICE, 1},
	{0, false, 2, {1, 1}, &strict, MR_RULE_HOME_OUTSIDE, 0},
	{1, true, 1, {2}, &strict, MR_RULE_FINE, 2},
	{0, true, 0, {0}, &loose, MR_RULE_PIN_OUTSIDE, 0},
	{0, true, 0, {0}, &strict, MR_RULE_PIN_OUTSIDE, 0},
	{0, false, 0, {0}, &loose, MR_RULE_FINE, 0},
	{0, false, 0, {0}, &strict, MR_RULE_HOME_OUTSIDE, 0},
	{1, false, 2, {2, 3}, &loose, MR_RULE_FINE, 3},
	{1, false, 2, {2, 3}, &strict, MR_RULE_FALLBACK_OUTSIDE, 3},
};

MR_TEST(a_rule_is_checked_against_itself_and_its_zone)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		MrTenantRule rule =
			rule_of(cases[i].home, cases[i].pinned, cases[i].count, cases[i].fallbacks);
		int region = -2;

		mr_unit_about("case %zu", i);
		MR_CHECK_INT(mr_tenant_rule_check(&rule, cases[i].zone, &region), cases[i].fault);
		MR_CHECK_INT(region, cases[i].region);
	}
}

MR_TEST(a_list_of_fallbacks_ends)
{
	MrTenantRule rule = rule_of(0, false, 7, (const int8_t[]){1, 2, 3, 4, 5, 6, 7});
	int region;

	MR_CHECK(!mr_tenant_rule_add_fallback(&rule, 8));
	MR_CHECK_INT(rule.fallback_count, 7);
	rule.fallback_count = 8;
	MR_CHECK_INT(mr_tenant_rule_check(&rule, NULL, &region), MR_RULE_TOO_MANY);
}

MR_TEST(moving_keeps_what_can_be_kept)
{
	MrTenantRule rule = rule_of(0, true, 3, (const int8_t[]){1, 2, 3});
	MrTenantRule expected = rule_of(2, true, 2, (const int8_t[]){1, 3});

	mr_tenant_rule_move(&rule, 2);
	MR_CHECK(mr_tenant_rule_equal(&rule, &expected));
	mr_tenant_rule_move(&rule, NONE);
	expected = rule_of(NONE, false, 0, NULL);
	MR_CHECK(mr_tenant_rule_equal(&rule, &expected));
}

MR_TEST(rules_differ_in_each_of_their_parts)
{
	MrTenantRule rule = rule_of(0, false, 2, (const int8_t[]){1, 2});
	MrTenantRule others[] = {
		rule_of(3, false, 2, (const int8_t[]){1, 2}),
		rule_of(0, true, 2, (const int8_t[]){1, 2}),
		rule_of(0, false, 1, (const int8_t[]){1}),
		rule_of(0, false, 2, (const int8_t[]){2, 1}),
	};

	MR_CHECK(mr_tenant_rule_equal(&rule, &rule));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		MR_CHECK(!mr_tenant_rule_equal(&rule, &others[i]));
}

MR_TEST(a_zone_has_its_regions_and_no_others)
{
	MrZone all = {"ALL", UINT64_MAX, false};

	MR_CHECK(mr_zone_has(&loose, 1) && mr_zone_has(&loose, 2));
	MR_CHECK(!mr_zone_has(&loose, 0) && !mr_zone_has(&loose, NONE));
	MR_CHECK(mr_zone_has(&all, MR_MAX_REGIONS - 1) && !mr_zone_has(&all, MR_MAX_REGIONS));
	for (int fault = MR_RULE_TOO_MANY; fault <= MR_RULE_FALLBACK_OUTSIDE; fault++)
		MR_CHECK(strlen(mr_rule_fault_sentence((MrRuleFault) fault)) > 10);
}
