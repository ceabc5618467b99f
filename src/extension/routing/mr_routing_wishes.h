/*
 * What the SQL functions of read/write splitting share: arguments of a wish, the decision
 * for a tenant, and its answer as a row. Used by the other files of routing/ only.
 */
#ifndef MR_ROUTING_WISHES_H
#define MR_ROUTING_WISHES_H

#include "postgres.h"

#include "fmgr.h"

#include "extension/mr_row.h"
#include "extension/routing/mr_routing_nodes.h"

/* A decision about to be made. */
typedef struct MrRouteCall
{
	const char *tenant; /* NULL: none */
	MrTenantRule rule;
	bool has_place;
	MrPlace place; /* of the client */
	MrReadWish wish;
	MrRouting routing;
	MrNodeChoice choice;
} MrRouteCall;

/*
 * What is set for the tenant (or NULL), how the members are, and no condition yet. Error
 * 55000 without preload.
 */
extern void mr_route_call_begin(MrRouteCall *call, const char *tenant);

/* An argument of each kind; a null one leaves the wish as it is. */
extern void mr_route_call_max_lag(MrRouteCall *call, FunctionCallInfo fcinfo, int number);
extern void mr_route_call_max_bytes(MrRouteCall *call, FunctionCallInfo fcinfo, int number);
extern void mr_route_call_token(MrRouteCall *call, FunctionCallInfo fcinfo, int number);
extern void mr_route_call_from(MrRouteCall *call, FunctionCallInfo fcinfo, int number);

/* latitude at number, longitude behind it; error 22003 for no place, 22004 for one of them. */
extern void mr_route_call_place(MrRouteCall *call, FunctionCallInfo fcinfo, int number);

/* Decides: where a read belongs, where the tenant is served, where a write belongs. */
extern void mr_route_call_read(MrRouteCall *call);
extern void mr_route_call_tenant_read(MrRouteCall *call);
extern void mr_route_call_write(MrRouteCall *call);

/* Word and sentence of the decision. */
extern const char *mr_route_call_reason(const MrRouteCall *call);
extern const char *mr_route_call_sentence(const MrRouteCall *call);

/* An interval of so many milliseconds; null for a negative number. */
extern void mr_route_put_ms(MrRow *row, int64 ms);

#endif /* MR_ROUTING_WISHES_H */
