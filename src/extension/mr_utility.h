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
 * What would take the ground from under a managed server raises an error: dropping or
 * renaming multiregion.database here ...
 */
extern void mr_utility_protect(Node *statement);

/*
 * ... and dropping the extension, in whatever way, by the hook installed here (_PG_init);
 * it refuses pg_notify() on a fenced node, too.
 */
extern void mr_utility_install(void);

#endif /* MR_UTILITY_H */
