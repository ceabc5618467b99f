/*
 * Metrics of the members and regions, as the local node sees them. All of them are of a
 * moment: without a fresh status there are none. Called by endpoint_metrics.c.
 */
#include "sidecar/mr_metrics_write.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef double (*ValueOf)(const MrStatusNode *node);

static double
is_up(const MrStatusNode *node)
{
	return node->health == MR_HEALTH_UP;
}

static double
is_voter(const MrStatusNode *node)
{
	return node->voter;
}

static double
is_eligible(const MrStatusNode *node)
{
	return node->eligible;
}

static double
failures_of(const MrStatusNode *node)
{
	return node->consecutive_failures == MR_UNKNOWN ? NAN : (double) node->consecutive_failures;
}

static double
round_trip_of(const MrStatusNode *node)
{
	return node->round_trip_ms < 0 ? NAN : node->round_trip_ms / 1000;
}

static double
lag_seconds_of(const MrStatusNode *node)
{
	return node->lag_ms == MR_UNKNOWN ? NAN : (double) node->lag_ms / 1000;
}

static double
lag_bytes_of(const MrStatusNode *node)
{
	return node->lag_bytes == MR_UNKNOWN ? NAN : (double) node->lag_bytes;
}

/* "16/B374D848" as a number of bytes. */
static double
bytes_of(const char *lsn)
{
	char *slash;
	unsigned long long high;

	if (lsn == NULL)
		return NAN;
	high = strtoull(lsn, &slash, 16);
	if (*slash != '/')
		return NAN;
	return (double) (high << 32 | strtoull(slash + 1, NULL, 16));
}

static double
wal_position_of(const MrStatusNode *node)
{
	return bytes_of(node->wal_end);
}

static double
replay_position_of(const MrStatusNode *node)
{
	return bytes_of(node->replay_lsn);
}

static double
timeline_of(const MrStatusNode *node)
{
	return node->timeline == MR_UNKNOWN ? NAN : (double) node->timeline;
}

static const struct
{
	MrMetricId id;
	ValueOf value_of;
} members[] = {
	{MR_METRIC_MEMBER_UP, is_up},
	{MR_METRIC_MEMBER_VOTER, is_voter},
	{MR_METRIC_MEMBER_ELIGIBLE, is_eligible},
	{MR_METRIC_CONSECUTIVE_FAILURES, failures_of},
	{MR_METRIC_ROUND_TRIP, round_trip_of},
	{MR_METRIC_LAG_SECONDS, lag_seconds_of},
	{MR_METRIC_LAG_BYTES, lag_bytes_of},
	{MR_METRIC_WAL_POSITION, wal_position_of},
	{MR_METRIC_REPLAY_POSITION, replay_position_of},
	{MR_METRIC_TIMELINE, timeline_of},
};

static void
write_members(MrExposition *out)
{
	const MrStatus *status = out->status;
	size_t i;
	int at;

	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++)
	{
		mr_metrics_text_family(&out->text, mr_metric(members[i].id));
		for (at = 0; at < status->node_count; at++)
		{
			const MrStatusNode *node = &status->nodes[at];
			const char *labels[] = {node->region, node->name};
			double value = members[i].value_of(node);

			if (!isnan(value))
				mr_metrics_text_sample(&out->text, labels, value);
		}
	}
}

static void
write_regions(MrExposition *out)
{
	const MrStatus *status = out->status;
	MrRegionSummary summary;
	int i;
	int part;

	mr_metrics_text_family(&out->text, mr_metric(MR_METRIC_REGION_ROLE));
	for (i = 0; i < status->region_count; i++)
	{
		const char *labels[] = {status->regions[i].key, NULL};

		mr_status_summarize(status, status->regions[i].key, &summary);
		for (part = MR_PART_UNKNOWN; part <= MR_PART_STANDBY; part++)
		{
			labels[1] = mr_part_name((MrPart) part);
			mr_metrics_text_sample(&out->text, labels, (MrPart) part == summary.part);
		}
	}
	mr_metrics_text_family(&out->text, mr_metric(MR_METRIC_REGION_UP));
	for (i = 0; i < status->region_count; i++)
	{
		mr_status_summarize(status, status->regions[i].key, &summary);
		mr_metrics_text_sample(&out->text, &status->regions[i].key, summary.health == MR_HEALTH_UP);
	}
}

static void
write_votes(MrExposition *out)
{
	const char *labels[] = {out->region, out->node};
	int voters = 0;
	int present = 0;
	int i;

	for (i = 0; i < out->status->node_count; i++)
	{
		voters += out->status->nodes[i].voter;
		present += out->status->nodes[i].voter && out->status->nodes[i].health == MR_HEALTH_UP;
	}
	if (voters == 0)
		return;
	mr_metrics_text_family(&out->text, mr_metric(MR_METRIC_VOTERS));
	mr_metrics_text_sample(&out->text, labels, voters);
	mr_metrics_text_family(&out->text, mr_metric(MR_METRIC_VOTERS_PRESENT));
	mr_metrics_text_sample(&out->text, labels, present);
	mr_metrics_text_family(&out->text, mr_metric(MR_METRIC_QUORUM_SIZE));
	mr_metrics_text_sample(&out->text, labels, voters / 2 + 1);
}

void
mr_metrics_write_members(MrExposition *out)
{
	if (!out->fresh)
		return;
	write_members(out);
	write_regions(out);
	write_votes(out);
}
