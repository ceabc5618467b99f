/*
 * Our physical replication slots, for the monitor: one for every other member on
 * every node, named by the member's uuid. Plain SQL, so that it is the same in all
 * versions of PostgreSQL. And the users' logical slots, as far as a failover concerns them.
 *
 * The same rules as for mr_catalog.h: an open transaction with a snapshot, errors are
 * raised, never called by the lease worker. All of it works on a standby.
 */
#ifndef MR_CATALOG_SLOT_H
#define MR_CATALOG_SLOT_H

#include "postgres.h"

#include "core/mr_limits.h"

/* "mr_", the uuid as 32 hex digits, NUL. The walreceiver of that member uses it. */
#define MR_SLOT_NAME_SIZE 36

typedef struct MrCatalogSlot
{
	MrUuid member;
	MrLsn restart_lsn; /* 0: reserves nothing */
	bool active;       /* somebody streams from it */
	bool lost;         /* fell behind max_slot_wal_keep_size: of no use any more */
} MrCatalogSlot;

/* The name of a member's slot. */
extern void mr_catalog_slot_name(const MrUuid *member, char name[MR_SLOT_NAME_SIZE]);

/* Copies up to max of the slots named like ours; returns the count. */
extern int mr_catalog_read_slots(MrCatalogSlot *out, int max);

/* Makes the member's slot, which must not exist; it reserves WAL from now on. */
extern void mr_catalog_create_slot(const MrUuid *member);

/* Ends who streams from the member's slot, waiting a moment until it is gone. */
extern void mr_catalog_end_slot(const MrUuid *member);

/* Removes the member's slot, which must exist and be inactive. */
extern void mr_catalog_drop_slot(const MrUuid *member);

/* Moves an inactive slot forward to lsn, which must be past its restart_lsn. */
extern void mr_catalog_advance_slot(const MrUuid *member, MrLsn lsn);

/*
 * On a standby of 17 or later: removes the logical slots that were made for failover when
 * it was the primary. The primary's own count now, and no copy can be made beside them.
 */
extern void mr_catalog_drop_leftover_slots(void);

/* Logical slots that a failover would lose, of those that are to last. */
extern int64 mr_catalog_count_mortal_slots(void);

#endif /* MR_CATALOG_SLOT_H */
