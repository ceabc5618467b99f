/*
 * The forecast of an election, and the rules that explain_failover() shows.
 */
#include <stdio.h>
#include <string.h>

#include "core/mr_forecast.h"
#include "unit/mr_unit.h"

#define FAR (UINT64_C(64) * 1024 * 1024) /* past the default max_failover_lag */

static MrLease lease;

/* Three voters of one region in term 5; the standbys lack `behind` bytes of n0's WAL. */
static void
lead_three(MrLsn behind)
{
	int slot;

	memset(&lease, 0, sizeof(lease));
	mr_config_init(&lease.durable.config);
	lease.loaded = lease.bound = lease.stamped = true;
	lease.role = MR_ROLE_LEADER;
	lease.durable.term = lease.durable.log_term = 5;
	lease.durable.config.voters = 7;
	for (slot = 0; slot < 3; slot++)
	{
		MrMember *member = &lease.durable.config.members[slot];
		MrReport *report = &lease.peers[slot].report;

		member->used = true;
		member->uuid.bytes[0] = (uint8_t) (slot + 1);
		snprintf(member->name, sizeof(member->name), "n%d", slot);
		snprintf(member->region, sizeof(member->region), "R");
		lease.peers[slot].reported_ns = 1000;
		report->log_term = 5;
		report->flags =
			MR_REPORT_WAL_END_KNOWN | (slot > 0 ? MR_REPORT_IN_RECOVERY | MR_REPORT_STANDBY : 0);
		report->wal_end = 1000 + FAR - (slot > 0 ? behind : 0);
	}
}

/* The leader knows its own position better than anybody: it must not forget it. */
MR_TEST(the_leader_says_that_nobody_follows_who_lags_too_far)
{
	MrForecast forecast;

	lead_three(FAR);
	mr_forecast(&lease, 2000, 1, 0, &forecast);
	MR_CHECK_INT(forecast.successor, MR_NO_SLOT);
	MR_CHECK_INT(forecast.refusal, MR_REFUSE_NOBODY_FIT);
	MR_CHECK_INT(forecast.refusals[1], MR_REFUSE_LAG);
}

MR_TEST(the_leader_says_how_much_is_at_risk)
{
	MrForecast forecast;

	lead_three(100);
	mr_forecast(&lease, 2000, 1, 0, &forecast);
	MR_CHECK_INT(forecast.successor, 1);
	MR_CHECK_INT(forecast.bytes_at_risk, 100);
}

MR_TEST(each_rule_stands_for_itself)
{
	lead_three(0);
	lease.durable.config.policy.auto_failover = false;
	lease.durable.config.paused_until_ms = 10;
	lease.durable.config.members[1].witness = lease.durable.config.members[1].no_promote = true;
	lease.wall_ms = 5;
	MR_CHECK(mr_candidate_rule_stands(&lease, 1, 0, MR_FIT_ELECTION, MR_REFUSE_FAILOVER_OFF));
	MR_CHECK(mr_candidate_rule_stands(&lease, 1, 0, MR_FIT_ELECTION, MR_REFUSE_PAUSED));
	MR_CHECK(mr_candidate_rule_stands(&lease, 1, 0, MR_FIT_ELECTION, MR_REFUSE_NO_PROMOTE));
	MR_CHECK(!mr_candidate_rule_stands(&lease, 1, 0, MR_FIT_ORDERED, MR_REFUSE_PAUSED));
	MR_CHECK(!mr_candidate_rule_stands(&lease, 2, 0, MR_FIT_ELECTION, MR_REFUSE_NO_PROMOTE));
}
