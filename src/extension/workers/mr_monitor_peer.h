/*
 * A member as the monitor worker sees it; part of mr_monitor.h.
 */
#ifndef MR_MONITOR_PEER_H
#define MR_MONITOR_PEER_H

#include "postgres.h"

#include "adapters/mr_pg_peer.h"
#include "core/mr_lag.h"
#include "core/mr_lease.h"

typedef enum MrCheckPhase
{
	MR_CHECK_IDLE,
	MR_CHECK_CONNECT,
	MR_CHECK_PROBE,
	MR_CHECK_EVENTS,      /* asked for its events */
	MR_CHECK_ENLIST,      /* asked to become a member that observes */
	MR_CHECK_EVENTS_HERE, /* connection.result holds them, until they are recorded */
} MrCheckPhase;

/* A member and the check of it under way. */
typedef struct MrMonitorPeer
{
	MrUuid uuid; /* whom all this is about */
	MrPgPeer connection;
	bool has_descriptor; /* one file descriptor is reserved for the connection */
	MrCheckPhase phase;
	bool check_soon;    /* without waiting for the interval */
	int64 started_ns;   /* of the check */
	int64 asked_ns;     /* when the probe was sent */
	int64 silent_since; /* heard_ns of the silence that was looked into */

	/* the member's lease report at the last check; a difference is news */
	uint64 nonce;
	uint32 flags;
	uint64 log_term;

	int64 events_after; /* newest event of this start of it that is recorded */
} MrMonitorPeer;

#endif /* MR_MONITOR_PEER_H */
