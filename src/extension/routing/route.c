/*
 * SQL functions of read/write splitting: route_for_read(), route_for_write(),
 * tenant_route().
 *
 * They read memory only, wait for nobody, and work on standbys, on fenced and on isolated
 * nodes: what is known is answered, with its age. Host and port are all that is shown of a
 * connection string.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "extension/mr_functions.h"
#include "extension/routing/mr_routing_wishes.h"

PG_FUNCTION_INFO_V1(multiregion_route_for_read);
PG_FUNCTION_INFO_V1(multiregion_route_for_write);
PG_FUNCTION_INFO_V1(multiregion_tenant_route);

static void
put_address(MrRow *row, int slot)
{
	const MrRoutingAddress *address = mr_routing_address(slot);

	mr_row_put_text(row, address->host);
	mr_row_put(row, Int32GetDatum(pg_strtoint32(address->port)), false);
}

static void
put_knowledge(MrRow *row, const MrRouteNode *node)
{
	mr_route_put_ms(row, node->lag_ms);
	mr_row_put_number(row, node->lag_bytes, node->lag_bytes < 0);
	mr_route_put_ms(row, node->staleness_ms);
	mr_row_put_bool(row, (node->traits & (MR_NODE_PRIMARY | MR_NODE_LAST_KNOWN)) != 0);
	mr_row_put(row, Float8GetDatum(node->round_trip_us / 1000.0),
			   node->round_trip_us == 0 && (node->traits & MR_NODE_SELF) == 0);
	mr_route_put_ms(row, node->age_ms);
}

/* The row of both functions; without a node all of it is null but the reason. */
static Datum
answer(FunctionCallInfo fcinfo, const MrRouteCall *call)
{
	MrRow row = {0};
	int node = call->choice.node;

	if (node == MR_NO_NODE)
		mr_row_put_nulls(&row, 10);
	else
	{
		mr_row_put_text(&row, call->routing.members[node].region_key);
		mr_row_put_text(&row, call->routing.members[node].name);
		put_address(&row, node);
		put_knowledge(&row, &call->routing.list[node]);
	}
	mr_row_put_text(&row, mr_route_call_reason(call));
	mr_row_put_text(&row, mr_route_call_sentence(call));
	return mr_row_result(fcinfo, &row);
}

Datum
multiregion_route_for_read(PG_FUNCTION_ARGS)
{
	MrRouteCall call;

	mr_route_call_begin(&call, mr_optional_text(fcinfo, 2));
	mr_route_call_max_lag(&call, fcinfo, 0);
	mr_route_call_token(&call, fcinfo, 1);
	mr_route_call_from(&call, fcinfo, 3);
	mr_route_call_max_bytes(&call, fcinfo, 4);
	mr_route_call_read(&call);
	PG_RETURN_DATUM(answer(fcinfo, &call));
}

/* There is one writable primary, whoever the tenant is. */
Datum
multiregion_route_for_write(PG_FUNCTION_ARGS)
{
	MrRouteCall call;

	mr_route_call_begin(&call, NULL);
	mr_route_call_write(&call);
	PG_RETURN_DATUM(answer(fcinfo, &call));
}

/* Where the tenant is served also when no node of the region can be named now. */
static const char *
region_of(const MrRouteCall *call)
{
	int region = call->choice.place.region;

	if (call->choice.node != MR_NO_NODE)
		return call->routing.members[call->choice.node].region_key;
	return region != MR_NO_REGION ? call->routing.regions->regions[region].key : NULL;
}

static const char *
role_of(const MrRouteNode *node)
{
	return (node->traits & (MR_NODE_PRIMARY | MR_NODE_LAST_KNOWN)) != 0 ? "primary" : "standby";
}

static void
put_tenant(MrRow *row, const MrRouteCall *call)
{
	int node = call->choice.node;

	mr_row_put_text(row, region_of(call));
	if (node == MR_NO_NODE)
		mr_row_put_nulls(row, 4);
	else
	{
		mr_row_put_text(row, call->routing.members[node].name);
		mr_row_put_text(row, role_of(&call->routing.list[node]));
		put_address(row, node);
	}
	mr_row_put_text(row, mr_route_call_reason(call));
	mr_row_put_text(row, mr_route_call_sentence(call));
	mr_row_put_bool(row, call->rule.pinned);
	mr_row_put(row, Int32GetDatum(call->choice.place.rank), call->choice.place.rank < 0);
	mr_row_put_text(row, call->rule.home != MR_NO_REGION
							 ? call->routing.regions->regions[call->rule.home].key
							 : NULL);
}

Datum
multiregion_tenant_route(PG_FUNCTION_ARGS)
{
	MrRouteCall call;
	MrRow row = {0};

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	mr_route_call_begin(&call, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	mr_route_call_place(&call, fcinfo, 2);
	if (!PG_ARGISNULL(1) && PG_GETARG_BOOL(1))
		mr_route_call_write(&call);
	else
		mr_route_call_tenant_read(&call);
	put_tenant(&row, &call);
	PG_RETURN_DATUM(mr_row_result(fcinfo, &row));
}
