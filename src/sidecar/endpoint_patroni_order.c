/*
 * POST and DELETE /switchover, POST /failover: Patroni's commands, as orders to the local
 * node; and those that belong to others, which say whose they are. It must never give an
 * order twice, nor say of one that may yet be done that it was not. Called through routes.c;
 * its callbacks by the pools.
 */
#include "sidecar/mr_patroni.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mr_outcomes.h"
#include "sidecar/mr_authorize.h"
#include "sidecar/mr_body.h"
#include "sidecar/mr_catalog_sql.h"
#include "sidecar/mr_log.h"
#include "sidecar/mr_patroni_order.h"
#include "sidecar/mr_row.h"

#define TEXT_SIZE 1024
#define SQL_SIZE 1024

void
mr_patroni_say(MrRequest *request, int status, const char *format, ...)
{
	char text[TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	mr_request_reply_as(request, status, MR_TYPE_TEXT, strdup(text));
}

/* ---------- what became of an order ---------- */

typedef struct Order
{
	MrRequest *request;
	MrPatroniOrder wish;
	int64_t seconds; /* that it was given */
} Order;

static const char *
name_of(const Order *order)
{
	return order->wish.is_failover ? "Failover" : "Switchover";
}

/* The text of a column, empty for null. */
static const char *
text_of(const PGresult *result, const char *column)
{
	const char *text = mr_row_text(result, 0, column);

	return text != NULL ? text : "";
}

static void
say_row(const Order *order, const PGresult *result)
{
	MrRequest *request = order->request;
	bool failover = order->wish.is_failover;

	switch (mr_outcome_from_name(text_of(result, "status")))
	{
		case MR_OUTCOME_DONE:
			mr_patroni_say(request, 200, "Successfully %s over to \"%s\"",
						   failover ? "failed" : "switched", text_of(result, "to_node"));
			break;
		case MR_OUTCOME_UNKNOWN_REGION:
			mr_patroni_say(request, 412, "candidate does not exists");
			break;
		case MR_OUTCOME_ALREADY_PRIMARY:
			mr_patroni_say(request, 400, "%s target and source are the same", name_of(order));
			break;
		case MR_OUTCOME_REFUSED:
			mr_patroni_say(request, 412, "%s is not possible: %s",
						   failover ? "failover" : "switchover", text_of(result, "reason"));
			break;
		case MR_OUTCOME_IN_PROGRESS:
			mr_patroni_say(request, 503, "%s failed: another change of the primary is under way",
						   name_of(order));
			break;
		default:
			mr_patroni_say(request, 503,
						   "%s status unknown after %" PRId64
						   " seconds; operation may still be in progress",
						   name_of(order), order->seconds);
			break;
	}
}

/* A statement that was cancelled has given its order all the same. */
static void
say_error(const Order *order, const PGresult *result, bool sent)
{
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	int status = mr_http_status_of_sqlstate(PQresultErrorField(result, PG_DIAG_SQLSTATE));

	if (message == NULL)
		message = "the answer of the local node was not understood";
	if (sent && status == 504)
		mr_patroni_say(order->request, 503,
					   "%s status unknown: %s; operation may still be in progress", name_of(order),
					   message);
	else
		mr_patroni_say(order->request, status, "%s failed: %s", name_of(order), message);
}

static void
on_order(void *arg, const MrPoolAnswer *answer)
{
	Order *order = arg;
	const PGresult *result = answer->result;

	if (result != NULL && PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1)
		say_row(order, result);
	else if (result != NULL)
		say_error(order, result, answer->sent);
	else if (answer->sent)
		mr_patroni_say(order->request, 503,
					   "%s status unknown: the local node was lost; operation may still be in "
					   "progress",
					   name_of(order));
	else
		mr_patroni_say(order->request, 503, "%s failed: the local database does not answer",
					   name_of(order));
	free(order);
}

static void
give_order(MrService *service, MrRequest *request, const MrPatroniOrder *wish)
{
	int64_t timeout_ms = service->settings->failover_timeout_ms;
	Order *order = calloc(1, sizeof(*order));
	char timeout[24];
	MrPoolQuery query = {
		.sql = MR_SQL_REQUEST_FAILOVER,
		.count = 4,
		.values = {wish->candidate, wish->allow_loss ? "true" : "false", "false", timeout},
		.timeout_ms = timeout_ms + MR_FAILOVER_EXTRA_MS,
		.operation = MR_OPERATION_FAILOVER_ORDER};

	snprintf(timeout, sizeof(timeout), "%" PRId64, timeout_ms);
	if (order == NULL || service->orders.timer == NULL)
	{
		free(order);
		mr_patroni_say(request, 503, "no database is configured");
		return;
	}
	mr_authorize_query(request, &query);
	order->request = request;
	order->wish = *wish;
	order->seconds = timeout_ms / 1000;
	mr_log(MR_LOG_INFO, "was asked for a %s", wish->is_failover ? "failover" : "switchover");
	if (!mr_pool_query(&service->orders, &query, on_order, order))
	{
		free(order);
		mr_patroni_say(request, 503, "too many requests wait for the database");
	}
}

/* ---------- switchovers to come ---------- */

static void
refuse_schedule(MrRequest *request, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	if (sqlstate != NULL && strncmp(sqlstate, "2200", 4) == 0)
		mr_patroni_say(request, 422, "Unable to parse scheduled timestamp");
	else if (sqlstate != NULL && strcmp(sqlstate, "22023") == 0)
		mr_patroni_say(request, 422, "Cannot schedule switchover in the past");
	else if (sqlstate != NULL && strcmp(sqlstate, "42704") == 0)
		mr_patroni_say(request, 412, "candidate does not exists");
	else
		mr_patroni_say(request, mr_http_status_of_sqlstate(sqlstate), "Switchover failed: %s",
					   PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
}

static void
refuse_write(MrRequest *request, const MrWriteAnswer *answer)
{
	if (answer->result != NULL)
		refuse_schedule(request, answer->result);
	else if (answer->outcome == MR_WRITE_UNKNOWN)
		mr_patroni_say(request, 503, "the primary was lost before it said whether it is done");
	else
		mr_patroni_say(request, 503, "no primary could do it: nothing was changed");
}

static void
on_scheduled(void *arg, const MrWriteAnswer *answer)
{
	if (answer->outcome == MR_WRITE_DONE)
		mr_patroni_say(arg, 202, "Switchover scheduled");
	else
		refuse_write(arg, answer);
}

static void
on_unscheduled(void *arg, const MrWriteAnswer *answer)
{
	if (answer->outcome != MR_WRITE_DONE)
		refuse_write(arg, answer);
	else if (answer->result != NULL && strcmp(PQgetvalue(answer->result, 0, 0), "0") != 0)
		mr_patroni_say(arg, 200, "scheduled switchover deleted");
	else
		mr_patroni_say(arg, 404, "no switchover is scheduled");
}

/* On the primary, wherever it is. */
static void
write_schedule(MrService *service, MrRequest *request, const char *sql, const MrPatroniOrder *wish,
			   MrWriteCallback callback)
{
	MrPoolQuery query = {.sql = sql, .timeout_ms = service->settings->write_timeout_ms};

	if (wish != NULL)
	{
		query.count = 2;
		query.values[0] = wish->at;
		query.values[1] = wish->candidate[0] != '\0' ? wish->candidate : NULL;
	}
	mr_authorize_query(request, &query);
	if (service->watcher.schema[0] == '\0' ||
		!mr_primary_write(&service->primary, &query, callback, request))
		mr_patroni_say(request, 503, "the local database does not answer");
}

static void
schedule(MrService *service, MrRequest *request, const MrPatroniOrder *wish)
{
	const char *schema = service->watcher.schema;
	char sql[SQL_SIZE];

	snprintf(sql, sizeof(sql), MR_SQL_SCHEDULE_FORMAT, schema, schema);
	write_schedule(service, request, sql, wish, on_scheduled);
}

void
mr_endpoint_patroni_unschedule(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	char sql[SQL_SIZE];

	(void) match;
	snprintf(sql, sizeof(sql), MR_SQL_UNSCHEDULE_FORMAT, service->watcher.schema);
	write_schedule(service, request, sql, NULL, on_unscheduled);
}

/* ---------- the commands ---------- */

static void
command(MrService *service, MrRequest *request, bool is_failover)
{
	MrPatroniOrder wish;
	MrPatroniRefusal refusal;
	const char *body;
	size_t length;

	/*
	 * A browser lets the page of any origin send other types, with the user's certificate or
	 * password beside it; before it sends JSON it asks whether it may.
	 */
	if (mr_request_find_header(request, "Origin") != NULL && !mr_body_is_json(request))
	{
		mr_request_refuse(request, MR_ERROR_MEDIA_TYPE, NULL);
		return;
	}
	body = mr_request_body(request, &length);
	if (body == NULL || length == 0)
	{
		mr_patroni_say(request, 411, "there is no body");
		return;
	}
	refusal = mr_patroni_order_read(body, length, is_failover, &service->watcher.status, &wish);
	if (refusal.status != 0)
		mr_patroni_say(request, refusal.status, "%s", refusal.text);
	else if (wish.at[0] != '\0')
		schedule(service, request, &wish);
	else
		give_order(service, request, &wish);
}

void
mr_endpoint_patroni_switchover(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	(void) match;
	command(service, request, false);
}

void
mr_endpoint_patroni_failover(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	(void) match;
	command(service, request, true);
}

void
mr_endpoint_patroni_elsewhere(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	static const struct
	{
		const char *path;
		const char *reason;
	} reasons[] = {
		{"/restart", "PostgreSQL is restarted by what supervises it: systemd, the container "
					 "runtime, Kubernetes."},
		{"/reinitialize", "Empty the data directory and start the server through "
						  "multiregion-join: it makes a copy of the primary."},
		{"/reload", "Call pg_reload_conf() on the server; multiregiond itself reads its settings "
					"again on SIGHUP."},
		{"/config", "Policies are changed by multiregion.set_policy() on the primary, failover is "
					"paused by pause_failover(), which always ends, and PostgreSQL's own settings "
					"are changed on each server."},
	};
	const char *details = NULL;
	size_t i;

	(void) service;
	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strcmp(reasons[i].path, match->route->path) == 0)
			details = reasons[i].reason;
	mr_request_refuse(request, MR_ERROR_NOT_OURS, details);
}
