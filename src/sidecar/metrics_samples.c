/*
 * Metrics that the database hands over as samples (mr_sample_sql.h), and the policies. A name
 * that the list does not have is ignored. Called by endpoint_metrics.c and metrics_patroni.c.
 */
#include "sidecar/mr_metrics_write.h"

#include <stdlib.h>
#include <string.h>

/* Columns of a sample. */
#define NAME 0
#define LABELS 1
#define VALUE (LABELS + MR_METRIC_LABELS)

static bool
is_of(const PGresult *result, int row, const char *name)
{
	return strcmp(PQgetvalue(result, row, NAME), name) == 0;
}

/* A row of a histogram: phase; then what it counts, and up to which bound. */
static void
write_part(MrExposition *out, const PGresult *result, int row)
{
	const char *labels[] = {PQgetvalue(result, row, LABELS)};
	const char *le = PQgetvalue(result, row, LABELS + 2);

	mr_metrics_text_part(&out->text, labels, PQgetvalue(result, row, LABELS + 1),
						 le[0] != '\0' ? le : NULL, PQgetvalue(result, row, VALUE));
}

static void
write_rows_of(MrExposition *out, const MrMetric *metric, const PGresult *result)
{
	const char *labels[MR_METRIC_LABELS];
	int row;
	int i;

	for (row = 0; result != NULL && row < PQntuples(result); row++)
	{
		if (!is_of(result, row, metric->name))
			continue;
		for (i = 0; i < MR_METRIC_LABELS; i++)
			labels[i] = PQgetvalue(result, row, LABELS + i);
		if (metric->type == MR_METRIC_HISTOGRAM)
			write_part(out, result, row);
		else
			mr_metrics_text_sample_of(&out->text, labels, PQgetvalue(result, row, VALUE));
	}
}

void
mr_metrics_write_rows(MrExposition *out, const MrMetric *metric)
{
	write_rows_of(out, metric, out->status->results[MR_STATUS_SAMPLES]);
	write_rows_of(out, metric, out->status->results[MR_STATUS_HISTORY]);
}

void
mr_metrics_write_samples(MrExposition *out)
{
	int id;

	for (id = 0; id < MR_METRIC_COUNT; id++)
	{
		if (!mr_metrics_may_write(out, (MrMetricId) id))
			continue;
		mr_metrics_text_family(&out->text, mr_metric((MrMetricId) id));
		mr_metrics_write_rows(out, mr_metric((MrMetricId) id));
	}
}

double
mr_metrics_sample_value(const MrExposition *out, const char *name, double fallback)
{
	const PGresult *result = out->status->results[MR_STATUS_SAMPLES];
	int row;

	for (row = 0; result != NULL && row < PQntuples(result); row++)
		if (is_of(result, row, name))
			return strtod(PQgetvalue(result, row, VALUE), NULL);
	return fallback;
}

void
mr_metrics_write_policies(MrExposition *out)
{
	const PGresult *result = out->status->results[MR_STATUS_POLICY];
	int row;

	mr_metrics_text_family(&out->text, mr_metric(MR_METRIC_POLICY));
	for (row = 0; result != NULL && row < PQntuples(result); row++)
	{
		const char *text = PQgetvalue(result, row, 1);
		const MrPolicySetting *setting = mr_policy_find(PQgetvalue(result, row, 0));
		int64_t value;

		/* The number of a word would say nothing. */
		if (setting != NULL && strcmp(setting->unit, "enum") != 0 &&
			mr_policy_parse(setting, text, &value) == MR_POLICY_OK)
		{
			const char *labels[] = {setting->name, setting->unit};

			mr_metrics_text_sample(&out->text, labels, (double) value);
		}
	}
}
