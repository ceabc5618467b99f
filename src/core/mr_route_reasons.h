/*
 * Why routing answers as it does, once; part of mr_names.h.
 */
#ifndef MR_ROUTE_REASONS_H
#define MR_ROUTE_REASONS_H

/* Why a tenant is served by a region, later and unhealthy why not: X(symbol, word, sentence). */
#define MR_ROUTE_REASON_LIST(X) \
	X(MR_ROUTE_NOWHERE, "nowhere", "no region is known") \
	X(MR_ROUTE_PIN, "pin", "the tenant is pinned to the region") \
	X(MR_ROUTE_PREFERENCE, "preference", "the region is the tenant's preference") \
	X(MR_ROUTE_FALLBACK, "fallback", "the regions before it in the tenant's list are not healthy") \
	X(MR_ROUTE_NEAREST, "nearest", "the region is the nearest healthy one to the client") \
	X(MR_ROUTE_PRIMARY, "primary", "nothing else decides, and the primary is in the region") \
	X(MR_ROUTE_UNKNOWN_HEALTH, "unknown_health", \
	  "the region is the tenant's preference, and no region's health is known") \
	X(MR_ROUTE_LATER, "later", "another region comes first") \
	X(MR_ROUTE_UNHEALTHY, "unhealthy", "no node of the region may serve the read") \
	X(MR_ROUTE_COUNTRY, "country", "the client's country is mapped to the region") \
	X(MR_ROUTE_ZONE, "zone", "the tenant's zone is strict, and nothing else decides within it") \
	X(MR_ROUTE_OUTSIDE, "outside_zone", "the tenant's zone is strict, and does not have the region")

/*
 * Why a node serves a read or a write, or does not: X(symbol, word, sentence). First what
 * makes it the one, then why nobody is, then what stands against a node.
 */
#define MR_NODE_REASON_LIST(X) \
	X(MR_WHY_SERVES, "serves", "nothing stands against it") \
	X(MR_WHY_LOCAL, "local", "this node may serve the read itself") \
	X(MR_WHY_NEAREST, "nearest", "it is the nearest node that may serve the read") \
	X(MR_WHY_ONLY_PRIMARY, "primary", "no standby may serve the read, the primary always may") \
	X(MR_WHY_STALE, "stale", \
	  "no node is known to be fresh enough; it is the freshest standby that can be read") \
	X(MR_WHY_LEASE, "lease", "the node holds the lease") \
	X(MR_WHY_LAST_PRIMARY, "last_known", \
	  "it is the newest primary this node knows of, and by now another one may be") \
	X(MR_WHY_SUCCESSOR, "successor", "it would be elected after the failover that is assumed") \
	X(MR_WHY_NO_PRIMARY, "no_primary", "no node is known to hold the lease") \
	X(MR_WHY_UNAVAILABLE, "unavailable", "no node may serve the read as it was asked for") \
	X(MR_WHY_UNMANAGED, "unmanaged", "this server is no member of a cluster") \
	X(MR_WHY_WITNESS, "witness", "it holds no data") \
	X(MR_WHY_ASSUMED, "assumed_down", "it is assumed to be down") \
	X(MR_WHY_UNSEEN, "never_seen", "nothing has been heard of it yet") \
	X(MR_WHY_DOWN, "down", "its health checks fail") \
	X(MR_WHY_SILENT, "silent", "it has not been heard of for longer than it should") \
	X(MR_WHY_STOPPING, "stopping", "its server is shutting down") \
	X(MR_WHY_DIVERGED, "diverged", "its WAL passes the point where the primary's begins") \
	X(MR_WHY_FENCED, "fenced", "it was the primary, and does not hold the lease") \
	X(MR_WHY_REBUILDING, "rebuilding", "it has not caught up since it was rebuilt") \
	X(MR_WHY_PAUSED, "paused", "its replay is paused or delayed on purpose") \
	X(MR_WHY_LAG_UNKNOWN, "lag_unknown", "how far it is behind is not known") \
	X(MR_WHY_LAG, "lag", "it is further behind than the read allows") \
	X(MR_WHY_TOKEN, "token", "it has not replayed the commit that the read must see") \
	X(MR_WHY_REGION, "other_region", "it is not in the region that serves the tenant") \
	X(MR_WHY_SUSPECT, "suspect", "its last health check failed, and another node is sound") \
	X(MR_WHY_FARTHER, "farther", "another node is nearer") \
	X(MR_WHY_SPARED, "spared", "a standby as near spares the primary") \
	X(MR_WHY_TURN, "turn", "it is the turn of another node that is as near") \
	X(MR_WHY_STANDBY, "standby", "it is a standby, and writes belong to the primary")

#endif /* MR_ROUTE_REASONS_H */
