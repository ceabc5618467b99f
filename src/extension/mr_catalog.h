/*
 * The tables of schema multiregion, for workers.
 *
 * Everything here runs SQL through SPI, as the owner of the schema, with a fixed
 * search_path: whoever calls needs no privilege on a table. What the SQL functions
 * need on top is in mr_catalog_edit.h.
 *
 * Every function needs an open transaction with an active snapshot; a worker gets
 * one from mr_catalog_start(). Errors are raised with ereport. Never called by the
 * lease worker, which must not run SQL.
 */
#ifndef MR_CATALOG_H
#define MR_CATALOG_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "core/mr_topology.h"
#include "extension/mr_shared_state.h"

/* A line of multiregion.event. Strings live as long as the caller's; NULL is null. */
typedef struct MrCatalogEvent
{
	const char *node; /* who saw it */
	int64 boot;       /* MrShared.nonce of that start of the node */
	int64 sequence;   /* its number in that start */
	TimestampTz at;
	const char *kind;     /* word of MrEventKind */
	const char *severity; /* info, warning, critical */
	int64 term;
	const char *subject; /* node or region it is about */
	const char *reason;  /* word of MrRefusal, or of MrCause for lease_acquired */
	int64 value;
	const char *detail;
} MrCatalogEvent;

/* A row of multiregion.failover. A time of 0, text of NULL and number of -1 are null. */
typedef struct MrCatalogFailover
{
	int64 epoch;       /* the new term; the row's identity */
	const char *cause; /* word of MrCause */
	const char *rule;  /* why this successor */
	int64 order_id;    /* of the order that brought it about; 0 is null */
	const char *from_node;
	const char *from_region;
	const char *to_node;
	const char *to_region;
	TimestampTz detected_at;
	TimestampTz elected_at;
	TimestampTz promoted_at;
	TimestampTz open_at;
	TimestampTz first_write_at;
	int64 lag_bytes; /* distance to the old primary when it was decided */
	int64 timeline;
	MrLsn fork_lsn; /* 0 is null */
} MrCatalogFailover;

/* WAL of a former primary that the new one never had. */
typedef struct MrCatalogDivergence
{
	const char *node;
	int64 term; /* newest leadership whose WAL it held */
	int64 timeline;
	MrLsn fork_lsn;
	MrLsn end_lsn;
	const char *kept_path; /* may be NULL */
} MrCatalogDivergence;

/*
 * Opens a transaction with a snapshot, for a worker that is connected to
 * multiregion.database. False, and no transaction is open, when the extension is
 * not installed there. End it with mr_catalog_finish(), which commits.
 */
extern bool mr_catalog_start(void);
extern void mr_catalog_finish(void);

/*
 * Grows with every change of region, node and policy that a proposal could depend
 * on; cheap to ask, so ask each round and read the tables only when it differs.
 * 0 until the first change.
 */
extern int64 mr_catalog_version(void);

/*
 * The configuration the tables ask for. Starts from *current (the one in force):
 * cluster, term, version, voters and slots of members that stay are kept. Members
 * are the nodes that have joined (are bound to a uuid); a new one gets a free slot.
 *
 * A member that was dropped, or whose name is bound to a new uuid by now, loses its
 * slot at once if it has no vote; while it has one, it stays and its bit is set in
 * *leaving (see mr_voters_choose()), and a new member of the same name has to wait.
 *
 * False, with a WARNING in the log, when the tables hold nothing usable: then
 * *proposal is undefined and the configuration in force must stay. `self` is this
 * node's uuid: tables that do not know it are not usable.
 */
extern bool mr_catalog_read_config(const MrConfig *current, const MrUuid *self, MrConfig *proposal,
								   uint32 *leaving);

/* Records the numeric address a node's host name has now; nothing happens if it is unchanged. */
extern void mr_catalog_set_hostaddr(const char *node_name, const char *hostaddr);

/* Inserts unless it is recorded already (same node, boot, sequence). True if it was new. */
extern bool mr_catalog_record_event(const MrCatalogEvent *event);

/* Sequence of the newest event recorded of that start of the node; 0 if there is none. */
extern int64 mr_catalog_newest_event(const char *node, int64 boot);

/* Fills *event from a line of this node's own ring; the strings point into *record. */
extern void mr_catalog_event_of_record(const MrEventRecord *record, const char *node,
									   MrCatalogEvent *event);

/* Removes all but the newest `keep` events. Returns how many went. */
extern int64 mr_catalog_prune_events(int64 keep);

/*
 * Inserts the failover, or fills in what the row of this epoch does not know yet:
 * a value once recorded is never changed.
 */
extern void mr_catalog_record_failover(const MrCatalogFailover *failover);

/*
 * The failover an order brought about: its epoch, cause, nodes and lag_bytes. False if
 * there is no record of it here (yet). Reads with a snapshot of its own.
 */
extern bool mr_catalog_find_failover(int64 order_id, MrCatalogFailover *failover);

/* Inserts unless it is recorded already. True if it was new. */
extern bool mr_catalog_record_divergence(const MrCatalogDivergence *divergence);

/*
 * Unbinds the uuid from its name, and keeps it from ever being bound again. Nothing if it
 * is bound to no name. reason: forced, replaced.
 */
extern void mr_catalog_retire_identity(const MrUuid *uuid, const char *reason);

#endif /* MR_CATALOG_H */
