/*
 * Rights on functions of PostgreSQL itself. The install script must not grant those:
 * PostgreSQL would take them for initial privileges of the functions, which pg_dump
 * leaves out, pg_upgrade loses, and which name a dead role after DROP ROLE.
 */
#ifndef MR_CATALOG_GRANT_H
#define MR_CATALOG_GRANT_H

/* multiregion_peer may call the functions by which pg_rewind reads a server. */
extern void mr_catalog_grant_rewind(void);

/* It may not any more. */
extern void mr_catalog_revoke_rewind(void);

#endif /* MR_CATALOG_GRANT_H */
