/*
 * What multiregiond measures of itself: how long its statements and its answers take. One
 * record for the process, as it has one event loop.
 */
#ifndef MR_METRICS_RECORD_H
#define MR_METRICS_RECORD_H

#include <stdint.h>

#include "sidecar/mr_metrics_text.h"
#include "sidecar/mr_router.h"

/* What a statement is for, the label operation: X(symbol, word). Anything else is other. */
#define MR_OPERATION_LIST(X) \
	X(MR_OPERATION_OTHER, "other") \
	X(MR_OPERATION_IDENTITY, "identity") \
	X(MR_OPERATION_STATUS, "status") \
	X(MR_OPERATION_REGIONS, "regions") \
	X(MR_OPERATION_POLICIES, "policies") \
	X(MR_OPERATION_FAILOVER, "failover") \
	X(MR_OPERATION_MEMBERS, "members") \
	X(MR_OPERATION_DETAILS, "details") \
	X(MR_OPERATION_HISTORY, "history") \
	X(MR_OPERATION_ROUTE, "route") \
	X(MR_OPERATION_TENANT_READ, "tenant_read") \
	X(MR_OPERATION_TENANT_WRITE, "tenant_write") \
	X(MR_OPERATION_TOKEN, "token") \
	X(MR_OPERATION_FAILOVER_ORDER, "failover_order") \
	X(MR_OPERATION_FAILOVER_RESULT, "failover_result")

#define MR_OPERATION_ENUM(symbol, word) symbol,
typedef enum MrOperation
{
	MR_OPERATION_LIST(MR_OPERATION_ENUM) MR_OPERATION_COUNT
} MrOperation;
#undef MR_OPERATION_ENUM

/* A statement has ended, well or not. node: who was asked; NULL for the local one. */
extern void mr_metrics_observe_query(MrOperation operation, const char *node, int64_t ns);

/*
 * A request was answered. route is the template of its path (of the route table), NULL if
 * there is none; MR_METHOD_COUNT: the request could not even be read.
 */
extern void mr_metrics_observe_request(const char *route, MrMethod method, int code, int64_t ns);

/* The region of a node, for the label; NULL if it is not known. */
typedef const char *(*MrRegionOf)(const char *node, const void *arg);

/* Whose record it is; NULL: not known. */
typedef struct MrRecordOwner
{
	const char *node;
	const char *region;
	MrRegionOf region_of;
	const void *arg;
} MrRecordOwner;

/* Write the histograms of statements, and of requests, as a metric of this name. */
extern void mr_metrics_write_queries(MrMetricsText *text, const MrMetric *metric,
									 const MrRecordOwner *owner);
extern void mr_metrics_write_requests(MrMetricsText *text, const MrMetric *metric,
									  const MrRecordOwner *owner);

/* Forgets everything. */
extern void mr_metrics_record_reset(void);

#endif /* MR_METRICS_RECORD_H */
