/*
 * Connection strings that name several hosts.
 */
#ifndef MR_JOIN_HOSTS_H
#define MR_JOIN_HOSTS_H

#include <libpq-fe.h>

#include "core/mr_limits.h"

/*
 * Splits a connection string into one for each of its hosts, at most max; returns how
 * many, 0 if it cannot be parsed, names no host or does not fit. Passwords survive:
 * the caller checks each result with mr_pg_conninfo_problem().
 */
extern int mr_join_hosts_split(const char *conninfo, char (*out)[MR_CONNINFO_SIZE], int max);

#endif /* MR_JOIN_HOSTS_H */
