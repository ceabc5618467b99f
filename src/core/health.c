/*
 * Consecutive failures to a verdict. See mr_health.h.
 *
 * Pure. Says nothing about leases: three failures exclude a node, they start no
 * election. Called by the monitor worker.
 */
#include "core/mr_health.h"

MrHealthChange
mr_health_observe(MrHealthState *state, bool ok, int64_t now_ns, int64_t interval_ms,
				  int64_t retry_ms, int64_t max_failures)
{
	MrHealth before = state->status;

	state->next_check_ns = now_ns + (ok ? interval_ms : retry_ms) * MR_NS_PER_MS;
	if (ok)
	{
		state->status = MR_HEALTH_UP;
		state->consecutive_failures = 0;
		return before == MR_HEALTH_DOWN || before == MR_HEALTH_UNKNOWN ? MR_HEALTH_WENT_UP
																	   : MR_HEALTH_SAME;
	}
	if (state->consecutive_failures < UINT32_MAX)
		state->consecutive_failures++;
	if (before == MR_HEALTH_DOWN)
		return MR_HEALTH_SAME;
	if (state->consecutive_failures >= max_failures)
	{
		state->status = MR_HEALTH_DOWN;
		return MR_HEALTH_WENT_DOWN;
	}
	state->status = MR_HEALTH_SUSPECT;
	return MR_HEALTH_SAME;
}

/* The order in which a region takes its verdict from its nodes. */
static int
rank(MrHealth health)
{
	switch (health)
	{
		case MR_HEALTH_UP:
			return 3;
		case MR_HEALTH_SUSPECT:
			return 2;
		case MR_HEALTH_UNKNOWN:
			return 1;
		case MR_HEALTH_DOWN:
		case MR_HEALTH_COUNT:
			return 0;
	}
	return 0;
}

MrHealth
mr_health_of_region(const MrHealth *nodes, int count)
{
	MrHealth best = MR_HEALTH_DOWN;
	int i;

	if (count <= 0)
		return MR_HEALTH_UNKNOWN;
	for (i = 0; i < count; i++)
	{
		if (rank(nodes[i]) > rank(best))
			best = nodes[i];
	}
	return best;
}
