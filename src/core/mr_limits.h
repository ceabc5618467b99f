/*
 * Fixed limits and the basic types of the protocol core.
 *
 * The core allocates nothing: every array has one of these sizes. A limit that
 * a user can reach is checked where the value enters (catalog, decoder), with
 * an error that names it.
 *
 * Included by everything; includes nothing but the C library's type headers.
 */
#ifndef MR_LIMITS_H
#define MR_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MR_MAX_MEMBERS 32           /* nodes of one cluster, voters or not */
#define MR_NAME_SIZE 64             /* node name, region key or id, with its NUL */
#define MR_CONNINFO_SIZE 512        /* connection string of a node, with its NUL */
#define MR_HOSTADDR_SIZE 64         /* numeric address, or empty, with its NUL */
#define MR_MESSAGE_SIZE (40 * 1024) /* largest encoded protocol message */
#define MR_STATE_SIZE (40 * 1024)   /* largest encoded state file */

#define MR_MAX_PAUSE_MS (INT64_C(7) * 86400 * 1000) /* longest pause of failover */

#define MR_FAILOVERS_KEPT 16 /* unplanned ones a node remembers */

#define MR_NO_SLOT (-1) /* no member */

#define MR_NS_PER_MS INT64_C(1000000)
#define MR_NS_PER_S INT64_C(1000000000)

/* A position in the write-ahead log; 0 is "unknown". */
typedef uint64_t MrLsn;

/* Identity of a cluster or of a node; all zero is "none". */
typedef struct MrUuid
{
	uint8_t bytes[16];
} MrUuid;

#endif /* MR_LIMITS_H */
