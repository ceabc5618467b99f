/*
 * SQL functions that make another node the primary: switchover(), failover(), and
 * request_failover() with failover_result(), which the HTTP sidecar calls.
 *
 * The first two raise an error for what was refused, the other two tell it in a row.
 * What is done is order_call.c's and the lease worker's.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "extension/mr_functions.h"
#include "extension/mr_order_call.h"
#include "extension/mr_row.h"

#define MAX_WAIT_MS (3600 * 1000)

PG_FUNCTION_INFO_V1(multiregion_switchover);
PG_FUNCTION_INFO_V1(multiregion_failover);
PG_FUNCTION_INFO_V1(multiregion_request_failover);
PG_FUNCTION_INFO_V1(multiregion_failover_result);

/* A negative one is unknown. */
static void
put_number(MrRow *row, int64 value)
{
	mr_row_put_number(row, value, value < 0);
}

static void
put_node(MrRow *row, const MrOrderResult *result, int slot)
{
	const MrMember *member =
		slot != MR_NO_SLOT ? &result->lease->durable.config.members[slot] : NULL;

	mr_row_put_text(row, member != NULL ? member->name : NULL);
	mr_row_put_text(row, member != NULL ? member->region : NULL);
}

/* failover_id, kind, from_node, from_region, to_node, to_region, epoch, duration_ms, lost_bytes */
static void
put_result(MrRow *row, const MrOrderResult *result)
{
	mr_row_put_text(row, result->id != 0 ? psprintf(INT64_FORMAT, result->id) : NULL);
	mr_row_put_text(row, result->kind);
	put_node(row, result, result->from);
	put_node(row, result, result->to);
	put_number(row, result->epoch);
	put_number(row, result->duration_ms);
	put_number(row, result->lost_bytes);
}

/* ---------- switchover(), failover() ---------- */

static int
wait_argument(FunctionCallInfo fcinfo, int number)
{
	Interval *wait;
	double seconds;

	if (PG_ARGISNULL(number))
		return 30 * 1000;
	wait = PG_GETARG_INTERVAL_P(number);
	seconds = (double) wait->time / USECS_PER_SEC + (wait->day + wait->month * 30.0) * SECS_PER_DAY;
	if (seconds <= 0 || seconds * 1000 > MAX_WAIT_MS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("wait must be longer than nothing and at most an hour")));
	return (int) (seconds * 1000);
}

static bool
flag_argument(FunctionCallInfo fcinfo, int number)
{
	return !PG_ARGISNULL(number) && PG_GETARG_BOOL(number);
}

/* One line a member: why it could not lead. */
static char *
reasons(const MrOrderResult *result, bool allow_loss)
{
	const MrConfig *config = &result->lease->durable.config;
	StringInfoData text;

	initStringInfo(&text);
	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		int refusal;

		if (!config->members[slot].used || slot == result->from)
			continue;
		refusal = mr_order_refusal_of(result->lease, slot, allow_loss);
		appendStringInfo(&text, "%sNode \"%s\" (%s): %s.", text.len > 0 ? "\n" : "",
						 config->members[slot].name, config->members[slot].region,
						 refusal == MR_REFUSE_NONE ? "could lead" : mr_refusal_sentence(refusal));
	}
	return text.data;
}

static const char *
hint_of(int refusal)
{
	switch (refusal)
	{
		case MR_REFUSE_LAG:
		case MR_REFUSE_BEHIND:
			return "Wait until it has caught up, choose another node, or accept the loss with "
				   "allow_data_loss => true when no primary is left.";
		case MR_REFUSE_NO_LEADER:
			return "Use failover(): it works without a primary.";
		case MR_REFUSE_PROMISED:
			return "Try again when the lease of the last primary has run out.";
		default:
			return "See multiregion.nodes, and explain_failover().";
	}
}

static void
raise_unless_done(const MrOrderResult *result, const MrOrderWish *wish)
{
	const MrConfig *config = &result->lease->durable.config;
	const char *to = result->to != MR_NO_SLOT ? config->members[result->to].name : "?";

	switch (result->outcome)
	{
		case MR_OUTCOME_DONE:
		case MR_OUTCOME_DRY_RUN:
			return;
		case MR_OUTCOME_UNKNOWN_REGION:
			ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
							errmsg("there is no region or node \"%s\"",
								   wish->target != NULL ? wish->target : "")));
			break;
		case MR_OUTCOME_ALREADY_PRIMARY:
			ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
							errmsg("node \"%s\" is the primary already", to)));
			break;
		case MR_OUTCOME_IN_PROGRESS:
			ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
							errmsg("another change of the primary is under way"),
							errhint("See multiregion.failovers, and try again.")));
			break;
		case MR_OUTCOME_PENDING:
			ereport(ERROR, (errcode(ERRCODE_QUERY_CANCELED),
							errmsg("node \"%s\" is not the primary yet", to),
							errdetail("Order %lld was not done in time.", (long long) result->id),
							errhint("Whether it still ends shows in multiregion.failovers.")));
			break;
		case MR_OUTCOME_REFUSED:
		case MR_OUTCOME_UNKNOWN:
		case MR_OUTCOME_COUNT:
			ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
							errmsg("node \"%s\" was not made the primary: %s", to,
								   mr_refusal_sentence(result->refusal)),
							errdetail_internal("%s", reasons(result, wish->allow_loss)),
							errhint("%s", hint_of(result->refusal))));
			break;
	}
}

static Datum
call_and_raise(FunctionCallInfo fcinfo, const MrOrderWish *wish)
{
	MrOrderResult result;
	MrRow row = {0};

	mr_order_call(wish, &result);
	raise_unless_done(&result, wish);
	put_result(&row, &result);
	return mr_row_result(fcinfo, &row);
}

Datum
multiregion_switchover(PG_FUNCTION_ARGS)
{
	MrOrderWish wish = {.function = fcinfo->flinfo->fn_oid};

	wish.target = mr_optional_text(fcinfo, 0);
	wish.away = flag_argument(fcinfo, 1);
	wish.dry_run = flag_argument(fcinfo, 2);
	wish.timeout_ms = wait_argument(fcinfo, 3);
	wish.cause = MR_CAUSE_SWITCHOVER;
	return call_and_raise(fcinfo, &wish);
}

Datum
multiregion_failover(PG_FUNCTION_ARGS)
{
	MrOrderWish wish = {.function = fcinfo->flinfo->fn_oid};

	wish.target = mr_optional_text(fcinfo, 0);
	wish.allow_loss = flag_argument(fcinfo, 1);
	wish.dry_run = flag_argument(fcinfo, 2);
	wish.timeout_ms = wait_argument(fcinfo, 3);
	wish.cause = MR_CAUSE_MANUAL;
	return call_and_raise(fcinfo, &wish);
}

/* ---------- request_failover(), failover_result() ---------- */

static void
add_key(JsonbParseState **state, const char *key)
{
	JsonbValue value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, key);
	value.val.string.len = (int) strlen(key);
	(void) pushJsonbValue(state, WJB_KEY, &value);
}

static void
add_text(JsonbParseState **state, const char *key, const char *text)
{
	JsonbValue value;

	add_key(state, key);
	value.type = jbvString;
	value.val.string.val = unconstify(char *, text);
	value.val.string.len = (int) strlen(text);
	(void) pushJsonbValue(state, WJB_VALUE, &value);
}

static void
add_bool(JsonbParseState **state, const char *key, bool flag)
{
	JsonbValue value;

	add_key(state, key);
	value.type = jbvBool;
	value.val.boolean = flag;
	(void) pushJsonbValue(state, WJB_VALUE, &value);
}

static Datum
nodes_as_json(const MrOrderResult *result, bool allow_loss)
{
	const MrConfig *config = &result->lease->durable.config;
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		int refusal;

		if (!config->members[slot].used)
			continue;
		refusal = slot == result->from ? MR_REFUSE_ALREADY_LEADING
									   : mr_order_refusal_of(result->lease, slot, allow_loss);
		(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		add_text(&state, "node", config->members[slot].name);
		add_text(&state, "region", config->members[slot].region);
		add_bool(&state, "eligible", refusal == MR_REFUSE_NONE);
		add_text(&state, "rule", mr_refusal_name(refusal));
		add_text(&state, "reason", mr_refusal_sentence(refusal));
		(void) pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	}
	return JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL)));
}

static Datum
tell(FunctionCallInfo fcinfo, const MrOrderResult *result, bool allow_loss)
{
	bool refused = result->refusal != MR_REFUSE_NONE;
	MrRow row = {0};

	mr_row_put_text(&row, mr_outcome_name(result->outcome));
	put_result(&row, result);
	mr_row_put_text(&row, refused ? mr_refusal_name(result->refusal) : NULL);
	mr_row_put_text(&row, refused ? mr_refusal_sentence(result->refusal) : NULL);
	mr_row_put(&row, nodes_as_json(result, allow_loss), false);
	return mr_row_result(fcinfo, &row);
}

Datum
multiregion_request_failover(PG_FUNCTION_ARGS)
{
	MrOrderWish wish = {.function = fcinfo->flinfo->fn_oid};
	MrOrderResult result;

	wish.target = mr_text_argument(fcinfo, 0, "target");
	wish.allow_loss = flag_argument(fcinfo, 1);
	wish.dry_run = flag_argument(fcinfo, 2);
	wish.timeout_ms = PG_ARGISNULL(3) ? 30000 : PG_GETARG_INT32(3);
	wish.cause = MR_CAUSE_MANUAL;
	if (wish.timeout_ms <= 0 || wish.timeout_ms > MAX_WAIT_MS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("timeout_ms must be between 1 and %d", MAX_WAIT_MS)));
	mr_order_call(&wish, &result);
	return tell(fcinfo, &result, wish.allow_loss);
}

Datum
multiregion_failover_result(PG_FUNCTION_ARGS)
{
	MrOrderResult result;
	char *text = mr_text_argument(fcinfo, 0, "failover_id");
	char *end;
	int64 id;

	errno = 0;
	id = strtoll(text, &end, 10);
	if (errno != 0 || *end != '\0' || id <= 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
						errmsg("invalid failover id \"%s\"", text),
						errhint("It is the number that request_failover() or failover() gave.")));
	mr_order_look(id, &result);
	return tell(fcinfo, &result, false);
}
