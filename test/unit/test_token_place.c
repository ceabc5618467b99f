/*
 * Where a token lies in a server's history, and bounds of staleness: what is reached, what is
 * to come, what a failover has lost; and that a bound is never smaller than the truth, for
 * random histories of a primary, its standby and the questions between them.
 */
#include "core/mr_staleness.h"
#include "core/mr_token_place.h"
#include "unit/mr_unit.h"

#include <stdlib.h>
#include <string.h>

#define S MR_NS_PER_S

static const MrTimelineSpan first[] = {{1, 0}};
static const MrTimelineSpan third[] = {{5, 0}, {2, 2000}, {1, 1000}};

static MrTokenPlace
place(uint32_t timeline, MrLsn lsn, const MrTimelineSpan *spans, int count, MrLsn position)
{
	MrToken token = {.system = 7, .timeline = timeline, .lsn = lsn};

	return mr_token_place(&token, spans, count, position);
}

MR_TEST(on_the_present_timeline_the_position_decides)
{
	MR_CHECK_INT(place(1, 500, first, 1, 499), MR_TOKEN_AHEAD);
	MR_CHECK_INT(place(1, 500, first, 1, 500), MR_TOKEN_REACHED);
	MR_CHECK_INT(place(1, 500, first, 1, 501), MR_TOKEN_REACHED);
	MR_CHECK_INT(place(5, 9000, third, 3, 8999), MR_TOKEN_AHEAD);
	MR_CHECK_INT(place(5, 9000, third, 3, 9000), MR_TOKEN_REACHED);
}

MR_TEST(a_commit_before_the_fork_is_in_the_history)
{
	MR_CHECK_INT(place(1, 999, third, 3, 5000), MR_TOKEN_REACHED);
	MR_CHECK_INT(place(1, 1000, third, 3, 5000), MR_TOKEN_REACHED);
	MR_CHECK_INT(place(2, 2000, third, 3, 5000), MR_TOKEN_REACHED);
	MR_CHECK_INT(place(2, 1500, third, 3, 1400), MR_TOKEN_AHEAD);
}

MR_TEST(a_commit_behind_the_fork_is_lost_wherever_replay_is)
{
	MR_CHECK_INT(place(1, 1001, third, 3, 900), MR_TOKEN_DIVERGED);
	MR_CHECK_INT(place(1, 1001, third, 3, 5000), MR_TOKEN_DIVERGED);
	MR_CHECK_INT(place(2, 2001, third, 3, 5000), MR_TOKEN_DIVERGED);
}

MR_TEST(an_unknown_timeline_is_a_dead_branch_or_the_future)
{
	MR_CHECK_INT(place(3, 1500, third, 3, 5000), MR_TOKEN_DIVERGED);
	MR_CHECK_INT(place(4, 100, third, 3, 5000), MR_TOKEN_DIVERGED);
	MR_CHECK_INT(place(6, 100, third, 3, 5000), MR_TOKEN_AHEAD);
	MR_CHECK_INT(place(2, 100, first, 1, 5000), MR_TOKEN_AHEAD);
}

/* ---------- staleness ---------- */

static void
add(MrStaleness *memory, MrLsn lsn, int64_t asked_ns)
{
	MrToken token = {.system = 7, .timeline = 1, .lsn = lsn};

	mr_staleness_add(memory, &token, asked_ns);
}

MR_TEST(without_an_answer_that_was_replayed_nothing_is_known)
{
	MrStaleness memory = {0};

	MR_CHECK_INT(mr_staleness_bound(&memory, first, 1, 500, 9 * S), MR_STALENESS_UNKNOWN);
	MR_CHECK_INT(mr_staleness_newest(&memory), 0);
	add(&memory, 600, 2 * S);
	MR_CHECK_INT(mr_staleness_bound(&memory, first, 1, 599, 9 * S), MR_STALENESS_UNKNOWN);
	MR_CHECK_INT(mr_staleness_bound(&memory, first, 1, 600, 9 * S), 7 * S);
	MR_CHECK_INT(mr_staleness_newest(&memory), 2 * S);
}

MR_TEST(the_newest_question_that_is_replayed_gives_the_bound)
{
	MrStaleness memory = {0};

	add(&memory, 700, 3 * S);
	add(&memory, 600, 2 * S); /* its answer was slower */
	add(&memory, 800, 5 * S);
	MR_CHECK_INT(mr_staleness_bound(&memory, first, 1, 650, 9 * S), 7 * S);
	MR_CHECK_INT(mr_staleness_bound(&memory, first, 1, 799, 9 * S), 6 * S);
	MR_CHECK_INT(memory.count, 2);
	MR_CHECK_INT(mr_staleness_bound(&memory, first, 1, 900, 9 * S), 4 * S);
	MR_CHECK_INT(mr_staleness_bound(&memory, first, 1, 900, 5 * S), 0);
	MR_CHECK_INT(memory.count, 1);
}

MR_TEST(a_silent_primary_lets_the_bound_grow_and_an_idle_one_does_not)
{
	MrStaleness memory = {0};

	add(&memory, 600, 2 * S);
	MR_CHECK_INT(mr_staleness_bound(&memory, first, 1, 600, 100 * S), 98 * S);
	add(&memory, 600, 99 * S);
	MR_CHECK_INT(mr_staleness_bound(&memory, first, 1, 600, 100 * S), 1 * S);
}

MR_TEST(what_a_failover_has_lost_gives_no_bound)
{
	MrStaleness memory = {0};

	add(&memory, 900, 2 * S);
	add(&memory, 1500, 3 * S);
	MR_CHECK_INT(mr_staleness_bound(&memory, third, 3, 5000, 9 * S), 7 * S);
}

MR_TEST(a_full_memory_keeps_its_ends)
{
	MrStaleness memory = {0};

	for (int i = 1; i <= 10 * MR_STALENESS_SAMPLES; i++)
		add(&memory, (MrLsn) (100 * i), i * S);
	MR_CHECK_INT(memory.count, MR_STALENESS_SAMPLES);
	MR_CHECK_INT(memory.samples[0].asked_ns, 1 * S);
	MR_CHECK_INT(mr_staleness_newest(&memory), 10 * MR_STALENESS_SAMPLES * S);
	MR_CHECK_INT(mr_staleness_bound(&memory, first, 1, 150, 1000 * S), 999 * S);
}

/* A primary commits at random, the standby follows at random, questions cross the network. */
MR_TEST(a_bound_is_never_smaller_than_the_truth)
{
	enum
	{
		STEPS = 20000
	};
	static int64_t committed_at[STEPS]; /* instant of the commit that ends at index + 1 */
	MrStaleness memory = {0};
	MrLsn written = 0;
	MrLsn replayed = 0;
	int known = 0;

	srand(4711);
	for (int now = 1; now < STEPS; now++)
	{
		int64_t bound;

		if (rand() % 3 == 0)
			committed_at[written++] = now;
		if (rand() % 4 != 0 && replayed < written)
			replayed += 1 + (MrLsn) rand() % (written - replayed);
		if (rand() % 20 == 0 && written > 0)
			add(&memory, written, now - rand() % 50); /* asked a while before it was answered */
		bound = mr_staleness_bound(&memory, first, 1, replayed, now);
		if (bound == MR_STALENESS_UNKNOWN)
			continue;
		known++;
		/* everything that was committed until then is there */
		MR_CHECK(replayed == written || committed_at[replayed] > now - bound);
	}
	MR_CHECK(known > STEPS / 2);
}
