/*
 * The members as routing sees them, in this process: candidates of core/mr_route_node.h
 * from what the workers of this node have published, and where clients reach them.
 *
 * Read without a lock and without a copy of the protocol state: that one is only looked at
 * when the configuration has changed.
 */
#ifndef MR_ROUTING_NODES_H
#define MR_ROUTING_NODES_H

#include "postgres.h"

#include "core/mr_limits.h"
#include "core/mr_route_node.h"

#define MR_ROUTING_HOST_SIZE 256
#define MR_ROUTING_PORT_SIZE 8

/* Where clients reach a node. No secret, and nothing else of its connection string. */
typedef struct MrRoutingAddress
{
	char host[MR_ROUTING_HOST_SIZE];
	char hostaddr[MR_HOSTADDR_SIZE]; /* as the conninfo says; may be empty */
	char port[MR_ROUTING_PORT_SIZE];
} MrRoutingAddress;

/* What does not change with the moment. */
typedef struct MrRoutingMember
{
	bool used;
	bool witness;
	int8 region; /* number in the regions that were looked at */
	char name[MR_NAME_SIZE];
	char region_key[MR_NAME_SIZE];
	char conninfo[MR_CONNINFO_SIZE]; /* not to be shown: see mr_routing_address() */
} MrRoutingMember;

typedef struct MrRouting
{
	bool managed; /* else there are no nodes */
	const MrRouteRegions *regions;
	int primary_region; /* of who holds the lease, or held it last; or MR_NO_REGION */
	const MrRoutingMember *members;
	MrRouteNode list[MR_MAX_MEMBERS]; /* by slot */
	MrRouteNodes nodes;
} MrRouting;

/* How all members are at this moment, among these regions. */
extern void mr_routing_look(const MrRouteRegions *regions, MrRouting *routing);

/* Address of a member that was looked at; good until the next look. */
extern const MrRoutingAddress *mr_routing_address(int slot);

/* A read without conditions of its own: multiregion.max_read_lag, if it can be had. */
extern MrReadWish mr_routing_wish(void);

#endif /* MR_ROUTING_NODES_H */
