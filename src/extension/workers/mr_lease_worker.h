/*
 * What the files of the lease worker share; see lease_worker.c.
 */
#ifndef MR_LEASE_WORKER_H
#define MR_LEASE_WORKER_H

#include "postgres.h"

#include "storage/latch.h"

#include "adapters/mr_pg_peer.h"
#include "core/mr_lease.h"

/* A connection to a peer, and the one message waiting for it. */
typedef struct MrLink
{
	MrPgPeer peer;
	MrUuid uuid; /* whom it was made for */
	uint8 outbox[MR_MESSAGE_SIZE];
	size_t outbox_length; /* 0 = empty */
	int64 queued_ns;
	int64 sent_ns;  /* of the request under way */
	int64 retry_ns; /* no new connection before */
	int failures;   /* in a row */
	bool ahead;     /* connecting, and nobody has anything to say yet */
	int64 ahead_ns; /* no other such attempt before */
} MrLink;

typedef struct MrLeaseWorker
{
	MrLease lease;
	MrLink links[MR_MAX_MEMBERS];
	bool server_dead;
	bool server_stopping;
	bool told_to_end;     /* SIGTERM */
	int64 told_ns;        /* ... and when */
	bool stop_requested;  /* we signalled the postmaster */
	int64 stop_wanted_ns; /* since when the protocol wants it; 0 = it does not */
	int64 stop_requested_ns;
	int64 waiter_seen_ns; /* when a session last waited for the end of an order */
	int64 stopping_checked_ns;
	int64 history_read_ns; /* when the leader's history was last compared */
	bool off_history;      /* ... and what came out */
	int64 control_read_ns; /* when the control file was last read */
	bool inconsistent;     /* ... and what came out */
	int64 observed_ns;     /* when the node was last looked at */
	uint64 stuck_canary;   /* start of the write check that is under way */
	int64 stuck_ns;        /* how long we have been watching it */
	int64 drained_ns;      /* hand-over by order: no commit has been under way since */
	int64 fenced_since_ns; /* when the fence closed on a live server; 0 = it is open */
	int64 held_up_ns;      /* since when sessions hold up the promotion of this node; 0 = none do */
	bool marked;           /* the marker is in the data directory */
	int64 wal_gone_ns;     /* since when the leader lacks WAL that we need; 0 = it does not */
	bool sever_failed;
	bool changed; /* something to publish */
	uint64 told;  /* number of changes when it was published last */
} MrLeaseWorker;

/* lease_local.c: what this node sees of itself now. */
extern void mr_lease_observe(MrLeaseWorker *worker, MrLocal *local);

/* lease_worker.c: one step of the core, actions performed; again after SEVER. */
extern void mr_lease_handle(MrLeaseWorker *worker, MrLeaseEvent *event, int mail);

/*
 * lease_actions.c: performs the actions of a step in order. mail is the mailbox
 * slot of the request being answered, or -1. True: step the same event again.
 */
extern bool mr_lease_perform(MrLeaseWorker *worker, const MrActions *actions, int mail);

/* lease_actions.c: stops the server if that is wanted, and nobody waits for an answer. */
extern void mr_lease_stop_server(MrLeaseWorker *worker);
/* lease_actions.c: tells everybody in this server what the mode in effect is now. */
extern void mr_lease_publish_mode(const MrLeaseWorker *worker);

/* lease_actions.c: says that the leader has removed WAL that we need, and stops for a clone. */
extern void mr_lease_heed_removed_wal(MrLeaseWorker *worker);

/* lease_links.c: connections to the peers. */
extern void mr_links_queue(MrLeaseWorker *worker, int slot, const MrMessage *message);
extern void mr_links_pump(MrLeaseWorker *worker);
extern int mr_links_add_to_set(MrLeaseWorker *worker, WaitEventSet *set);
extern void mr_links_close_all(MrLeaseWorker *worker);

#endif /* MR_LEASE_WORKER_H */
