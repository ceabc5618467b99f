/*
 * What is watched object by object: the extension itself, which a managed server
 * cannot do without, and functions that act outside of transactions.
 */
#ifndef MR_OBJECT_ACCESS_H
#define MR_OBJECT_ACCESS_H

#include "postgres.h"

/* _PG_init: installs the hook. */
extern void mr_object_access_install(void);

/* Error 55006 if this is the extension that a managed server needs. */
extern void mr_object_access_protect(Oid extension);

#endif /* MR_OBJECT_ACCESS_H */
