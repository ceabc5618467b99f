/*
 * What becomes of alerts when less is known than before, and with time.
 */
#include "unit/mr_alert_facts.h"
#include "unit/mr_unit.h"

MR_TEST(what_is_not_known_stays)
{
	mr_facts_start(0);
	known.nodes[1].lag_ms = 20000;
	known.nodes[2].status = MR_HEALTH_DOWN;
	lease.peers[1].report.flags = MR_REPORT_IN_RECOVERY;
	known.nodes[1].skew_ms = 1000;
	MR_CHECK_STRING(mr_facts_judge(),
					"clock_skew:n1 lag_warning:n1 node_down:n2 not_streaming:n1 region_down:R2");
	known.nodes[1].lag_ms = known.nodes[1].lag_bytes = -1;
	known.nodes[1].skew_ms = -1;
	known.nodes[2].status = MR_HEALTH_SUSPECT;
	lease.peers[1].reported_ns = 0;
	lease.durable.config.voters = 1;
	lease.durable.config.members[2].used = true;
	MR_CHECK_STRING(mr_facts_judge(),
					"clock_skew:n1 lag_warning:n1 node_down:n2 not_streaming:n1 region_down:R2 "
					"votes_missing");
	MR_CHECK_INT(alerts.list[0].value, 1000);
	MR_CHECK_INT(alerts.list[1].value, 20000);
}

MR_TEST(lag_that_may_be_more_does_not_clear)
{
	mr_facts_start(0);
	known.nodes[1].lag_ms = 20000;
	MR_CHECK_STRING(mr_facts_judge(), "lag_warning:n1");
	mr_unit_about("a new leader has no history to tell how late a standby is");
	known.nodes[1].lag_ms = 10;
	known.nodes[1].lag_bytes = 5;
	known.nodes[1].lag_at_least = true;
	MR_CHECK_STRING(mr_facts_judge(), "lag_warning:n1");
	known.nodes[1].lag_ms = 0;
	known.nodes[1].lag_at_least = false;
	MR_CHECK_STRING(mr_facts_judge(), "");
	mr_unit_about("and raises nothing");
	known.nodes[1].lag_ms = 10;
	known.nodes[1].lag_at_least = true;
	MR_CHECK_STRING(mr_facts_judge(), "");
}

MR_TEST(a_member_that_has_left_has_no_alert)
{
	mr_facts_start(0);
	known.nodes[2].lag_ms = 20000;
	(void) mr_facts_judge();
	lease.durable.config.members[2].used = false;
	lease.durable.config.voters = 1;
	MR_CHECK_STRING(mr_facts_judge(), "votes_missing");
}

MR_TEST(a_failback_that_waits_is_an_alert_after_an_hour)
{
	mr_facts_start(0);
	lease.failback_refusal = MR_REFUSE_LAG;
	MR_CHECK_STRING(mr_facts_judge(), "");
	MR_CHECK_STRING(mr_facts_judge_after(3599), "");
	MR_CHECK_STRING(mr_facts_judge_after(1), "failback_postponed");
	MR_CHECK_INT(alerts.list[0].refusal, MR_REFUSE_LAG);
	lease.failback_refusal = MR_REFUSE_ALREADY_LEADING;
	MR_CHECK_STRING(mr_facts_judge_after(1), "");
}

MR_TEST(values_and_thresholds_are_told)
{
	mr_facts_start(0);
	known.nodes[1].lag_ms = 10001;
	lease.peers[2].reported_ns = NOW_NS - 7 * S;
	(void) mr_facts_judge();
	MR_REQUIRE(alerts.count == 2);
	MR_CHECK_INT(alerts.list[0].value, 10001);
	MR_CHECK_INT(alerts.list[0].threshold, 10000);
	MR_CHECK_STRING(alerts.list[0].region, "R1");
	MR_CHECK_INT(alerts.list[1].value, 2);
	MR_CHECK_INT(alerts.list[1].threshold, 2);
	MR_CHECK_INT(alerts.list[0].since, 1);
}
