/*
 * explain_route(): the decision of route_for_read() or route_for_write(), step by step, also
 * for nodes and regions that are only assumed to be down.
 *
 * It makes the decision with the code that makes it, and shows what came of each region and
 * of each node. Assumed dead with the primary among them, the successor is the one that the
 * election would choose (core/mr_forecast.h). Reads shared memory only.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/pg_lsn.h"

#include "core/mr_forecast.h"
#include "extension/mr_functions.h"
#include "extension/mr_shared_state.h"
#include "extension/routing/mr_routing_wishes.h"

PG_FUNCTION_INFO_V1(multiregion_explain_route);

/* ---------- what is assumed ---------- */

/* A region by key or id, else a node by its name. */
static uint32
members_named(const MrRouting *routing, const char *word)
{
	int region = mr_route_find_region(routing->regions, word);
	uint32 found = 0;

	for (int slot = 0; slot < routing->nodes.count; slot++)
		if (routing->members[slot].used &&
			(region != MR_NO_REGION ? routing->members[slot].region == region
									: strcmp(routing->members[slot].name, word) == 0))
			found |= UINT32_C(1) << slot;
	if (found == 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("there is no member \"%s\", and no region with members", word)));
	return found;
}

static uint32
assumed_down(const MrRouting *routing, ArrayType *array)
{
	Datum *words;
	bool *nulls;
	int count;
	uint32 down = 0;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &words, &nulls, &count);
	for (int i = 0; i < count; i++)
		if (!nulls[i])
			down |= members_named(routing, TextDatumGetCString(words[i]));
	return down;
}

/* Who would be elected without these; MR_NO_SLOT: nobody. */
static int
successor_without(uint32 down)
{
	MrLease *lease = mr_copy_lease();
	MrForecast forecast;

	if (lease == NULL)
		return MR_NO_SLOT;
	mr_forecast(lease, mr_boottime_ns(), down, pg_atomic_read_u32(&mr_shared->down_mask),
				&forecast);
	pfree(lease);
	return forecast.successor;
}

static void
assume(MrRouting *routing, uint32 down)
{
	const uint32 writer = MR_NODE_PRIMARY | MR_NODE_LAST_KNOWN;
	bool primary_dies = false;
	int successor;

	for (int slot = 0; slot < routing->nodes.count; slot++)
	{
		MrRouteNode *node = &routing->list[slot];

		if ((down & UINT32_C(1) << slot) == 0)
			continue;
		primary_dies |= (node->traits & writer) != 0;
		node->traits |= MR_NODE_ASSUMED;
	}
	if (!primary_dies)
		return;
	successor = successor_without(down);
	for (int slot = 0; slot < routing->nodes.count; slot++)
		routing->list[slot].traits &= ~writer;
	routing->primary_region = MR_NO_REGION;
	if (successor == MR_NO_SLOT)
		return;
	routing->list[successor].traits |= MR_NODE_PRIMARY | MR_NODE_FORECAST;
	routing->primary_region = routing->members[successor].region;
}

/* ---------- steps ---------- */

typedef struct Step
{
	int number;
	const char *subject; /* what the line is about */
	const char *region;
	const char *node;
	bool chosen;
	const char *reason;
	const char *sentence;
	const char *input; /* what was looked at */
} Step;

static void
put_step(FunctionCallInfo fcinfo, const Step *step)
{
	MrRow row = {0};

	mr_row_put(&row, Int32GetDatum(step->number), false);
	mr_row_put_text(&row, step->subject);
	mr_row_put_text(&row, step->region);
	mr_row_put_text(&row, step->node);
	mr_row_put_bool(&row, step->chosen);
	mr_row_put_text(&row, step->reason);
	mr_row_put_text(&row, step->sentence);
	mr_row_put_text(&row, step->input);
	mr_row_store(fcinfo, &row);
}

static const char *
limit(int64 value, const char *unit)
{
	return value == MR_NO_LIMIT ? "none" : psprintf("%lld %s", (long long) value, unit);
}

/* What was asked for. */
static void
put_wish(FunctionCallInfo fcinfo, const MrRouteCall *call, bool for_write)
{
	const MrReadWish *wish = &call->wish;
	int origin = mr_route_origin(&call->routing.nodes, wish->from_region);
	Step step = {.number = 1, .subject = "wish"};
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "%s", for_write ? "write" : "read");
	if (!for_write)
	{
		appendStringInfo(&text, ", limits (%s): %s, %s", wish->firm ? "firm" : "if possible",
						 limit(wish->max_lag_ms, "ms"), limit(wish->max_lag_bytes, "bytes"));
		if (origin != MR_NO_REGION)
			appendStringInfo(&text, ", from %s", call->routing.regions->regions[origin].key);
		if (wish->token_lsn != 0)
			appendStringInfo(&text, ", must see %X/%X of term %llu",
							 LSN_FORMAT_ARGS(wish->token_lsn),
							 (unsigned long long) wish->token_term);
	}
	step.input = text.data;
	put_step(fcinfo, &step);
}

/* What a region is to the tenant. */
static const char *
rank_of(const MrTenantRule *rule, int region)
{
	if (rule->home == region)
		return rule->pinned ? "pin" : "preference";
	for (int i = 0; i < rule->fallback_count; i++)
		if (rule->fallbacks[i] == region)
			return psprintf("fallback %d", i + 1);
	return "none of the tenant's";
}

static void
put_regions(FunctionCallInfo fcinfo, const MrRouteCall *call, int *number)
{
	const MrRouting *routing = &call->routing;
	uint64 serving = mr_route_serving(&routing->nodes, &call->wish);
	uint64 allowed = mr_route_allowed(routing->regions, &call->rule);

	for (int region = 0; region < routing->regions->count; region++)
	{
		bool chosen = call->choice.place.region == region;
		bool healthy = (serving >> region & 1) != 0;
		MrRouteReason why;
		Step step = {.number = ++*number,
					 .subject = "region",
					 .region = routing->regions->regions[region].key,
					 .chosen = chosen};

		step.input =
			psprintf("%s; %s", rank_of(&call->rule, region),
					 healthy ? "a node there may serve the read" : "no node there may serve it");
		why = healthy ? MR_ROUTE_LATER : MR_ROUTE_UNHEALTHY;
		if ((allowed >> region & 1) == 0)
			why = MR_ROUTE_OUTSIDE;
		if (chosen)
			why = call->choice.place.reason;
		step.reason = mr_route_reason_name((int) why);
		step.sentence = mr_route_reason_sentence((int) why);
		put_step(fcinfo, &step);
	}
}

static const char *
amount(int64 value, const char *unit)
{
	return value < 0 ? "unknown" : psprintf("%lld %s", (long long) value, unit);
}

static const char *
input_of(const MrRouteCall *call, int slot)
{
	const MrRouteNode *node = &call->routing.list[slot];
	int64 cost =
		mr_route_cost(call->routing.regions, &call->routing.nodes, slot, call->wish.from_region);

	if ((node->traits & MR_NODE_WITNESS) != 0)
		return "witness";
	return psprintf("%s, health %s, lag %s%s and %s, replayed %X/%X of term %llu, distance %s, "
					"known since %s",
					(node->traits & MR_NODE_PRIMARY) != 0 ? "primary" : "standby",
					mr_health_name(node->health), node->lag_at_least ? "at least " : "",
					amount(node->lag_ms, "ms"), amount(node->lag_bytes, "bytes"),
					LSN_FORMAT_ARGS(node->replay_lsn), (unsigned long long) node->log_term,
					cost == INT64_MAX ? "unknown" : psprintf("%.1f ms", (double) cost / 1000.0),
					amount(node->age_ms, "ms"));
}

static void
put_nodes(FunctionCallInfo fcinfo, const MrRouteCall *call, int *number)
{
	for (int slot = 0; slot < call->routing.nodes.count; slot++)
	{
		const MrRoutingMember *member = &call->routing.members[slot];
		int why = call->choice.why[slot];
		Step step = {.number = *number + 1, .subject = "node"};

		if (!member->used)
			continue;
		step.number = ++*number;
		step.region = member->region_key;
		step.node = member->name;
		step.chosen = slot == call->choice.node;
		step.reason = mr_node_reason_name(why);
		step.sentence = mr_node_reason_sentence(why);
		step.input = input_of(call, slot);
		put_step(fcinfo, &step);
	}
}

static void
put_answer(FunctionCallInfo fcinfo, const MrRouteCall *call, int *number)
{
	int node = call->choice.node;
	Step step = {.number = ++*number, .subject = "answer"};

	step.chosen = node != MR_NO_NODE;
	step.region = step.chosen ? call->routing.members[node].region_key : NULL;
	step.node = step.chosen ? call->routing.members[node].name : NULL;
	step.reason = mr_route_call_reason(call);
	step.sentence = mr_route_call_sentence(call);
	put_step(fcinfo, &step);
}

Datum
multiregion_explain_route(PG_FUNCTION_ARGS)
{
	MrRouteCall call;
	bool for_write = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
	int number = 1;

	mr_route_call_begin(&call, mr_optional_text(fcinfo, 0));
	mr_route_call_max_lag(&call, fcinfo, 3);
	mr_route_call_token(&call, fcinfo, 4);
	mr_route_call_from(&call, fcinfo, 5);
	mr_route_call_max_bytes(&call, fcinfo, 6);
	mr_route_call_place(&call, fcinfo, 7);
	if (!PG_ARGISNULL(2))
		assume(&call.routing, assumed_down(&call.routing, PG_GETARG_ARRAYTYPE_P(2)));
	if (for_write)
		mr_route_call_write(&call);
	else if (call.has_place)
		mr_route_call_tenant_read(&call);
	else
		mr_route_call_read(&call);
	InitMaterializedSRF(fcinfo, 0);
	put_wish(fcinfo, &call, for_write);
	if (!for_write && call.choice.place.region != MR_NO_REGION)
		put_regions(fcinfo, &call, &number);
	put_nodes(fcinfo, &call, &number);
	put_answer(fcinfo, &call, &number);
	return (Datum) 0;
}
