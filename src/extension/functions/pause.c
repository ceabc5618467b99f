/*
 * SQL functions that pause failover for a time: pause_failover(), resume_failover().
 *
 * They change the table; the monitor of the primary proposes it, and from then on the
 * lease that the primary asks for reaches to the end of the pause.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "extension/mr_catalog_edit.h"
#include "extension/mr_functions.h"

PG_FUNCTION_INFO_V1(multiregion_pause_failover);
PG_FUNCTION_INFO_V1(multiregion_resume_failover);

typedef struct Scope
{
	const char *kind; /* cluster, region, node */
	char name[MR_NAME_SIZE];
} Scope;

/*
 * What the arguments name: a region, a node, or with neither the cluster. With hold nobody
 * can drop it before the transaction ends.
 */
static void
read_scope(FunctionCallInfo fcinfo, int region_number, int node_number, bool hold, Scope *scope)
{
	char *region = mr_optional_text(fcinfo, region_number);
	char *node = mr_optional_text(fcinfo, node_number);
	MrRegionRow region_row;
	MrNodeRow node_row;

	if (region != NULL && node != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("name a region or a node, not both")));
	scope->kind = "cluster";
	scope->name[0] = '\0';
	if (region != NULL)
	{
		if (hold)
			mr_catalog_hold_regions();
		mr_catalog_require_region(region, &region_row);
		scope->kind = "region";
		strlcpy(scope->name, region_row.key, sizeof(scope->name));
	}
	else if (node != NULL)
	{
		if (hold)
			mr_catalog_hold_node(node);
		mr_catalog_require_node(node, &node_row);
		scope->kind = "node";
		strlcpy(scope->name, node_row.name, sizeof(scope->name));
	}
}

Datum
multiregion_pause_failover(PG_FUNCTION_ARGS)
{
	char *reason = mr_reason_argument(fcinfo, 3);
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz until;
	Scope scope;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("duration must not be null"),
				 errhint("A pause always ends by itself; say when.")));
	mr_require_writable("pause_failover()");
	read_scope(fcinfo, 1, 2, true, &scope);
	until = DatumGetTimestampTz(
		DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(now), PG_GETARG_DATUM(0)));
	if (until <= now || until > now + MR_MAX_PAUSE_MS * 1000)
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("a pause is longer than nothing and at most 7 days")));
	mr_catalog_write_pause(scope.kind, scope.name, until, reason);
	PG_RETURN_TIMESTAMPTZ(until);
}

Datum
multiregion_resume_failover(PG_FUNCTION_ARGS)
{
	Scope scope;

	mr_require_writable("resume_failover()");
	read_scope(fcinfo, 0, 1, false, &scope);
	PG_RETURN_BOOL(mr_catalog_remove_pause(scope.kind, scope.name));
}
