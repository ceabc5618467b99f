/*
 * What is remembered of a member ends with its address, or with itself. The pools are
 * stubs; where writes go is tried on clusters (test/sidecar).
 */
#include "sidecar/mr_primary.h"
#include "unit/mr_unit.h"

#include <stdio.h>
#include <string.h>

#include "sidecar/pool_query.c"
#include "sidecar/primary.c"

void
mr_log(MrLogLevel level, const char *format, ...)
{
	(void) level;
	(void) format;
}

int64_t
mr_loop_now_ns(void)
{
	return MR_NS_PER_S;
}

void
mr_loop_arm(struct event *timer, int64_t delay_ms)
{
	(void) timer;
	(void) delay_ms;
}

bool
mr_status_member(const MrStatus *status, int i, MrStatusMember *member)
{
	(void) status;
	(void) i;
	(void) member;
	return false;
}

bool
mr_conninfo_of_member(const char *member, const MrConninfo *own, char *out, size_t size)
{
	(void) member;
	(void) own;
	(void) out;
	(void) size;
	return false;
}

bool
mr_pool_open(MrPool *pool, struct event_base *base, const MrTarget *target)
{
	(void) pool;
	(void) base;
	(void) target;
	return true;
}

bool
mr_pool_query(MrPool *pool, const MrPoolQuery *query, MrPoolCallback callback, void *arg)
{
	(void) pool;
	(void) query;
	(void) callback;
	(void) arg;
	return false;
}

void
mr_pool_shed(MrPool *pool, const char *problem)
{
	(void) pool;
	(void) problem;
}

void
mr_pool_disconnect(MrPool *pool, const char *problem)
{
	(void) pool;
	(void) problem;
}

void
mr_pool_close(MrPool *pool)
{
	(void) pool;
}

static MrPrimary primary;
static MrSettings settings;

static MrPrimaryMember *
take(const char *name, const char *hostaddr)
{
	char conninfo[MR_CONNINFO_SIZE] = "host=a";
	uint32_t seen = 0;

	primary.settings = &settings;
	take_member(&primary, name, conninfo, hostaddr, &seen);
	return &primary.members[0];
}

/* It did not answer, and why was logged. */
static void
make_bad(MrPrimaryMember *member)
{
	member->avoid_until_ns = 2 * MR_NS_PER_S;
	snprintf(member->problem, sizeof(member->problem), "timeout");
}

MR_TEST(what_is_known_of_a_member_ends_with_its_address)
{
	MrPrimaryMember *member = take("eu_west_1", "10.0.0.1");

	make_bad(member);
	(void) take("eu_west_1", "10.0.0.1");
	MR_CHECK(is_avoided(member));
	MR_CHECK_STRING(member->problem, "timeout");
	(void) take("eu_west_1", "10.0.0.2");
	MR_CHECK(!is_avoided(member));
	MR_CHECK_STRING(member->problem, "");
	make_bad(member);
	member->used = false;
	(void) take("eu_west_2", "10.0.0.2");
	MR_CHECK_STRING(member->name, "eu_west_2");
	MR_CHECK(!is_avoided(member));
	MR_CHECK_STRING(member->problem, "");
}
