/*
 * What the endpoints about tenants have in common: the answer, from rows to JSON, and how
 * they refuse.
 */
#ifndef MR_TENANT_ANSWER_H
#define MR_TENANT_ANSWER_H

#include "sidecar/mr_service.h"

/*
 * Reads the one row that a statement about a tenant gives, and fills in the default of a
 * server of no cluster. False if it is not such a row. The region is empty if none is known.
 */
extern bool mr_tenant_answer_read(MrService *service, const PGresult *result,
								  MrTenantAnswer *answer);

/* Answers with 200. token: "" for none in the answer, NULL for null. */
extern void mr_tenant_answer_reply(MrRequest *request, const char *tenant,
								   const MrTenantAnswer *answer, bool stale, const char *token);

/* Copies the tenant's id out of the path; false when it was refused. */
extern bool mr_tenant_take_id(MrRequest *request, const MrRouteMatch *match,
							  char tenant[MR_TENANT_SIZE]);

#endif /* MR_TENANT_ANSWER_H */
