/*
 * SQL functions for switchovers at a time: schedule_switchover(), cancel_switchover().
 *
 * They change the table; the hook worker of whoever is primary at that time gives the
 * order.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/timestamp.h"

#include "extension/mr_catalog_hook.h"
#include "extension/mr_functions.h"

#define MAX_AHEAD (INT64CONST(366) * USECS_PER_DAY)

PG_FUNCTION_INFO_V1(multiregion_schedule_switchover);
PG_FUNCTION_INFO_V1(multiregion_cancel_switchover);

static TimestampTz
due_argument(FunctionCallInfo fcinfo, int number)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz due;

	if (PG_ARGISNULL(number))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("at must not be null")));
	due = PG_GETARG_TIMESTAMPTZ(number);
	if (due <= now || due > now + MAX_AHEAD)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a switchover is scheduled for the future, at most a year ahead"),
						errhint("To do it now, use switchover().")));
	return due;
}

/* The region or node a word names, as it is written in the tables. */
static const char *
target_argument(FunctionCallInfo fcinfo, int number)
{
	char *word = mr_optional_text(fcinfo, number);
	MrRegionRow region;
	MrNodeRow node;

	if (word == NULL)
		return NULL;
	if (mr_catalog_find_region(word, &region))
		return pstrdup(region.key);
	if (mr_catalog_find_node(word, &node))
		return pstrdup(node.name);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no region or node \"%s\"", word)));
	return NULL;
}

Datum
multiregion_schedule_switchover(PG_FUNCTION_ARGS)
{
	bool away = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
	char *reason = mr_reason_argument(fcinfo, 3);
	TimestampTz due;
	const char *target;

	(void) mr_require_lease();
	mr_require_writable("schedule_switchover()");
	due = due_argument(fcinfo, 0);
	target = target_argument(fcinfo, 1);
	if (target != NULL && away)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("name a target or say away, not both")));
	PG_RETURN_INT64(mr_catalog_add_schedule(due, target, away, reason));
}

Datum
multiregion_cancel_switchover(PG_FUNCTION_ARGS)
{
	int64 id = PG_GETARG_INT64(0);
	char state[MR_NAME_SIZE];

	mr_require_writable("cancel_switchover()");
	if (mr_catalog_cancel_schedule(id))
		PG_RETURN_BOOL(true);
	mr_catalog_schedule_state(id, state);
	if (state[0] == '\0')
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("there is no scheduled switchover %lld", (long long) id),
						errhint("multiregion.scheduled_switchovers lists them.")));
	PG_RETURN_BOOL(false);
}
