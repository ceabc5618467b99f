/*
 * When an alert is raised and cleared: hysteresis, delays, flapping, who takes over what
 * another node has recorded. Tables of what is seen, second by second.
 */
#include "core/mr_alert.h"
#include "core/mr_policy.h"
#include "unit/mr_unit.h"

#include <stdio.h>
#include <string.h>

#define S MR_NS_PER_S
#define DELAY_MS 3000

static MrAlerts alerts;
static int64_t now_ns;

static void
start(void)
{
	memset(&alerts, 0, sizeof(alerts));
	now_ns = 1000 * S;
}

static void
see(MrAlertKind kind, const char *subject, MrAlertCondition condition, int64_t value)
{
	MrAlertSeen seen = {.kind = kind,
						.subject = subject,
						.region = "EU_WEST",
						.condition = condition,
						.value = value,
						.threshold = 100};

	mr_alert_observe(&alerts, &seen);
}

/* One round a second later, in which one thing is seen. */
static void
round_with(MrAlertKind kind, MrAlertCondition condition)
{
	now_ns += S;
	mr_alerts_begin(&alerts, now_ns, now_ns / S, DELAY_MS);
	see(kind, "a", condition, 150);
	mr_alerts_end(&alerts);
}

static bool
is_raised(void)
{
	return alerts.count == 1 && mr_alert_is_raised(&alerts.list[0]);
}

MR_TEST(the_list_is_in_order)
{
	static const char *const units[] = {"", "ms", "bytes", "checks", "voters", "failovers", "days"};
	static const char *const subjects[] = {"node", "region", "slot", "cluster"};
	static const char *const severities[] = {"info", "warning", "critical"};
	const MrAlertSpec *spec;
	int known;
	int kind;
	size_t i;

	for (kind = 0; (spec = mr_alert_spec(kind)) != NULL; kind++)
	{
		mr_unit_about("%s", spec->word);
		MR_CHECK_INT(mr_alert_from_name(spec->word), kind);
		MR_CHECK(spec->policy[0] == '\0' || mr_policy_find(spec->policy) != NULL);
		MR_CHECK(spec->policy[0] == '\0' || spec->unit[0] != '\0');
		for (i = 0, known = 0; i < sizeof(units) / sizeof(units[0]); i++)
			known += strcmp(units[i], spec->unit) == 0;
		for (i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
			known += strcmp(subjects[i], spec->about) == 0;
		for (i = 0; i < sizeof(severities) / sizeof(severities[0]); i++)
			known += strcmp(severities[i], spec->severity) == 0;
		MR_CHECK_INT(known, 3);
	}
	MR_CHECK_INT(kind, MR_ALERT_COUNT);
	MR_CHECK(mr_alert_spec(-1) == NULL);
	MR_CHECK_INT(mr_alert_from_name("nonsense"), -1);
}

MR_TEST(thresholds_are_apart)
{
	MR_CHECK_INT(mr_alert_compare(101, 100), MR_ALERT_BEYOND);
	MR_CHECK_INT(mr_alert_compare(100, 100), MR_ALERT_BETWEEN);
	MR_CHECK_INT(mr_alert_compare(51, 100), MR_ALERT_BETWEEN);
	MR_CHECK_INT(mr_alert_compare(50, 100), MR_ALERT_CLEAR);
	MR_CHECK_INT(mr_alert_compare(0, 0), MR_ALERT_CLEAR);
	MR_CHECK_INT(mr_alert_compare(1, 0), MR_ALERT_BEYOND);
	MR_CHECK_INT(mr_alert_compare(INT64_MAX, -1), MR_ALERT_CLEAR);
}

MR_TEST(a_clock_differs_by_what_its_way_does_not_explain)
{
	MR_CHECK_INT(mr_alert_skew_ms(1500000, 1000000, 2000000), 0);
	MR_CHECK_INT(mr_alert_skew_ms(1000000, 1000000, 2000000), 0);
	MR_CHECK_INT(mr_alert_skew_ms(2000000, 1000000, 2000000), 0);
	MR_CHECK_INT(mr_alert_skew_ms(2501000, 1000000, 2000000), 501);
	MR_CHECK_INT(mr_alert_skew_ms(1, 1000001, 2000000), 1000);
}

/* What is seen each second (+ beyond, = between, - clear), and whether it is raised (^). */
static const struct
{
	const char *why;
	MrAlertKind kind;
	const char *seen;
	const char *raised;
} courses[] = {
	{"raised when it has lasted", MR_ALERT_LAG_WARNING, "+++++", "...^^"},
	{"a moment is not enough", MR_ALERT_LAG_WARNING, "+++-+++-", "........"},
	{"nor if it was not beyond all the time", MR_ALERT_LAG_WARNING, "+++=++++", ".......^"},
	{"at once where it was judged before", MR_ALERT_NODE_DOWN, "+++", "^^^"},
	{"cleared when it has been over for as long", MR_ALERT_NODE_DOWN, "+-----", "^^^^.."},
	{"between the thresholds it stays", MR_ALERT_LAG_WARNING, "++++=======----", "...^^^^^^^^^^^."},
	{"and does not count as over", MR_ALERT_NODE_DOWN, "+--=--=----", "^^^^^^^^^^."},
	{"nor does a moment", MR_ALERT_NODE_DOWN, "+---+---+---+----", "^^^^^^^^^^^^^^^^."},
	{"between is not beyond to begin with", MR_ALERT_NODE_DOWN, "=====", "....."},
	{"twice as long when it comes back", MR_ALERT_NODE_DOWN, "+----+-------", "^^^^.^^^^^^^."},
	{"four times", MR_ALERT_NODE_DOWN, "+----+-------+-------------",
	 "^^^^.^^^^^^^.^^^^^^^^^^^^^."},
};

MR_TEST(courses_of_alerts)
{
	size_t i;
	size_t at;

	for (i = 0; i < sizeof(courses) / sizeof(courses[0]); i++)
	{
		start();
		for (at = 0; courses[i].seen[at] != '\0' && courses[i].raised[at] != '\0'; at++)
		{
			char seen = courses[i].seen[at];

			round_with(courses[i].kind, seen == '+'   ? MR_ALERT_BEYOND
										: seen == '=' ? MR_ALERT_BETWEEN
													  : MR_ALERT_CLEAR);
			mr_unit_about("%s, second %d", courses[i].why, (int) at);
			MR_CHECK_INT(is_raised(), courses[i].raised[at] == '^');
		}
	}
}

MR_TEST(flapping_has_an_end_and_is_forgotten)
{
	int times;
	int seconds = 0;

	start();
	for (times = 0; times < 20; times++)
	{
		round_with(MR_ALERT_NODE_DOWN, MR_ALERT_BEYOND);
		for (seconds = 0; is_raised(); seconds++)
			round_with(MR_ALERT_NODE_DOWN, MR_ALERT_CLEAR);
	}
	mr_unit_about("ten minutes at most");
	MR_CHECK(seconds > 300 && seconds <= 601);
	for (seconds = 0; seconds < 599; seconds++)
		round_with(MR_ALERT_NODE_DOWN, MR_ALERT_CLEAR);
	MR_CHECK_INT(alerts.count, 1);
	round_with(MR_ALERT_NODE_DOWN, MR_ALERT_CLEAR);
	MR_CHECK_INT(alerts.count, 0);
}

MR_TEST(since_when_and_what)
{
	start();
	round_with(MR_ALERT_LAG_WARNING, MR_ALERT_BEYOND);
	MR_CHECK_INT(alerts.list[0].since, 1001);
	round_with(MR_ALERT_LAG_WARNING, MR_ALERT_BEYOND);
	round_with(MR_ALERT_LAG_WARNING, MR_ALERT_BEYOND);
	round_with(MR_ALERT_LAG_WARNING, MR_ALERT_BEYOND);
	MR_CHECK(is_raised());
	mr_unit_about("it began when it was first beyond, not when it was raised");
	MR_CHECK_INT(alerts.list[0].since, 1001);
	MR_CHECK_INT(alerts.list[0].value, 150);
	MR_CHECK_STRING(alerts.list[0].subject, "a");
	MR_CHECK_STRING(alerts.list[0].region, "EU_WEST");
	now_ns += S;
	mr_alerts_begin(&alerts, now_ns, 0, DELAY_MS);
	see(MR_ALERT_LAG_WARNING, "a", MR_ALERT_BETWEEN, -1);
	mr_alerts_end(&alerts);
	mr_unit_about("what is not known now stays what it was");
	MR_CHECK_INT(alerts.list[0].value, 150);
	MR_CHECK(is_raised());
}

MR_TEST(subjects_and_kinds_are_apart)
{
	start();
	now_ns += S;
	mr_alerts_begin(&alerts, now_ns, 0, DELAY_MS);
	see(MR_ALERT_NODE_DOWN, "a", MR_ALERT_BEYOND, 1);
	see(MR_ALERT_NODE_DOWN, "b", MR_ALERT_CLEAR, 2);
	see(MR_ALERT_SICK, "a", MR_ALERT_BEYOND, 3);
	mr_alerts_end(&alerts);
	MR_CHECK_INT(alerts.count, 2);
	MR_CHECK_INT(alerts.list[0].value, 1);
	MR_CHECK_INT(alerts.list[1].value, 3);
}

MR_TEST(what_is_seen_no_more_is_over)
{
	int i;

	start();
	round_with(MR_ALERT_NODE_DOWN, MR_ALERT_BEYOND);
	MR_CHECK(is_raised());
	for (i = 0; i < 4; i++)
	{
		MR_CHECK(is_raised());
		now_ns += S;
		mr_alerts_begin(&alerts, now_ns, 0, DELAY_MS);
		mr_alerts_end(&alerts);
	}
	MR_CHECK(!is_raised());
}

MR_TEST(what_is_recorded_is_kept_until_that_is_undone)
{
	int i;

	start();
	round_with(MR_ALERT_NODE_DOWN, MR_ALERT_BEYOND);
	alerts.list[0].recorded = true;
	for (i = 0; i < 2000; i++)
		round_with(MR_ALERT_NODE_DOWN, MR_ALERT_CLEAR);
	MR_CHECK_INT(alerts.count, 1);
	MR_CHECK(!is_raised());
	alerts.list[0].recorded = false;
	round_with(MR_ALERT_NODE_DOWN, MR_ALERT_CLEAR);
	MR_CHECK_INT(alerts.count, 0);
}

MR_TEST(another_nodes_alert_is_taken_over)
{
	start();
	MR_CHECK(!mr_alert_adopt(&alerts, -1, "a", "EU_WEST", 5, now_ns));
	MR_CHECK(!mr_alert_adopt(&alerts, MR_ALERT_COUNT, "a", "EU_WEST", 5, now_ns));
	MR_CHECK(mr_alert_adopt(&alerts, MR_ALERT_LAG_WARNING, "a", "EU_WEST", 5, now_ns));
	MR_CHECK(is_raised());
	MR_CHECK(alerts.list[0].recorded && alerts.list[0].told);
	mr_unit_about("it goes on without being raised anew");
	round_with(MR_ALERT_LAG_WARNING, MR_ALERT_BEYOND);
	MR_CHECK(is_raised());
	MR_CHECK_INT(alerts.list[0].since, 5);
	mr_unit_about("and is cleared as any other");
	round_with(MR_ALERT_LAG_WARNING, MR_ALERT_CLEAR);
	round_with(MR_ALERT_LAG_WARNING, MR_ALERT_CLEAR);
	MR_CHECK(is_raised());
	round_with(MR_ALERT_LAG_WARNING, MR_ALERT_CLEAR);
	round_with(MR_ALERT_LAG_WARNING, MR_ALERT_CLEAR);
	MR_CHECK(!is_raised());
}

MR_TEST(one_that_is_here_already_becomes_the_recorded_one)
{
	start();
	round_with(MR_ALERT_NODE_DOWN, MR_ALERT_BEYOND);
	MR_CHECK(mr_alert_adopt(&alerts, MR_ALERT_NODE_DOWN, "a", "EU_WEST", 5, now_ns));
	MR_CHECK_INT(alerts.count, 1);
	MR_CHECK_INT(alerts.list[0].raises, 1);
	MR_CHECK_INT(alerts.list[0].since, 5);
}

MR_TEST(too_many_wait_for_room)
{
	char name[MR_NAME_SIZE];
	int i;

	start();
	now_ns += S;
	mr_alerts_begin(&alerts, now_ns, 0, DELAY_MS);
	for (i = 0; i < MR_MAX_ALERTS + 5; i++)
	{
		(void) snprintf(name, sizeof(name), "node%d", i);
		see(MR_ALERT_NODE_DOWN, name, MR_ALERT_BEYOND, 1);
	}
	mr_alerts_end(&alerts);
	MR_CHECK_INT(alerts.count, MR_MAX_ALERTS);
	MR_CHECK(!mr_alert_adopt(&alerts, MR_ALERT_SICK, "a", "EU_WEST", 5, now_ns));
}
