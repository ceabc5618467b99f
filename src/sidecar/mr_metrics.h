/*
 * The registry: what each metric is called, of which type it is, which labels it has.
 * Its one source is mr_metric_list.h.
 */
#ifndef MR_METRICS_H
#define MR_METRICS_H

#include <stdbool.h>
#include <stddef.h>

#include "sidecar/mr_metric_list.h"

#define MR_METRIC_WORD_ENUM(symbol, word) symbol,
typedef enum MrMetricWhen
{
	MR_METRIC_WHEN_LIST(MR_METRIC_WORD_ENUM) MR_METRIC_WHEN_COUNT
} MrMetricWhen;
typedef enum MrMetricType
{
	MR_METRIC_TYPE_LIST(MR_METRIC_WORD_ENUM) MR_METRIC_TYPE_COUNT
} MrMetricType;
#undef MR_METRIC_WORD_ENUM

#define MR_METRIC_ENUM(symbol, name, type, when, labels, unit, help) MR_METRIC_##symbol,
typedef enum MrMetricId
{
	MR_METRIC_LIST(MR_METRIC_ENUM) MR_METRIC_COUNT
} MrMetricId;
#undef MR_METRIC_ENUM

typedef struct MrMetric
{
	const char *name;
	MrMetricType type;
	MrMetricWhen when;
	const char *labels; /* separated by commas; may be empty */
	const char *unit;   /* empty: it has none */
	const char *help;
} MrMetric;

/* A metric of the list. */
extern const MrMetric *mr_metric(MrMetricId id);

/* Word of a type. */
extern const char *mr_metric_type_name(MrMetricType type);

#endif /* MR_METRICS_H */
