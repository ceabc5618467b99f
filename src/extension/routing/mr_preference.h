/*
 * Region preferences in the application's own tables: a column that says the same as
 * multiregion.tenant, kept so from both sides.
 *
 * The list of these tables is the list of triggers that run multiregion.keep_region_preference():
 * it follows a table that is renamed, goes with one that is dropped, and is in its dump.
 * Nobody but the owner of the schema may make such a trigger, so its arguments can be
 * trusted; add_region_preference() does, for the owner of a table.
 *
 * On the application's table everything is done as its owner, with a search_path of its
 * schema: its own triggers run as if the owner had written.
 */
#ifndef MR_PREFERENCE_H
#define MR_PREFERENCE_H

#include "postgres.h"

#include "utils/rel.h"

#include "extension/routing/mr_tenants.h"

#define MR_PREFERENCE_TRIGGER "multiregion_region_preference"
#define MR_PREFERENCE_TRUNCATE "multiregion_region_preference_truncate"

/* How an application's table is written to. All texts are ready for SQL. */
typedef struct MrPreferenceTable
{
	Oid relation;
	Oid owner;
	const char *path;          /* search_path: its schema */
	const char *name;          /* of the table, with its schema */
	const char *tenant_column; /* quoted */
	const char *region_column;
	Oid tenant_type;          /* text, varchar, uuid or an integer */
	const char *tenant_cast;  /* name of that type */
	const char *region_value; /* what is written for n.key (of region n.id) */
} MrPreferenceTable;

typedef struct MrPreferences
{
	int count;
	MrPreferenceTable tables[FLEXIBLE_ARRAY_MEMBER];
} MrPreferences;

/* Identity and search_path while something runs as a table's owner. */
typedef struct MrPreferenceOwner
{
	Oid user;
	int security_context;
	int guc_level;
} MrPreferenceOwner;

/* ---------- preference_table.c ---------- */

/*
 * Fills in *table. A sentence about why columns like these cannot be used, or NULL; both
 * columns must be there.
 */
extern const char *mr_preference_describe(Relation relation, const char *tenant_column,
										  const char *region_column, MrPreferenceTable *table);

/* The trigger's arguments, if this table has the trigger; else NULL. */
extern const Trigger *mr_preference_trigger(Relation relation);

/* OIDs of the tables that have it, in the caller's memory. Returns how many. */
extern int mr_preference_relations(Oid **relations);

/* Whether a tenant's id can be a value of the type. */
extern bool mr_preference_has_value(const MrPreferenceTable *table, const char *tenant);

/* SPI as the table's owner. */
extern void mr_preference_become(const MrPreferenceTable *table, MrPreferenceOwner *owner);
extern void mr_preference_unbecome(const MrPreferenceOwner *owner);

/* ---------- preference_push.c ---------- */

/*
 * The tables that hear of the batch's edits, with the rows of its tenants locked; NULL if
 * there are none. Before tenants are locked, so that both sides lock in the same order.
 */
extern MrPreferences *mr_preferences_open(MrTenantBatch *batch);

/* Writes what the edits have come to into these tables. */
extern void mr_preferences_push(const MrPreferences *preferences, MrTenantBatch *batch);

/*
 * While somebody adds a row without preference, nobody gives its tenant one, and the other
 * way round: neither can see the other's row yet.
 */
extern void mr_preference_guard(const char *tenant);

/* ---------- preference_scan.c ---------- */

typedef void (*MrPreferenceRow)(MrTenantBatch *batch, const MrPreferenceTable *table,
								const char *tenant, const char *region);

/*
 * Calls row for each tenant of the table, region NULL for none, and flushes the batch. An id
 * that no tenant can have is passed over, unless it claims a region.
 */
extern void mr_preference_scan(const MrPreferenceTable *table, MrTenantBatch *batch,
							   MrPreferenceRow row);

/* ---------- preference_trigger.c ---------- */

/* An edit's region from a word of the application; error 22023 for one that is none. */
extern void mr_preference_take_word(MrTenantBatch *batch, MrTenantEdit *edit,
									const MrPreferenceTable *table, const char *word);

#endif /* MR_PREFERENCE_H */
