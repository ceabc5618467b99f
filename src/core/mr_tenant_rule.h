/*
 * What may be set for a tenant, and what its residency zone allows.
 *
 * Regions are numbers in one version of MrRouteRegions; a zone is a set of bits.
 */
#ifndef MR_TENANT_RULE_H
#define MR_TENANT_RULE_H

#include "core/mr_route.h"

/* What can be wrong with a rule: X(symbol, sentence). */
#define MR_RULE_FAULT_LIST(X) \
	X(MR_RULE_FINE, "") \
	X(MR_RULE_TOO_MANY, "A tenant has at most 7 fallbacks.") \
	X(MR_RULE_TWICE, "A region stands twice in the list of fallbacks.") \
	X(MR_RULE_HOME_TWICE, "The preferred region itself is no fallback.") \
	X(MR_RULE_PIN_OUTSIDE, "A tenant can only be pinned to a region of its zone.") \
	X(MR_RULE_HOME_OUTSIDE, "The zone is strict: its tenants prefer regions of the zone only.") \
	X(MR_RULE_FALLBACK_OUTSIDE, "The zone is strict: its tenants fall back within the zone only.")

typedef enum MrRuleFault
{
#define MR_RULE_FAULT_ENUM(symbol, sentence) symbol,
	MR_RULE_FAULT_LIST(MR_RULE_FAULT_ENUM)
#undef MR_RULE_FAULT_ENUM
} MrRuleFault;

typedef struct MrZone
{
	char name[MR_NAME_SIZE];
	uint64_t regions; /* a bit per region */
	bool strict;
} MrZone;

/* Nothing set: home MR_NO_REGION. */
extern void mr_tenant_rule_clear(MrTenantRule *rule);

/* Another home, nothing else: mode and fallbacks stay, as far as they do not name it. */
extern void mr_tenant_rule_move(MrTenantRule *rule, int home);

/* Appends a fallback; false when the list is full. */
extern bool mr_tenant_rule_add_fallback(MrTenantRule *rule, int region);

/* Whether both say the same. */
extern bool mr_tenant_rule_equal(const MrTenantRule *a, const MrTenantRule *b);

/* Whether the zone has the region. */
extern bool mr_zone_has(const MrZone *zone, int region);

/* The first thing that is wrong, and in *region the region it is about. zone NULL: in none. */
extern MrRuleFault mr_tenant_rule_check(const MrTenantRule *rule, const MrZone *zone, int *region);

/* What is wrong, for a user. */
extern const char *mr_rule_fault_sentence(MrRuleFault fault);

#endif /* MR_TENANT_RULE_H */
