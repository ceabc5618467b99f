/*
 * A session that begins on a fenced node: told to be read-only, so that clients
 * looking for a writable node move on, and healed once the lease is back.
 */
#ifndef MR_SESSION_H
#define MR_SESSION_H

#include "postgres.h"

#include "nodes/nodes.h"

/* Client authentication on a fenced node: this session begins read-only. */
extern void mr_session_mark(void);

/*
 * Before a statement: undoes the mark if writes may be acknowledged again. The
 * setting returns to what role, database and connection say. A transaction block
 * that was opened meanwhile ends as it began. Cheap when there is no mark.
 */
extern void mr_session_heal(void);

/* Before a utility statement, after mr_session_heal(): sees blocks begin and end. */
extern void mr_session_note(Node *statement);

#endif /* MR_SESSION_H */
