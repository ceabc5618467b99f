/*
 * multiregion.act_as(): a session of the sidecar takes the role of who asks over HTTP.
 *
 * It must never lead to a superuser, nor to a role that may become one or may do on the
 * server's machine what one may. That the session's login is a member of the role is
 * PostgreSQL's own check, as for SET ROLE. Called by the sidecar's pools.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

#include "extension/mr_functions.h"

#define CLAIMS_SETTING "request.jwt.claims"

PG_FUNCTION_INFO_V1(multiregion_act_as);

/* Roles of PostgreSQL's that are as good as a superuser. */
static bool
is_predefined_power(Oid role)
{
	return role == ROLE_PG_EXECUTE_SERVER_PROGRAM || role == ROLE_PG_WRITE_SERVER_FILES ||
		   role == ROLE_PG_READ_SERVER_FILES;
}

/* Whether a role is, or is a member of, one that must not be reached over HTTP. */
static bool
is_too_powerful(Oid role)
{
	Relation roles = table_open(AuthIdRelationId, AccessShareLock);
	TableScanDesc scan = table_beginscan_catalog(roles, 0, NULL);
	bool powerful = false;
	HeapTuple tuple;

	while (!powerful && (tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_authid form = (Form_pg_authid) GETSTRUCT(tuple);

		if (form->rolsuper || is_predefined_power(form->oid))
			powerful = is_member_of_role_nosuper(role, form->oid);
	}
	table_endscan(scan);
	table_close(roles, AccessShareLock);
	return powerful;
}

/* One answer to all that is wrong: who may not become a role need not learn which there are. */
static void
refuse(const char *role)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("role \"%s\" cannot be taken over HTTP", role),
			 errdetail("There must be such a role, the role that multiregiond logs in as must be "
					   "a member of it, and it must not be or become a superuser."),
			 errhint("Grant it: GRANT \"%s\" TO \"%s\".", role,
					 GetUserNameFromId(GetSessionUserId(), false))));
}

Datum
multiregion_act_as(PG_FUNCTION_ARGS)
{
	char *role = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char *claims = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Oid oid = get_role_oid(role, true);

	if (!OidIsValid(oid) || strcmp(role, "none") == 0 || is_too_powerful(oid) ||
		!is_member_of_role(GetSessionUserId(), oid))
		refuse(role);
	SetConfigOption("role", role, PGC_USERSET, PGC_S_SESSION);
	SetConfigOption(CLAIMS_SETTING, claims, PGC_USERSET, PGC_S_SESSION);
	PG_RETURN_VOID();
}
