/*
 * Answers about tenants; see mr_tenant_answer.h. It must never make up a region. Called by
 * endpoint_tenant.c and endpoint_tenant_write.c.
 */
#include "sidecar/mr_tenant_answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/mr_loop.h"

void
mr_tenant_answer_reply(MrRequest *request, const char *tenant, const MrTenantAnswer *answer,
					   bool stale, const char *token)
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
	if (token == NULL || token[0] != '\0')
		mr_json_add_string(&json, root, "token", token);
	mr_service_reply(request, 200, &json);
}

bool
mr_tenant_take_id(MrRequest *request, const MrRouteMatch *match, char tenant[MR_TENANT_SIZE])
{
	const char *problem = mr_tenant_problem(match->parameter);

	if (problem != NULL)
	{
		mr_request_refuse(request, MR_ERROR_BAD_TENANT, problem);
		return false;
	}
	snprintf(tenant, MR_TENANT_SIZE, "%.*s", MR_TENANT_SIZE - 1, match->parameter);
	return true;
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
read_row(const PGresult *result, MrTenantAnswer *answer)
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
fill_unmanaged(MrService *service, MrTenantAnswer *answer)
{
	const MrStatus *status = &service->watcher.status;
	const MrStatusRegion *region;

	if (answer->region_key[0] != '\0' || status->managed)
		return;
	/* Each reading of the status forgets what the database does not name. */
	mr_service_seed_regions(service);
	region = mr_status_region(status, mr_service_region(service));
	if (region == NULL)
		return;
	snprintf(answer->region_key, sizeof(answer->region_key), "%s", region->key);
	snprintf(answer->region_id, sizeof(answer->region_id), "%s", region->id);
	snprintf(answer->effective, sizeof(answer->effective), "%s", region->key);
}

bool
mr_tenant_answer_read(MrService *service, const PGresult *result, MrTenantAnswer *answer)
{
	if (!read_row(result, answer))
		return false;
	fill_unmanaged(service, answer);
	return true;
}
