/*
 * Arguments and decisions of the functions of read/write splitting; see
 * mr_routing_wishes.h. Decides nothing itself: core/mr_route_node.h does.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/mr_geo.h"
#include "core/mr_replication_token.h"
#include "extension/mr_functions.h"
#include "extension/routing/mr_routing.h"
#include "extension/routing/mr_routing_wishes.h"

/* Reads of a process take the nodes that are as near one after the other. */
static uint32 next_turn = 0;

/*
 * The tenant first: numbers of regions are good until they are asked for again. The same
 * tenant goes to the same one of several nodes: what it reads is in memory there.
 */
void
mr_route_call_begin(MrRouteCall *call, const char *tenant)
{
	const MrRouteRegions *regions;

	mr_require_preloaded();
	call->tenant = tenant;
	memset(&call->rule, 0, sizeof(call->rule));
	call->rule.home = MR_NO_REGION;
	call->has_place = false;
	call->wish = mr_routing_wish();
	if (tenant != NULL)
	{
		size_t length = strlen(tenant);

		regions = mr_routing_tenant(tenant, length, &call->rule);
		call->wish.turn = hash_bytes((const unsigned char *) tenant, (int) length);
	}
	else
	{
		regions = mr_routing_regions();
		call->wish.turn = (uint32) MyProcPid + next_turn++;
	}
	mr_routing_look(regions, &call->routing);
}

/* ---------- arguments ---------- */

void
mr_route_call_max_lag(MrRouteCall *call, FunctionCallInfo fcinfo, int number)
{
	Interval *lag;
	double ms;

	if (PG_ARGISNULL(number))
		return;
	lag = PG_GETARG_INTERVAL_P(number);
	ms = (double) lag->time / 1000 + (lag->day + lag->month * 30.0) * SECS_PER_DAY * 1000;
	if (ms < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("max_lag must not be negative")));
	call->wish.max_lag_ms = ms < (double) INT64_MAX / 2 ? (int64) ms : MR_NO_LIMIT;
	call->wish.firm = true;
}

void
mr_route_call_max_bytes(MrRouteCall *call, FunctionCallInfo fcinfo, int number)
{
	if (PG_ARGISNULL(number))
		return;
	call->wish.max_lag_bytes = PG_GETARG_INT64(number);
	if (call->wish.max_lag_bytes < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("max_lag_bytes must not be negative")));
	call->wish.firm = true;
}

void
mr_route_call_token(MrRouteCall *call, FunctionCallInfo fcinfo, int number)
{
	MrToken token;

	if (PG_ARGISNULL(number))
		return;
	if (!mr_token_parse(text_to_cstring(PG_GETARG_TEXT_PP(number)), &token))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("min_token is not a token"),
				 errhint("A token is what multiregion.commit_token() returned, unchanged.")));
	if (token.system != GetSystemIdentifier())
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("min_token is of another database system")));
	call->wish.token_term = token.term;
	call->wish.token_lsn = token.lsn;
}

void
mr_route_call_from(MrRouteCall *call, FunctionCallInfo fcinfo, int number)
{
	char *word;
	int region;

	if (PG_ARGISNULL(number))
		return;
	word = text_to_cstring(PG_GETARG_TEXT_PP(number));
	region = mr_route_find_region(call->routing.regions, word);
	if (region == MR_NO_REGION)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no region \"%s\"", word)));
	call->wish.from_region = (int8) region;
}

void
mr_route_call_place(MrRouteCall *call, FunctionCallInfo fcinfo, int number)
{
	if (PG_ARGISNULL(number) != PG_ARGISNULL(number + 1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("latitude and longitude must be given together, or both be null")));
	if (PG_ARGISNULL(number))
		return;
	call->place.latitude = PG_GETARG_FLOAT8(number);
	call->place.longitude = PG_GETARG_FLOAT8(number + 1);
	if (!mr_geo_is_place(call->place.latitude, call->place.longitude))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("there is no place %g, %g", call->place.latitude, call->place.longitude),
				 errdetail("Latitude is -90 to 90 degrees, longitude -180 to 180.")));
	call->has_place = true;
}

/* ---------- decisions ---------- */

static bool
has_nodes(MrRouteCall *call)
{
	if (call->routing.managed)
		return true;
	mr_route_write(&call->routing.nodes, &call->choice);
	call->choice.reason = MR_WHY_UNMANAGED;
	return false;
}

static void
read_of(MrRouteCall *call, const MrPlace *here)
{
	const MrRouting *routing = &call->routing;

	mr_route_read_of(routing->regions, &routing->nodes, &call->rule, here, routing->primary_region,
					 &call->wish, &call->choice);
}

/* A tenant of whom nothing is set reads near to where the wish begins, as anybody. */
void
mr_route_call_read(MrRouteCall *call)
{
	const MrRouting *routing = &call->routing;
	int origin = mr_route_origin(&routing->nodes, call->wish.from_region);

	if (!has_nodes(call))
		return;
	if (call->rule.home == MR_NO_REGION && call->rule.fallback_count == 0 && call->rule.zone == 0)
		mr_route_read(routing->regions, &routing->nodes, &call->wish, &call->choice);
	else
		read_of(call, origin != MR_NO_REGION ? &routing->regions->regions[origin].place : NULL);
}

void
mr_route_call_tenant_read(MrRouteCall *call)
{
	if (has_nodes(call))
		read_of(call, call->has_place ? &call->place : NULL);
}

void
mr_route_call_write(MrRouteCall *call)
{
	if (has_nodes(call))
		mr_route_write(&call->routing.nodes, &call->choice);
}

/* ---------- answers ---------- */

/* The tenant's rule brought the read to the region, and nothing in it needs a word. */
static bool
is_by_rule(const MrRouteCall *call)
{
	return call->choice.place.region != MR_NO_REGION &&
		   (call->choice.reason == MR_WHY_LOCAL || call->choice.reason == MR_WHY_NEAREST);
}

const char *
mr_route_call_reason(const MrRouteCall *call)
{
	return is_by_rule(call) ? mr_route_reason_name((int) call->choice.place.reason)
							: mr_node_reason_name((int) call->choice.reason);
}

const char *
mr_route_call_sentence(const MrRouteCall *call)
{
	return is_by_rule(call) ? mr_route_reason_sentence((int) call->choice.place.reason)
							: mr_node_reason_sentence((int) call->choice.reason);
}

void
mr_route_put_ms(MrRow *row, int64 ms)
{
	Interval *interval;

	if (ms < 0)
	{
		mr_row_put_nulls(row, 1);
		return;
	}
	interval = palloc0(sizeof(Interval));
	interval->time = ms * 1000;
	mr_row_put(row, IntervalPGetDatum(interval), false);
}
