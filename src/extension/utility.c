/*
 * Classification of utility statements for the fence; see mr_utility.h.
 *
 * The list of what may run is positive: a statement PostgreSQL adds tomorrow is
 * refused on a fenced node until somebody thought about it. Statements that run
 * others (EXPLAIN, EXECUTE, DO, CALL) may begin: what they run is looked at again.
 */
#include "postgres.h"

#include "commands/extension.h"
#include "nodes/parsenodes.h"

#include "extension/mr_object_access.h"
#include "extension/mr_settings.h"
#include "extension/mr_shared_state.h"
#include "extension/mr_utility.h"

static bool
transaction_statement_is_read_only(TransactionStmt *statement)
{
	switch (statement->kind)
	{
		case TRANS_STMT_PREPARE:
		case TRANS_STMT_COMMIT_PREPARED:
		case TRANS_STMT_ROLLBACK_PREPARED:
			return false;
		case TRANS_STMT_BEGIN:
		case TRANS_STMT_START:
		case TRANS_STMT_COMMIT:
		case TRANS_STMT_ROLLBACK:
		case TRANS_STMT_SAVEPOINT:
		case TRANS_STMT_RELEASE:
		case TRANS_STMT_ROLLBACK_TO:
			return true;
	}
	return false;
}

bool
mr_utility_is_read_only(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_TransactionStmt:
			return transaction_statement_is_read_only((TransactionStmt *) statement);
		case T_CopyStmt:
			return !((CopyStmt *) statement)->is_from;
		case T_VariableSetStmt:
		case T_VariableShowStmt:
		case T_ConstraintsSetStmt:
		case T_ExplainStmt:
		case T_PrepareStmt:
		case T_ExecuteStmt:
		case T_DeallocateStmt:
		case T_DeclareCursorStmt:
		case T_ClosePortalStmt:
		case T_FetchStmt:
		case T_DiscardStmt:
		case T_DoStmt:
		case T_CallStmt:
		case T_LockStmt:
		case T_ListenStmt:
		case T_UnlistenStmt:
		case T_LoadStmt:
		case T_CheckPointStmt:
		case T_AlterSystemStmt:
			return true;
		default:
			return false;
	}
}

bool
mr_utility_is_second_phase(Node *statement)
{
	TransactionStmt *transaction = (TransactionStmt *) statement;

	return IsA(statement, TransactionStmt) && (transaction->kind == TRANS_STMT_COMMIT_PREPARED ||
											   transaction->kind == TRANS_STMT_ROLLBACK_PREPARED);
}

/* The database a statement would drop or rename, or NULL. */
static const char *
database_taken_away(Node *statement)
{
	if (IsA(statement, DropdbStmt))
		return ((DropdbStmt *) statement)->dbname;
	if (IsA(statement, RenameStmt) && ((RenameStmt *) statement)->renameType == OBJECT_DATABASE)
		return ((RenameStmt *) statement)->subname;
	return NULL;
}

/*
 * Its locks would wait for others, and on standbys for their sessions: a switchover could not
 * see its target replay the last byte, for a statement that is refused in the end.
 */
static void
protect_extensions(DropStmt *statement)
{
	ListCell *name;

	foreach(name, statement->objects)
		mr_object_access_protect(get_extension_oid(strVal(lfirst(name)), true));
}

void
mr_utility_protect(Node *statement)
{
	const char *database;

	if (pg_atomic_read_u32(&mr_shared->managed) == 0)
		return;
	if (IsA(statement, DropStmt) && ((DropStmt *) statement)->removeType == OBJECT_EXTENSION)
		protect_extensions((DropStmt *) statement);
	database = database_taken_away(statement);
	if (database != NULL && mr_database != NULL && strcmp(database, mr_database) == 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
						errmsg("cannot drop or rename database \"%s\" while the server is managed",
							   database),
						errdetail("It is multiregion.database, through which the nodes talk."),
						errhint("Call multiregion.leave() on the last member first.")));
}
