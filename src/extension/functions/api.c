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

#include "core/mr_replication_token.h"
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

/*
 * XactLastCommitEnd is exact. The insert position is not: at the end of a page it lies
 * behind the next page's header, where no replay arrives before the next record.
 */
Datum
multiregion_commit_token(PG_FUNCTION_ARGS)
{
	char text[MR_TOKEN_SIZE];
	MrToken token = {0};
	MrLease *lease;

	mr_require_preloaded();
	if (XLogRecPtrIsInvalid(XactLastCommitEnd) || RecoveryInProgress())
		PG_RETURN_NULL();
	lease = mr_copy_lease();
	token.system = GetSystemIdentifier();
	token.term = lease != NULL ? lease->durable.log_term : 0;
	token.timeline = GetWALInsertionTimeLine();
	token.lsn = XactLastCommitEnd;
	mr_token_format(&token, text);
	PG_RETURN_TEXT_P(cstring_to_text(text));
}
