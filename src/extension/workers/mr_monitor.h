/*
 * What the files of the monitor worker share. Nobody else includes this.
 *
 * One process, one struct. Each turn of the loop takes a fresh copy of the
 * published lease state and calls the steps below; a step looks whether its work
 * is due and does it. A step that talks to the network never waits and never has
 * a transaction open; a step that uses SQL never touches a socket. A step may raise
 * an error: the loop reports it and leaves that step alone for a while.
 */
#ifndef MR_MONITOR_H
#define MR_MONITOR_H

#include "postgres.h"

#include "storage/latch.h"

#include "adapters/mr_pg_peer.h"
#include "core/mr_lag.h"
#include "core/mr_lease.h"
#include "extension/workers/mr_monitor_peer.h"

/* How often lag is measured and the tables are looked at. */
#define MR_MONITOR_TICK_NS (MR_NS_PER_S / 2)

typedef struct MrMonitor
{
	MemoryContext turn_context; /* current in every step, emptied after each turn */
	MrLease *lease;             /* this turn's copy of the published state */
	int64 now_ns;               /* of this turn */
	bool acts;                  /* this node is bound: may make slots, try whether it can write */
	bool watches;               /* mode is not off */
	bool records;               /* this node is the primary: tables can be written */
	bool recorded_before;       /* ... and was so in the last turn */
	MrMonitorPeer peers[MR_MAX_MEMBERS];

	/* monitor_lag.c */
	MrLag lag;
	int64 next_lag_ns;

	/* monitor_record.c */
	bool own_events_known;   /* own_events_after is what the table says */
	int64 own_events_after;  /* newest event of the own ring that is recorded */
	MrTransition transition; /* as last recorded */
	bool first_write_recorded;
	int64 next_prune_ns;

	/* monitor_configuration.c */
	int64 next_look_ns;
	int64 tables_version; /* of the tables when they were last turned into a proposal */
	uint64 config_term;   /* ... and of the configuration in force */
	uint64 config_version;
	uint32 healthy;      /* ... and who could vote */
	bool undecided;      /* the last proposal has not shown up in the lease state yet */
	int64 proposed_ns;   /* when it was made */
	const char *unready; /* why the cluster could not be managed when last looked */

	/* monitor_address.c */
	int next_address; /* slot whose name is resolved next */
	int64 next_address_ns;
	uint64 address_config_version; /* configuration the round was begun for */

	/* monitor_canary.c */
	int64 canary_ended_ns; /* the last one; 0 = none yet */

	/* monitor_alert.c */
	int64 next_alerts_ns;
	int64 next_certificates_ns;
	int certificate_days;

	/* monitor_alert_record.c */
	bool hook_failed;
	int64 next_hooks_ns;
	bool alerts_known; /* what the table has is known, or (no primary) that nothing counts */
	bool alerts_known_as_primary;
	int64 next_alerts_look_ns;
	int64 next_alert_prune_ns;

	/* monitor_slots.c */
	int64 next_slots_ns;
	uint64 slots_config_term; /* configuration the slots were last made for */
	uint64 slots_config_version;
} MrMonitor;

#define MR_MONITOR_CONFIG(monitor) (&(monitor)->lease->durable.config)

/*
 * monitor_worker.c: a transaction for the tables, and its commit. Memory allocated between
 * the two is gone after it, what was there before lasts until the end of the turn. False,
 * without a transaction, when there are no tables.
 */
extern bool mr_monitor_begin(const MrMonitor *monitor);
extern void mr_monitor_end(const MrMonitor *monitor);

/* monitor_worker.c: whether slot is another member; whether this node is a witness. */
extern bool mr_monitor_is_peer(const MrMonitor *monitor, int slot);
extern bool mr_monitor_is_witness(const MrMonitor *monitor);

/* monitor_probe.c: starts checks that are due and moves those under way on. */
extern void mr_monitor_probe(MrMonitor *monitor);

/* When mr_monitor_probe() wants to be called next at the latest. */
extern int64 mr_monitor_probe_wakeup(const MrMonitor *monitor);

/* Adds the sockets of checks under way (MR_MAX_MEMBERS at most) to a wait set. */
extern void mr_monitor_add_sockets(MrMonitor *monitor, WaitEventSet *set);

/* Ends a check before its time: closes the connection. */
extern void mr_monitor_close(MrMonitorPeer *peer);

/* Forgets all members and ends their checks: the server is not managed any more. */
extern void mr_monitor_close_all(MrMonitor *monitor);

/* monitor_lag.c: takes the positions the lease state knows into shared memory. */
extern void mr_monitor_lag(MrMonitor *monitor);

/* monitor_alert.c: judges what is wrong now, by what is known after mr_monitor_lag(). */
extern void mr_monitor_alerts(MrMonitor *monitor);

/* monitor_alert_record.c: on the primary, alerts raised and cleared into the table. */
extern void mr_monitor_record_alerts(MrMonitor *monitor);

/* monitor_record.c: writes new events and the current failover into the tables. */
extern void mr_monitor_record(MrMonitor *monitor);

/* monitor_configuration.c: turns changed tables into a proposal. */
extern void mr_monitor_configuration(MrMonitor *monitor);

/* monitor_address.c: looks up the address of one member whose conninfo has a name. */
extern void mr_monitor_address(MrMonitor *monitor);

/* monitor_canary.c: whether this node can still write; the lease worker acts on it. */
extern void mr_monitor_canary(MrMonitor *monitor);

/* monitor_slots.c: makes, drops and advances the members' replication slots. */
extern void mr_monitor_slots(MrMonitor *monitor);

/* monitor_logical.c: keeps what logical slots need to survive a failover (17 and later). */
extern void mr_monitor_logical(MrMonitor *monitor);

#endif /* MR_MONITOR_H */
