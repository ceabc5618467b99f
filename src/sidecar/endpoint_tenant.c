/*
 * GET /api/regions/tenant/:id/region: asks the database for each request. It has a
 * deadline; while the database is down it is the tenant's last answer, marked stale, or
 * 503. It must never make up a region. Called through routes.c; its callback by the pool.
 */
#include "sidecar/mr_tenant_answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/mr_authorize.h"
#include "sidecar/mr_catalog_sql.h"
#include "sidecar/mr_http_text.h"

typedef struct Waiting
{
	MrService *service;
	MrRequest *request;
	bool strict;
	char tenant[MR_TENANT_SIZE];
} Waiting;

static void
reply_found(const Waiting *waiting, const MrTenantAnswer *answer, bool stale)
{
	if (waiting->strict && !answer->known)
		mr_request_refuse(waiting->request, MR_ERROR_UNKNOWN_TENANT, NULL);
	else
		mr_tenant_answer_reply(waiting->request, waiting->tenant, answer, stale, "");
}

/* The database gives no answer: the last one, if there is one. */
static void
reply_last(const Waiting *waiting, MrHttpError error, const char *details)
{
	const MrTenantAnswer *answer =
		mr_tenant_cache_get(waiting->service->tenants, waiting->tenant, waiting->request->role);

	if (answer != NULL)
		reply_found(waiting, answer, true);
	else
		mr_service_refuse_later(waiting->request, error, details);
}

/* An SQL error is passed on as PostgreSQL has it. */
static void
refuse_sql(const Waiting *waiting, const PGresult *result)
{
	int status = mr_http_status_of_sqlstate(PQresultErrorField(result, PG_DIAG_SQLSTATE));

	if (status == 503 || status == 504)
		reply_last(waiting, MR_ERROR_DATABASE_UNAVAILABLE,
				   PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
	else
		mr_service_refuse_sql(waiting->request, status, NULL, result);
}

static void
on_answer(void *arg, const MrPoolAnswer *found)
{
	Waiting *waiting = arg;
	const PGresult *result = found->result; /* found->problem may name addresses */
	MrTenantAnswer answer;

	if (result == NULL)
		reply_last(waiting, MR_ERROR_DATABASE_UNAVAILABLE, NULL);
	else if (PQresultStatus(result) != PGRES_TUPLES_OK)
		refuse_sql(waiting, result);
	else if (!mr_tenant_answer_read(waiting->service, result, &answer))
		mr_request_refuse(waiting->request, MR_ERROR_INTERNAL, NULL);
	else if (answer.region_key[0] == '\0')
		reply_last(waiting, MR_ERROR_DATABASE_UNAVAILABLE, "No primary region is known now.");
	else
	{
		mr_tenant_cache_put(waiting->service->tenants, waiting->tenant, waiting->request->role,
							&answer);
		reply_found(waiting, &answer, false);
	}
	free(waiting);
}

/* Reads the request; false when it was refused. */
static bool
read_request(MrRequest *request, const MrRouteMatch *match, Waiting *waiting)
{
	char text[16];

	if (!mr_tenant_take_id(request, match, waiting->tenant))
		return false;
	switch (mr_http_query_value(request->query, "strict", text, sizeof(text)))
	{
		case MR_TEXT_ABSENT:
			return true;
		case MR_TEXT_OK:
			if (mr_http_parse_boolean(text, &waiting->strict))
				return true;
			break;
		case MR_TEXT_MALFORMED:
		case MR_TEXT_TOO_LONG:
			break;
	}
	mr_request_refuse(request, MR_ERROR_BAD_PARAMETER, "\"strict\" is neither true nor false.");
	return false;
}

void
mr_endpoint_tenant(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	char sql[1024];
	MrPoolQuery query = {.sql = sql,
						 .count = 1,
						 .timeout_ms = service->settings->tenant_timeout_ms,
						 .operation = MR_OPERATION_TENANT_READ};
	Waiting *waiting = calloc(1, sizeof(*waiting));

	if (waiting == NULL)
	{
		mr_request_refuse(request, MR_ERROR_INTERNAL, NULL);
		return;
	}
	waiting->service = service;
	waiting->request = request;
	if (!read_request(request, match, waiting))
	{
		free(waiting);
		return;
	}
	if (!service->watcher.up)
	{
		reply_last(waiting, MR_ERROR_DATABASE_UNAVAILABLE, NULL);
		free(waiting);
		return;
	}
	snprintf(sql, sizeof(sql), MR_SQL_TENANT_FORMAT, service->watcher.schema);
	query.values[0] = waiting->tenant;
	mr_authorize_query(request, &query);
	if (!mr_pool_query(&service->pool, &query, on_answer, waiting))
	{
		reply_last(waiting, MR_ERROR_BUSY, NULL);
		free(waiting);
	}
}
