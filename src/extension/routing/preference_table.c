/*
 * The application's tables that carry a region preference; see mr_preference.h.
 *
 * Reads the catalogs only. Called by the other preference_*.c.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/reltrigger.h"

#include "extension/mr_catalog_run.h"
#include "extension/routing/mr_preference.h"

/* Row triggers with our function; those of partitions stand for their table's. */
static const char *const relations_sql =
	"SELECT t.tgrelid::pg_catalog.int8 FROM pg_catalog.pg_depend AS d"
	" JOIN pg_catalog.pg_trigger AS t ON t.oid OPERATOR(pg_catalog.=) d.objid"
	" WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_trigger'::pg_catalog.regclass"
	" AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass"
	" AND d.refobjid OPERATOR(pg_catalog.=) $1::pg_catalog.oid"
	" AND (t.tgtype::pg_catalog.int4 OPERATOR(pg_catalog.&) 1) OPERATOR(pg_catalog.=) 1"
	" AND t.tgparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid ORDER BY t.tgrelid";

static Oid
trigger_function(void)
{
	List *name = list_make2(makeString(pstrdup("multiregion")),
							makeString(pstrdup("keep_region_preference")));

	return LookupFuncName(name, 0, NULL, true);
}

const Trigger *
mr_preference_trigger(Relation relation)
{
	Oid function = trigger_function();

	for (int i = 0; relation->trigdesc != NULL && i < relation->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &relation->trigdesc->triggers[i];

		if (trigger->tgfoid == function && TRIGGER_FOR_ROW(trigger->tgtype) &&
			trigger->tgnargs == 2)
			return trigger;
	}
	return NULL;
}

int
mr_preference_relations(Oid **relations)
{
	MemoryContext caller_context = CurrentMemoryContext;
	Oid function = trigger_function();
	MrCatalogSession session;
	MrArguments arguments = {0};
	uint64 count;

	*relations = NULL;
	if (!OidIsValid(function))
		return 0;
	mr_catalog_open(&session);
	mr_add_int64(&arguments, (int64) function);
	count = mr_write_kept(relations_sql, &arguments);
	*relations = MemoryContextAlloc(caller_context, Max(count, 1) * sizeof(Oid));
	for (uint64 row = 0; row < count; row++)
		(*relations)[row] = (Oid) mr_column_int64(row, 1);
	mr_catalog_close(&session);
	return (int) count;
}

/* ---------- columns ---------- */

static const char *
describe_tenant_column(Form_pg_attribute column, MrPreferenceTable *table)
{
	table->tenant_type = getBaseType(column->atttypid);
	table->tenant_cast = format_type_be_qualified(table->tenant_type);
	table->tenant_column = quote_identifier(pstrdup(NameStr(column->attname)));
	switch (table->tenant_type)
	{
		case TEXTOID:
		case VARCHAROID:
		case UUIDOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return NULL;
		default:
			return "A tenant's id is of type text, varchar, uuid, smallint, integer or bigint.";
	}
}

/* An enum's label for the region, in whatever case it is; without one, an error tells the key. */
static const char *
label_of_enum(Oid type, Oid base)
{
	return psprintf("coalesce((SELECT e.enumlabel::text FROM pg_catalog.pg_enum AS e"
					" WHERE e.enumtypid OPERATOR(pg_catalog.=) %s::pg_catalog.regtype"
					" AND (upper(e.enumlabel::text COLLATE \"C\") = n.key"
					" OR lower(e.enumlabel::text COLLATE \"C\") = n.id)"
					" ORDER BY e.enumlabel LIMIT 1), n.key)::%s",
					quote_literal_cstr(format_type_be_qualified(base)),
					format_type_be_qualified(type));
}

static const char *
describe_region_column(Form_pg_attribute column, MrPreferenceTable *table)
{
	Oid base = getBaseType(column->atttypid);
	bool is_enum = get_typtype(base) == TYPTYPE_ENUM;

	table->region_column = quote_identifier(pstrdup(NameStr(column->attname)));
	/* Assigned to text and varchar, which complain when it is too long; a cast would cut. */
	table->region_value = "n.key";
	if (is_enum)
		table->region_value = label_of_enum(column->atttypid, base);
	else if (base != column->atttypid)
		table->region_value = psprintf("n.key::%s", format_type_be_qualified(column->atttypid));
	if (column->attgenerated != '\0')
		return "A generated column cannot be written.";
	if (is_enum || base == TEXTOID || base == VARCHAROID)
		return NULL;
	return "A region's column is of type text, varchar or of an enum type.";
}

const char *
mr_preference_describe(Relation relation, const char *tenant_column, const char *region_column,
					   MrPreferenceTable *table)
{
	TupleDesc columns = RelationGetDescr(relation);
	int tenant = SPI_fnumber(columns, tenant_column);
	int region = SPI_fnumber(columns, region_column);
	const char *schema = get_namespace_name(RelationGetNamespace(relation));
	const char *problem;

	if (tenant <= 0 || region <= 0)
		return "A column does not exist.";
	table->relation = RelationGetRelid(relation);
	table->owner = relation->rd_rel->relowner;
	/* Copies: the relation may be closed before they are used. */
	table->name = quote_qualified_identifier(schema, pstrdup(RelationGetRelationName(relation)));
	table->path = psprintf("pg_catalog, %s, pg_temp", quote_identifier(schema));
	problem = describe_tenant_column(TupleDescAttr(columns, tenant - 1), table);
	return problem != NULL ? problem
						   : describe_region_column(TupleDescAttr(columns, region - 1), table);
}

/* ---------- values ---------- */

static bool
is_uuid(const char *text)
{
	int i;

	for (i = 0; text[i] != '\0'; i++)
	{
		bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (is_dash ? text[i] != '-' : strchr("0123456789abcdef", text[i]) == NULL)
			return false;
	}
	return i == 36;
}

/* As PostgreSQL writes it: without blanks, plus sign or leading zeros. */
static bool
is_integer(const char *text, int64 least, int64 greatest)
{
	char canonical[32];
	int64 value;

	errno = 0;
	value = strtoll(text, NULL, 10);
	snprintf(canonical, sizeof(canonical), INT64_FORMAT, value);
	return errno == 0 && strcmp(canonical, text) == 0 && value >= least && value <= greatest;
}

bool
mr_preference_has_value(const MrPreferenceTable *table, const char *tenant)
{
	switch (table->tenant_type)
	{
		case UUIDOID:
			return is_uuid(tenant);
		case INT2OID:
			return is_integer(tenant, PG_INT16_MIN, PG_INT16_MAX);
		case INT4OID:
			return is_integer(tenant, PG_INT32_MIN, PG_INT32_MAX);
		case INT8OID:
			return is_integer(tenant, PG_INT64_MIN, PG_INT64_MAX);
		default:
			return true;
	}
}

/* ---------- the owner ---------- */

void
mr_preference_become(const MrPreferenceTable *table, MrPreferenceOwner *owner)
{
	int context = SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS;

	GetUserIdAndSecContext(&owner->user, &owner->security_context);
	/* Code of the owner's must not leave anything behind that others would run. */
	if (owner->user != table->owner)
		context |= SECURITY_RESTRICTED_OPERATION;
	if (SPI_connect() != SPI_OK_CONNECT)
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not connect to SPI")));
	SetUserIdAndSecContext(table->owner, owner->security_context | context);
	owner->guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", table->path, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

void
mr_preference_unbecome(const MrPreferenceOwner *owner)
{
	AtEOXact_GUC(true, owner->guc_level);
	SetUserIdAndSecContext(owner->user, owner->security_context);
	SPI_finish();
}
