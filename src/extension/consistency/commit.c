/*
 * The token of a session's last commit, and how the client learns it.
 *
 * With multiregion.report_token the token goes out as a ParameterStatus message right before
 * the answer to the commit, in the same packet: no round trip more. Not in the commit itself:
 * its locks are still held then, and a client that does not read would hold them. It is put
 * together without memory of its own. XactLastCommitEnd is exact; the insert position is not,
 * see mr_position_written().
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "libpq/libpq.h"
#include "miscadmin.h"
#include "tcop/tcopprot.h"

#include "extension/consistency/mr_consistency.h"
#include "extension/consistency/mr_position.h"
#include "extension/mr_commits.h"
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
report(void)
{
	char message[sizeof(PARAMETER) + MR_TOKEN_SIZE] = PARAMETER;
	const char *token = last_commit != 0 ? mr_session_commit_token() : "";
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
		mr_commits_say_before_next(report);
}

/* Its record is the last but that of nobody: what was written so far ends behind it. */
void
mr_commit_note_prepared(void)
{
	last_commit = mr_position_written();
	if (mr_report_token)
		mr_commits_say_before_next(report);
}

void
mr_commit_forget(void)
{
	last_commit = 0;
	if (told)
		mr_commits_say_before_next(report);
}

void
mr_commit_install(void)
{
	RegisterXactCallback(after_commit, NULL);
}
