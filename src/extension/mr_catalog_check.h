/*
 * What multiregion.check() asks the catalog about connections between nodes. The rules of
 * mr_catalog.h hold; nothing here changes anything. Nobody but check_peers.c includes this.
 */
#ifndef MR_CATALOG_CHECK_H
#define MR_CATALOG_CHECK_H

#include "postgres.h"

#include "core/mr_limits.h"

typedef struct MrPeerRow
{
	char name[MR_NAME_SIZE];
	char conninfo[MR_CONNINFO_SIZE];
	char hostaddr[MR_HOSTADDR_SIZE];
} MrPeerRow;

/* All nodes by name, at most max. Returns how many. */
extern int mr_catalog_list_peers(MrPeerRow *rows, int max);

/* Whether there is a superuser of this name. */
extern bool mr_catalog_is_superuser(const char *role);

/* Each of these is a list to be read by a person, cut to fit; empty if there is nothing. */

/* What multiregion_peer and multiregion_api may that they need not. */
extern void mr_catalog_excess_rights(char *out, size_t size);

/* Addresses of other machines from which peers or sidecars are connected without TLS. */
extern void mr_catalog_plain_sessions(char *out, size_t size);

/* Lines of pg_hba.conf that admit our roles from other machines without a proof. */
extern void mr_catalog_trusting_lines(char *out, size_t size);

#endif /* MR_CATALOG_CHECK_H */
