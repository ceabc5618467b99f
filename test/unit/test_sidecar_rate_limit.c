/*
 * The limit of changes: a burst, then one for each share of the minute, for each client by
 * itself, in a table that does not grow.
 */
#include "sidecar/mr_rate_limit.h"
#include "unit/mr_unit.h"

#include <stdio.h>

#include "sidecar/rate_limit.c"

#define SECOND INT64_C(1000000000)

/* How many of so many requests at one moment may be made. */
static int
taken(MrRateLimit *limit, const char *client, int64_t per_minute, int64_t now_ns, int requests)
{
	int count = 0;

	while (requests-- > 0)
		count += mr_rate_limit_take(limit, client, per_minute, now_ns) == 0;
	return count;
}

MR_TEST(a_burst_and_then_as_many_as_its_share)
{
	MrRateLimit *limit = mr_rate_limit_open();

	MR_REQUIRE(limit != NULL);
	MR_CHECK_INT(taken(limit, "10.0.0.1", 60, 100 * SECOND, 50), 10);
	MR_CHECK_INT(taken(limit, "10.0.0.2", 60, 100 * SECOND, 50), 10);
	MR_CHECK_INT(taken(limit, "10.0.0.1", 60, 101 * SECOND, 50), 1);
	MR_CHECK_INT(taken(limit, "10.0.0.1", 60, 104 * SECOND, 50), 3);
	MR_CHECK_INT(taken(limit, "10.0.0.1", 60, 1000 * SECOND, 50), 10);
	mr_rate_limit_close(limit);
}

MR_TEST(it_says_how_long_to_wait)
{
	MrRateLimit *limit = mr_rate_limit_open();
	int64_t wait_ms;

	MR_REQUIRE(limit != NULL);
	MR_CHECK_INT(taken(limit, "a", 60, SECOND, 10), 10);
	wait_ms = mr_rate_limit_take(limit, "a", 60, SECOND);
	MR_CHECK_INT(wait_ms, 1001);
	MR_CHECK(mr_rate_limit_take(limit, "a", 60, SECOND + (wait_ms - 2) * 1000000) > 0);
	MR_CHECK_INT(mr_rate_limit_take(limit, "a", 60, SECOND + wait_ms * 1000000), 0);
	mr_rate_limit_close(limit);
}

MR_TEST(few_a_minute_is_one_at_a_time_and_zero_is_no_limit)
{
	MrRateLimit *limit = mr_rate_limit_open();

	MR_REQUIRE(limit != NULL);
	MR_CHECK_INT(taken(limit, "a", 1, SECOND, 5), 1);
	MR_CHECK_INT(taken(limit, "a", 1, 60 * SECOND, 5), 0);
	MR_CHECK_INT(taken(limit, "a", 1, 61 * SECOND, 5), 1);
	MR_CHECK_INT(taken(limit, "b", 0, SECOND, 1000), 1000);
	mr_rate_limit_close(limit);
}

MR_TEST(a_network_of_ipv6_is_one_client)
{
	MrRateLimit *limit = mr_rate_limit_open();

	MR_REQUIRE(limit != NULL);
	MR_CHECK_INT(taken(limit, "2001:db8:1:2::1", 60, SECOND, 10), 10);
	MR_CHECK_INT(taken(limit, "2001:db8:1:2:ffff::9", 60, SECOND, 10), 0);
	MR_CHECK_INT(taken(limit, "2001:db8:1:3::1", 60, SECOND, 10), 10);
	mr_rate_limit_close(limit);
}

MR_TEST(many_clients_do_not_free_the_one_that_asks)
{
	MrRateLimit *limit = mr_rate_limit_open();
	int64_t now_ns = SECOND;
	char client[32];
	int good = 0;
	int i;

	MR_REQUIRE(limit != NULL);
	for (i = 0; i < 20000; i++)
	{
		snprintf(client, sizeof(client), "10.%d.%d.%d", i / 65536, i / 256 % 256, i % 256);
		MR_CHECK_INT(mr_rate_limit_take(limit, client, 60, now_ns), 0);
		good += mr_rate_limit_take(limit, "192.0.2.1", 60, now_ns) == 0;
		now_ns += SECOND / 10000;
	}
	MR_CHECK(good <= 12);
	mr_rate_limit_close(limit);
}
