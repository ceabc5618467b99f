/*
 * Sessions that began on a fenced node; see mr_session.h.
 *
 * The mark is the source of default_transaction_read_only: no other code sets it
 * with MR_MARK_SOURCE. It ranks above role, database and connection, whose values
 * become those to return to, and below what the client itself sets, which ends the
 * mark. Must never leave the lifted setting to the fate of a transaction: one that
 * fails would bring it back. Called by fence.c.
 */
#include "postgres.h"

#include "access/xact.h"
#include "nodes/parsenodes.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#include "utils/snapmgr.h"

#include "extension/mr_session.h"
#include "extension/mr_shared_state.h"
#include "extension/pg_compat.h"

#define MR_MARK_SOURCE PGC_S_INTERACTIVE

static const char setting_name[] = "default_transaction_read_only";

/* Its record, in a session that was marked; else NULL. */
static struct config_bool *setting = NULL;

/* The client has opened a transaction block while marked. */
static bool block_open = false;

static struct config_bool *
find_setting(void)
{
	int count;
	struct config_generic **records = MR_GUC_RECORDS(&count);
	int i;

	for (i = 0; i < count; i++)
		if (strcmp(records[i]->name, setting_name) == 0)
			return (struct config_bool *) records[i];
	return NULL;
}

void
mr_session_mark(void)
{
	setting = find_setting();
	SetConfigOption(setting_name, "on", PGC_USERSET, MR_MARK_SOURCE);
}

/*
 * First the variable itself, which no rollback touches, then the setting, so that
 * the client is told. A serializable transaction that has its snapshot was
 * admitted as read-only and stays so: its statement fails, the next one writes.
 */
void
mr_session_heal(void)
{
	if (likely(setting == NULL) || setting->gen.source != MR_MARK_SOURCE || block_open ||
		!mr_fence_is_open())
		return;
	*setting->variable = setting->reset_val;
	SetConfigOption(setting_name, NULL, PGC_USERSET, PGC_S_SESSION);
	if (!IsolationIsSerializable() || !FirstSnapshotSet)
		XactReadOnly = DefaultXactReadOnly;
}

void
mr_session_note(Node *statement)
{
	TransactionStmt *transaction = (TransactionStmt *) statement;

	if (likely(setting == NULL) || !IsA(statement, TransactionStmt))
		return;
	switch (transaction->kind)
	{
		case TRANS_STMT_BEGIN:
		case TRANS_STMT_START:
			block_open = setting->gen.source == MR_MARK_SOURCE;
			break;
		case TRANS_STMT_COMMIT:
		case TRANS_STMT_ROLLBACK:
			block_open = block_open && transaction->chain;
			break;
		case TRANS_STMT_PREPARE:
			block_open = false;
			break;
		case TRANS_STMT_SAVEPOINT:
		case TRANS_STMT_RELEASE:
		case TRANS_STMT_ROLLBACK_TO:
		case TRANS_STMT_COMMIT_PREPARED:
		case TRANS_STMT_ROLLBACK_PREPARED:
			break;
	}
}
