/*
 * Bugs that the simulation found, each as the shortest story that shows it.
 */
#include "unit/mr_lease_bench.h"
#include "unit/mr_unit.h"

static MrBench bench;

/* A promise given after the restart counts more than the term our earlier self held. */
MR_TEST(a_restarted_holder_keeps_the_promise_it_gives_to_another)
{
	mr_bench_start(&bench, 3);
	mr_bench_lead(&bench);
	MR_REQUIRE(bench.deadline_ms > 0);
	mr_bench_restart(&bench);
	mr_bench_request(&bench, MR_MSG_VOTE, 1, bench.disk.term + 1);
	mr_bench_deliver(&bench);
	MR_CHECK_INT(mr_bench_refusal(&bench), MR_REFUSE_NONE);
	mr_bench_tick(&bench, 100);
	MR_CHECK_INT(bench.lease.role, MR_ROLE_FOLLOWER);
	MR_CHECK(mr_uuid_equal(&bench.disk.voted_for, &bench.disk.config.members[1].uuid));
	mr_bench_tick(&bench, MR_BENCH_PROMISE_MS - 101);
	MR_CHECK_INT(mr_bench_asked(&bench, 1), MR_MSG_STATUS);
	MR_CHECK_INT(bench.lease.role, MR_ROLE_FOLLOWER);
}
