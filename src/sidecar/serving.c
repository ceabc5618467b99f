/*
 * Verdicts from the last copy; see mr_serving.h. Pure. A copy older than its limit
 * never gives a good verdict. Called by endpoint_health.c and unit tests.
 */
#include "sidecar/mr_serving.h"

#include <string.h>

#define SERVING_REASON(symbol, reason, serves) [symbol] = {reason, serves},

static const struct
{
	const char *reason;
	bool serves;
} entries[MR_SERVING_COUNT] = {MR_SERVING_LIST(SERVING_REASON)};

const char *
mr_serving_reason(MrServing serving)
{
	return entries[serving].reason;
}

bool
mr_serving_is_good(MrServing serving)
{
	return entries[serving].serves;
}

MrPart
mr_serving_part(const MrStatus *status)
{
	if (!status->valid)
		return MR_PART_UNKNOWN;
	if (status->managed ? status->is_primary : !status->in_recovery)
		return MR_PART_PRIMARY;
	return status->in_recovery ? MR_PART_STANDBY : MR_PART_UNKNOWN;
}

/* What the copy says, were it of this moment. */
static MrServing
judge_copy(const MrStatus *status)
{
	if (status->stopping)
		return MR_SERVING_STOPPING;
	if (!status->managed)
		return MR_SERVING_UNMANAGED;
	if (status->is_primary && status->writable)
		return MR_SERVING_PRIMARY;
	if (status->is_primary && status->in_recovery)
		return MR_SERVING_PROMOTING;
	/* A former primary, fenced until it is made a standby. */
	if (!status->in_recovery)
		return MR_SERVING_FENCED;
	return status->primary_node != NULL ? MR_SERVING_STANDBY : MR_SERVING_NO_LEADER;
}

MrServing
mr_serving_judge(const MrServingInput *input, const MrStatus *status)
{
	if (!input->enabled)
		return MR_SERVING_DISABLED;
	if (input->draining)
		return MR_SERVING_DRAINING;
	/* It closed our sessions' server on purpose: say that rather than "unreachable". */
	if (status->valid && status->stopping)
		return MR_SERVING_STOPPING;
	if (!status->valid)
		return input->connected ? MR_SERVING_NO_STATUS : MR_SERVING_UNREACHABLE;
	if (!input->connected)
		return MR_SERVING_UNREACHABLE;
	if (input->age_ms > input->stale_after_ms)
		return MR_SERVING_TOO_OLD;
	return judge_copy(status);
}

const char *
mr_verdict_name(MrVerdict verdict)
{
	switch (verdict)
	{
		case MR_VERDICT_HEALTHY:
			return "healthy";
		case MR_VERDICT_DEGRADED:
			return "degraded";
		case MR_VERDICT_DOWN:
			break;
	}
	return "down";
}

/* Whether anything can be said at all. */
static bool
is_current(const MrServingInput *input, const MrStatus *status)
{
	return input->enabled && input->connected && status->valid &&
		   input->age_ms <= input->stale_after_ms;
}

static bool
has_writer(const MrStatus *status)
{
	if (!status->managed)
		return true;
	if (status->primary_node == NULL)
		return false;
	return !status->is_primary || status->writable;
}

MrVerdict
mr_serving_database(const MrServingInput *input, const MrStatus *status)
{
	int i;

	if (!is_current(input, status) || !has_writer(status))
		return MR_VERDICT_DOWN;
	for (i = 0; i < status->node_count; i++)
		if (status->nodes[i].health != MR_HEALTH_UP)
			return MR_VERDICT_DEGRADED;
	return status->stopping ? MR_VERDICT_DEGRADED : MR_VERDICT_HEALTHY;
}

MrVerdict
mr_serving_failover(const MrServingInput *input, const MrStatus *status)
{
	const char *automatic = mr_status_policy(status, "auto_failover");
	int i;

	if (!is_current(input, status) || !has_writer(status))
		return MR_VERDICT_DOWN;
	if (automatic != NULL && strcmp(automatic, "1") != 0 && strcmp(automatic, "on") != 0 &&
		strcmp(automatic, "true") != 0)
		return MR_VERDICT_DEGRADED;
	for (i = 0; i < status->node_count; i++)
		if (status->nodes[i].part == MR_PART_STANDBY && status->nodes[i].eligible)
			return MR_VERDICT_HEALTHY;
	return MR_VERDICT_DEGRADED;
}
