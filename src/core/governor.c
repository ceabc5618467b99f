/*
 * The governor; see mr_governor.h. Called by the parts of the lease protocol.
 */
#include "core/mr_governor.h"

#include <string.h>

#define MR_HOUR_MS (INT64_C(3600) * 1000)
#define MR_DAY_MS (24 * MR_HOUR_MS)

static bool
is_unplanned(int cause)
{
	return cause == MR_CAUSE_LEASE_EXPIRED || cause == MR_CAUSE_PRIMARY_CRASH ||
		   cause == MR_CAUSE_SICK;
}

bool
mr_governor_note(MrDurable *durable, const MrUuid *node, uint64_t term, int cause, int64_t wall_ms)
{
	if (term <= durable->noted_term || cause == MR_CAUSE_NONE)
		return false;
	durable->noted_term = term;
	if (!is_unplanned(cause) || mr_uuid_equal(&durable->stamp.node, node))
		return true;
	memmove(durable->failovers_ms + 1, durable->failovers_ms,
			sizeof(durable->failovers_ms) - sizeof(durable->failovers_ms[0]));
	durable->failovers_ms[0] = wall_ms;
	return true;
}

int
mr_governor_count(const MrDurable *durable, int64_t wall_ms)
{
	int count = 0;
	int i;

	for (i = 0; i < MR_FAILOVERS_KEPT; i++)
		if (durable->failovers_ms[i] != 0 && durable->failovers_ms[i] > wall_ms - MR_HOUR_MS)
			count++;
	return count;
}

bool
mr_governor_holds(const MrDurable *durable, int64_t wall_ms)
{
	int64_t limit = durable->config.policy.max_failovers_per_hour;

	return limit >= 0 && mr_governor_count(durable, wall_ms) >= limit;
}

int64_t
mr_governor_failback_delay_ms(const MrDurable *durable, int64_t wall_ms)
{
	int64_t delay = durable->config.policy.failback_delay_ms;
	int times = mr_governor_count(durable, wall_ms);

	for (; times > 1 && delay < MR_DAY_MS; times--)
		delay *= 2;
	return delay < MR_DAY_MS ? delay : MR_DAY_MS;
}
