/*
 * The metrics of Patroni by its names, for GET /metrics?compat=patroni. It must never say
 * that a database runs, or is the primary, that has not just said so itself. Called by
 * endpoint_metrics.c.
 */
#include "sidecar/mr_metrics_write.h"

#include <stdio.h>
#include <string.h>

#include "sidecar/mr_loop.h"
#include "sidecar/mr_patroni_metric_list.h"

#define SCOPE "multiregion"

#define PATRONI_ENUM(symbol, name, type, help) PATRONI_##symbol,
#define PATRONI_ENTRY(symbol, name, type, help) \
	[PATRONI_##symbol] = {name, MR_METRIC_##type, MR_METRIC_ALWAYS, "scope,name", "", help},

typedef enum PatroniMetric
{
	MR_PATRONI_METRIC_LIST(PATRONI_ENUM) PATRONI_COUNT
} PatroniMetric;

static const MrMetric entries[PATRONI_COUNT] = {MR_PATRONI_METRIC_LIST(PATRONI_ENTRY)};

/* postgres_state: Patroni's numbers */
#define STATE_RUNNING 5
#define STATE_STOPPED 12
#define STATE_CRASHED 14

typedef double (*ValueOf)(const MrExposition *out);

/* "0.2" as 200, as Patroni makes 40104 of 4.1.4. */
static double
version_number(const MrExposition *out)
{
	int parts[3] = {0, 0, 0};

	(void) out;
	(void) sscanf(MR_SIDECAR_VERSION, "%d.%d.%d", &parts[0], &parts[1], &parts[2]);
	return parts[0] * 10000.0 + parts[1] * 100.0 + parts[2];
}

static double
nothing(const MrExposition *out)
{
	(void) out;
	return 0;
}

static double
is_running(const MrExposition *out)
{
	return out->fresh;
}

static double
is_primary(const MrExposition *out)
{
	return out->fresh && mr_serving_part(out->status) == MR_PART_PRIMARY && out->status->writable;
}

static double
is_replica(const MrExposition *out)
{
	return out->fresh && mr_serving_part(out->status) == MR_PART_STANDBY;
}

static double
is_quorum_standby(const MrExposition *out)
{
	const char *durability = mr_status_policy(out->status, "durability");

	return is_replica(out) != 0 && durability != NULL && strcmp(durability, "quorum") == 0;
}

static double
is_in_archive_recovery(const MrExposition *out)
{
	return is_replica(out) != 0 &&
		   mr_metrics_sample_value(out, entries[PATRONI_STREAMING].name, 0) == 0;
}

static double
is_unlocked(const MrExposition *out)
{
	return out->fresh && out->status->managed && out->status->primary_node == NULL;
}

static double
seen_at(const MrExposition *out)
{
	return (double) (out->status->refreshed_wall_ms / 1000);
}

/* A pause of the whole cluster is the only one that Patroni has a word for. */
static double
is_paused(const MrExposition *out)
{
	const char *automatic = mr_status_policy(out->status, "auto_failover");
	const MrPolicySetting *setting = mr_policy_find("auto_failover");
	int64_t on = 1;

	if (automatic != NULL && setting != NULL)
		(void) mr_policy_parse(setting, automatic, &on);
	return on == 0 || mr_metrics_sample_value(out, "patroni_is_paused", 0) > 0;
}

static double
state(const MrExposition *out)
{
	if (out->fresh)
		return STATE_RUNNING;
	return out->status->valid && out->status->stopping ? STATE_STOPPED : STATE_CRASHED;
}

static const MrStatusNode *
own_node(const MrExposition *out)
{
	const MrStatus *status = out->status;
	int i;

	for (i = 0; out->fresh && status->node != NULL && i < status->node_count; i++)
		if (strcmp(status->nodes[i].name, status->node) == 0)
			return &status->nodes[i];
	return NULL;
}

static double
timeline(const MrExposition *out)
{
	const MrStatusNode *node = own_node(out);

	return node != NULL && node->timeline != MR_UNKNOWN ? (double) node->timeline : 0;
}

static double
priority(const MrExposition *out)
{
	const MrStatusNode *node = own_node(out);

	return node != NULL && node->eligible;
}

/* Those without an entry are samples of the database; 0 while it says nothing. */
static const ValueOf values[PATRONI_COUNT] = {
	[PATRONI_VERSION] = version_number,
	[PATRONI_RUNNING] = is_running,
	[PATRONI_PRIMARY] = is_primary,
	[PATRONI_STANDBY_LEADER] = nothing,
	[PATRONI_REPLICA] = is_replica,
	[PATRONI_SYNC_STANDBY] = nothing,
	[PATRONI_QUORUM_STANDBY] = is_quorum_standby,
	[PATRONI_ARCHIVE] = is_in_archive_recovery,
	[PATRONI_UNLOCKED] = is_unlocked,
	[PATRONI_FAILSAFE] = nothing,
	[PATRONI_FAILSAFE_ON] = nothing,
	[PATRONI_FAILSAFE_MEMBER] = nothing,
	[PATRONI_TIMELINE] = timeline,
	[PATRONI_DCS_SEEN] = seen_at,
	[PATRONI_IS_PAUSED] = is_paused,
	[PATRONI_STATE] = state,
	[PATRONI_PRIORITY] = priority,
};

void
mr_metrics_write_patroni(MrExposition *out)
{
	const char *labels[] = {SCOPE, out->node};
	int i;

	for (i = 0; i < PATRONI_COUNT; i++)
	{
		double value = 0;

		if (values[i] != NULL)
			value = values[i](out);
		else if (out->fresh)
			value = mr_metrics_sample_value(out, entries[i].name, 0);
		mr_metrics_text_family(&out->text, &entries[i]);
		mr_metrics_text_sample(&out->text, labels, value);
	}
}
