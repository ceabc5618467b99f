/*
 * GET and POST /api/regions/route: where a request belongs, asked of the database for each
 * one, with a deadline; while the database is down it is the last that was known, marked
 * stale, or 503. It must never name a node that the last copy does not show fit for the
 * question. Called through routes.c; its callback by the pool.
 */
#include "sidecar/mr_where.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/mr_authorize.h"
#include "sidecar/mr_loop.h"
#include "sidecar/mr_row.h"
#include "sidecar/mr_where_sql.h"

#define SQL_SIZE 4096
#define BAD_ARGUMENT "22023"

static void
forget(MrWhere *where)
{
	free(where->headers);
	free(where);
}

/* The database gives no answer: the last one, if there is one. */
static void
reply_last(MrWhere *where, MrHttpError error)
{
	MrService *service = where->service;
	const MrTenantAnswer *tenant =
		where->tenant[0] != '\0'
			? mr_tenant_cache_get(service->tenants, where->tenant, where->request->role)
			: NULL;
	MrWhereLast last;

	if (mr_where_last(where, &service->watcher.status, tenant, &last))
	{
		last.answer.age_ms = mr_watcher_age_ms(&service->watcher);
		mr_where_reply(where, &last.answer);
		return;
	}
	mr_service_refuse_later(where->request, error, NULL);
}

static void
read_row(const PGresult *result, MrWhereAnswer *answer)
{
	memset(answer, 0, sizeof(*answer));
	answer->region = mr_row_text(result, 0, "region");
	answer->node = mr_row_text(result, 0, "node");
	answer->host = mr_row_text(result, 0, "host");
	answer->port = mr_row_text(result, 0, "port");
	if (answer->node != NULL)
		answer->role = mr_part_name(mr_row_is_true(result, 0, "is_primary") ? MR_PART_PRIMARY
																			: MR_PART_STANDBY);
	answer->reason = mr_row_text(result, 0, "reason");
	answer->sentence = mr_row_text(result, 0, "sentence");
	answer->lag_ms = mr_row_number(result, 0, "lag_ms");
	answer->lag_bytes = mr_row_number(result, 0, "lag_bytes");
	answer->staleness_ms = mr_row_number(result, 0, "staleness_ms");
	answer->node_age_ms = mr_row_number(result, 0, "age_ms");
	answer->home = mr_row_text(result, 0, "home");
	answer->pinned = mr_row_is_true(result, 0, "pinned");
	answer->confined = mr_row_is_true(result, 0, "confined");
	answer->fallbacks = mr_row_text(result, 0, "fallbacks");
	answer->client_region = mr_row_text(result, 0, "client_region");
	answer->client_country = mr_row_text(result, 0, "client_country");
	answer->client_source = mr_row_text(result, 0, "client_source");
	answer->client_trusted = mr_row_is_true(result, 0, "client_trusted");
	answer->steps = mr_row_text(result, 0, "steps");
	answer->wall_ms = mr_loop_wall_ms();
}

/* Keeps what is set for the tenant: a default would be that of this very read. */
static void
remember(const MrWhere *where, const PGresult *result, const MrWhereAnswer *answer)
{
	MrTenantAnswer tenant = {.known = true, .may_move = !answer->pinned && !answer->confined};
	const char *id = mr_row_text(result, 0, "home_id");

	if (where->tenant[0] == '\0' || answer->home == NULL || id == NULL)
		return;
	snprintf(tenant.region_key, sizeof(tenant.region_key), "%s", answer->home);
	snprintf(tenant.region_id, sizeof(tenant.region_id), "%s", id);
	snprintf(tenant.effective, sizeof(tenant.effective), "%s",
			 answer->region != NULL && !where->for_write && !where->on_primary ? answer->region
																			   : answer->home);
	tenant.version = mr_row_number(result, 0, "version");
	tenant.asked_ns = mr_loop_now_ns();
	tenant.asked_wall_ms = answer->wall_ms;
	mr_tenant_cache_put(where->service->tenants, where->tenant, where->request->role, &tenant);
}

static bool ask(MrWhere *where);

/*
 * Answers with what the database says against the question. False when it is asked again:
 * a client's token that the database does not want, as of another cluster, is forgotten.
 */
static bool
refuse_sql(MrWhere *where, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	int status = mr_http_status_of_sqlstate(sqlstate);

	if (where->token_is_claimed && where->token[0] != '\0' && sqlstate != NULL &&
		strcmp(sqlstate, BAD_ARGUMENT) == 0)
	{
		where->token[0] = '\0';
		if (ask(where))
			return false;
	}
	if (status == 503 || status == 504)
		reply_last(where, MR_ERROR_DATABASE_UNAVAILABLE);
	else
		mr_service_refuse_sql(where->request, status, NULL, result);
	return true;
}

static void
on_answer(void *arg, const MrPoolAnswer *found)
{
	MrWhere *where = arg;
	const PGresult *result = found->result; /* found->problem may name addresses */
	MrWhereAnswer answer;

	if (result == NULL)
		reply_last(where, MR_ERROR_DATABASE_UNAVAILABLE);
	else if (PQresultStatus(result) != PGRES_TUPLES_OK)
	{
		if (!refuse_sql(where, result))
			return;
	}
	else if (PQntuples(result) != 1)
		mr_request_refuse(where->request, MR_ERROR_INTERNAL, NULL);
	else
	{
		read_row(result, &answer);
		remember(where, result, &answer);
		mr_where_reply(where, &answer);
	}
	forget(where);
}

static const char *
or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NULL;
}

/* A peer on this machine alone says nothing of a client. */
static bool
is_far(const char *peer)
{
	return peer[0] != '\0' && strncmp(peer, "127.", 4) != 0 && strcmp(peer, "::1") != 0;
}

/* The values of the statement, and its text but for the schema, by what is asked. */
static void
make_query(const MrWhere *where, char format[SQL_SIZE], MrPoolQuery *query)
{
	bool is_place = where->country[0] != '\0' || where->latitude[0] != '\0';
	bool is_client = where->headers != NULL || is_far(where->peer);
	const char *source = MR_SQL_WHERE_NO_CLIENT;

	if (where->for_write || where->on_primary)
	{
		query->values[0] = or_null(where->tenant);
		query->count = 1;
		snprintf(format, SQL_SIZE, "%s%s%s%s", MR_SQL_WHERE,
				 where->explain ? MR_SQL_WHERE_STEPS_WRITE : "", source, MR_SQL_WHERE_WRITE);
		return;
	}
	query->values[0] = or_null(where->max_lag);
	query->values[1] = or_null(where->token);
	query->values[2] = or_null(where->tenant);
	query->values[3] = or_null(where->from);
	query->values[4] = or_null(where->max_lag_bytes);
	query->count = 5;
	if (is_place)
	{
		source = MR_SQL_WHERE_PLACE;
		query->values[query->count++] = or_null(where->country);
		query->values[query->count++] = or_null(where->latitude);
		query->values[query->count++] = or_null(where->longitude);
	}
	else if (is_client)
	{
		source = MR_SQL_WHERE_HEADERS;
		query->values[query->count++] = where->headers != NULL ? where->headers : "{}";
		query->values[query->count++] = or_null(where->peer);
	}
	snprintf(format, SQL_SIZE, "%s%s%s%s", MR_SQL_WHERE,
			 where->explain ? MR_SQL_WHERE_STEPS_READ : "", source, MR_SQL_WHERE_READ);
}

/* Asks the database; false when it cannot be asked now. */
static bool
ask(MrWhere *where)
{
	MrService *service = where->service;
	char format[SQL_SIZE];
	char sql[SQL_SIZE];
	MrPoolQuery query = {.sql = sql,
						 .timeout_ms = service->settings->tenant_timeout_ms,
						 .operation = MR_OPERATION_ROUTE};

	make_query(where, format, &query);
	snprintf(sql, sizeof(sql), format, service->watcher.schema);
	mr_authorize_query(where->request, &query);
	return mr_pool_query(&service->pool, &query, on_answer, where);
}

void
mr_endpoint_route(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	MrWhere *where = calloc(1, sizeof(*where));

	(void) match;
	if (where == NULL)
	{
		mr_request_refuse(request, MR_ERROR_INTERNAL, NULL);
		return;
	}
	where->service = service;
	where->request = request;
	if (!mr_where_read(where))
	{
		forget(where);
		return;
	}
	if (service->watcher.up && ask(where))
		return;
	reply_last(where, service->watcher.up ? MR_ERROR_BUSY : MR_ERROR_DATABASE_UNAVAILABLE);
	forget(where);
}
