/*
 * GET /api/regions/tenant/:id/region: the only answer that asks the database for each
 * request. It has a deadline; while the database is down it is the tenant's last
 * answer, marked stale, or 503. It must never make up a region. Called through
 * routes.c; its callback by the pool.
 */
#include "sidecar/mr_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/mr_catalog_sql.h"
#include "sidecar/mr_http_text.h"
#include "sidecar/mr_loop.h"

#define RETRY_AFTER "1" /* seconds; the next attempt to connect is never further */

typedef struct Waiting
{
	MrService *service;
	MrRequest *request;
	bool strict;
	char tenant[MR_TENANT_SIZE];
} Waiting;

static void
reply(MrRequest *request, const char *tenant, const MrTenantAnswer *answer, bool stale)
{
	MrJson json;
	MrJsonNode *root = mr_json_begin(&json);
	int64_t age_ms = (mr_loop_now_ns() - answer->asked_ns) / MR_NS_PER_MS;

	mr_json_add_string(&json, root, "tenantId", tenant);
	mr_json_add_string(&json, root, "regionKey", answer->region_key);
	mr_json_add_string(&json, root, "regionId",
					   answer->region_id[0] != '\0' ? answer->region_id : NULL);
	mr_json_add_string(&json, root, "source", answer->known ? "preference" : "default");
	mr_json_add_string(&json, root, "effectiveRegionKey", answer->effective);
	mr_service_add_number(&json, root, "version", answer->version);
	mr_service_add_age_of(&json, root, answer->asked_wall_ms, age_ms, stale);
	mr_service_reply(request, 200, &json);
}

static void
refuse_unavailable(MrRequest *request, MrHttpError error, const char *details)
{
	mr_request_header(request, "Retry-After", RETRY_AFTER);
	mr_request_refuse(request, error, details);
}

static void
reply_found(const Waiting *waiting, const MrTenantAnswer *answer, bool stale)
{
	if (waiting->strict && !answer->known)
		mr_request_refuse(waiting->request, MR_ERROR_UNKNOWN_TENANT, NULL);
	else
		reply(waiting->request, waiting->tenant, answer, stale);
}

/* The database gives no answer: the last one, if there is one. */
static void
reply_last(const Waiting *waiting, MrHttpError error, const char *details)
{
	const MrTenantAnswer *answer = mr_tenant_cache_get(waiting->service->tenants, waiting->tenant);

	if (answer != NULL)
		reply_found(waiting, answer, true);
	else
		refuse_unavailable(waiting->request, error, details);
}

/* Copies a column; empty for null. False if it does not fit or is not there. */
static bool
copy_column(const PGresult *result, const char *column, char *out, size_t size)
{
	int number = PQfnumber(result, column);

	if (number < 0 || (size_t) PQgetlength(result, 0, number) >= size)
		return false;
	snprintf(out, size, "%s", PQgetvalue(result, 0, number));
	return true;
}

static bool
read_answer(const PGresult *result, MrTenantAnswer *answer)
{
	char known[8];
	char version[32];

	memset(answer, 0, sizeof(*answer));
	if (PQntuples(result) != 1 ||
		!copy_column(result, "region_key", answer->region_key, sizeof(answer->region_key)) ||
		!copy_column(result, "region_id", answer->region_id, sizeof(answer->region_id)) ||
		!copy_column(result, "effective", answer->effective, sizeof(answer->effective)) ||
		!copy_column(result, "known", known, sizeof(known)) ||
		!copy_column(result, "version", version, sizeof(version)))
		return false;
	answer->known = known[0] == 't';
	answer->version = version[0] != '\0' ? strtoll(version, NULL, 10) : MR_UNKNOWN;
	answer->asked_ns = mr_loop_now_ns();
	answer->asked_wall_ms = mr_loop_wall_ms();
	return true;
}

/* A server that belongs to no cluster is a service of one region. */
static void
fill_unmanaged(const MrService *service, MrTenantAnswer *answer)
{
	const MrStatus *status = &service->watcher.status;
	const MrStatusRegion *region = mr_status_region(status, mr_service_region(service));

	if (answer->region_key[0] != '\0' || status->managed || region == NULL)
		return;
	snprintf(answer->region_key, sizeof(answer->region_key), "%s", region->key);
	snprintf(answer->region_id, sizeof(answer->region_id), "%s", region->id);
	snprintf(answer->effective, sizeof(answer->effective), "%s", region->key);
}

/* An SQL error is passed on as PostgreSQL has it. */
static void
refuse_sql(const Waiting *waiting, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	int status = mr_http_status_of_sqlstate(sqlstate);

	if (status == 503 || status == 504)
	{
		reply_last(waiting, MR_ERROR_DATABASE_UNAVAILABLE,
				   PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
		return;
	}
	mr_request_reply(waiting->request, status,
					 mr_http_error_body_of(sqlstate,
										   PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY),
										   PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL),
										   PQresultErrorField(result, PG_DIAG_MESSAGE_HINT)));
}

static void
on_answer(void *arg, const PGresult *result, const char *problem)
{
	Waiting *waiting = arg;
	MrTenantAnswer answer;
	bool good;

	(void) problem; /* may name addresses; the watcher logs what is wrong */
	good =
		result != NULL && PQresultStatus(result) == PGRES_TUPLES_OK && read_answer(result, &answer);
	if (good)
		fill_unmanaged(waiting->service, &answer);
	if (result == NULL)
		reply_last(waiting, MR_ERROR_DATABASE_UNAVAILABLE, NULL);
	else if (PQresultStatus(result) != PGRES_TUPLES_OK)
		refuse_sql(waiting, result);
	else if (!good)
		mr_request_refuse(waiting->request, MR_ERROR_INTERNAL, NULL);
	else if (answer.region_key[0] == '\0')
		reply_last(waiting, MR_ERROR_DATABASE_UNAVAILABLE, "No primary region is known now.");
	else
	{
		mr_tenant_cache_put(waiting->service->tenants, waiting->tenant, &answer);
		reply_found(waiting, &answer, false);
	}
	free(waiting);
}

/* Reads the request; false when it was refused. */
static bool
read_request(MrRequest *request, const MrRouteMatch *match, Waiting *waiting)
{
	const char *problem = mr_tenant_problem(match->parameter);
	char text[16];

	if (problem != NULL)
	{
		mr_request_refuse(request, MR_ERROR_BAD_TENANT, problem);
		return false;
	}
	snprintf(waiting->tenant, sizeof(waiting->tenant), "%.*s", MR_TENANT_SIZE - 1,
			 match->parameter);
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
	if (!mr_pool_query(&service->pool, sql, waiting->tenant, service->settings->tenant_timeout_ms,
					   on_answer, waiting))
	{
		reply_last(waiting, MR_ERROR_BUSY, NULL);
		free(waiting);
	}
}
