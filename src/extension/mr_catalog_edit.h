/*
 * The tables of schema multiregion, for the SQL functions: look-ups and changes.
 *
 * The rules of mr_catalog.h hold. Names have been checked by the caller (mr_identifier.h);
 * what only the tables can know (exists already, is in use) is checked here, and raised
 * with the error a user should see. Changes lock the table first, so that two of them
 * cannot pass the same check; region, node and policy change rarely.
 */
#ifndef MR_CATALOG_EDIT_H
#define MR_CATALOG_EDIT_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "core/mr_identifier.h"
#include "core/mr_policy.h"
#include "core/mr_region.h"
#include "core/mr_topology.h"

typedef struct MrRegionRow
{
	char key[MR_NAME_SIZE];
	char id[MR_NAME_SIZE];
	char name[MR_LABEL_SIZE];
	MrPlace place; /* NaN, NaN when not known */
	int32 priority;
	char api_endpoint[MR_ENDPOINT_SIZE]; /* empty: none */
	char cdn_endpoint[MR_ENDPOINT_SIZE];
} MrRegionRow;

typedef struct MrNodeRow
{
	char name[MR_NAME_SIZE];
	char region[MR_NAME_SIZE]; /* key */
	char conninfo[MR_CONNINFO_SIZE];
	char hostaddr[MR_HOSTADDR_SIZE];
	MrUuid uuid; /* all zero: nobody has joined under this name */
	bool no_promote;
	bool witness;
} MrNodeRow;

/* ---------- regions: catalog_region.c ---------- */

/* The region a word means, as key or id in any case. False if there is none. */
extern bool mr_catalog_find_region(const char *word, MrRegionRow *region);

/* The same, or error 42704 whose hint names the regions there are. */
extern void mr_catalog_require_region(const char *word, MrRegionRow *region);

/* A hint that names the regions there are, in the caller's memory. */
extern const char *mr_catalog_known_regions(void);

/* Keeps others from changing regions until the transaction ends; before reading to change. */
extern void mr_catalog_lock_regions(void);

/* Keeps regions from going until the transaction ends; before one is put into a row. */
extern void mr_catalog_hold_regions(void);

/* Adds a region; error 42710 if its key or id means another one already, 54000: too many. */
extern void mr_catalog_insert_region(const MrRegionRow *region);

/* Overwrites all but key and id of an existing region. */
extern void mr_catalog_update_region(const MrRegionRow *region);

/* Removes a region; error 2BP01 while nodes, tenants or zones use it. */
extern void mr_catalog_delete_region(const char *key);

/* All regions, preferred first, in the caller's memory. Returns how many. */
extern int mr_catalog_list_regions(MrRegionRow **regions);

/* ---------- nodes: catalog_node.c ---------- */

/* The node of this name; mr_catalog_require_node() raises 42704 instead of saying false. */
extern bool mr_catalog_find_node(const char *name, MrNodeRow *node);
extern void mr_catalog_require_node(const char *name, MrNodeRow *node);

/* Keeps others from changing nodes until the transaction ends; before reading to change. */
extern void mr_catalog_lock_nodes(void);

/* Keeps others from dropping one, if there is one. */
extern void mr_catalog_hold_node(const char *name);

/* Error 42710 if there is a node of this name, in any case. */
extern void mr_catalog_require_new_node(const char *name);

/* Adds a node; errors: 42710 as above, 54000 if there are too many. */
extern void mr_catalog_insert_node(const MrNodeRow *node);

/* Overwrites region, conninfo, hostaddr, uuid and no_promote of an existing node. */
extern void mr_catalog_update_node(const MrNodeRow *node);

/* Removes a node. */
extern void mr_catalog_delete_node(const char *name);

/* How many nodes there are, without the one of this name (NULL: all). */
extern int mr_catalog_count_nodes(const char *but);

/*
 * Binds the name to the uuid, unless it is bound. Errors: 42704 unknown name, 55006 it is
 * bound to another uuid, 42710 the uuid is bound to another name, 28000 the uuid is retired.
 */
extern void mr_catalog_bind_node(const char *name, const MrUuid *uuid);

/* Forgets all uuids; returns how many there were. They belong to another cluster. */
extern int mr_catalog_unbind_all(void);

/* ---------- policy: catalog_policy.c; more in mr_catalog_policy.h ---------- */

/* Key of the region that should be primary: the smallest priority. Empty if there is none. */
extern void mr_catalog_preferred_region(char out[MR_NAME_SIZE]);

/* ---------- pauses: catalog_pause.c ---------- */

/* Puts the pauses that run into a configuration whose members are known. */
extern void mr_catalog_read_pauses(MrConfig *config);

/*
 * Begins a pause of a scope (cluster, region, node) or changes its end; ends one. What is
 * dropped takes its pause along: the next one of the name is another one.
 */
extern void mr_catalog_write_pause(const char *scope, const char *name, TimestampTz until,
								   const char *reason);
extern bool mr_catalog_remove_pause(const char *scope, const char *name);

/* ---------- for check(): catalog_policy.c ---------- */
/* Prepared transactions; whether pg_hba.conf admits replication at all. */
extern int64 mr_catalog_count_prepared(void);
extern bool mr_catalog_admits_replication(void);

#endif /* MR_CATALOG_EDIT_H */
