/*
 * POST /api/regions/failover/manual and GET /api/regions/failover/:id: an order to make
 * another region the primary, given to the local node, whatever it is, and what became of
 * one. The call lasts as long as the failover, so orders have connections of their own. It
 * must never give an order twice. Called through routes.c; its callbacks by the pools.
 */
#include "sidecar/mr_service.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mr_outcomes.h"
#include "sidecar/mr_authorize.h"
#include "sidecar/mr_body.h"
#include "sidecar/mr_catalog_sql.h"
#include "sidecar/mr_log.h"
#include "sidecar/mr_row.h"

#define TARGET_SIZE 1024 /* longer than any name: the database says that there is none */

typedef struct Order
{
	MrRequest *request;
	bool is_order; /* else only a question */
	char target[TARGET_SIZE];
	bool dry_run;
	bool allow_loss;
} Order;

/* How the outcomes of an order are answered. */
static const struct
{
	bool good; /* else an order is answered with the error */
	MrHttpError error;
} outcomes[MR_OUTCOME_COUNT] = {
	[MR_OUTCOME_DONE] = {.good = true},
	[MR_OUTCOME_DRY_RUN] = {.good = true},
	[MR_OUTCOME_UNKNOWN_REGION] = {.error = MR_ERROR_UNKNOWN_TARGET},
	[MR_OUTCOME_ALREADY_PRIMARY] = {.error = MR_ERROR_ALREADY_PRIMARY},
	[MR_OUTCOME_IN_PROGRESS] = {.error = MR_ERROR_IN_PROGRESS},
	[MR_OUTCOME_REFUSED] = {.error = MR_ERROR_REFUSED},
	[MR_OUTCOME_PENDING] = {.error = MR_ERROR_PENDING},
	[MR_OUTCOME_UNKNOWN] = {.error = MR_ERROR_UNKNOWN_FAILOVER},
};

static void
add_number(MrJson *json, MrJsonNode *node, const char *key, const PGresult *result,
		   const char *column)
{
	mr_service_add_number(json, node, key, mr_row_number(result, 0, column));
}

static void
add_place(MrJson *json, MrJsonNode *root, const char *key, const PGresult *result,
		  const char *node_column, const char *region_column)
{
	MrJsonNode *place;

	if (mr_row_text(result, 0, node_column) == NULL)
	{
		mr_json_add_null(json, root, key);
		return;
	}
	place = mr_json_add_object(json, root, key);
	mr_json_add_string(json, place, "nodeName", mr_row_text(result, 0, node_column));
	mr_json_add_string(json, place, "regionKey", mr_row_text(result, 0, region_column));
}

static void
add_order(MrJson *json, MrJsonNode *root, const PGresult *result)
{
	mr_json_add_string(json, root, "failoverId", mr_row_text(result, 0, "failover_id"));
	mr_json_add_string(json, root, "status", mr_row_text(result, 0, "status"));
	mr_json_add_string(json, root, "kind", mr_row_text(result, 0, "kind"));
	add_place(json, root, "from", result, "from_node", "from_region");
	add_place(json, root, "to", result, "to_node", "to_region");
	add_number(json, root, "epoch", result, "epoch");
	add_number(json, root, "durationMs", result, "duration_ms");
	add_number(json, root, "lostBytes", result, "lost_bytes");
	mr_json_add_string(json, root, "rule", mr_row_text(result, 0, "rule"));
	mr_json_add_string(json, root, "reason", mr_row_text(result, 0, "reason"));
	if (mr_row_text(result, 0, "nodes") != NULL)
		mr_json_add_text(json, root, "nodes", mr_row_text(result, 0, "nodes"));
	else
		(void) mr_json_add_array(json, root, "nodes");
}

/* An order that is not, or not yet, carried out. */
static void
refuse_order(MrRequest *request, MrHttpError error, const PGresult *result)
{
	MrJson json;
	MrJsonNode *root = mr_json_begin(&json);

	mr_json_add_string(&json, root, "code", mr_http_error_code(error));
	mr_json_add_string(&json, root, "message", mr_http_error_message(error));
	mr_json_add_string(&json, root, "details", mr_row_text(result, 0, "reason"));
	mr_json_add_string(&json, root, "hint", mr_http_error_hint(error));
	add_order(&json, root, result);
	mr_service_reply(request, mr_http_error_status(error), &json);
}

/* Who asks what became of an order is told, also that it was refused or is under way. */
static bool
is_error(const Order *order, MrHttpError error)
{
	return order->is_order || error == MR_ERROR_UNKNOWN_FAILOVER;
}

static void
reply_row(const Order *order, const PGresult *result)
{
	const char *word = mr_row_text(result, 0, "status");
	int outcome = word != NULL ? mr_outcome_from_name(word) : -1;
	MrJson json;

	if (outcome < 0)
		mr_request_refuse(order->request, MR_ERROR_INTERNAL,
						  "The answer of the local node was not understood.");
	else if (!outcomes[outcome].good && is_error(order, outcomes[outcome].error))
		refuse_order(order->request, outcomes[outcome].error, result);
	else
	{
		add_order(&json, mr_json_begin(&json), result);
		mr_service_reply(order->request, 200, &json);
	}
}

/* Whether something may happen although no answer came. */
static bool
may_act(const Order *order)
{
	return order->is_order && !order->dry_run;
}

static void
refuse_unavailable(const Order *order, const char *details)
{
	mr_service_refuse_later(order->request, MR_ERROR_DATABASE_UNAVAILABLE, details);
}

static void
refuse_sql(const Order *order, const PGresult *result)
{
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	int status = mr_http_status_of_sqlstate(PQresultErrorField(result, PG_DIAG_SQLSTATE));

	if (may_act(order) && status == 504)
		mr_request_refuse(order->request, MR_ERROR_OUTCOME_UNKNOWN, message);
	else if (status == 503 || status == 504)
		refuse_unavailable(order, message);
	else
		mr_service_refuse_sql(order->request, status, NULL, result);
}

static void
on_answer(void *arg, const MrPoolAnswer *answer)
{
	Order *order = arg;
	const PGresult *result = answer->result;

	if (result == NULL && answer->sent && may_act(order))
		mr_request_refuse(order->request, MR_ERROR_OUTCOME_UNKNOWN,
						  "The local node was lost; GET /api/regions/status says who leads.");
	else if (result == NULL)
		refuse_unavailable(order, NULL);
	else if (PQresultStatus(result) != PGRES_TUPLES_OK)
		refuse_sql(order, result);
	else if (PQntuples(result) != 1)
		mr_request_refuse(order->request, MR_ERROR_INTERNAL, NULL);
	else
		reply_row(order, result);
	free(order);
}

/* Sends a statement; the order is answered, now or later, and freed. */
static void
ask(MrPool *pool, Order *order, MrPoolQuery *query)
{
	mr_authorize_query(order->request, query);
	/* Without a database there is no pool. */
	if (pool->timer == NULL)
		refuse_unavailable(order, "No database is configured.");
	else if (mr_pool_query(pool, query, on_answer, order))
		return;
	else
		mr_service_refuse_later(order->request, MR_ERROR_BUSY, NULL);
	free(order);
}

static void
give_order(MrService *service, Order *order)
{
	int64_t timeout_ms = service->settings->failover_timeout_ms;
	char timeout[24];
	MrPoolQuery query = {.sql = MR_SQL_REQUEST_FAILOVER,
						 .count = 4,
						 .values = {order->target, order->allow_loss ? "true" : "false",
									order->dry_run ? "true" : "false", timeout},
						 .timeout_ms = timeout_ms + MR_FAILOVER_EXTRA_MS,
						 .operation = MR_OPERATION_FAILOVER_ORDER};

	snprintf(timeout, sizeof(timeout), "%" PRId64, timeout_ms);
	if (!order->dry_run)
		mr_log(MR_LOG_INFO, "was asked to make another region the primary%s",
			   order->allow_loss ? ", even if data is lost" : "");
	ask(&service->orders, order, &query);
}

void
mr_endpoint_failover_order(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	static const char *const keys[] = {"targetRegionId", "dryRun", "allowDataLoss"};
	Order *order = calloc(1, sizeof(*order));
	MrBody body;

	(void) match;
	if (order == NULL)
	{
		mr_request_refuse(request, MR_ERROR_INTERNAL, NULL);
		return;
	}
	order->request = request;
	order->is_order = true;
	if (mr_body_open(&body, request, keys, sizeof(keys) / sizeof(keys[0])))
	{
		(void) mr_body_string(&body, "targetRegionId", true, order->target, sizeof(order->target));
		mr_body_boolean(&body, "dryRun", &order->dry_run);
		mr_body_boolean(&body, "allowDataLoss", &order->allow_loss);
	}
	if (mr_body_close(&body))
		give_order(service, order);
	else
		free(order);
}

void
mr_endpoint_failover_result(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	MrPoolQuery query = {.sql = MR_SQL_FAILOVER_RESULT,
						 .count = 1,
						 .values = {match->parameter},
						 .timeout_ms = service->settings->database_timeout_ms,
						 .operation = MR_OPERATION_FAILOVER_RESULT};
	Order *order = calloc(1, sizeof(*order));

	if (order == NULL)
	{
		mr_request_refuse(request, MR_ERROR_INTERNAL, NULL);
		return;
	}
	order->request = request;
	ask(&service->pool, order, &query);
}
