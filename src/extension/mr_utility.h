/*
 * What the fence has to know about utility statements.
 */
#ifndef MR_UTILITY_H
#define MR_UTILITY_H

#include "postgres.h"

#include "nodes/nodes.h"

/* True for statements that may run on a fenced node: an allow-list. */
extern bool mr_utility_is_read_only(Node *statement);

/* COMMIT PREPARED and ROLLBACK PREPARED. */
extern bool mr_utility_is_second_phase(Node *statement);

/*
 * Raises an error for what would take the ground from under a managed server:
 * dropping or renaming multiregion.database, and the extension before anything is locked
 * for it. (Whatever else takes that along: mr_object_access.h.)
 */
extern void mr_utility_protect(Node *statement);

#endif /* MR_UTILITY_H */
