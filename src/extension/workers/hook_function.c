/*
 * Calls a function of the operator: as its owner, for a limited time, and so that nothing
 * it has set stays. See mr_hooks.h for the why. Errors are raised; called by the hook
 * worker inside mr_hooks_try().
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
#include "utils/timeout.h"

#include "extension/workers/mr_hooks.h"

#define RUN_ARGUMENTS "pg_catalog.int8, pg_catalog.text, pg_catalog.text, pg_catalog.text"

/* The function a setting names; it must be written with its schema. */
static Oid
find_function(const char *name, const char *arguments)
{
	char *signature = psprintf("%s(%s)", name, arguments);
	LOCAL_FCINFO(fcinfo, 1);
	Datum oid;

	InitFunctionCallInfoData(*fcinfo, NULL, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = CStringGetTextDatum(signature);
	fcinfo->args[0].isnull = false;
	oid = to_regprocedure(fcinfo);
	if (fcinfo->isnull)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
						errmsg("function %s does not exist", signature),
						errhint("Name it with its schema.")));
	return DatumGetObjectId(oid);
}

static Oid
owner_of(Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
						errmsg("function with OID %u does not exist", function)));
	owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	return owner;
}

static const char *
call_of(Oid function, bool with_arguments)
{
	return psprintf("SELECT %s(%s)",
					quote_qualified_identifier(get_namespace_name(get_func_namespace(function)),
											   get_func_name(function)),
					with_arguments ? "$1, $2, $3, $4" : "");
}

/* In the open SPI session. */
static char *
execute(const char *sql, const MrHookRun *run)
{
	Oid types[] = {INT8OID, TEXTOID, TEXTOID, TEXTOID};
	Datum values[4] = {0};
	char nulls[] = "    ";
	int result;

	if (run != NULL)
	{
		values[0] = Int64GetDatum(run->epoch);
		values[1] = CStringGetTextDatum(run->cause);
		values[2] = CStringGetTextDatum(run->from_node);
		nulls[2] = run->from_node[0] == '\0' ? 'n' : ' ';
		values[3] = CStringGetTextDatum(run->to_node);
	}
	result = SPI_execute_with_args(sql, run != NULL ? 4 : 0, types, values, nulls, false, 1);
	if (result != SPI_OK_SELECT)
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
						errmsg("could not call it: %s", SPI_result_code_string(result))));
	return SPI_processed > 0 ? SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1) : NULL;
}

char *
mr_hooks_call(const char *name, const MrHookRun *run, int timeout_ms)
{
	MemoryContext context = CurrentMemoryContext;
	Oid function = find_function(name, run != NULL ? RUN_ARGUMENTS : "");
	const char *sql = call_of(function, run != NULL);
	Oid user;
	int security_context;
	int guc_level;
	char *answer;

	if (run == NULL && (get_func_rettype(function) != TEXTOID || get_func_retset(function)))
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("function %s() must return text", name)));
	GetUserIdAndSecContext(&user, &security_context);
	SetUserIdAndSecContext(owner_of(function), security_context | SECURITY_RESTRICTED_OPERATION);
	guc_level = NewGUCNestLevel();
	enable_timeout_after(STATEMENT_TIMEOUT, timeout_ms);
	(void) SPI_connect();
	answer = execute(sql, run);
	answer = answer != NULL ? MemoryContextStrdup(context, answer) : NULL;
	SPI_finish();
	disable_timeout(STATEMENT_TIMEOUT, false);
	QueryCancelPending = false; /* it may have fired in the last moment */
	AtEOXact_GUC(false, guc_level);
	SetUserIdAndSecContext(user, security_context);
	return answer;
}
