/*
 * A cluster that is well: see mr_alert_facts.h.
 */
#include "unit/mr_alert_facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

MrLease lease;
MrForecast forecast;
MrAlertFacts known;
MrAlerts alerts;

void
mr_facts_start(int self)
{
	int slot;

	memset(&lease, 0, sizeof(lease));
	memset(&known, 0, sizeof(known));
	memset(&forecast, 0, sizeof(forecast));
	memset(&alerts, 0, sizeof(alerts));
	mr_config_init(&lease.durable.config);
	lease.loaded = lease.bound = lease.stamped = true;
	lease.self = self;
	lease.leader = 0;
	lease.role = self == 0 ? MR_ROLE_LEADER : MR_ROLE_FOLLOWER;
	lease.wall_ms = WALL_MS;
	lease.durable.config.policy.alert_delay_ms = 0;
	lease.durable.config.voters = 7;
	for (slot = 0; slot < 3; slot++)
	{
		MrMember *member = &lease.durable.config.members[slot];

		member->used = true;
		member->uuid.bytes[0] = (uint8_t) (slot + 1);
		(void) snprintf(member->name, sizeof(member->name), "n%d", slot);
		(void) snprintf(member->region, sizeof(member->region), "R%d", slot);
		lease.peers[slot].reported_ns = slot == self ? 0 : NOW_NS - S;
		lease.peers[slot].report.flags =
			slot == 0 ? MR_REPORT_LEASE_OPEN : MR_REPORT_IN_RECOVERY | MR_REPORT_STREAMING;
		known.nodes[slot].status = slot == self ? MR_HEALTH_UNKNOWN : MR_HEALTH_UP;
		known.nodes[slot].skew_ms = -1;
	}
	known.lease = &lease;
	known.now_ns = NOW_NS;
	known.forecast = &forecast;
	forecast.successor = 1;
	known.fence_open = self == 0;
	known.in_recovery = self != 0;
	known.certificate_days = -1;
}

static int
compare(const void *left, const void *right)
{
	return strcmp(*(const char *const *) left, *(const char *const *) right);
}

void
mr_facts_name(char out[MR_NAME_SIZE], const char *text)
{
	(void) snprintf(out, MR_NAME_SIZE, "%s", text);
}

/* What is raised, as words in the order of the alphabet. */
static const char *
raised(void)
{
	static char names[MR_MAX_ALERTS][2 * MR_NAME_SIZE];
	static char text[MR_MAX_ALERTS * 2 * MR_NAME_SIZE];
	const char *sorted[MR_MAX_ALERTS];
	size_t length = 0;
	int count = 0;
	int i;

	for (i = 0; i < alerts.count; i++)
	{
		const MrAlert *alert = &alerts.list[i];

		if (!mr_alert_is_raised(alert))
			continue;
		(void) snprintf(names[count], sizeof(names[count]), "%s%s%s",
						mr_alert_spec((int) alert->kind)->word, alert->subject[0] ? ":" : "",
						alert->subject);
		sorted[count] = names[count];
		count++;
	}
	qsort(sorted, (size_t) count, sizeof(*sorted), compare);
	text[0] = '\0';
	for (i = 0; i < count; i++)
		length += (size_t) snprintf(text + length, sizeof(text) - length, "%s%s", i > 0 ? " " : "",
									sorted[i]);
	return text;
}

const char *
mr_facts_judge(void)
{
	mr_alert_rules(&known, 1, &alerts);
	return raised();
}

const char *
mr_facts_judge_after(int64_t seconds)
{
	int slot;

	known.now_ns += seconds * S;
	for (slot = 0; slot < 3; slot++)
		if (lease.peers[slot].reported_ns != 0)
			lease.peers[slot].reported_ns = known.now_ns - S;
	return mr_facts_judge();
}
