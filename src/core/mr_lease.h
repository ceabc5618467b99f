/*
 * The lease protocol: terms, votes, grants, releases. Pure: no clock, no I/O.
 *
 * One function, mr_lease_step(), takes the state, what the node sees of itself,
 * one event and the time, and returns actions that the caller performs IN
 * ORDER. The lease worker of the server and the simulator call the same code.
 *
 * Rules the caller keeps:
 * - MR_ACT_PERSIST must have reached the disk before any later action of the
 *   list is performed. If it fails, none of them may be performed: the process
 *   fences itself and ends.
 * - MR_ACT_DEADLINE of a later time may be performed late, never early.
 * - time never goes backwards and counts suspended time (CLOCK_BOOTTIME).
 * - With MR_ACT_PERSIST goes what lease.bound says: a node that becomes bound fences itself
 *   and has its marker before the file is written; one that is no longer bound removes its
 *   marker and opens after that.
 * - MR_ACT_OPEN_GATE is for the leader in its term: WAL that it writes in a later
 *   one (a restarted leader's, say) must not arrive through the same opening.
 *
 * Files: lease.c (dispatch, common), lease_message.c (what is said), lease_contact.c,
 * lease_voter.c, lease_release.c, lease_witness.c (answer requests), lease_candidate.c
 * (elections), lease_leader.c (heartbeats), lease_handover.c, lease_order.c,
 * lease_switchover.c, lease_failback.c (who leads next, by plan), lease_mode.c (who is
 * bound), lease_configuration.c (joint changes of membership).
 */
#ifndef MR_LEASE_H
#define MR_LEASE_H

#include "core/mr_durable.h"
#include "core/mr_lease_peer.h"
#include "core/mr_lease_step.h"

#define MR_DRIFT_PERCENT 1 /* clock rates differ by less than this */

/* Of an ordered change, an orderly stop, or a leader whose server died. */
typedef enum MrHandover
{
	MR_HANDOVER_NONE,
	MR_HANDOVER_CATCH_UP, /* ordered: writes go on until the successor is near */
	MR_HANDOVER_DRAIN,    /* ordered: new commits are refused, those under way end */
	MR_HANDOVER_FENCED,   /* fenced; last_commit is final from the next step on */
	MR_HANDOVER_WAIT,     /* looking for a successor that holds every byte */
	MR_HANDOVER_ASKED,    /* a conditional RELEASE is on its way */
	MR_HANDOVER_DONE
} MrHandover;

typedef struct MrLease
{
	MrDurable durable;
	bool loaded;    /* durable is valid; else everything is refused */
	bool bound;     /* fence and gate hold on this node; as the marker says after a start */
	uint64_t nonce; /* this boot */
	MrRole role;
	int self;   /* own slot, MR_NO_SLOT when not a member */
	int leader; /* slot of the leader of durable.term, or MR_NO_SLOT */

	/* voter */
	uint64_t promise_term;
	MrUuid promise_to;
	uint64_t promise_nonce;
	int64_t promise_until_ns; /* after a restart: as if just given */
	uint64_t promise_id;      /* newest grant of that holder, to tell one that was overtaken */
	MrReleased released;      /* newest release seen */
	bool gate_open;
	bool diverged;      /* waits to be rewound */
	bool marked_down;   /* the last leader's monitor marked this node as down */
	uint64_t seen_term; /* newest term heard of; volatile on purpose */
	MrStamp seen_stamp; /* newest stamp heard of, for the record of a failover */

	/* elections */
	int64_t election_at_ns; /* 0 = not scheduled */
	int64_t round_until_ns;
	uint32_t round_timeline;
	int round_failures;
	int gave_way;              /* elections put off for other candidates since a leader was heard */
	int64_t promised_until_ns; /* when the last voter that refused us as promised is free */
	bool skip_prevote;
	uint64_t own_term; /* after a restart: the term our earlier self held; 0 none */
	bool dirty;        /* durable changed in this step */
	int self_refusal;  /* why this node would not stand now */
	int last_refusal;  /* last one recorded as event */
	int pending_cause; /* MrCause of the leadership sought */
	int64_t detected_ns;
	int64_t leader_heard_ns; /* the last leader; 0 = never */
	MrWould would;           /* in mode observe */

	/* leader */
	int64_t deadline_ns; /* last one published */
	int64_t next_heartbeat_ns;
	int64_t promote_at_ns; /* next promote signal */
	int64_t promote_until_ns;
	bool stamped;   /* this leadership has left its stamp */
	bool lapsed;    /* deadline passed without renewal */
	bool renounced; /* RELEASE queued: this term is dead for us */

	/* hand-over */
	MrHandover handover;
	int64_t handover_until_ns, dead_ns; /* the server's death, when first seen; 0 = it lives */
	int successor;
	int64_t fenced_ns; /* ordered: since when nothing is acknowledged */
	MrLsn need_lsn;    /* ordered: what the successor must hold; 0 = not known yet */
	uint32_t handover_tried, handover_behind; /* who refused; who did only for want of bytes */
	int64_t sick_again_ns; /* a sick leader that nobody could follow looks again then */

	/* orders */
	MrOrder order;             /* the last one this node took */
	bool ordered;              /* the hand-over under way is by this order */
	bool hold_wal;             /* no WAL shall reach the disk: the successor begins where it ends */
	int failback_refusal;      /* why there is no failback now, as last judged */
	int64_t failback_again_ns; /* not tried again before */
	uint64_t handed_order;     /* order by which the lease was handed to us; 0 = none */

	uint64_t next_id;
	uint64_t open_id; /* next_id when the lease was opened: what was sent before does not say so */
	int64_t wall_ms;  /* of the last step */
	MrLsn leader_lsn; /* newest position the last leader reported, also before a restart */
	MrPeer peers[MR_MAX_MEMBERS];
	MrTransition transition;
} MrLease;

/*
 * A fresh start of the process: keeps *durable (NULL: no state), forgets everything volatile,
 * fences, and treats the vote in the file as a promise given at this moment. The file covers
 * each promise (a term changes only with its vote): nobody else can be owed one.
 */
extern void mr_lease_start(MrLease *lease, const MrDurable *durable, uint64_t nonce,
						   int64_t now_ns);

/* One step; see the top of this file. *actions is overwritten. */
extern void mr_lease_step(MrLease *lease, const MrLocal *local, const MrLeaseEvent *event,
						  MrActions *actions);

/* When to step a TICK at the latest (never earlier than now). */
extern int64_t mr_lease_wakeup(const MrLease *lease, int64_t now_ns);

/* Whether this node may acknowledge a write now, as published. */
extern bool mr_lease_is_open(const MrLease *lease, int64_t now_ns);
/* Whether a vote or a release is so fresh that a leader is about to be heard. */
extern bool mr_lease_is_passing(const MrLease *lease, int64_t now_ns);
/* When the leader's failback is due that waits only for proven health; 0 = none does. */
extern int64_t mr_failback_due_ns(const MrLease *lease);
/* The leader: can those who have a vote elect by it without this node? They know of it. */
extern bool mr_lease_configuration_is_settled(const MrLease *lease);

/* The leader that observes: why member *slot cannot be bound now (a sentence); NULL: all can. */
extern const char *mr_lease_unready(const MrLease *lease, int64_t now_ns, int *slot);

#endif /* MR_LEASE_H */
