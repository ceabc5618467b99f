/*
 * How the catalog runs SQL: sessions, arguments, results; and a worker's transactions.
 *
 * Statements name every object and operator in full where a foreign one could be meant;
 * the fixed search_path is the second lock on the same door. Work is done as the owner of
 * schema multiregion, because nobody else has rights on its tables; whether the caller may
 * do it was decided by the EXECUTE privilege of the function he called.
 *
 * Never connects anywhere, never writes a file. Called by the other catalog files and,
 * for transactions, by workers.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/pg_lsn.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include <math.h>

#include "extension/mr_catalog.h"
#include "extension/mr_catalog_run.h"

#define SCHEMA_NAME "multiregion"
#define SEARCH_PATH "pg_catalog, pg_temp"
#define KEPT_PLANS 16

/* ---------- transactions of workers ---------- */

bool
mr_catalog_start(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (OidIsValid(get_extension_oid("multiregion", true)) &&
		OidIsValid(get_namespace_oid(SCHEMA_NAME, true)))
		return true;
	mr_catalog_finish();
	return false;
}

void
mr_catalog_finish(void)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
	pgstat_report_stat(false);
}

/* ---------- sessions ---------- */

static Oid
schema_owner(void)
{
	Oid schema = get_namespace_oid(SCHEMA_NAME, true);
	HeapTuple tuple = NULL;
	Oid owner;

	if (OidIsValid(schema))
		tuple = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(schema));
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_SCHEMA),
						errmsg("schema \"%s\" does not exist", SCHEMA_NAME),
						errhint("Run CREATE EXTENSION multiregion in this database.")));
	owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
	ReleaseSysCache(tuple);
	return owner;
}

void
mr_catalog_open(MrCatalogSession *session)
{
	Oid owner = schema_owner();
	int result;

	GetUserIdAndSecContext(&session->user, &session->security_context);
	result = SPI_connect();
	if (result != SPI_OK_CONNECT)
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
						errmsg("could not open the catalog: %s", SPI_result_code_string(result))));
	SetUserIdAndSecContext(owner, session->security_context | SECURITY_LOCAL_USERID_CHANGE);
	strlcpy(session->caller, GetUserNameFromId(session->user, false), sizeof(session->caller));
	session->guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", SEARCH_PATH, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

void
mr_catalog_close(MrCatalogSession *session)
{
	AtEOXact_GUC(true, session->guc_level);
	SetUserIdAndSecContext(session->user, session->security_context);
	SPI_finish();
}

bool
mr_catalog_has(const char *table, const char *column)
{
	Oid relation = get_relname_relid(table, get_namespace_oid(SCHEMA_NAME, true));

	return OidIsValid(relation) &&
		   (column == NULL || get_attnum(relation, column) != InvalidAttrNumber);
}

/* ---------- arguments ---------- */

static void
add(MrArguments *arguments, Oid type, Datum value, bool is_null)
{
	int at = arguments->count++;

	Assert(at < MR_CATALOG_MAX_ARGUMENTS);
	arguments->types[at] = type;
	arguments->values[at] = value;
	arguments->nulls[at] = is_null ? 'n' : ' ';
}

void
mr_add_text(MrArguments *arguments, const char *value)
{
	add(arguments, TEXTOID, value != NULL ? CStringGetTextDatum(value) : (Datum) 0, value == NULL);
}

void
mr_add_int64(MrArguments *arguments, int64 value)
{
	add(arguments, INT8OID, Int64GetDatum(value), false);
}

void
mr_add_int32(MrArguments *arguments, int32 value)
{
	add(arguments, INT4OID, Int32GetDatum(value), false);
}

void
mr_add_bool(MrArguments *arguments, bool value)
{
	add(arguments, BOOLOID, BoolGetDatum(value), false);
}

void
mr_add_degrees(MrArguments *arguments, double value)
{
	add(arguments, FLOAT8OID, Float8GetDatum(value), isnan(value));
}

void
mr_add_time(MrArguments *arguments, TimestampTz value)
{
	add(arguments, TIMESTAMPTZOID, TimestampTzGetDatum(value), value == 0);
}

void
mr_add_lsn(MrArguments *arguments, MrLsn value)
{
	add(arguments, LSNOID, LSNGetDatum((XLogRecPtr) value), value == 0);
}

void
mr_add_uuid(MrArguments *arguments, const MrUuid *value)
{
	pg_uuid_t *copy = palloc(sizeof(pg_uuid_t));

	StaticAssertStmt(sizeof(copy->data) == sizeof(value->bytes), "both are a uuid");
	memcpy(copy->data, value->bytes, sizeof(copy->data));
	add(arguments, UUIDOID, UUIDPGetDatum(copy), !mr_uuid_is_set(value));
}

/* A column of values, so that one statement changes many rows. */
static void
add_array(MrArguments *arguments, Oid type, Oid element, Datum *values, bool *nulls, int count)
{
	int16 length;
	bool by_value;
	char align;
	int lower = 1;
	ArrayType *array;

	get_typlenbyvalalign(element, &length, &by_value, &align);
	array = construct_md_array(values, nulls, 1, &count, &lower, element, length, by_value, align);
	add(arguments, type, PointerGetDatum(array), false);
}

void
mr_add_texts(MrArguments *arguments, const char *const *values, int count)
{
	Datum *datums = palloc0(count * sizeof(Datum));
	bool *nulls = palloc(count * sizeof(bool));

	for (int i = 0; i < count; i++)
	{
		nulls[i] = values[i] == NULL;
		if (!nulls[i])
			datums[i] = CStringGetTextDatum(values[i]);
	}
	add_array(arguments, TEXTARRAYOID, TEXTOID, datums, nulls, count);
}

void
mr_add_int64s(MrArguments *arguments, const int64 *values, int count)
{
	Datum *datums = palloc(count * sizeof(Datum));

	for (int i = 0; i < count; i++)
		datums[i] = Int64GetDatum(values[i]);
	add_array(arguments, INT8ARRAYOID, INT8OID, datums, NULL, count);
}

/* ---------- statements and results ---------- */

static void
require_success(int result)
{
	if (result < 0)
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
						errmsg("could not use the catalog: %s", SPI_result_code_string(result))));
}

static uint64
run(const char *sql, MrArguments *arguments, bool read_only)
{
	MrArguments none = {0};

	if (arguments == NULL)
		arguments = &none;
	require_success(SPI_execute_with_args(sql, arguments->count, arguments->types,
										  arguments->values, arguments->nulls, read_only, 0));
	return SPI_processed;
}

uint64
mr_read(const char *sql, MrArguments *arguments)
{
	return run(sql, arguments, true);
}

uint64
mr_write(const char *sql, MrArguments *arguments)
{
	return run(sql, arguments, false);
}

/* Plans of statements that are run again and again, by the address of their text. */
static struct
{
	const char *sql;
	SPIPlanPtr plan;
} kept_plans[KEPT_PLANS];

static SPIPlanPtr
kept_plan(const char *sql, MrArguments *arguments)
{
	int at = 0;
	SPIPlanPtr plan;

	while (at < KEPT_PLANS && kept_plans[at].sql != NULL && kept_plans[at].sql != sql)
		at++;
	if (at == KEPT_PLANS || kept_plans[at].sql == sql)
		return at == KEPT_PLANS ? NULL : kept_plans[at].plan;
	plan = SPI_prepare(sql, arguments->count, arguments->types);
	if (plan == NULL)
		require_success(SPI_result);
	require_success(SPI_keepplan(plan));
	kept_plans[at].plan = plan;
	kept_plans[at].sql = sql;
	return plan;
}

uint64
mr_write_kept(const char *sql, MrArguments *arguments)
{
	SPIPlanPtr plan = kept_plan(sql, arguments);

	if (plan == NULL)
		return mr_write(sql, arguments);
	require_success(SPI_execute_plan(plan, arguments->values, arguments->nulls, false, 0));
	return SPI_processed;
}

static Datum
column(uint64 row, int number, bool *is_null)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number, is_null);
}

void
mr_column_text(uint64 row, int number, char *out, size_t size)
{
	char *value = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number);

	strlcpy(out, value != NULL ? value : "", size);
}

int64
mr_column_int64(uint64 row, int number)
{
	bool is_null;
	Datum value = column(row, number, &is_null);

	return is_null ? 0 : DatumGetInt64(value);
}

int32
mr_column_int32(uint64 row, int number)
{
	bool is_null;
	Datum value = column(row, number, &is_null);

	return is_null ? 0 : DatumGetInt32(value);
}

bool
mr_column_bool(uint64 row, int number)
{
	bool is_null;
	Datum value = column(row, number, &is_null);

	return !is_null && DatumGetBool(value);
}

double
mr_column_degrees(uint64 row, int number)
{
	bool is_null;
	Datum value = column(row, number, &is_null);

	return is_null ? (double) NAN : DatumGetFloat8(value);
}

void
mr_column_uuid(uint64 row, int number, MrUuid *out)
{
	bool is_null;
	Datum value = column(row, number, &is_null);

	memset(out, 0, sizeof(*out));
	if (!is_null)
		memcpy(out->bytes, DatumGetUUIDP(value)->data, sizeof(out->bytes));
}
