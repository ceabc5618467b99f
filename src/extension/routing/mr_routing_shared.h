/*
 * What routing reads in shared memory: the lease worker's and the monitor's knowledge of
 * the members, boiled down. Part of mr_shared_state.h.
 *
 * Each of the two writers has two copies of its part and publishes them in turn, as with
 * the protocol state: readers take the complete one and try again if it was replaced
 * meanwhile. Nobody waits for anybody, also not for a process that is frozen in the middle.
 * Instants are of CLOCK_BOOTTIME, so that a reader sees the age of what a stuck worker left.
 */
#ifndef MR_ROUTING_SHARED_H
#define MR_ROUTING_SHARED_H

#include "postgres.h"

#include "port/atomics.h"

#include "core/mr_lease.h"

/* A member, as the lease worker knows it. */
typedef struct MrRoutedMember
{
	uint64 log_term;
	MrLsn replay_lsn;
	int64 reported_ns; /* 0 = never */
	int64 heard_ns;    /* of the last round trip that was smoothed in */
	uint32 round_trip_us;
	uint32 flags; /* MR_REPORT_ */
	uint8 refusal;
} MrRoutedMember;

typedef struct MrRoutedLease
{
	bool loaded;
	bool binds; /* the lease decides who may write */
	int8 self;
	int8 leader; /* of the newest term; or MR_NO_SLOT */
	int8 last;   /* who left the newest stamp; or MR_NO_SLOT */
	bool last_released;
	MrUuid cluster;
	uint64 config_term;
	uint64 config_version;
	uint64 stamp_term;
	MrLsn stamp_lsn;
	int64 heartbeat_ms;
	MrRoutedMember members[MR_MAX_MEMBERS];
} MrRoutedLease;

/* A member, as the monitor knows it. */
typedef struct MrRoutedHealth
{
	uint8 status; /* MrHealth */
	bool lag_at_least;
	uint32 round_trip_us; /* smoothed; 0 = never measured */
	int64 lag_bytes;
	int64 lag_ms;
	int64 covered_ns; /* it has all that was committed before; 0 = not known */
} MrRoutedHealth;

typedef struct MrRoutedMonitor
{
	int64 measured_ns; /* when lags were measured; 0 = never */
	MrRoutedHealth members[MR_MAX_MEMBERS];
} MrRoutedMonitor;

typedef struct MrRoutingShared
{
	pg_atomic_uint64 lease_version;
	pg_atomic_uint64 monitor_version;
	MrRoutedLease lease[2];
	MrRoutedMonitor monitor[2];
} MrRoutingShared;

/* At the start of the server. */
extern void mr_routing_shared_initialize(MrRoutingShared *shared);

/* The lease worker's part; only that process. */
extern void mr_routing_publish_lease(const MrLease *lease);

/* The monitor's part, from mr_shared->monitor; only that process, with monitor_lock held. */
extern void mr_routing_publish_monitor(void);

/* Copies a part if it is another version than *version, which is then that of the copy. */
extern bool mr_routing_read_lease(uint64 *version, MrRoutedLease *out);
extern bool mr_routing_read_monitor(uint64 *version, MrRoutedMonitor *out);

#endif /* MR_ROUTING_SHARED_H */
