/*
 * A simulated world for the lease protocol: nodes with a disk, a WAL and a clock
 * of their own, a network that delays, loses and cuts, and one virtual time. The
 * protocol is the server's own code (core/mr_lease.h); everything else is model.
 *
 * A run is a function of its seed. A broken invariant prints seed, time and what
 * was seen, and ends the run.
 */
#ifndef MR_WORLD_H
#define MR_WORLD_H

#include "core/mr_lease.h"

#define MR_SIM_NODES 3
#define MR_SIM_WAL 40000 /* records a node can hold */
#define MR_SIM_QUEUE 512
#define MR_SIM_LSN(length) ((MrLsn) (length) + 1000)

/* One record of WAL: who wrote it, when. Never the same twice. */
typedef uint64_t MrSimRecord;

typedef struct MrSimNode
{
	/* processes */
	bool running; /* the server */
	bool worker;  /* the lease worker (outlives the server for its last gasp) */
	bool frozen;
	bool stopping;
	int64_t start_at; /* world time of the next start; 0 = stays down */
	int64_t stop_at;  /* the worker asked for a stop */

	/* clock: local = offset + world * rate */
	double rate;
	int64_t offset;

	/* disk */
	MrDurable disk;
	MrSimRecord wal[MR_SIM_WAL];
	int length;
	uint32_t timeline;
	int fork; /* length at which the timeline began */
	bool standby_signal;

	/* shared memory */
	bool in_recovery;
	bool standby_at_start;
	int gate;           /* slot followed, or MR_NO_SLOT */
	int64_t gate_until; /* a walreceiver needs a moment to end */
	int64_t deadline;   /* local time; 0 = fenced */
	uint64_t deadline_term;
	int last_commit; /* length */
	int pending;     /* length of a commit not yet acknowledged, or 0 */
	int64_t promote_at;
	uint32_t promote_timeline;

	MrLease lease;
} MrSimNode;

typedef struct MrSimMail
{
	bool used;
	bool is_reply;
	bool failed; /* tells the sender that its request came to nothing */
	int64_t at;
	int from;
	int to;
	int64_t sent_local; /* on the requester's clock */
	uint64_t requester_nonce;
	int64_t received_local;
	MrMessage message;
	MrConfig config;
} MrSimMail;

typedef struct MrWorld
{
	uint64_t seed;
	uint64_t random;
	int64_t now;
	bool failed;
	MrSimNode nodes[MR_SIM_NODES];
	bool cut[MR_SIM_NODES][MR_SIM_NODES]; /* from, to */
	int loss_percent;
	int64_t delay;
	MrSimMail queue[MR_SIM_QUEUE];
	MrSimRecord acknowledged[MR_SIM_WAL];
	int nacknowledged;
	uint64_t last_ack_term;
	uint32_t newest_promotion; /* newest timeline a promotion took */
	int leaderships;
	int lossless; /* leaderships by hand-over */
} MrWorld;

/* A fresh world of voters that have never led. */
extern void mr_world_init(MrWorld *world, uint64_t seed);

/* Runs until world time `until`; with faults drawn from the seed, or without. */
extern void mr_world_run(MrWorld *world, int64_t until, bool faults);

/* Ends every fault: links healed, nodes thawed and started. */
extern void mr_world_heal(MrWorld *world);

/* A number in [0, limit). */
extern uint64_t mr_world_random(MrWorld *world, uint64_t limit);

/* Reports a broken invariant and marks the run as failed. */
extern void mr_world_fail(MrWorld *world, const char *what, int node);

/* node.c: a node's own life. */
extern int64_t mr_node_clock(const MrWorld *world, int node);
extern void mr_node_start(MrWorld *world, int node);
extern void mr_node_kill(MrWorld *world, int node, bool worker_too);
extern void mr_node_event(MrWorld *world, int node, MrLeaseEvent *event, MrSimMail *request);
extern int64_t mr_node_wakeup(const MrWorld *world, int node);
extern void mr_node_background(MrWorld *world, int node);

/* network.c */
extern void mr_network_send(MrWorld *world, int from, int to, const MrMessage *message);
extern void mr_network_reply(MrWorld *world, const MrSimMail *request, const MrMessage *message);
extern void mr_network_deliver(MrWorld *world, MrSimMail *mail);
extern MrSimMail *mr_network_next(MrWorld *world);

#endif /* MR_WORLD_H */
