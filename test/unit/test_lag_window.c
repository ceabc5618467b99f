/*
 * The last hour of lag: which samples belong to a window, and that what is said of them is
 * exact: random histories, with gaps, are compared with one that keeps and sorts everything.
 */
#include "core/mr_lag_window.h"
#include "unit/mr_unit.h"

#include <stdlib.h>
#include <string.h>

#define S MR_NS_PER_S
#define START (INT64_C(1000000) * S)

static MrLagWindow window;
static MrLagWindow other;
static int64_t bytes[MR_LAG_WINDOW_SECONDS];
static int64_t ms[MR_LAG_WINDOW_SECONDS];

static void
clear(void)
{
	memset(&window, 0, sizeof(window));
	memset(&other, 0, sizeof(other));
}

static int
read_one(int64_t now_ns, int seconds)
{
	const MrLagWindow *list[] = {&window};

	return mr_lag_window_read(list, 1, now_ns, seconds, bytes, ms);
}

static void
check_summary(const MrLagSummary *summary, int64_t min, int64_t median, int64_t p99, int64_t max)
{
	MR_CHECK_INT(summary->min, min);
	MR_CHECK_INT(summary->median, median);
	MR_CHECK_INT(summary->p99, p99);
	MR_CHECK_INT(summary->max, max);
}

MR_TEST(without_samples_nothing_is_said)
{
	MrLagSummary summary;

	clear();
	MR_CHECK_INT(read_one(START, 60), 0);
	mr_lag_summarize(ms, 0, &summary);
	check_summary(&summary, -1, -1, -1, -1);
	mr_lag_window_add(&window, START, -1, -1);
	MR_CHECK_INT(read_one(START, 60), 0);
	mr_lag_window_add(&window, START, 7, -1);
	MR_CHECK_INT(read_one(START, 60), 0);
}

MR_TEST(percentiles_are_nearest_ranks)
{
	static const struct
	{
		int count; /* of the values 1 .. count */
		int64_t median;
		int64_t p99;
	} cases[] = {{1, 1, 1},     {2, 1, 2},      {3, 2, 3},       {4, 2, 4},         {99, 50, 99},
				 {100, 50, 99}, {101, 51, 100}, {200, 100, 198}, {3600, 1800, 3564}};
	int64_t values[MR_LAG_WINDOW_SECONDS];
	MrLagSummary summary;
	size_t i;
	int at;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		mr_unit_about("%d values", cases[i].count);
		for (at = 0; at < cases[i].count; at++)
			values[at] = cases[i].count - at;
		mr_lag_summarize(values, cases[i].count, &summary);
		check_summary(&summary, 1, cases[i].median, cases[i].p99, cases[i].count);
	}
}

MR_TEST(a_second_keeps_the_worst_that_was_measured_in_it)
{
	clear();
	mr_lag_window_add(&window, START, 100, 5);
	mr_lag_window_add(&window, START + S / 2, 50, 9);
	mr_lag_window_add(&window, START + S - 1, 70, 0);
	MR_REQUIRE(read_one(START, 60) == 1);
	MR_CHECK_INT(bytes[0], 100);
	MR_CHECK_INT(ms[0], 9);
	mr_unit_about("what is older than the newest second changes nothing");
	mr_lag_window_add(&window, START + S, 1, 1);
	mr_lag_window_add(&window, START, 1000, 1000);
	MR_REQUIRE(read_one(START + S, 60) == 2);
	MR_CHECK_INT(bytes[0], 100);
	MR_CHECK_INT(bytes[1], 1);
}

MR_TEST(extremes_survive)
{
	clear();
	mr_lag_window_add(&window, START, INT64_MAX, INT64_MAX);
	mr_lag_window_add(&window, START + S, 0, 0);
	MR_REQUIRE(read_one(START + S, 2) == 2);
	MR_CHECK(bytes[0] == INT64_MAX);
	MR_CHECK_INT(ms[0], UINT32_MAX - INT64_C(1));
	MR_CHECK_INT(bytes[1], 0);
	MR_CHECK_INT(ms[1], 0);
}

MR_TEST(a_window_ends_to_the_second)
{
	clear();
	mr_lag_window_add(&window, START, 1, 1);
	MR_CHECK_INT(read_one(START, 1), 1);
	MR_CHECK_INT(read_one(START + 59 * S, 60), 1);
	MR_CHECK_INT(read_one(START + 60 * S, 60), 0);
	MR_CHECK_INT(read_one(START + 3599 * S, 3600), 1);
	MR_CHECK_INT(read_one(START + 3600 * S, 3600), 0);
	mr_unit_about("a second of the hour before is not taken for one of this");
	mr_lag_window_add(&window, START + 3600 * S, -1, -1);
	MR_CHECK_INT(read_one(START + 3600 * S, 3600), 0);
	mr_unit_about("nor by one who asks a moment late");
	mr_lag_window_add(&window, START + 3600 * S, 5, 5);
	MR_CHECK_INT(read_one(START + 3599 * S, 3600), 0);
	mr_unit_about("a time before the first sample");
	MR_CHECK_INT(read_one(10 * S, 3600), 0);
}

MR_TEST(of_several_members_the_worst_of_each_second_counts)
{
	const MrLagWindow *list[] = {&window, &other};

	clear();
	mr_lag_window_add(&window, START, 10, 1);
	mr_lag_window_add(&window, START + S, 10, 8);
	mr_lag_window_add(&other, START + S, 20, 4);
	mr_lag_window_add(&other, START + 2 * S, 5, 3);
	MR_REQUIRE(mr_lag_window_read(list, 2, START + 2 * S, 60, bytes, ms) == 3);
	MR_CHECK_INT(bytes[0], 10);
	MR_CHECK_INT(bytes[1], 20);
	MR_CHECK_INT(bytes[2], 5);
	MR_CHECK_INT(ms[1], 8);
	MR_CHECK_INT(ms[2], 3);
	MR_CHECK_INT(mr_lag_window_read(list, 0, START, 60, bytes, ms), 0);
}

/* ---------- against one that keeps everything ---------- */

#define SECONDS 9000

static int64_t all_ms[SECONDS]; /* -1: a gap */
static int64_t all_bytes[SECONDS];

static int
ascending(const void *left, const void *right)
{
	int64_t a = *(const int64_t *) left;
	int64_t b = *(const int64_t *) right;

	return (a > b) - (a < b);
}

/* The smallest value that at least `percent` of the values are not above, by counting. */
static int64_t
by_definition(const int64_t *values, int count, int percent)
{
	int i;

	for (i = 0; i < count; i++)
	{
		int not_above = 0;
		int at;

		for (at = 0; at < count; at++)
			not_above += values[at] <= values[i];
		if (not_above * 100 >= percent * count)
			return values[i];
	}
	return -1;
}

static void
check_window(const int64_t *all, const int64_t *found, int count, int last, int seconds)
{
	static int64_t expected[SECONDS];
	static int64_t copy[SECONDS];
	MrLagSummary summary;
	int total = 0;
	int at;

	for (at = last - seconds + 1; at <= last; at++)
		if (at >= 0 && all[at] >= 0)
			expected[total++] = all[at];
	MR_REQUIRE(total == count);
	memcpy(copy, found, (size_t) count * sizeof(*copy));
	mr_lag_summarize(copy, count, &summary);
	qsort(expected, (size_t) total, sizeof(*expected), ascending);
	if (total == 0)
		check_summary(&summary, -1, -1, -1, -1);
	else
		check_summary(&summary, expected[0], by_definition(expected, total, 50),
					  by_definition(expected, total, 99), expected[total - 1]);
}

MR_TEST(random_histories_are_summed_up_exactly)
{
	static const int windows[] = {60, 300, 3600};
	int second = 0;
	int i;

	srand(20261126);
	clear();
	while (second < SECONDS)
	{
		int gap = rand() % 50 == 0 ? rand() % (rand() % 10 == 0 ? 4000 : 40) : 0;

		for (; gap > 0 && second < SECONDS; gap--, second++)
			all_ms[second] = all_bytes[second] = -1;
		if (second >= SECONDS)
			break;
		all_ms[second] = rand() % 4 == 0 ? 0 : rand() % 100000;
		all_bytes[second] = (int64_t) rand() * (rand() % 1000);
		mr_lag_window_add(&window, START + second * S, all_bytes[second], all_ms[second]);
		second++;
		for (i = 0; i < 3 && second % 397 == 0; i++)
		{
			int count = read_one(START + (second - 1) * S, windows[i]);

			mr_unit_about("second %d, window of %d", second, windows[i]);
			check_window(all_ms, ms, count, second - 1, windows[i]);
			check_window(all_bytes, bytes, count, second - 1, windows[i]);
		}
	}
}
