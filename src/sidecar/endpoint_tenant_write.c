/*
 * POST and DELETE of /api/regions/tenant/:id/region: a tenant's preference, changed on the
 * primary from whatever region the request comes to. The answer says what is known of the
 * change, and no more: made, refused, not made, or unknown. It must never try a change again
 * by itself that may have been made. Called through routes.c; its callback by primary.c.
 */
#include "sidecar/mr_tenant_answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/mr_authorize.h"
#include "sidecar/mr_body.h"
#include "sidecar/mr_catalog_sql.h"
#include "sidecar/mr_http_text.h"

#define REASON_SIZE 1024 /* the database takes 1000 bytes of a reason */

typedef struct Change
{
	MrService *service;
	MrRequest *request;
	char tenant[MR_TENANT_SIZE];
	char region[REASON_SIZE]; /* longer than any name: the database says that there is none */
	char reason[REASON_SIZE];
	bool has_reason;
	int64_t expected;
	bool has_expected;
} Change;

/* The version in the detail of set_tenant_region()'s error (catalog_tenant.c); -1 if none. */
static int64_t
version_of(const PGresult *result)
{
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	long long version;

	if (detail == NULL || sscanf(detail, "Its version is %lld,", &version) != 1)
		return MR_UNKNOWN;
	return version;
}

static void
refuse_stale(const Change *change, const PGresult *result)
{
	int64_t version = version_of(result);
	MrJson json;
	MrJsonNode *root;

	if (version == MR_UNKNOWN)
	{
		mr_service_refuse_sql(change->request, 409, NULL, result);
		return;
	}
	root = mr_json_begin(&json);
	mr_json_add_string(&json, root, "code", mr_http_error_code(MR_ERROR_STALE_VERSION));
	mr_json_add_string(&json, root, "message", PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
	mr_json_add_string(&json, root, "details", PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL));
	mr_json_add_string(&json, root, "hint", PQresultErrorField(result, PG_DIAG_MESSAGE_HINT));
	mr_json_add_integer(&json, root, "version", version);
	mr_service_reply(change->request, 409, &json);
}

/* The primary said no. Its word counts, unless it only says that it cannot now. */
static void
refuse_sql(const Change *change, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	int status = mr_http_status_of_sqlstate(sqlstate);

	if (sqlstate != NULL && strcmp(sqlstate, "42704") == 0)
		mr_service_refuse_sql(change->request, mr_http_error_status(MR_ERROR_UNKNOWN_REGION),
							  mr_http_error_code(MR_ERROR_UNKNOWN_REGION), result);
	else if (sqlstate != NULL && strcmp(sqlstate, "40001") == 0)
		refuse_stale(change, result);
	else if (status == 503 || status == 504)
		mr_service_refuse_later(change->request, MR_ERROR_NOT_DONE,
								PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
	else
		mr_service_refuse_sql(change->request, status, NULL, result);
}

static void
reply_done(const Change *change, const MrWriteAnswer *answer)
{
	MrTenantAnswer tenant;

	if (!mr_tenant_answer_read(change->service, answer->result, &tenant))
	{
		mr_request_refuse(change->request, MR_ERROR_OUTCOME_UNKNOWN,
						  "The answer of the primary was not understood.");
		return;
	}
	mr_tenant_cache_put(change->service->tenants, change->tenant, change->request->role, &tenant);
	mr_tenant_answer_reply(change->request, change->tenant, &tenant, false, answer->token);
}

static void
on_written(void *arg, const MrWriteAnswer *answer)
{
	Change *change = arg;

	switch (answer->outcome)
	{
		case MR_WRITE_DONE:
			reply_done(change, answer);
			break;
		case MR_WRITE_REFUSED:
			refuse_sql(change, answer->result);
			break;
		case MR_WRITE_NOT_DONE:
			mr_service_refuse_later(change->request, MR_ERROR_NOT_DONE, NULL);
			break;
		case MR_WRITE_UNKNOWN:
			mr_request_refuse(change->request, MR_ERROR_OUTCOME_UNKNOWN, NULL);
			break;
	}
	free(change);
}

/* Begins a change; NULL when the request was refused. */
static Change *
begin(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	Change *change = calloc(1, sizeof(*change));

	if (change == NULL)
	{
		mr_request_refuse(request, MR_ERROR_INTERNAL, NULL);
		return NULL;
	}
	change->service = service;
	change->request = request;
	if (mr_tenant_take_id(request, match, change->tenant))
		return change;
	free(change);
	return NULL;
}

/* Sends the change on its way, with the values it has; region NULL: the preference goes. */
static void
send_change(Change *change, const char *region)
{
	MrService *service = change->service;
	const char *schema = service->watcher.schema;
	const char *reason = change->has_reason ? change->reason : NULL;
	char expected[24];
	char sql[1024];
	MrPoolQuery query = {.sql = sql,
						 .timeout_ms = service->settings->write_timeout_ms,
						 .operation = MR_OPERATION_TENANT_WRITE};
	int count = 0;

	snprintf(expected, sizeof(expected), "%" PRId64, change->expected);
	query.values[count++] = change->tenant;
	if (region != NULL)
		query.values[count++] = region;
	query.values[count++] = reason;
	query.values[count++] = change->has_expected ? expected : NULL;
	query.count = count;
	mr_authorize_query(change->request, &query);
	if (region != NULL)
		snprintf(sql, sizeof(sql), MR_SQL_SET_TENANT_FORMAT, schema);
	else
		snprintf(sql, sizeof(sql), MR_SQL_CLEAR_TENANT_FORMAT, schema, schema);
	/* Before the local node has been read once, not even the function's schema is known. */
	if (schema[0] == '\0')
		mr_service_refuse_later(change->request, MR_ERROR_NOT_DONE,
								"The local node has not been read yet.");
	else if (mr_primary_write(&service->primary, &query, on_written, change))
		return;
	else
		mr_service_refuse_later(change->request, MR_ERROR_BUSY, NULL);
	free(change);
}

void
mr_endpoint_tenant_set(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	static const char *const keys[] = {"regionKey", "expectedVersion", "reason"};
	Change *change = begin(service, request, match);
	MrBody body;

	if (change == NULL)
		return;
	if (mr_body_open(&body, request, keys, sizeof(keys) / sizeof(keys[0])))
	{
		(void) mr_body_string(&body, "regionKey", true, change->region, sizeof(change->region));
		change->has_expected = mr_body_integer(&body, "expectedVersion", &change->expected);
		change->has_reason =
			mr_body_string(&body, "reason", false, change->reason, sizeof(change->reason));
	}
	if (mr_body_close(&body))
		send_change(change, change->region);
	else
		free(change);
}

/* A body of DELETE would be taken for the next request: what goes with it is in the query. */
static bool
read_query(Change *change)
{
	const char *query = change->request->query;
	char number[24];
	char *end;

	switch (mr_http_query_value(query, "reason", change->reason, sizeof(change->reason)))
	{
		case MR_TEXT_OK:
			change->has_reason = true;
			break;
		case MR_TEXT_ABSENT:
			break;
		case MR_TEXT_MALFORMED:
		case MR_TEXT_TOO_LONG:
			mr_request_refuse(change->request, MR_ERROR_BAD_PARAMETER,
							  "\"reason\" cannot be read, or is too long.");
			return false;
	}
	switch (mr_http_query_value(query, "expectedVersion", number, sizeof(number)))
	{
		case MR_TEXT_ABSENT:
			return true;
		case MR_TEXT_OK:
			change->has_expected = true;
			change->expected = strtoll(number, &end, 10);
			if (number[0] >= '0' && number[0] <= '9' && *end == '\0' && strlen(number) < 19)
				return true;
			break;
		case MR_TEXT_MALFORMED:
		case MR_TEXT_TOO_LONG:
			break;
	}
	mr_request_refuse(change->request, MR_ERROR_BAD_PARAMETER,
					  "\"expectedVersion\" is not a whole number.");
	return false;
}

void
mr_endpoint_tenant_clear(MrService *service, MrRequest *request, const MrRouteMatch *match)
{
	Change *change = begin(service, request, match);

	if (change == NULL)
		return;
	if (read_query(change))
		send_change(change, NULL);
	else
		free(change);
}
