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
mr_governor_is_unsure(int cause)
{
	return is_unplanned(cause) || cause == MR_CAUSE_MANUAL || cause == MR_CAUSE_FORCED;
}

/* Into its place, newest term first; an old one falls out at the end. */
static bool
insert(MrDurable *durable, MrFailoverMark mark)
{
	MrFailoverMark *list = durable->failovers;
	int at = 0;

	while (at < MR_FAILOVERS_KEPT && list[at].term > mark.term)
		at++;
	if (at == MR_FAILOVERS_KEPT || list[at].term == mark.term)
		return false;
	memmove(list + at + 1, list + at, sizeof(*list) * (size_t) (MR_FAILOVERS_KEPT - 1 - at));
	list[at] = mark;
	return true;
}

bool
mr_governor_note(MrDurable *durable, uint64_t term, int cause, int64_t wall_ms)
{
	MrFailoverMark mark = {term, wall_ms};

	return is_unplanned(cause) && insert(durable, mark);
}

bool
mr_governor_merge(MrDurable *durable, const MrFailoverMark *marks, int count)
{
	bool changed = false;
	int i;

	for (i = 0; i < count; i++)
		if (marks[i].term != 0 && insert(durable, marks[i]))
			changed = true;
	return changed;
}

int
mr_governor_known(const MrDurable *durable)
{
	int count = 0;

	while (count < MR_FAILOVERS_KEPT && durable->failovers[count].term != 0)
		count++;
	return count;
}

int
mr_governor_count(const MrDurable *durable, int64_t wall_ms)
{
	int count = 0;
	int i;

	for (i = 0; i < mr_governor_known(durable); i++)
		if (durable->failovers[i].wall_ms > wall_ms - MR_HOUR_MS)
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
