/*
 * SQL functions that give an application's table a region preference, and take it away;
 * see mr_preference.h.
 *
 * Nothing is added to the table but triggers and, if it is missing, the column: no index,
 * constraint or foreign key, which a schema tool of the application would drop again.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "extension/mr_catalog_run.h"
#include "extension/mr_functions.h"
#include "extension/mr_row.h"
#include "extension/routing/mr_preference.h"

PG_FUNCTION_INFO_V1(multiregion_add_region_preference);
PG_FUNCTION_INFO_V1(multiregion_remove_region_preference);
PG_FUNCTION_INFO_V1(multiregion_list_preferences);

/* ---------- the table ---------- */

static void
require_plain_table(Oid relation, Form_pg_class class, const char *name)
{
	if (class->relkind != RELKIND_RELATION && class->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is not a table", name)));
	if (class->relpersistence == RELPERSISTENCE_TEMP || class->relispartition ||
		IsCatalogRelationOid(relation) ||
		class->relnamespace == get_namespace_oid("multiregion", false))
		ereport(
			ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("table \"%s\" cannot have a region preference", name),
			 errdetail("It is temporary, a partition, or belongs to PostgreSQL or multiregion.")));
}

/* Before the table is locked: whoever asks owns it. */
static void
check_table(const RangeVar *table, Oid relation, Oid old_relation, void *argument)
{
	HeapTuple tuple;
	Form_pg_class class;

	if (!OidIsValid(relation))
		return;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	if (!HeapTupleIsValid(tuple))
		return;
	class = (Form_pg_class) GETSTRUCT(tuple);
	if (!has_privs_of_role(GetUserId(), class->relowner))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("must be owner of table %s", table->relname)));
	require_plain_table(relation, class, table->relname);
	ReleaseSysCache(tuple);
}

static Relation
open_table(FunctionCallInfo fcinfo, LOCKMODE mode)
{
	text *name = cstring_to_text(mr_text_argument(fcinfo, 0, "table"));
	RangeVar *table = makeRangeVarFromNameList(textToQualifiedNameList(name));

	return table_open(RangeVarGetRelidExtended(table, mode, 0, check_table, NULL), NoLock);
}

/* ---------- its columns ---------- */

static int
require_column(Relation relation, const char *name)
{
	int number = SPI_fnumber(RelationGetDescr(relation), name);

	if (number <= 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
						errmsg("column \"%s\" of table \"%s\" does not exist", name,
							   RelationGetRelationName(relation)),
						errhint("Names are compared as they are written, case included.")));
	return number;
}

/* Whether there is no second row of a tenant: rows are found by it, and one must win. */
static bool
is_unique(Relation relation, int column)
{
	List *indexes = RelationGetIndexList(relation);
	ListCell *cell;
	bool found = false;

	foreach(cell, indexes)
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);
		Form_pg_index form = index->rd_index;

		found =
			found || (form->indisunique && form->indisvalid && form->indnkeyatts == 1 &&
					  form->indkey.values[0] == column && RelationGetIndexPredicate(index) == NIL);
		index_close(index, NoLock);
	}
	return found;
}

static void
require_unique(Relation relation, const char *column)
{
	if (!is_unique(relation, require_column(relation, column)))
		ereport(ERROR, (errcode(ERRCODE_INVALID_FOREIGN_KEY),
						errmsg("column \"%s\" of table \"%s\" is not unique", column,
							   RelationGetRelationName(relation)),
						errdetail("A tenant has one row; a primary key or unique index on this "
								  "column alone proves it.")));
}

static char *
name_of(Relation relation)
{
	return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
									  RelationGetRelationName(relation));
}

static void
execute(const char *sql)
{
	MrCatalogSession session;

	mr_catalog_open(&session);
	(void) mr_write(sql, NULL);
	mr_catalog_close(&session);
}

/*
 * A column that is there is used as it is: the application's schema has made it. Returns
 * the table, which must not be open while it is altered.
 */
static Relation
ensure_column(Relation relation, const char *column)
{
	Oid oid = RelationGetRelid(relation);
	char *sql;

	if (SPI_fnumber(RelationGetDescr(relation), column) > 0)
		return relation;
	ereport(
		NOTICE,
		(errmsg("adding column \"%s\" to table \"%s\"", column, RelationGetRelationName(relation)),
		 errhint("Add it to the schema of the application, too; in Prisma: %s String?", column)));
	sql = psprintf("ALTER TABLE %s ADD COLUMN %s pg_catalog.text", name_of(relation),
				   quote_identifier(column));
	table_close(relation, NoLock);
	execute(sql);
	return table_open(oid, NoLock);
}

static void
require_no_trigger(Relation relation)
{
	if (mr_preference_trigger(relation) != NULL)
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
						errmsg("table \"%s\" has a region preference already",
							   RelationGetRelationName(relation)),
						errhint("Remove it with remove_region_preference() first.")));
}

static void
create_triggers(const char *name, const char *tenant_column, const char *region_column)
{
	execute(
		psprintf("CREATE TRIGGER " MR_PREFERENCE_TRIGGER " AFTER INSERT OR UPDATE OR DELETE"
				 " ON %s FOR EACH ROW EXECUTE FUNCTION multiregion.keep_region_preference(%s, %s)",
				 name, quote_literal_cstr(tenant_column), quote_literal_cstr(region_column)));
	execute(psprintf("CREATE TRIGGER " MR_PREFERENCE_TRUNCATE " BEFORE TRUNCATE ON %s"
					 " FOR EACH STATEMENT EXECUTE FUNCTION multiregion.keep_region_preference()",
					 name));
}

/* ---------- making both sides the same ---------- */

static MrTenantEdit *
begin_edit(MrTenantBatch *batch, const MrPreferenceTable *table, const char *tenant)
{
	MrTenantEdit *edit = mr_tenant_batch_add(batch, tenant);

	edit->tells = true;
	edit->reason =
		mr_tenant_batch_copy(batch, psprintf("add_region_preference() on table %s", table->name));
	return edit;
}

static void
table_wins(MrTenantBatch *batch, const MrPreferenceTable *table, const char *tenant,
		   const char *region)
{
	MrTenantEdit *edit = begin_edit(batch, table, tenant);

	if (region == NULL)
		return;
	edit->wish = MR_WISH_HOME;
	mr_preference_take_word(batch, edit, table, region);
}

static void
tenant_wins(MrTenantBatch *batch, const MrPreferenceTable *table, const char *tenant,
			const char *region)
{
	MrTenantEdit *edit = begin_edit(batch, table, tenant);

	if (region == NULL)
		return;
	edit->wish = MR_WISH_DEFAULT;
	mr_preference_take_word(batch, edit, table, region);
}

static MrPreferenceRow
winner_argument(FunctionCallInfo fcinfo, int number)
{
	char *word = mr_text_argument(fcinfo, number, "winner");

	if (pg_strcasecmp(word, "table") == 0)
		return table_wins;
	if (pg_strcasecmp(word, "tenant") == 0)
		return tenant_wins;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid winner \"%s\"", word),
					errhint("Where both sides have a region, that of the table (table) or the one "
							"set before (tenant) wins.")));
}

/* ---------- the functions ---------- */

Datum
multiregion_add_region_preference(PG_FUNCTION_ARGS)
{
	char *tenant_column = mr_text_argument(fcinfo, 1, "tenant_column");
	char *region_column = mr_text_argument(fcinfo, 2, "column");
	MrPreferenceRow row = winner_argument(fcinfo, 3);
	MrPreferenceTable table;
	MrTenantBatch *batch;
	const char *problem;
	Relation relation;

	mr_require_writable("add_region_preference()");
	relation = open_table(fcinfo, ShareRowExclusiveLock);
	require_no_trigger(relation);
	require_unique(relation, tenant_column);
	relation = ensure_column(relation, region_column);
	problem = mr_preference_describe(relation, tenant_column, region_column, &table);
	if (problem != NULL)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("columns \"%s\" and \"%s\" of table \"%s\" cannot keep a region "
							   "preference",
							   tenant_column, region_column, RelationGetRelationName(relation)),
						errdetail("%s", problem)));
	table_close(relation, NoLock);
	create_triggers(table.name, tenant_column, region_column);
	batch = mr_tenant_batch_begin(CurrentMemoryContext);
	mr_preference_scan(&table, batch, row);
	mr_tenant_batch_end(batch);
	PG_RETURN_VOID();
}

Datum
multiregion_remove_region_preference(PG_FUNCTION_ARGS)
{
	Relation relation;
	const Trigger *trigger;
	char *name;
	char *trigger_name;

	mr_require_writable("remove_region_preference()");
	relation = open_table(fcinfo, AccessExclusiveLock);
	trigger = mr_preference_trigger(relation);
	if (trigger == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("table \"%s\" has no region preference",
														   RelationGetRelationName(relation))));
	name = name_of(relation);
	trigger_name = pstrdup(quote_identifier(trigger->tgname));
	table_close(relation, NoLock);
	execute(psprintf("DROP TRIGGER %s ON %s", trigger_name, name));
	execute(psprintf("DROP TRIGGER IF EXISTS " MR_PREFERENCE_TRUNCATE " ON %s", name));
	PG_RETURN_VOID();
}

static void
put_table(FunctionCallInfo fcinfo, Relation relation)
{
	const Trigger *trigger = mr_preference_trigger(relation);
	MrPreferenceTable table;
	MrRow row = {0};
	const char *state = "ok";

	if (trigger == NULL)
		return;
	if (trigger->tgenabled == TRIGGER_DISABLED)
		state = "disabled";
	else if (mr_preference_describe(relation, trigger->tgargs[0], trigger->tgargs[1], &table) !=
			 NULL)
		state = "column_gone";
	mr_row_put_text(&row, get_namespace_name(RelationGetNamespace(relation)));
	mr_row_put_text(&row, RelationGetRelationName(relation));
	mr_row_put_text(&row, trigger->tgargs[0]);
	mr_row_put_text(&row, trigger->tgargs[1]);
	mr_row_put_text(&row, state);
	mr_row_store(fcinfo, &row);
}

Datum
multiregion_list_preferences(PG_FUNCTION_ARGS)
{
	Oid *relations;
	int count;

	InitMaterializedSRF(fcinfo, 0);
	count = mr_preference_relations(&relations);
	for (int i = 0; i < count; i++)
	{
		Relation relation = try_table_open(relations[i], AccessShareLock);

		if (relation == NULL)
			continue;
		put_table(fcinfo, relation);
		table_close(relation, AccessShareLock);
	}
	return (Datum) 0;
}
