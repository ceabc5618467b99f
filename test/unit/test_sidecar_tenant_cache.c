/*
 * The last answers about tenants: found again, replaced, and dropped in the order in
 * which they were used.
 */
#include "sidecar/mr_tenant_cache.h"
#include "unit/mr_unit.h"

#include <stdio.h>

#include "sidecar/tenant_cache.c"

static MrTenantAnswer
answer(int64_t version)
{
	MrTenantAnswer made = {.region_key = "EU_WEST", .version = version};

	return made;
}

static void
put(MrTenantCache *cache, const char *tenant, int64_t version)
{
	MrTenantAnswer made = answer(version);

	mr_tenant_cache_put(cache, tenant, "", &made);
}

/* Version of what is kept, -1 for nothing. */
static int64_t
kept(MrTenantCache *cache, const char *tenant)
{
	const MrTenantAnswer *found = mr_tenant_cache_get(cache, tenant, "");

	return found != NULL ? found->version : -1;
}

MR_TEST(an_answer_is_found_and_replaced)
{
	MrTenantCache *cache = mr_tenant_cache_open(4);

	MR_REQUIRE(cache != NULL);
	MR_CHECK_INT(kept(cache, "a"), -1);
	put(cache, "a", 1);
	put(cache, "b", 2);
	put(cache, "a", 3);
	MR_CHECK_INT(kept(cache, "a"), 3);
	MR_CHECK_INT(kept(cache, "b"), 2);
	MR_CHECK_INT(kept(cache, "A"), -1);
	MR_CHECK_INT(mr_tenant_cache_count(cache), 2);
	mr_tenant_cache_close(cache);
}

MR_TEST(the_one_not_used_for_longest_goes_first)
{
	MrTenantCache *cache = mr_tenant_cache_open(3);

	MR_REQUIRE(cache != NULL);
	put(cache, "a", 1);
	put(cache, "b", 2);
	put(cache, "c", 3);
	MR_CHECK_INT(kept(cache, "a"), 1); /* used: now b is the oldest */
	put(cache, "d", 4);
	MR_CHECK_INT(kept(cache, "b"), -1);
	put(cache, "c", 5); /* replaced: now a is */
	put(cache, "e", 6);
	MR_CHECK_INT(kept(cache, "a"), -1);
	MR_CHECK_INT(kept(cache, "c"), 5);
	MR_CHECK_INT(kept(cache, "d"), 4);
	MR_CHECK_INT(kept(cache, "e"), 6);
	MR_CHECK_INT(mr_tenant_cache_count(cache), 3);
	mr_tenant_cache_close(cache);
}

/* Version of what a role is told, -1 for nothing. */
static int64_t
told(MrTenantCache *cache, const char *tenant, const char *role)
{
	const MrTenantAnswer *found = mr_tenant_cache_get(cache, tenant, role);

	return found != NULL ? found->version : -1;
}

MR_TEST(only_roles_that_were_told_something_are_told_again)
{
	MrTenantCache *cache = mr_tenant_cache_open(2);
	MrTenantAnswer first = answer(1);
	MrTenantAnswer second = answer(2);
	char role[16];
	int i;

	MR_REQUIRE(cache != NULL);
	mr_tenant_cache_put(cache, "a", "editor", &first);
	MR_CHECK_INT(told(cache, "a", "editor"), 1);
	MR_CHECK_INT(told(cache, "a", "reader"), -1);
	MR_CHECK_INT(told(cache, "a", ""), -1);
	/* who was told something is told the newest, whoever that was for */
	mr_tenant_cache_put(cache, "a", "", &second);
	MR_CHECK_INT(told(cache, "a", "editor"), 2);
	MR_CHECK_INT(told(cache, "a", ""), 2);
	/* of another tenant he knows nothing */
	mr_tenant_cache_put(cache, "b", "", &second);
	MR_CHECK_INT(told(cache, "b", "editor"), -1);
	/* of too many, who was told longest ago is forgotten */
	for (i = 0; i < MR_TENANT_READERS - 1; i++)
	{
		snprintf(role, sizeof(role), "role-%d", i);
		mr_tenant_cache_put(cache, "a", role, &first);
	}
	MR_CHECK_INT(told(cache, "a", "editor"), -1);
	MR_CHECK_INT(told(cache, "a", ""), 1);
	mr_tenant_cache_put(cache, "a", "", &second);
	MR_CHECK_INT(told(cache, "a", "role-0"), 2);
	mr_tenant_cache_close(cache);
}

MR_TEST(it_stays_within_its_bound)
{
	MrTenantCache *cache = mr_tenant_cache_open(100);
	char tenant[32];
	int i;

	MR_REQUIRE(cache != NULL);
	for (i = 0; i < 10000; i++)
	{
		snprintf(tenant, sizeof(tenant), "tenant-%d", i);
		put(cache, tenant, i);
		MR_CHECK(mr_tenant_cache_count(cache) <= 100);
	}
	for (i = 9900; i < 10000; i++)
	{
		snprintf(tenant, sizeof(tenant), "tenant-%d", i);
		MR_CHECK_INT(kept(cache, tenant), i);
	}
	MR_CHECK_INT(kept(cache, "tenant-9899"), -1);
	mr_tenant_cache_close(cache);
}

MR_TEST(without_room_it_keeps_nothing)
{
	MrTenantCache *cache = mr_tenant_cache_open(0);

	MR_REQUIRE(cache != NULL);
	put(cache, "a", 1);
	MR_CHECK_INT(kept(cache, "a"), -1);
	mr_tenant_cache_close(cache);
	mr_tenant_cache_close(NULL);
}
