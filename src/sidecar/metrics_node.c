/*
 * Metrics of the local node and of multiregiond itself. Values that may be wrong by now are
 * left out, never repeated. Called by endpoint_metrics.c.
 */
#include "sidecar/mr_metrics_write.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sidecar/mr_loop.h"

#define SECONDS(ms) ((double) (ms) / 1000)

bool
mr_metrics_may_write(const MrExposition *out, MrMetricId id)
{
	return mr_metric(id)->when != MR_METRIC_FRESH || out->fresh;
}

/* A metric with the labels region and node; NAN: there is nothing to say. */
static void
write_own(MrExposition *out, MrMetricId id, double value)
{
	const char *labels[] = {out->region, out->node};

	mr_metrics_text_family(&out->text, mr_metric(id));
	if (!isnan(value) && mr_metrics_may_write(out, id))
		mr_metrics_text_sample(&out->text, labels, value);
}

static double
number(int64_t value)
{
	return value == MR_UNKNOWN ? NAN : (double) value;
}

/* The status is as old as its age says, and so is what it says of the lease. */
static double
lease_remaining(const MrExposition *out)
{
	int64_t left_ms = out->status->lease_remaining_ms;

	if (left_ms == MR_UNKNOWN)
		return NAN;
	left_ms -= out->input.age_ms;
	return SECONDS(left_ms > 0 ? left_ms : 0);
}

static void
write_ages(MrExposition *out)
{
	const MrWatcher *watcher = &out->service->watcher;
	const char *labels[] = {out->region, out->node, "status"};

	mr_metrics_text_family(&out->text, mr_metric(MR_METRIC_STATUS_AGE));
	if (out->input.age_ms >= 0)
		mr_metrics_text_sample(&out->text, labels, SECONDS(out->input.age_ms));
	labels[2] = "details";
	if (watcher->details_ns != 0)
		mr_metrics_text_sample(&out->text, labels,
							   SECONDS((mr_loop_now_ns() - watcher->details_ns) / MR_NS_PER_MS));
}

static void
write_state(MrExposition *out)
{
	MrServing serving = mr_serving_judge(&out->input, out->status);
	MrPart part = out->fresh ? mr_serving_part(out->status) : MR_PART_UNKNOWN;
	const char *labels[] = {out->region, out->node, NULL};
	int i;

	write_own(out, MR_METRIC_SERVING, mr_serving_is_good(serving));
	mr_metrics_text_family(&out->text, mr_metric(MR_METRIC_NODE_STATE));
	for (i = 0; i < MR_SERVING_COUNT; i++)
	{
		labels[2] = mr_serving_reason((MrServing) i);
		mr_metrics_text_sample(&out->text, labels, (MrServing) i == serving);
	}
	mr_metrics_text_family(&out->text, mr_metric(MR_METRIC_NODE_ROLE));
	for (i = MR_PART_UNKNOWN; i <= MR_PART_STANDBY; i++)
	{
		labels[2] = mr_part_name((MrPart) i);
		mr_metrics_text_sample(&out->text, labels, (MrPart) i == part);
	}
}

static void
write_lease(MrExposition *out)
{
	const MrStatus *status = out->status;
	const char *labels[] = {status->primary_region, status->primary_node};

	write_own(out, MR_METRIC_MANAGED, status->managed);
	write_own(out, MR_METRIC_WRITABLE, status->writable);
	write_own(out, MR_METRIC_FENCED, status->fenced);
	write_own(out, MR_METRIC_STOPPING, status->stopping);
	write_own(out, MR_METRIC_EPOCH,
			  status->valid && status->managed ? (double) status->epoch : NAN);
	write_own(out, MR_METRIC_LEASE_REMAINING, lease_remaining(out));
	mr_metrics_text_family(&out->text, mr_metric(MR_METRIC_PRIMARY));
	if (out->fresh && status->primary_node != NULL)
		mr_metrics_text_sample(&out->text, labels, 1);
}

static void
write_forecast(MrExposition *out)
{
	const MrStatusForecast *forecast = &out->status->forecast;
	bool known = out->status->managed && out->service->watcher.forecasts;
	int64_t outage_ms = forecast->outage_ms;

	write_own(out, MR_METRIC_SUCCESSOR, known ? forecast->successor != NULL : NAN);
	write_own(out, MR_METRIC_FORECAST_OUTAGE, outage_ms == MR_UNKNOWN ? NAN : SECONDS(outage_ms));
	write_own(out, MR_METRIC_FORECAST_BYTES, number(forecast->bytes_at_risk));
	write_own(out, MR_METRIC_FORECAST_COMMITS, number(forecast->commits_at_risk));
}

static void
write_haproxy(MrExposition *out)
{
	const char *labels[] = {out->region, out->node, NULL};
	MrHaproxyReport report;
	int i;

	mr_haproxy_report(out->service->haproxy, &report);
	mr_metrics_text_family(&out->text, mr_metric(MR_METRIC_HAPROXY_STATE));
	for (i = MR_HAPROXY_OFF; i <= MR_HAPROXY_FULL; i++)
	{
		labels[2] = mr_haproxy_state_name((MrHaproxyState) i);
		mr_metrics_text_sample(&out->text, labels, (MrHaproxyState) i == report.state);
	}
	mr_metrics_text_family(&out->text, mr_metric(MR_METRIC_HAPROXY_TENANTS));
	labels[2] = "tenants";
	mr_metrics_text_sample(&out->text, labels, (double) report.tenants);
	labels[2] = "recent";
	mr_metrics_text_sample(&out->text, labels, (double) report.recent);
	write_own(out, MR_METRIC_HAPROXY_SKIPPED, (double) report.skipped);
	write_own(out, MR_METRIC_HAPROXY_FILLS, (double) report.fills);
}

/* Resident memory: the second number of /proc/self/statm, which is in memory, too. */
static double
resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long pages = -1;

	if (file == NULL)
		return NAN;
	if (fscanf(file, "%*s %ld", &pages) != 1)
		pages = -1;
	fclose(file);
	return pages < 0 ? NAN : (double) pages * (double) sysconf(_SC_PAGESIZE);
}

static double
seconds_of(const struct timeval *time)
{
	return (double) time->tv_sec + (double) time->tv_usec / 1e6;
}

static void
write_process(MrExposition *out)
{
	struct rusage usage;

	write_own(out, MR_METRIC_PROCESS_START, SECONDS(out->service->started_wall_ms));
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		write_own(out, MR_METRIC_PROCESS_CPU,
				  seconds_of(&usage.ru_utime) + seconds_of(&usage.ru_stime));
	write_own(out, MR_METRIC_PROCESS_MEMORY, resident_bytes());
	write_own(out, MR_METRIC_HTTP_PENDING, mr_server_pending(out->service->server));
}

void
mr_metrics_write_node(MrExposition *out)
{
	const char *version[] = {out->region, out->node, MR_SIDECAR_VERSION};

	write_own(out, MR_METRIC_UP, out->fresh);
	mr_metrics_text_family(&out->text, mr_metric(MR_METRIC_BUILD_INFO));
	mr_metrics_text_sample(&out->text, version, 1);
	write_ages(out);
	write_state(out);
	write_lease(out);
	write_forecast(out);
	write_haproxy(out);
	write_process(out);
}
