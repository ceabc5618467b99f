/*
 * Giving back the snapshots of a statement while it waits for something.
 *
 * On a standby whoever holds a snapshot keeps replay from removing what the snapshot could
 * still see: a statement that waits for replay would wait for itself. And what it reads
 * afterwards it must read with a snapshot that was taken after the wait.
 */
#ifndef MR_SNAPSHOTS_H
#define MR_SNAPSHOTS_H

#include "postgres.h"

#include "executor/execdesc.h"
#include "utils/portal.h"

/* What was given back, and whose it was. All zero: nothing. */
typedef struct MrSnapshots
{
	QueryDesc *query;   /* of a query: before it starts, or in its one function call */
	Portal portal;      /* of a utility statement */
	bool portal_holds;  /* it had registered its snapshot, too */
	bool all_are_given; /* nothing that this session holds is in the way of replay */
} MrSnapshots;

/*
 * In a function: gives back the snapshots of the statement that calls it, if that consists of
 * this one call (SELECT f(...), SELECT ... FROM f(...)): it reads nothing with them. Else, and
 * in a transaction that keeps its snapshot, nothing is given back. Whoever is not finished
 * with the wait when an error is raised need not take anything back.
 */
extern void mr_snapshots_give_of_call(Oid function, MrSnapshots *given);

/*
 * Of a query that is about to start (ExecutorStart), and of the utility statement that is
 * about to run: false, and nothing is given back, if it runs within another statement, or in a
 * transaction that keeps its snapshot.
 */
extern bool mr_snapshots_give_of_query(QueryDesc *query, MrSnapshots *given);
extern bool mr_snapshots_give_of_utility(MrSnapshots *given);

/* Takes new ones in their place; nothing if nothing was given back. */
extern void mr_snapshots_take_anew(MrSnapshots *given);

#endif /* MR_SNAPSHOTS_H */
