/*
 * Where the samples come from: what GET /metrics writes, part by part. Everything is read
 * from memory; what is written of a database that does not answer is only what stays true.
 */
#ifndef MR_METRICS_WRITE_H
#define MR_METRICS_WRITE_H

#include "sidecar/mr_metrics_text.h"
#include "sidecar/mr_service.h"

typedef struct MrExposition
{
	MrMetricsText text;
	const MrService *service;
	const MrStatus *status;
	MrServingInput input;
	bool fresh;         /* the local database answers, and the status is not too old */
	const char *region; /* of the local node; NULL: not known */
	const char *node;
} MrExposition;

/* Whether a metric may have samples now. */
extern bool mr_metrics_may_write(const MrExposition *out, MrMetricId id);

/* metrics_node.c: what the local node and its sidecar are. */
extern void mr_metrics_write_node(MrExposition *out);

/* metrics_members.c: the members and regions, as the local node sees them. */
extern void mr_metrics_write_members(MrExposition *out);

/* metrics_samples.c: what the database says in samples (mr_sample_sql.h). */
extern void mr_metrics_write_samples(MrExposition *out);

/* The same of one metric: its rows as they are. */
extern void mr_metrics_write_rows(MrExposition *out, const MrMetric *metric);

/* The value of the local node's sample of this name; fallback if there is none. */
extern double mr_metrics_sample_value(const MrExposition *out, const char *name, double fallback);

/* The policies that are numbers, or on and off. */
extern void mr_metrics_write_policies(MrExposition *out);

/* metrics_patroni.c: all that is written for compat=patroni. */
extern void mr_metrics_write_patroni(MrExposition *out);

#endif /* MR_METRICS_WRITE_H */
