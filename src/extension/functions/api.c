/*
 * SQL functions that multiregiond needs to write on the primary from any region: how to
 * reach the members, and where a commit lies.
 *
 * Both read memory only. A member's connection string holds no password, but paths and
 * names that are nobody's business: the function is for the sidecar's role alone. It must
 * never say that a commit lies where it does not.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "extension/consistency/mr_consistency.h"
#include "extension/mr_functions.h"

PG_FUNCTION_INFO_V1(multiregion_member_conninfo);
PG_FUNCTION_INFO_V1(multiregion_commit_token);

Datum
multiregion_member_conninfo(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MrLease *lease;

	mr_require_preloaded();
	InitMaterializedSRF(fcinfo, 0);
	lease = mr_copy_lease();
	if (lease == NULL)
		return (Datum) 0;
	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		const MrMember *member = &lease->durable.config.members[slot];
		Datum values[4];
		bool nulls[4] = {false};

		if (!member->used || member->witness)
			continue;
		values[0] = CStringGetTextDatum(member->name);
		values[1] = CStringGetTextDatum(member->region);
		values[2] = CStringGetTextDatum(member->conninfo);
		nulls[3] = member->hostaddr[0] == '\0';
		values[3] = nulls[3] ? (Datum) 0 : CStringGetTextDatum(member->hostaddr);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

Datum
multiregion_commit_token(PG_FUNCTION_ARGS)
{
	const char *token;

	mr_require_preloaded();
	token = RecoveryInProgress() ? NULL : mr_session_commit_token();
	if (token == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(token));
}
