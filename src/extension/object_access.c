/*
 * Watches objects being dropped and functions being called; see mr_object_access.h.
 *
 * The extension can go with what it depends on (DROP SCHEMA ... CASCADE, DROP OWNED
 * BY), so statements are the wrong place to look. A function that moves a sequence
 * has done so when PRE_COMMIT refuses its transaction, and the next call may not even
 * write; a notification is only seen after PRE_COMMIT: both are refused before.
 * Must stay quick: it sees every function of every expression. Called by module.c.
 */
#include "postgres.h"

#include "catalog/objectaccess.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_proc.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"

#include "extension/mr_fence.h"
#include "extension/mr_object_access.h"
#include "extension/mr_settings.h"
#include "extension/mr_shared_state.h"
#include "extension/pg_compat.h"

static object_access_hook_type previous_object_access = NULL;

static bool
acts_outside_transactions(Oid function)
{
	switch (function)
	{
		case F_NEXTVAL:
		case F_SETVAL_REGCLASS_INT8:
		case F_SETVAL_REGCLASS_INT8_BOOL:
		case F_PG_NOTIFY:
		case F_PG_LOGICAL_SLOT_GET_CHANGES:
		case F_PG_LOGICAL_SLOT_GET_BINARY_CHANGES:
		case MR_F_EMIT_TEXT:
		case MR_F_EMIT_BYTEA:
			return true;
		default:
			return false;
	}
}

/* A copy in another database than multiregion.database may go. */
void
mr_object_access_protect(Oid extension)
{
	const char *name;
	const char *here;

	if (pg_atomic_read_u32(&mr_shared->managed) == 0)
		return;
	name = get_extension_name(extension);
	here = get_database_name(MyDatabaseId);
	if (name != NULL && strcmp(name, "multiregion") == 0 && here != NULL && mr_database != NULL &&
		strcmp(here, mr_database) == 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
						errmsg("cannot drop extension \"multiregion\" while the server is managed"),
						errhint("Call multiregion.leave() on the last member first.")));
}

static void
watch(ObjectAccessType access, Oid class, Oid object, int sub_object, void *argument)
{
	if (access == OAT_FUNCTION_EXECUTE && acts_outside_transactions(object))
		mr_fence_require_open();
	else if (access == OAT_DROP && class == ExtensionRelationId)
		mr_object_access_protect(object);
	if (previous_object_access)
		previous_object_access(access, class, object, sub_object, argument);
}

void
mr_object_access_install(void)
{
	previous_object_access = object_access_hook;
	object_access_hook = watch;
}
