/*
 * The rows of tenants: read, locked, written with their history; see mr_tenants.h.
 *
 * By arrays, so that a thousand tenants take as many statements as one. Runs in the session
 * that tenant_batch.c opened.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "extension/mr_catalog_run.h"
#include "extension/routing/mr_tenants.h"

/* Each for the tables of now and, with less, for those of 0.1. */
#define LOCK_SQL(rules) \
	"SELECT t.tenant_id, t.version, t.region_key" rules " FROM multiregion.tenant AS t" \
	" WHERE t.tenant_id OPERATOR(pg_catalog.=) ANY ($1) ORDER BY t.tenant_id FOR UPDATE"

#define FROM_NEW \
	" FROM unnest($1, $2, $3, $4, $5, $6, $7)" \
	" AS n (tenant_id, region_key, version, reason, mode, fallbacks, zone)"

/* change: of rows that it calls t */
#define WITH_HISTORY(change, rules) \
	"WITH changed AS (" change " RETURNING t.*)" \
	" INSERT INTO multiregion.tenant_history" \
	" (tenant_id, version, region_key, reason, changed_by, changed_at" rules ")" \
	" SELECT c.tenant_id, c.version, c.region_key, c.reason, c.changed_by, c.changed_at" rules \
	" FROM changed AS c RETURNING tenant_id"

#define INSERT_SQL(rules, values) \
	WITH_HISTORY("INSERT INTO multiregion.tenant AS t" \
				 " (tenant_id, region_key, version, reason, changed_by" rules ")" \
				 " SELECT n.tenant_id, n.region_key, n.version, n.reason, $8" values FROM_NEW \
				 " ON CONFLICT (tenant_id) DO NOTHING", \
				 rules)

#define UPDATE_SQL(rules, settings) \
	WITH_HISTORY("UPDATE multiregion.tenant AS t SET region_key = n.region_key," \
				 " version = n.version, reason = n.reason, changed_by = $8," \
				 " changed_at = pg_catalog.clock_timestamp()" settings FROM_NEW \
				 " WHERE t.tenant_id OPERATOR(pg_catalog.=) n.tenant_id", \
				 rules)

#define RULES ", mode, fallbacks, zone"

static const char *const lock_sql = LOCK_SQL(", t.mode, t.fallbacks, t.zone");
static const char *const lock_old_sql = LOCK_SQL("");

static const char *const insert_sql =
	INSERT_SQL(RULES, ", n.mode, n.fallbacks::pg_catalog.text[], n.zone");
static const char *const insert_old_sql = INSERT_SQL("", "");

static const char *const update_sql =
	UPDATE_SQL(RULES, ", mode = n.mode, fallbacks = n.fallbacks::pg_catalog.text[], zone = n.zone");
static const char *const update_old_sql = UPDATE_SQL("", "");

/* ---------- reading ---------- */

/* A number is only looked for by its exact key here: the table holds nothing else. */
static int
region_of(const MrTenantBatch *batch, const char *key)
{
	for (int i = 0; i < batch->regions.count; i++)
		if (strcmp(batch->regions.regions[i].key, key) == 0)
			return i;
	return MR_NO_REGION;
}

static int
zone_of(const MrTenantBatch *batch, const char *name)
{
	for (int i = 0; i < batch->zone_count; i++)
		if (strcmp(batch->zones[i].name, name) == 0)
			return i;
	return MR_NO_ZONE;
}

static void
read_fallbacks(const MrTenantBatch *batch, uint64 row, MrTenantRule *rule)
{
	bool is_null;
	Datum value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 5, &is_null);
	Datum *keys;
	int count;

	if (is_null)
		return;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT, &keys, NULL,
					  &count);
	for (int i = 0; i < count; i++)
	{
		int region = region_of(batch, TextDatumGetCString(keys[i]));

		if (region != MR_NO_REGION)
			(void) mr_tenant_rule_add_fallback(rule, region);
	}
}

static void
read_state(const MrTenantBatch *batch, uint64 row, MrTenantState *state)
{
	char word[MR_NAME_SIZE];

	state->version = mr_column_int64(row, 2);
	mr_column_text(row, 3, word, sizeof(word));
	state->rule.home = (int8) region_of(batch, word);
	if (!batch->has_rules)
		return;
	mr_column_text(row, 4, word, sizeof(word));
	state->rule.pinned = strcmp(word, "pin") == 0;
	read_fallbacks(batch, row, &state->rule);
	mr_column_text(row, 6, word, sizeof(word));
	state->zone = zone_of(batch, word);
}

void
mr_tenant_rows_lock(MrTenantBatch *batch)
{
	const char **tenants = palloc(batch->count * sizeof(char *));
	MrArguments arguments = {0};
	uint64 found;
	int count = 0;

	for (int i = 0; i < batch->count; i++)
	{
		MrTenantEdit *edit = &batch->edits[i];

		if (edit->done)
			continue;
		tenants[count++] = edit->tenant;
		edit->before.version = 0;
		mr_tenant_rule_clear(&edit->before.rule);
		edit->before.zone = MR_NO_ZONE;
	}
	if (count == 0)
		return;
	mr_add_texts(&arguments, tenants, count);
	found = mr_write_kept(batch->has_rules ? lock_sql : lock_old_sql, &arguments);
	for (uint64 row = 0; row < found; row++)
	{
		char tenant[MR_TENANT_SIZE];

		mr_column_text(row, 1, tenant, sizeof(tenant));
		read_state(batch, row, &mr_tenant_batch_find(batch, tenant)->before);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* ---------- writing ---------- */

/* The new rows, column by column. */
typedef struct Columns
{
	int count;
	const char *tenant[MR_TENANT_BATCH];
	const char *region[MR_TENANT_BATCH];
	int64 version[MR_TENANT_BATCH];
	const char *reason[MR_TENANT_BATCH];
	const char *mode[MR_TENANT_BATCH];
	const char *fallbacks[MR_TENANT_BATCH];
	const char *zone[MR_TENANT_BATCH];
} Columns;

static void
take_row(const MrTenantBatch *batch, const MrTenantEdit *edit, Columns *columns)
{
	const MrTenantState *after = &edit->after;
	int at = columns->count++;

	columns->tenant[at] = edit->tenant;
	columns->region[at] = mr_tenant_batch_key(batch, after->rule.home);
	columns->version[at] = after->version;
	columns->reason[at] = edit->reason;
	columns->mode[at] = after->rule.pinned ? "pin" : "prefer";
	columns->fallbacks[at] = mr_tenant_batch_fallbacks(batch, &after->rule);
	columns->zone[at] = after->zone == MR_NO_ZONE ? NULL : batch->zones[after->zone].name;
}

static void
add_columns(MrArguments *arguments, const Columns *columns)
{
	mr_add_texts(arguments, columns->tenant, columns->count);
	mr_add_texts(arguments, columns->region, columns->count);
	mr_add_int64s(arguments, columns->version, columns->count);
	mr_add_texts(arguments, columns->reason, columns->count);
	mr_add_texts(arguments, columns->mode, columns->count);
	mr_add_texts(arguments, columns->fallbacks, columns->count);
	mr_add_texts(arguments, columns->zone, columns->count);
}

void
mr_tenant_rows_write(MrTenantBatch *batch, bool exists, const char *caller)
{
	Columns *columns = palloc(sizeof(Columns));
	MrArguments arguments = {0};
	const char *sql;
	uint64 written;

	columns->count = 0;
	for (int i = 0; i < batch->count; i++)
		if (!batch->edits[i].done && (batch->edits[i].before.version > 0) == exists)
			take_row(batch, &batch->edits[i], columns);
	if (columns->count == 0)
		return;
	add_columns(&arguments, columns);
	mr_add_text(&arguments, caller);
	if (exists)
		sql = batch->has_rules ? update_sql : update_old_sql;
	else
		sql = batch->has_rules ? insert_sql : insert_old_sql;
	written = mr_write_kept(sql, &arguments);
	for (uint64 row = 0; row < written; row++)
	{
		char tenant[MR_TENANT_SIZE];

		mr_column_text(row, 1, tenant, sizeof(tenant));
		mr_tenant_batch_find(batch, tenant)->done = true;
	}
	SPI_freetuptable(SPI_tuptable);
}
