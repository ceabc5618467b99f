/*
 * A simulated world for the lease protocol: nodes with a disk, a WAL and a clock
 * of their own, a network that delays, loses, cuts and reorders, and one virtual
 * time. The protocol is the server's own code (core/mr_lease.h); all else is model.
 *
 * A run is a function of its seed. A broken invariant prints seed, time and what
 * was seen, and ends the run.
 */
#ifndef MR_WORLD_H
#define MR_WORLD_H

#include "mr_sim_fault.h"
#include "mr_sim_wal.h"

#define MR_SIM_NODES 5
#define MR_SIM_QUEUE 2048
#define MR_SIM_BACKENDS 4
#define MR_SIM_TERMS 2048
#define MR_SIM_FAULTS 64

/* A commit on its way: durable, but its post-check has yet to come. */
typedef struct MrSimBackend
{
	int position; /* of its record plus one; 0 = idle */
	int64_t check_at;
} MrSimBackend;

typedef struct MrSimNode
{
	/* processes; the worker outlives the server for its last gasp */
	bool running;
	bool worker;
	bool frozen;           /* the whole machine */
	bool stopping;         /* an orderly shutdown ... */
	bool smart;            /* ... that lets its clients go on */
	int64_t orphans;       /* until then backends outlive their dead postmaster */
	int64_t told_at;       /* ... and tells the worker to end at this instant */
	int64_t start_at;      /* next start of the server; 0 = stays down */
	int64_t worker_at;     /* next start of the worker alone; 0 = none */
	int64_t stop_at;       /* the worker asked for a stop */
	int64_t worker_frozen; /* the worker alone stands still until then */
	uint64_t boot;         /* of the server */
	int64_t next_tick;

	/* clock: local = offset + world * rate */
	double rate;
	int64_t offset;

	/* disk */
	MrDurable disk;
	MrSimWal wal;
	bool standby_signal;
	bool marker; /* in the data directory: this node acknowledges by its lease alone */

	bool witness; /* its WAL is its own, and of no interest */

	/* shared memory */
	bool in_recovery;
	bool standby_at_start;
	int64_t accepts_at;   /* PostgreSQL refuses connections until then */
	int64_t recovered_at; /* crash recovery ends; a standby: the end of WAL is known */
	int64_t sick_until;   /* its monitor says so */
	int64_t stalled;      /* the walreceiver brings nothing until then */
	int gate;             /* slot that may be followed, or MR_NO_SLOT */
	uint64_t gate_term;   /* its term: it sends no WAL of a later one through this gate */
	int receiver;         /* slot that is streamed from, or MR_NO_SLOT */
	uint64_t receiver_term;
	int64_t lingers; /* a walreceiver whose gate is closed ends at this instant */
	bool refused;    /* the leader's history is not ours: it will not stream */
	bool sever_failed;
	bool bound;       /* else it is a plain server, whatever the deadline */
	int64_t deadline; /* local time; 0 = fenced */
	uint64_t deadline_term;
	bool draining;   /* an ordered hand-over: no commit begins */
	bool held;       /* ... nothing is written any more */
	int only;        /* ... then only this slot is streamed to; MR_NO_SLOT = all */
	int last_commit; /* length */
	MrSimBackend backends[MR_SIM_BACKENDS];
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
	uint64_t id;         /* of the request */
	int64_t sent_local;  /* on the requester's clock */
	uint64_t from_nonce; /* boot of the requester's worker */
	uint64_t to_boot;    /* boot of the server it was sent to */
	uint64_t to_nonce;   /* and of its worker */
	int64_t received_local;
	MrMessage message;
	MrConfig config;
} MrSimMail;

/* As in the server: one request at a time, one message waiting. */
typedef struct MrSimLink
{
	uint64_t busy; /* id of the request under way; 0 = none */
	bool waiting;
	MrMessage message;
	MrConfig config;
} MrSimLink;

typedef struct MrAcknowledged
{
	MrSimRecord record;
	int position;
	bool lost; /* with a lease that ran out: asynchronous durability */
} MrAcknowledged;

#include "mr_sim_quorum.h"
#include "mr_sim_world.h"

#endif /* MR_WORLD_H */
