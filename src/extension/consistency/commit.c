/*
 * The token of a session's last commit, and how the client learns it.
 *
 * With multiregion.report_token the token goes out as a ParameterStatus message right after
 * the commit, in the same packet as its answer: no round trip more. It is put together
 * without memory of its own and handed to the connection's buffer: after a commit nothing
 * may fail any more. XactLastCommitEnd is exact; the insert position is not, see
 * mr_position_written().
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "libpq/libpq.h"
#include "miscadmin.h"
#include "tcop/tcopprot.h"

#include "extension/consistency/mr_consistency.h"
#include "extension/consistency/mr_position.h"
#include "extension/pg_compat.h"

#define PARAMETER "multiregion.session_token"

static MrLsn last_commit = 0;

MrLsn
mr_session_commit(void)
{
	return last_commit;
}

/* Written when it is asked for first; a primary does not change its timeline. */
const char *
mr_session_commit_token(void)
{
	static char text[MR_TOKEN_SIZE];
	static MrLsn written = 0;
	MrToken token;

	if (last_commit == 0)
		return NULL;
	if (written != last_commit)
	{
		mr_position_token(last_commit, &token);
		mr_token_format(&token, text);
		written = last_commit;
	}
	return text;
}

static bool told = false; /* the client knows a token of this session */

/* Name and value, each with its NUL. */
static void
report(const char *token)
{
	char message[sizeof(PARAMETER) + MR_TOKEN_SIZE] = PARAMETER;
	size_t length = strlen(token) + 1;

	if (whereToSendOutput != DestRemote || MyProcPort == NULL)
		return;
	told = length > 1;
	memcpy(message + sizeof(PARAMETER), token, length);
	(void) pq_putmessage('S', message, sizeof(PARAMETER) + length);
}

static void
after_commit(XactEvent event, void *argument)
{
	/* one that only reads may have written something, too: hints, or what it has pruned */
	if (event != XACT_EVENT_COMMIT || !TransactionIdIsValid(GetTopTransactionIdIfAny()))
		return;
	last_commit = XactLastCommitEnd;
	if (mr_report_token)
		report(mr_session_commit_token());
}

/* Its record is the last but that of nobody: what was written so far ends behind it. */
void
mr_commit_note_prepared(void)
{
	last_commit = mr_position_written();
	if (mr_report_token)
		report(mr_session_commit_token());
}

void
mr_commit_forget(void)
{
	last_commit = 0;
	if (told)
		report("");
}

void
mr_commit_install(void)
{
	RegisterXactCallback(after_commit, NULL);
}
