/*
 * What the lease protocol keeps about each member; part of mr_lease.h.
 */
#ifndef MR_LEASE_PEER_H
#define MR_LEASE_PEER_H

#include "core/mr_message.h"

/* A peer as this node knows it, from its own contacts and the leader's reports. */
typedef struct MrPeer
{
	MrReport report;
	int64_t heard_ns;    /* last own contact; 0 = never */
	int64_t reported_ns; /* instant of `report` on our clock */
	uint32_t round_trip_us;
	uint64_t nonce;
	uint64_t config_term; /* configuration it has persisted */
	uint64_t config_version;
	uint64_t accused_nonce; /* start of it whose amnesia was recorded */
	bool in_flight;         /* a request of ours is unanswered */
	uint64_t in_flight_id;
	uint64_t amnesia_after_id; /* last request when it refused us for amnesia; 0 = it did not */
	bool voted;                /* in the current (pre-)vote round */
	int refusal;               /* its last refusal in it */
	int64_t granted_until_ns;  /* leader: SEND of the grant + lease */
	int64_t next_status_ns;    /* follower: when to ask it again */
	int64_t well_since_ns;     /* leader: fit for a failback without a break; 0 = it is not */
} MrPeer;

#endif /* MR_LEASE_PEER_H */
