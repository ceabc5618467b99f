/*
 * From multiregion.tenant into the application's tables; see mr_preference.h.
 *
 * A row that says the same in other words is left alone, so that what an application's
 * trigger and a batch tell each other ends at once. Called by tenant_batch.c.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "commands/trigger.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "extension/mr_catalog_run.h"
#include "extension/routing/mr_preference.h"

#define GUARDS 256 /* a tenant has one of these locks */

/* ---------- the guard ---------- */

static int
guard_of(const char *tenant)
{
	return (int) (hash_bytes((const unsigned char *) tenant, (int) strlen(tenant)) % GUARDS);
}

/* An object of a class that PostgreSQL itself does not lock in this way. */
static void
lock_guard(int guard, LOCKMODE mode)
{
	Oid table = get_relname_relid("tenant", get_namespace_oid("multiregion", false));
	LOCKTAG tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId, table, (uint16) (guard + 1));
	(void) LockAcquire(&tag, mode, false, false);
}

void
mr_preference_guard(const char *tenant)
{
	lock_guard(guard_of(tenant), ShareLock);
}

/* In the order of their numbers, so that two batches do not wait for each other. */
static void
lock_guards(const MrTenantBatch *batch)
{
	bool wanted[GUARDS] = {false};

	for (int i = 0; i < batch->count; i++)
		if (batch->edits[i].wish != MR_WISH_NOTHING)
			wanted[guard_of(batch->edits[i].tenant)] = true;
	for (int i = 0; i < GUARDS; i++)
		if (wanted[i])
			lock_guard(i, ExclusiveLock);
}

/* ---------- statements ---------- */

static void
tell_table(void *argument)
{
	const MrPreferenceTable *table = argument;

	errcontext("region preference in column %s of table %s", table->region_column, table->name);
}

/* Runs it as the table's owner. */
static void
run(const MrPreferenceTable *table, const char *sql, MrArguments *arguments)
{
	MrPreferenceOwner owner;
	ErrorContextCallback context = {
		.callback = tell_table, .arg = (void *) table, .previous = error_context_stack};

	error_context_stack = &context;
	mr_preference_become(table, &owner);
	(void) mr_write(sql, arguments);
	mr_preference_unbecome(&owner);
	error_context_stack = context.previous;
}

static void
lock_rows(const MrPreferenceTable *table, const MrTenantBatch *batch)
{
	const char **tenants = palloc(batch->count * sizeof(char *));
	MrArguments arguments = {0};
	int count = 0;

	for (int i = 0; i < batch->count; i++)
		if (mr_preference_has_value(table, batch->edits[i].tenant))
			tenants[count++] = batch->edits[i].tenant;
	if (count == 0)
		return;
	mr_add_texts(&arguments, tenants, count);
	run(table,
		psprintf("SELECT FROM %s AS a WHERE a.%s OPERATOR(pg_catalog.=) ANY ($1::%s[])"
				 " ORDER BY a.%s FOR NO KEY UPDATE",
				 table->name, table->tenant_column, table->tenant_cast, table->tenant_column),
		&arguments);
}

/* The region is compared by what it means, and written as its key. */
static char *
update_sql(const MrPreferenceTable *table)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "UPDATE %s AS a SET %s = %s", table->name, table->region_column,
					 table->region_value);
	appendStringInfo(&sql,
					 " FROM unnest($1, $2, $3) AS n (tenant, key, id)"
					 " WHERE a.%s OPERATOR(pg_catalog.=) n.tenant::%s",
					 table->tenant_column, table->tenant_cast);
	appendStringInfo(&sql,
					 " AND CASE WHEN n.key IS NULL OR a.%s IS NULL"
					 " THEN (n.key IS NULL) <> (a.%s IS NULL)"
					 " ELSE upper(a.%s::text COLLATE \"C\") <> n.key"
					 " AND lower(a.%s::text COLLATE \"C\") <> n.id END",
					 table->region_column, table->region_column, table->region_column,
					 table->region_column);
	return sql.data;
}

static void
push(const MrPreferenceTable *table, const MrTenantBatch *batch)
{
	const char **tenants = palloc(batch->count * sizeof(char *));
	const char **keys = palloc(batch->count * sizeof(char *));
	const char **ids = palloc(batch->count * sizeof(char *));
	MrArguments arguments = {0};
	int count = 0;

	for (int i = 0; i < batch->count; i++)
	{
		const MrTenantEdit *edit = &batch->edits[i];
		int home = edit->after.rule.home;

		if (!(edit->changed || edit->tells) || !mr_preference_has_value(table, edit->tenant))
			continue;
		tenants[count] = edit->tenant;
		keys[count] = mr_tenant_batch_key(batch, home);
		ids[count++] = home == MR_NO_REGION ? NULL : batch->regions.regions[home].id;
	}
	if (count == 0)
		return;
	mr_add_texts(&arguments, tenants, count);
	mr_add_texts(&arguments, keys, count);
	mr_add_texts(&arguments, ids, count);
	run(table, update_sql(table), &arguments);
}

/* ---------- all tables ---------- */

MrPreferences *
mr_preferences_open(MrTenantBatch *batch)
{
	MrPreferences *preferences;
	Oid *relations;
	int count = mr_preference_relations(&relations);

	if (count == 0)
		return NULL;
	preferences = palloc(offsetof(MrPreferences, tables) + count * sizeof(MrPreferenceTable));
	preferences->count = 0;
	for (int i = 0; i < count; i++)
	{
		MrPreferenceTable *table = &preferences->tables[preferences->count];
		/* One that goes just now needs not be told. */
		Relation relation =
			relations[i] != batch->origin ? try_table_open(relations[i], RowExclusiveLock) : NULL;
		const Trigger *trigger = relation != NULL ? mr_preference_trigger(relation) : NULL;

		if (trigger != NULL && trigger->tgenabled != TRIGGER_DISABLED &&
			mr_preference_describe(relation, trigger->tgargs[0], trigger->tgargs[1], table) == NULL)
			preferences->count++;
		if (relation != NULL)
			table_close(relation, NoLock);
	}
	for (int i = 0; i < preferences->count; i++)
		lock_rows(&preferences->tables[i], batch);
	lock_guards(batch);
	return preferences;
}

void
mr_preferences_push(const MrPreferences *preferences, MrTenantBatch *batch)
{
	for (int i = 0; preferences != NULL && i < preferences->count; i++)
		push(&preferences->tables[i], batch);
}
