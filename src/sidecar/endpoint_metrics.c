/*
 * GET /metrics: for Prometheus. Everything comes from memory, so it is answered at once,
 * whatever the database does. It must never show a tenant's id. Called through routes.c.
 */
#include "sidecar/mr_service.h"

#include <string.h>

#include "sidecar/mr_http_text.h"
#include "sidecar/mr_metrics_record.h"
#include "sidecar/mr_metrics_write.h"

/* The seed's names, of what has a better one in the list: seconds all the same. */
#define SEED(name, id, type, labels) \
	{ \
		name, MR_METRIC_##type, MR_METRIC_ALWAYS, labels, "", "See " id "." \
	}
static const MrMetric seed_query =
	SEED("db_query_duration", "multiregion_db_query_duration_seconds", HISTOGRAM,
		 "region,node,operation");
static const MrMetric seed_request =
	SEED("http_request_duration", "multiregion_http_request_duration_seconds", HISTOGRAM,
		 "region,route,method,code");
static const MrMetric seed_failover =
	SEED("failover_events", "multiregion_failover_events_total", COUNTER, "from,to,kind,cause");

static const char *
region_of(const char *node, const void *arg)
{
	const MrStatus *status = arg;
	int i;

	for (i = 0; i < status->node_count; i++)
		if (strcmp(status->nodes[i].name, node) == 0)
			return status->nodes[i].region;
	return NULL;
}

static void
begin(MrExposition *out, const MrService *service, bool open)
{
	const MrStatus *status = &service->watcher.status;

	memset(out, 0, sizeof(*out));
	mr_metrics_text_begin(&out->text, open);
	out->service = service;
	out->status = status;
	mr_service_input(service, &out->input);
	out->fresh =
		out->input.connected && status->valid && out->input.age_ms <= out->input.stale_after_ms;
	out->region = mr_service_region(service);
	out->node = status->node != NULL ? status->node : service->settings->node;
}

static void
write_all(MrExposition *out, const MrRecordOwner *owner)
{
	mr_metrics_write_node(out);
	mr_metrics_write_members(out);
	mr_metrics_write_samples(out);
	mr_metrics_write_policies(out);
	mr_metrics_write_queries(&out->text, mr_metric(MR_METRIC_DB_QUERY), owner);
	mr_metrics_write_requests(&out->text, mr_metric(MR_METRIC_HTTP_REQUEST), owner);
}

static void
write_seed(MrExposition *out, const MrRecordOwner *owner)
{
	mr_metrics_write_queries(&out->text, &seed_query, owner);
	mr_metrics_write_requests(&out->text, &seed_request, owner);
	mr_metrics_text_family(&out->text, &seed_failover);
	mr_metrics_write_rows(out, mr_metric(MR_METRIC_FAILOVER_EVENTS));
}

void
mr_endpoint_metrics(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	char compat[16] = "";
	MrTextResult found = mr_http_query_value(request->query, "compat", compat, sizeof(compat));
	bool patroni = found == MR_TEXT_OK && strcmp(compat, "patroni") == 0;
	bool seed = found == MR_TEXT_OK && strcmp(compat, "seed") == 0;
	bool open =
		!patroni && !seed && mr_metrics_accept_open(mr_request_find_header(request, "Accept"));
	MrExposition out;
	MrRecordOwner owner;

	(void) match;
	if (found != MR_TEXT_ABSENT && !patroni && !seed)
	{
		mr_request_refuse(request, MR_ERROR_BAD_PARAMETER,
						  "\"compat\" is neither patroni nor seed.");
		return;
	}
	begin(&out, service, open);
	owner = (MrRecordOwner){out.node, out.region, region_of, out.status};
	if (patroni)
		mr_metrics_write_patroni(&out);
	else if (seed)
		write_seed(&out, &owner);
	else
		write_all(&out, &owner);
	mr_request_reply_as(request, 200, mr_metrics_content_type(open),
						mr_metrics_text_end(&out.text));
}
