/*
 * The exposition: samples in, text out, in the two forms that Prometheus reads: its own
 * format 0.0.4, and OpenMetrics 1.0.
 *
 * A family is begun once and its samples follow each other; one without samples leaves no
 * trace. Without memory the text fails as a whole.
 */
#ifndef MR_METRICS_TEXT_H
#define MR_METRICS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sidecar/mr_histogram.h"
#include "sidecar/mr_metrics.h"

typedef struct MrMetricsText
{
	char *text; /* not terminated before the end */
	size_t length;
	size_t size;
	bool open; /* OpenMetrics */
	bool failed;
	bool headed; /* the family's HELP and TYPE are written */
	const MrMetric *family;
} MrMetricsText;

/* Whether an Accept header (NULL: none) prefers OpenMetrics. */
extern bool mr_metrics_accept_open(const char *accept);

/* The Content-Type of the text. */
extern const char *mr_metrics_content_type(bool open);

/* Begins an empty text. */
extern void mr_metrics_text_begin(MrMetricsText *text, bool open);

/*
 * Begins the family of a metric, which ends with the next one. Its name may be one that is not
 * in the list (compat).
 */
extern void mr_metrics_text_family(MrMetricsText *text, const MrMetric *metric);

/*
 * One sample of the family: as many values of labels as the metric has, NULL and empty ones
 * are left out. The value is a number, or one as text, as PostgreSQL writes it.
 */
extern void mr_metrics_text_sample(MrMetricsText *text, const char *const *labels, double value);
extern void mr_metrics_text_sample_of(MrMetricsText *text, const char *const *labels,
									  const char *value);

/* A histogram of the family: its buckets, sum and count. */
extern void mr_metrics_text_histogram(MrMetricsText *text, const char *const *labels,
									  const MrHistogram *histogram);

/* The same from numbers as text: kind is "_sum", "_count" or, with its bound le, "_bucket". */
extern void mr_metrics_text_part(MrMetricsText *text, const char *const *labels, const char *kind,
								 const char *le, const char *value);

/*
 * Ends the text: from malloc. NULL without memory.
 */
extern char *mr_metrics_text_end(MrMetricsText *text);

#endif /* MR_METRICS_TEXT_H */
