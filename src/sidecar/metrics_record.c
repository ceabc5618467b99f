/*
 * What multiregiond measures of itself; see mr_metrics_record.h. A series is made when it is
 * first needed: there are as many as templates, methods and codes, members and operations
 * meet, which strangers cannot add to. It must never fail what it measures: without memory
 * nothing is counted. Called by server.c, database_pool.c and watcher.c; endpoint_metrics.c.
 */
#include "sidecar/mr_metrics_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mr_limits.h"

#define SLOTS 64 /* of the hash table, a power of two */
#define UNMATCHED "unmatched"
#define MALFORMED "malformed"
#define OPERATION_WORD(symbol, word) [symbol] = word,

static const char *const operations[MR_OPERATION_COUNT] = {MR_OPERATION_LIST(OPERATION_WORD)};

typedef struct Request
{
	struct Request *next;
	const char *route; /* a constant */
	MrMethod method;
	int code;
	MrHistogram histogram;
} Request;

typedef struct Query
{
	struct Query *next;
	char node[MR_NAME_SIZE]; /* empty: the local one */
	MrOperation operation;
	MrHistogram histogram;
} Query;

static Request *requests[SLOTS];
static Query *queries;

static Request *
find_request(const char *route, MrMethod method, int code)
{
	size_t slot = ((uintptr_t) route >> 3 ^ (size_t) method << 2 ^ (size_t) code) % SLOTS;
	Request *series = requests[slot];

	while (series != NULL &&
		   (series->route != route || series->method != method || series->code != code))
		series = series->next;
	if (series == NULL && (series = calloc(1, sizeof(*series))) != NULL)
	{
		series->route = route;
		series->method = method;
		series->code = code;
		series->next = requests[slot];
		requests[slot] = series;
	}
	return series;
}

void
mr_metrics_observe_request(const char *route, MrMethod method, int code, int64_t ns)
{
	Request *series;

	if (route == NULL)
		route = method == MR_METHOD_COUNT ? MALFORMED : UNMATCHED;
	series = find_request(route, method, code);
	if (series != NULL)
		mr_histogram_add(&series->histogram, ns);
}

void
mr_metrics_observe_query(MrOperation operation, const char *node, int64_t ns)
{
	Query *series = queries;

	if (node == NULL)
		node = "";
	while (series != NULL && (series->operation != operation || strcmp(series->node, node) != 0))
		series = series->next;
	if (series == NULL && (series = calloc(1, sizeof(*series))) != NULL)
	{
		snprintf(series->node, sizeof(series->node), "%s", node);
		series->operation = operation;
		series->next = queries;
		queries = series;
	}
	if (series != NULL)
		mr_histogram_add(&series->histogram, ns);
}

void
mr_metrics_write_queries(MrMetricsText *text, const MrMetric *metric, const MrRecordOwner *owner)
{
	const Query *query;

	mr_metrics_text_family(text, metric);
	for (query = queries; query != NULL; query = query->next)
	{
		bool local = query->node[0] == '\0';
		const char *labels[] = {local ? owner->region : owner->region_of(query->node, owner->arg),
								local ? owner->node : query->node, operations[query->operation]};

		/* Asked as another one, before it became the local one: no series comes twice. */
		if (local || owner->node == NULL || strcmp(owner->node, query->node) != 0)
			mr_metrics_text_histogram(text, labels, &query->histogram);
	}
}

void
mr_metrics_write_requests(MrMetricsText *text, const MrMetric *metric, const MrRecordOwner *owner)
{
	const Request *request;
	char code[16];
	int slot;

	mr_metrics_text_family(text, metric);
	for (slot = 0; slot < SLOTS; slot++)
		for (request = requests[slot]; request != NULL; request = request->next)
		{
			bool read = request->method < MR_METHOD_COUNT;
			const char *labels[] = {owner->region, request->route,
									read ? mr_method_name(request->method) : "other", code};

			snprintf(code, sizeof(code), "%d", request->code);
			mr_metrics_text_histogram(text, labels, &request->histogram);
		}
}

void
mr_metrics_record_reset(void)
{
	int slot;

	while (queries != NULL)
	{
		Query *next = queries->next;

		free(queries);
		queries = next;
	}
	for (slot = 0; slot < SLOTS; slot++)
		while (requests[slot] != NULL)
		{
			Request *next = requests[slot]->next;

			free(requests[slot]);
			requests[slot] = next;
		}
}
