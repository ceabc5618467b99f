/*
 * Rules of tenants and their zones; see mr_tenant_rule.h. Called by the SQL functions that
 * set them, whatever way a tenant comes: one by one, by import, from an application's table.
 */
#include "core/mr_tenant_rule.h"

#include <string.h>

void
mr_tenant_rule_clear(MrTenantRule *rule)
{
	memset(rule, 0, sizeof(*rule));
	rule->home = MR_NO_REGION;
}

bool
mr_tenant_rule_add_fallback(MrTenantRule *rule, int region)
{
	if (rule->fallback_count >= MR_MAX_FALLBACKS)
		return false;
	rule->fallbacks[rule->fallback_count++] = (int8_t) region;
	return true;
}

void
mr_tenant_rule_move(MrTenantRule *rule, int home)
{
	MrTenantRule old = *rule;

	mr_tenant_rule_clear(rule);
	rule->home = (int8_t) home;
	if (home == MR_NO_REGION)
		return;
	rule->pinned = old.pinned;
	for (int i = 0; i < old.fallback_count; i++)
		if (old.fallbacks[i] != home)
			(void) mr_tenant_rule_add_fallback(rule, old.fallbacks[i]);
}

bool
mr_tenant_rule_equal(const MrTenantRule *a, const MrTenantRule *b)
{
	return a->home == b->home && a->pinned == b->pinned && a->fallback_count == b->fallback_count &&
		   memcmp(a->fallbacks, b->fallbacks, a->fallback_count) == 0;
}

bool
mr_zone_has(const MrZone *zone, int region)
{
	return region >= 0 && region < MR_MAX_REGIONS && (zone->regions >> region & 1) != 0;
}

/* Whether fallback number at stands earlier in the list, too. */
static bool
is_repeated(const MrTenantRule *rule, int at)
{
	for (int i = 0; i < at; i++)
		if (rule->fallbacks[i] == rule->fallbacks[at])
			return true;
	return false;
}

static MrRuleFault
check_fallbacks(const MrTenantRule *rule, const MrZone *zone, int *region)
{
	for (int i = 0; i < rule->fallback_count; i++)
	{
		*region = rule->fallbacks[i];
		if (*region == rule->home)
			return MR_RULE_HOME_TWICE;
		if (is_repeated(rule, i))
			return MR_RULE_TWICE;
		if (zone != NULL && zone->strict && !mr_zone_has(zone, *region))
			return MR_RULE_FALLBACK_OUTSIDE;
	}
	return MR_RULE_FINE;
}

MrRuleFault
mr_tenant_rule_check(const MrTenantRule *rule, const MrZone *zone, int *region)
{
	*region = rule->home;
	if (rule->fallback_count > MR_MAX_FALLBACKS)
		return MR_RULE_TOO_MANY;
	if (zone != NULL && rule->home != MR_NO_REGION && !mr_zone_has(zone, rule->home))
	{
		if (rule->pinned)
			return MR_RULE_PIN_OUTSIDE;
		if (zone->strict)
			return MR_RULE_HOME_OUTSIDE;
	}
	return check_fallbacks(rule, zone, region);
}

const char *
mr_rule_fault_sentence(MrRuleFault fault)
{
	static const char *const sentences[] = {
#define MR_RULE_FAULT_SENTENCE(symbol, sentence) sentence,
		MR_RULE_FAULT_LIST(MR_RULE_FAULT_SENTENCE)
#undef MR_RULE_FAULT_SENTENCE
	};

	return sentences[fault];
}
