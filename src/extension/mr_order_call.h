/*
 * Giving an order to the cluster from a session, and what became of it.
 */
#ifndef MR_ORDER_CALL_H
#define MR_ORDER_CALL_H

#include "postgres.h"

#include "core/mr_lease.h"
#include "core/mr_outcomes.h"

/* What is wanted. */
typedef struct MrOrderWish
{
	const char *target; /* region key or id, or node; NULL: the best successor */
	bool away;          /* target NULL: in another region than the primary's */
	bool allow_loss;
	bool dry_run;
	int cause; /* MR_CAUSE_SWITCHOVER: only a leader that lives may hand over; or MANUAL */
	int timeout_ms;
	int64 id;     /* number it gets; 0: one is drawn */
	Oid function; /* mr_order_call(): whose statement waits; see mr_snapshots.h */
} MrOrderWish;

/* What became of it. Names point into the lease copy; NULL and -1 are unknown. */
typedef struct MrOrderResult
{
	MrOutcome outcome;
	int64 id; /* 0: no order was given */
	const char *kind;
	int from; /* slots, or MR_NO_SLOT */
	int to;
	int64 epoch;
	int64 duration_ms;
	int64 lost_bytes;
	int refusal;
	MrLease *lease; /* as this node knew it in the end */
} MrOrderResult;

/*
 * Chooses the target, gives the order and waits for its end. Changes no table, so it works
 * on a standby and on a fenced node. Error 55000 when the server is not managed.
 */
extern void mr_order_call(const MrOrderWish *wish, MrOrderResult *result);

/*
 * The same in parts and without the wait for its end, for who must have no transaction open
 * while the lease worker takes its time. The first needs one; false: outcome and refusal say
 * why no order shall be given. The second must have none; true when the order was taken:
 * mr_order_look() tells how far it is.
 */
extern bool mr_order_choose(const MrOrderWish *wish, MrOrderResult *result);
extern bool mr_order_send(const MrOrderWish *wish, MrOrderResult *result);

/* What is known here of an order that was given before; outcome UNKNOWN if nothing is. */
extern void mr_order_look(int64 id, MrOrderResult *result);

/*
 * Members that a word names: those of a region, by key or id, or a node. Reads the catalog.
 * *is_region also for a region without members.
 */
extern uint32 mr_members_named(const MrLease *lease, const char *word, bool *is_region);

/* Why a member could not lead now (MR_REFUSE_NONE if it could), as this node knows it. */
extern int mr_order_refusal_of(const MrLease *lease, int slot, bool allow_loss);

#endif /* MR_ORDER_CALL_H */
