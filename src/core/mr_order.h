/*
 * An order: somebody wants another node to lead. The operator's switchover and manual
 * failover, and the automatic failback, are orders.
 *
 * Any node takes one. The leader executes it by handing over, without loss or not at
 * all; where nobody leads any more the target stands for election. A node that is
 * neither passes the order on, until it is done, refused, or its time is over.
 */
#ifndef MR_ORDER_H
#define MR_ORDER_H

#include "core/mr_limits.h"

typedef enum MrOrderState
{
	MR_ORDER_NONE,
	MR_ORDER_ACTIVE, /* accepted here; see MrLease.handover for how far the leader is */
	MR_ORDER_DONE,   /* the target leads and acknowledges writes */
	MR_ORDER_REFUSED /* given up: refusal says why */
} MrOrderState;

typedef struct MrOrder
{
	uint64_t id;     /* drawn by who gives the order; 0 = there was none */
	int cause;       /* MrCause: switchover and failback need a leader that hands over */
	int target;      /* slot of the node that is to lead */
	bool allow_loss; /* an election may be won against a node that holds more */
	int64_t until_ns;
	int64_t began_ns;

	/* from here on the protocol's */
	MrOrderState state;
	int refusal;
	bool handed;          /* the leader has sent its RELEASE: no way back by waiting */
	uint64_t asked_id;    /* request by which it was last passed on */
	int64_t next_pass_ns; /* not passed on, nor the successor asked, before */
} MrOrder;

#endif /* MR_ORDER_H */
