/*
 * What goes into a step of the lease protocol and what comes out of it, and the times
 * it leaves for the record. See mr_lease.h for the rules of performing actions.
 */
#ifndef MR_LEASE_STEP_H
#define MR_LEASE_STEP_H

#include "core/mr_message.h"
#include "core/mr_order.h"

#define MR_MAX_ACTIONS (3 * MR_MAX_MEMBERS + 16)

/* What the node sees of itself at the moment of a step. */
typedef struct MrLocal
{
	bool in_recovery;
	bool standby; /* standby.signal existed when the server started */
	bool wal_end_known;
	bool inconsistent;    /* recovery could not end here: the data files are ahead of it */
	bool promotion_told;  /* a promotion was signalled, which nobody can take back */
	bool replay_paused;   /* paused, or recovery_min_apply_delay is set */
	bool vetoed;          /* the pre-promotion function objects */
	bool severed;         /* gate closed and no walreceiver is alive */
	bool sever_failed;    /* the walreceiver did not end in time */
	bool streaming;       /* walreceiver streams from the current leader */
	bool off_history;     /* our WAL ends where the current leader's history never was */
	bool server_dead;     /* postmaster died */
	bool server_stopping; /* orderly shutdown has begun */
	bool handover_stop;   /* ... and this process was told to end: hand over now */
	bool writers;         /* sessions that have written are still there */
	bool committing;      /* commits that passed the fence before it began to drain */
	bool wal_held;        /* as asked for by hold_wal: wal_end stays what it is */
	bool strays;          /* others than the chosen successor still stream from us */
	bool sick;            /* too many write checks failed in a row */
	uint32_t down_mask;   /* bit per slot: our monitor marked the node as down */
	bool manage;          /* mode is manage; else never fence, promote, campaign */
	int64_t wall_ms;      /* wall clock, for what people set to end at some time of day */
	MrLsn wal_end;
	MrLsn replay_lsn;
	uint32_t timeline;        /* of wal_end */
	uint32_t newest_timeline; /* newest history file present locally */
	MrLsn fork_lsn;           /* where `timeline` began, 0 if unknown (primary only) */
	MrLsn last_commit;        /* end of the last commit that may be acknowledged */
} MrLocal;

typedef enum MrLeaseEventKind
{
	MR_EV_TICK,
	MR_EV_REQUEST,     /* message from a peer; must end in REPLY or DEFER */
	MR_EV_REPLY,       /* reply to a request of ours */
	MR_EV_UNREACHABLE, /* a request of ours failed, or no connection to slot */
	MR_EV_PROPOSE      /* new configuration (leader only) */
} MrLeaseEventKind;

typedef struct MrLeaseEvent
{
	MrLeaseEventKind kind;
	int64_t now_ns;
	int slot;            /* REPLY, UNREACHABLE */
	int64_t sent_ns;     /* REPLY: when its request was sent */
	int64_t received_ns; /* REQUEST: when it first arrived (it may be deferred) */
	const MrMessage *message;
	const MrConfig *config; /* carried by the message, or proposed; else NULL */
} MrLeaseEvent;

typedef enum MrActionKind
{
	MR_ACT_PERSIST,     /* lease->durable has changed */
	MR_ACT_DEADLINE,    /* acknowledge until time_ns (0 = fenced), in term */
	MR_ACT_SEND,        /* message to slot */
	MR_ACT_REPLY,       /* message answers the request */
	MR_ACT_DEFER,       /* request stays open: step it again within 5 ms */
	MR_ACT_SEVER,       /* close the gate, end the walreceiver, step again */
	MR_ACT_OPEN_GATE,   /* follow the leader in slot, of term */
	MR_ACT_CLOSE_GATE,  /* follow nobody */
	MR_ACT_PROMOTE,     /* end recovery onto timeline */
	MR_ACT_STOP_SERVER, /* stop; its supervisor rejoins it */
	MR_ACT_EXIT,        /* end the process; slot: the successor that has the lease, or none */
	MR_ACT_EVENT        /* record: event, refusal, slot, term, value */
} MrActionKind;

typedef struct MrAction
{
	MrActionKind kind;
	int slot;
	uint64_t term;
	int64_t time_ns;
	uint32_t timeline;
	int event;   /* MrEventKind */
	int refusal; /* MrRefusal, or MrCause for leaderships */
	int64_t value;
	int message; /* index into MrActions.messages */
} MrAction;

typedef struct MrActions
{
	int count;
	MrAction list[MR_MAX_ACTIONS];
	int nmessages;
	MrMessage messages[MR_MAX_MEMBERS + 2];
} MrActions;

/* Times of the last change of leadership, for the record; 0 = not yet. */
typedef struct MrTransition
{
	uint64_t term;
	int cause;         /* MrCause */
	uint64_t order_id; /* of the order that brought it about; 0 = none did */
	int from_slot;     /* MR_NO_SLOT if unknown */
	int to_slot;
	int64_t detected_ns; /* release received, or promise ran out */
	int64_t elected_ns;
	int64_t promoted_ns; /* recovery ended */
	int64_t open_ns;     /* first moment a write could be acknowledged */
	int64_t lag_bytes;   /* last known distance to the old leader; -1 unknown */
	uint32_t timeline;
	MrLsn fork_lsn;
} MrTransition;

/* A failover that would have been: this node as successor of a leader that fell silent. */
typedef struct MrWould
{
	bool pending; /* no leader has been heard since */
	int cause;    /* MrCause */
	int from_slot;
	int64_t heard_ns; /* when the leader was heard last; 0 = never */
	int64_t at_ns;
	int64_t lost_bytes; /* of the leader's WAL; -1 unknown */
} MrWould;

#endif /* MR_LEASE_STEP_H */
