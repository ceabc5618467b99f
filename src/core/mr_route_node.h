/*
 * Which node serves a read or a write, and why: the one place where that is decided.
 *
 * Input is what this node knows of the members, with the age of that knowledge; output a
 * node and, for each member, why it is the one or not. explain_route() shows just that.
 * A node that is down, fenced, diverged, without data or too far behind is never chosen;
 * a write never goes to a node that is known not to hold the lease.
 */
#ifndef MR_ROUTE_NODE_H
#define MR_ROUTE_NODE_H

#include "core/mr_route.h"

#define MR_ROUTE_NODES 32 /* candidates of one decision; more than a cluster can have now */
#define MR_NO_NODE (-1)
#define MR_NO_LIMIT INT64_C(-1)

typedef enum MrNodeReason
{
	MR_NODE_REASON_LIST(MR_ENUM_3) MR_NODE_REASON_COUNT
} MrNodeReason;

/* Its word and its sentence; "?" for a number outside the list. */
extern const char *mr_node_reason_name(int reason);
extern const char *mr_node_reason_sentence(int reason);

/* What is known of a node: bits of MrRouteNode.traits. */
#define MR_NODE_MEMBER 0x0001     /* there is one; without it all else is without meaning */
#define MR_NODE_WITNESS 0x0002    /* holds no data */
#define MR_NODE_SELF 0x0004       /* the node that decides */
#define MR_NODE_PRIMARY 0x0008    /* holds the lease, as far as is known */
#define MR_NODE_LAST_KNOWN 0x0010 /* held it last, and nobody is known to have it now */
#define MR_NODE_FENCED 0x0020     /* not in recovery, and known not to hold the lease */
#define MR_NODE_DIVERGED 0x0040   /* its WAL passes the point where the primary's begins */
#define MR_NODE_STOPPING 0x0080   /* its server is shutting down */
#define MR_NODE_PAUSED 0x0100     /* replay is paused, or delayed on purpose */
#define MR_NODE_REBUILDING 0x0200 /* has not caught up since it was cloned or rewound */
#define MR_NODE_SILENT 0x0400     /* not heard of for longer than it should */
#define MR_NODE_NEVER_SEEN 0x0800 /* nothing is known of it yet */
#define MR_NODE_ASSUMED 0x1000    /* explain_route() was asked to think of it as down */
#define MR_NODE_FORECAST 0x2000   /* ... and of this one as its successor */

typedef struct MrRouteNode
{
	uint32_t traits;
	int8_t region;  /* its number, or MR_NO_REGION */
	uint8_t health; /* MrHealth, as this node's monitor sees it */
	bool lag_at_least;
	uint32_t round_trip_us; /* smoothed, from this node; 0 = never measured */
	uint64_t log_term;      /* leadership whose WAL it holds */
	MrLsn replay_lsn;
	int64_t lag_bytes;    /* behind the primary; -1 unknown */
	int64_t lag_ms;       /* -1 unknown */
	int64_t staleness_ms; /* what it misses is younger than this; -1 unknown */
	int64_t age_ms;       /* of what is known; -1 nothing is */
} MrRouteNode;

typedef struct MrRouteNodes
{
	int count;
	int self; /* index of the node that decides, or MR_NO_NODE */
	const MrRouteNode *list;
} MrRouteNodes;

/* What a read asks for. */
typedef struct MrReadWish
{
	int64_t max_lag_ms; /* or MR_NO_LIMIT */
	int64_t max_lag_bytes;
	bool firm;           /* the limits hold even if then nobody can be named */
	uint64_t token_term; /* the read must see this commit; lsn 0 = none */
	MrLsn token_lsn;
	int8_t from_region; /* near to here; MR_NO_REGION: near to this node */
	uint32_t turn;      /* which one of several that are as near */
} MrReadWish;

typedef struct MrNodeChoice
{
	int node;             /* index, or MR_NO_NODE */
	MrNodeReason reason;  /* of the choice, or why there is none */
	MrRegionChoice place; /* of a tenant: where it is served, and why */
	uint8_t why[MR_ROUTE_NODES];
} MrNodeChoice;

/* A read without any condition. */
extern MrReadWish mr_route_wish(void);

/* Why the node may not serve the read; MR_WHY_SERVES if it may. */
extern MrNodeReason mr_route_node_refusal(const MrRouteNode *node, const MrReadWish *wish);

/* Bit per region: has a node that may serve the read. */
extern uint64_t mr_route_serving(const MrRouteNodes *nodes, const MrReadWish *wish);

/* The region where a wish begins: the one it names, else this node's; may be MR_NO_REGION. */
extern int mr_route_origin(const MrRouteNodes *nodes, int from_region);

/*
 * What it costs to reach the node from where the wish begins, in microseconds of a round
 * trip: measured, else from the distance. INT64_MAX when nothing is known.
 */
extern int64_t mr_route_cost(const MrRouteRegions *regions, const MrRouteNodes *nodes, int node,
							 int from_region);

/*
 * The nearest node that may serve the read: in the region where it begins, then by round
 * trip. In that region, and among those as near elsewhere, a standby comes before the
 * primary, this node before others, and others one after the other by turn. Unless the
 * limits are firm, the freshest standby is better than nobody.
 */
extern void mr_route_read(const MrRouteRegions *regions, const MrRouteNodes *nodes,
						  const MrReadWish *wish, MrNodeChoice *choice);

/*
 * The same for a tenant: its region first, by mr_route_region() over the regions that can
 * serve this very read, then the node in it. A pin is never left. here is the client's
 * place, or NULL.
 */
extern void mr_route_read_of(const MrRouteRegions *regions, const MrRouteNodes *nodes,
							 const MrTenantRule *rule, const MrPlace *here, int primary_region,
							 const MrReadWish *wish, MrNodeChoice *choice);

/* The node that holds the lease, or held it last as far as is known. */
extern void mr_route_write(const MrRouteNodes *nodes, MrNodeChoice *choice);

/*
 * All nodes with data in the order in which a client near from_region should try them:
 * for writes the primary first. Who cannot serve now comes last, nobody is left out.
 * Returns how many order[MR_ROUTE_NODES] holds.
 */
extern int mr_route_order(const MrRouteRegions *regions, const MrRouteNodes *nodes,
						  const MrReadWish *wish, bool for_write, int8_t order[MR_ROUTE_NODES]);

/* A smoothed round trip after one more measurement: an eighth of it counts, the first all. */
extern uint32_t mr_route_smooth(uint32_t smoothed_us, uint32_t measured_us);

#endif /* MR_ROUTE_NODE_H */
