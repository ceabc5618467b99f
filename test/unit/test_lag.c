/*
 * Lag from positions and our own clock: what is known, what is not, and what a full
 * history still says. Every answer for random histories is compared with one that keeps
 * everything.
 */
#include "core/mr_lag.h"
#include "unit/mr_unit.h"

#include <stdlib.h>
#include <string.h>

#define MS MR_NS_PER_MS
#define S MR_NS_PER_S

static void
check_value(MrLagValue value, int64_t bytes, int64_t ms, bool at_least)
{
	MR_CHECK_INT(value.bytes, bytes);
	MR_CHECK_INT(value.ms, ms);
	MR_CHECK(value.at_least == at_least);
}

MR_TEST(nothing_is_known_without_a_report_or_a_position)
{
	MrLag lag;

	memset(&lag, 0, sizeof(lag));
	check_value(mr_lag_of(&lag, 500, 10 * S), -1, -1, false);
	MR_CHECK_INT(mr_lag_age_ms(&lag, 10 * S), -1);

	mr_lag_report(&lag, 1, 0, 10 * S);
	check_value(mr_lag_of(&lag, 500, 10 * S), -1, -1, false);
	MR_CHECK_INT(mr_lag_age_ms(&lag, 10 * S), -1);

	mr_lag_report(&lag, 1, 1000, 10 * S);
	check_value(mr_lag_of(&lag, 0, 10 * S), -1, -1, false);
	check_value(mr_lag_of(&lag, 1000, 10 * S), 0, 0, false);
}

MR_TEST(a_member_is_as_late_as_the_first_position_past_its_own_is_old)
{
	MrLag lag;

	memset(&lag, 0, sizeof(lag));
	mr_lag_report(&lag, 1, 1000, 1 * S);
	mr_lag_report(&lag, 1, 2000, 2 * S);
	mr_lag_report(&lag, 1, 3000, 3 * S);

	check_value(mr_lag_of(&lag, 3000, 5 * S), 0, 0, false);
	check_value(mr_lag_of(&lag, 3001, 5 * S), 0, 0, false);
	check_value(mr_lag_of(&lag, 2999, 5 * S), 1, 2000, false);
	check_value(mr_lag_of(&lag, 2000, 5 * S), 1000, 2000, false);
	check_value(mr_lag_of(&lag, 1999, 5 * S), 1001, 3000, false);
	check_value(mr_lag_of(&lag, 1000, 5 * S), 2000, 3000, false);
	/* Behind all we know: since when, we cannot say. */
	check_value(mr_lag_of(&lag, 999, 5 * S), 2001, 4000, true);
	check_value(mr_lag_of(&lag, 1, 5 * S), 2999, 4000, true);
}

MR_TEST(lag_grows_while_a_member_stands_still)
{
	MrLag lag;
	int64_t now;

	memset(&lag, 0, sizeof(lag));
	mr_lag_report(&lag, 1, 1000, 0);
	mr_lag_report(&lag, 1, 2000, 1 * S);
	/* Also when nobody writes any more: the link to the member may be cut. */
	for (now = 1 * S; now < 3600 * S; now += 60 * S)
		check_value(mr_lag_of(&lag, 1000, now), 1000, (now - 1 * S) / MS, false);
}

MR_TEST(an_idle_leader_uses_no_history_up)
{
	MrLag lag;
	int64_t now;

	memset(&lag, 0, sizeof(lag));
	mr_lag_report(&lag, 1, 1000, 1 * S);
	mr_lag_report(&lag, 1, 2000, 2 * S);
	for (now = 3 * S; now < 86400 * S; now += 10 * S)
		mr_lag_report(&lag, 1, 2000, now);
	MR_CHECK_INT(lag.count, 2);
	check_value(mr_lag_of(&lag, 1500, 86400 * S), 500, 86398000, false);
	MR_CHECK(mr_lag_age_ms(&lag, 86400 * S) <= 10000);
}

/* What a member lacks is not older than the first write after the rest. */
MR_TEST(what_an_idle_leader_had_is_covered_until_it_was_last_seen_there)
{
	MrLag lag;
	int64_t now;

	memset(&lag, 0, sizeof(lag));
	MR_CHECK_INT(mr_lag_covered_ns(&lag, 1000), 0);
	mr_lag_report(&lag, 1, 1000, 1 * S);
	for (now = 2 * S; now <= 3600 * S; now += S)
		mr_lag_report(&lag, 1, 1000, now);
	MR_CHECK_INT(mr_lag_covered_ns(&lag, 1000), 3600 * S);
	mr_lag_report(&lag, 1, 2000, 3601 * S);
	mr_lag_report(&lag, 1, 3000, 3602 * S);
	MR_CHECK_INT(mr_lag_covered_ns(&lag, 999), 0);
	MR_CHECK_INT(mr_lag_covered_ns(&lag, 1000), 3600 * S);
	MR_CHECK_INT(mr_lag_covered_ns(&lag, 2500), 3601 * S);
	MR_CHECK_INT(mr_lag_covered_ns(&lag, 3000), 3602 * S);
	/* too close for a sample of its own, and no news of where the last sample was */
	mr_lag_report(&lag, 1, 4000, 3602 * S + 50 * MS);
	mr_lag_report(&lag, 1, 3000, 3602 * S + 60 * MS);
	mr_lag_report(&lag, 1, 4000, 3700 * S);
	mr_lag_report(&lag, 1, 5000, 3701 * S);
	MR_CHECK_INT(mr_lag_covered_ns(&lag, 4000), 3602 * S);
	/* one that was overtaken */
	mr_lag_report(&lag, 1, 4500, 3702 * S);
	mr_lag_report(&lag, 1, 6000, 3703 * S);
	MR_CHECK_INT(mr_lag_covered_ns(&lag, 5000), 3701 * S);
}

/* Thresholds of alerts go up to an hour. */
MR_TEST(an_hour_behind_a_busy_leader_is_known)
{
	MrLag lag;
	int64_t i;

	memset(&lag, 0, sizeof(lag));
	for (i = 0; i <= 2 * 3600; i++)
		mr_lag_report(&lag, 1, (MrLsn) (1000 + i), i * S / 2);
	check_value(mr_lag_of(&lag, 1000, 3600 * S), 7200, 3599500, false);
}

MR_TEST(a_full_history_says_at_least)
{
	MrLag lag;
	int64_t i;
	int64_t kept = MR_LAG_SAMPLES;
	int64_t all = 3 * kept + 7;

	memset(&lag, 0, sizeof(lag));
	for (i = 1; i <= all; i++)
	{
		mr_lag_report(&lag, 1, (MrLsn) (1000 * i), i * S);
		mr_unit_about("sample %d", (int) i);
		/* The oldest one that is left decides what can be said for sure. */
		check_value(mr_lag_of(&lag, (MrLsn) (1000 * i - 1), i * S), 1, 0, i == 1);
		if (i > kept)
		{
			check_value(mr_lag_of(&lag, (MrLsn) (1000 * (i - kept + 1)), i * S), 1000 * (kept - 1),
						1000 * (kept - 2), false);
			check_value(mr_lag_of(&lag, (MrLsn) (1000 * (i - kept + 1) - 1), i * S),
						1000 * (kept - 1) + 1, 1000 * (kept - 1), true);
			check_value(mr_lag_of(&lag, 1, i * S), 1000 * i - 1, 1000 * (kept - 1), true);
		}
	}
	MR_CHECK_INT(lag.count, kept);
}

MR_TEST(reports_closer_than_the_spacing_share_a_sample)
{
	MrLag lag;
	int64_t i;

	memset(&lag, 0, sizeof(lag));
	for (i = 0; i <= 1000; i++)
		mr_lag_report(&lag, 1, (MrLsn) (1000 + i), i * MS);
	MR_CHECK_INT(lag.count, 1000 / MR_LAG_SPACING_MS + 1);
	/* The newest counts although it has no sample of its own yet. */
	mr_lag_report(&lag, 1, 5000, 1010 * MS);
	check_value(mr_lag_of(&lag, 5000, 1010 * MS), 0, 0, false);
	check_value(mr_lag_of(&lag, 4999, 1040 * MS), 1, 30, false);
	check_value(mr_lag_of(&lag, 1999, 1040 * MS), 3001, 40, false);
}

MR_TEST(a_new_leadership_begins_a_new_history)
{
	MrLag lag;

	memset(&lag, 0, sizeof(lag));
	mr_lag_report(&lag, 1, 1000, 1 * S);
	mr_lag_report(&lag, 1, 9000, 2 * S);
	/* The new leader is not as far as the old one was. */
	mr_lag_report(&lag, 2, 5000, 3 * S);
	check_value(mr_lag_of(&lag, 5000, 4 * S), 0, 0, false);
	check_value(mr_lag_of(&lag, 4000, 4 * S), 1000, 1000, true);
	/* What the old one still sends means nothing. */
	mr_lag_report(&lag, 1, 9500, 4 * S);
	check_value(mr_lag_of(&lag, 5000, 4 * S), 0, 0, false);
	MR_CHECK_INT(mr_lag_age_ms(&lag, 4 * S), 1000);
	/* A new leadership whose position is not known leaves things as they are. */
	mr_lag_report(&lag, 3, 0, 5 * S);
	MR_CHECK_INT(lag.term, 2);
}

MR_TEST(reports_that_overtake_each_other_change_nothing)
{
	MrLag lag;
	MrLag before;

	memset(&lag, 0, sizeof(lag));
	mr_lag_report(&lag, 1, 1000, 1 * S);
	mr_lag_report(&lag, 1, 3000, 3 * S);
	before = lag;
	/* Older in time. */
	mr_lag_report(&lag, 1, 4000, 2 * S);
	MR_CHECK(memcmp(&lag, &before, sizeof(lag)) == 0);
	/* Newer in time, but not further. */
	mr_lag_report(&lag, 1, 2000, 4 * S);
	check_value(mr_lag_of(&lag, 2000, 4 * S), 1000, 1000, false);
	MR_CHECK_INT(lag.newest.lsn, 3000);
	MR_CHECK_INT(lag.count, 2);
}

MR_TEST(time_before_the_sample_is_no_negative_lag)
{
	MrLag lag;

	memset(&lag, 0, sizeof(lag));
	mr_lag_report(&lag, 1, 1000, 5 * S);
	check_value(mr_lag_of(&lag, 1, 1 * S), 999, 0, true);
	MR_CHECK_INT(mr_lag_age_ms(&lag, 1 * S), 0);
}

MR_TEST(huge_distances_do_not_wrap)
{
	MrLag lag;

	memset(&lag, 0, sizeof(lag));
	mr_lag_report(&lag, 1, UINT64_MAX, 1 * S);
	check_value(mr_lag_of(&lag, 1, 1 * S), INT64_MAX, 0, true);
	check_value(mr_lag_of(&lag, UINT64_MAX, 1 * S), 0, 0, false);
}

#define LONG_HISTORY 4000

/* The same from a history that forgets nothing. */
static MrLagValue
slow_lag_of(const MrLagSample *all, int count, MrLsn position, int64_t now_ns)
{
	MrLagValue value = {-1, -1, false};
	int i;

	if (position >= all[count - 1].lsn)
	{
		value.bytes = 0;
		value.ms = 0;
		return value;
	}
	value.bytes = (int64_t) (all[count - 1].lsn - position);
	for (i = 0; i < count && value.ms < 0; i++)
	{
		if (all[i].lsn > position)
			value.ms = (now_ns - all[i].time_ns) / MS;
	}
	return value;
}

MR_TEST(random_histories_agree_with_one_that_forgets_nothing)
{
	static MrLagSample all[LONG_HISTORY];
	MrLag lag;
	unsigned seed;

	for (seed = 1; seed <= 5; seed++)
	{
		int64_t now = 0;
		MrLsn lsn = 1000000;
		int count = 0;

		srand(seed);
		memset(&lag, 0, sizeof(lag));
		while (count < LONG_HISTORY)
		{
			MrLagValue value;
			MrLagValue slow;
			MrLsn position;

			now += (rand() % 700 + MR_LAG_SPACING_MS) * MS;
			lsn += (MrLsn) (rand() % 5000 + 1);
			all[count].time_ns = now;
			all[count++].lsn = lsn;
			mr_lag_report(&lag, 1, lsn, now);
			position = lsn - (MrLsn) (rand() % 1500000);
			value = mr_lag_of(&lag, position, now);
			slow = slow_lag_of(all, count, position, now);
			mr_unit_about("seed %u, report %d, %lld behind", seed, count, (long long) slow.bytes);
			MR_CHECK_INT(value.bytes, slow.bytes);
			if (value.at_least)
				MR_CHECK(value.ms <= slow.ms);
			else
				MR_CHECK_INT(value.ms, slow.ms);
		}
	}
}
