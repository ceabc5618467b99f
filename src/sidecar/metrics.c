/*
 * The registry of metrics; see mr_metrics.h. One const table, no state. Called by whoever
 * writes samples.
 */
#include "sidecar/mr_metrics.h"

#define ENTRY(symbol, name, type, when, labels, unit, help) \
	[MR_METRIC_##symbol] = {name, MR_METRIC_##type, MR_METRIC_##when, labels, unit, help},
#define TYPE_WORD(symbol, word) [symbol] = word,

static const MrMetric entries[MR_METRIC_COUNT] = {MR_METRIC_LIST(ENTRY)};
static const char *const types[MR_METRIC_TYPE_COUNT] = {MR_METRIC_TYPE_LIST(TYPE_WORD)};

const MrMetric *
mr_metric(MrMetricId id)
{
	return &entries[id];
}

const char *
mr_metric_type_name(MrMetricType type)
{
	return types[type];
}
