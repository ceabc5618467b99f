/*
 * multiregion.rpc(bytea): the door of the lease protocol. C symbol and signature
 * are frozen for ever; the payload carries its own version.
 *
 * Hands the message to the lease worker and waits for its answer. Touches no
 * table, takes no lock, works on standbys and fenced nodes.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "extension/mr_mailbox.h"
#include "extension/mr_peer_sessions.h"
#include "extension/mr_shared_state.h"
#include "extension/pg_compat.h"

#define MR_RPC_TIMEOUT_MS 5000

PG_FUNCTION_INFO_V1(multiregion_rpc);

Datum
multiregion_rpc(PG_FUNCTION_ARGS)
{
	bytea *request = PG_GETARG_BYTEA_PP(0);
	size_t length = VARSIZE_ANY_EXHDR(request);
	bytea *answer;
	size_t answered;

	if (mr_shared == NULL || pg_atomic_read_u32(&mr_shared->managed) == 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("this server is not managed by multiregion")));
	if (length > MR_MESSAGE_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("protocol message is too long"),
				 errdetail("It has %zu bytes, the limit is %d.", length, MR_MESSAGE_SIZE)));
	mr_peer_sessions_note();
	answer = (bytea *) palloc(VARHDRSZ + MR_MESSAGE_SIZE);
	answered = mr_mailbox_call((const uint8 *) VARDATA_ANY(request), length,
							   (uint8 *) VARDATA(answer), MR_MESSAGE_SIZE, MR_RPC_TIMEOUT_MS);
	if (answered == 0)
		ereport(ERROR,
				(errcode(ERRCODE_CANNOT_CONNECT_NOW), errmsg("the lease worker gave no answer"),
				 errhint("A malformed message is not answered; "
						 "see the server log for the state of the worker.")));
	SET_VARSIZE(answer, VARHDRSZ + answered);
	PG_RETURN_BYTEA_P(answer);
}
