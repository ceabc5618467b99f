/*
 * All tenants of an application's table, by the thousand; see mr_preference.h.
 *
 * Rows are read as the table's owner, edits are made by whoever called. Called by
 * preference.c and preference_trigger.c.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/memutils.h"

#include "extension/mr_catalog_run.h"
#include "extension/routing/mr_preference.h"

#define ROWS 1000 /* read at a time */

static Portal
open_rows(const MrPreferenceTable *table)
{
	char *sql =
		psprintf("SELECT a.%s::text, a.%s::text FROM %s AS a WHERE a.%s IS NOT NULL",
				 table->tenant_column, table->region_column, table->name, table->tenant_column);
	MrPreferenceOwner owner;
	Portal portal;

	mr_preference_become(table, &owner);
	portal = SPI_cursor_open_with_args(NULL, sql, 0, NULL, NULL, NULL, true, 0);
	if (portal == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not read table %s", table->name)));
	mr_preference_unbecome(&owner);
	return portal;
}

/* The next rows, as pairs of texts in the caller's memory. Returns how many. */
static int
fetch_rows(const MrPreferenceTable *table, Portal portal, char *rows[ROWS][2])
{
	MemoryContext caller_context = CurrentMemoryContext;
	MemoryContext spi_context;
	MrPreferenceOwner owner;
	int count;

	mr_preference_become(table, &owner);
	SPI_cursor_fetch(portal, true, ROWS);
	count = (int) SPI_processed;
	spi_context = MemoryContextSwitchTo(caller_context);
	for (int i = 0; i < count; i++)
		for (int column = 0; column < 2; column++)
			rows[i][column] =
				SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, column + 1);
	MemoryContextSwitchTo(spi_context);
	mr_preference_unbecome(&owner);
	return count;
}

void
mr_preference_scan(const MrPreferenceTable *table, MrTenantBatch *batch, MrPreferenceRow row)
{
	MemoryContext pages =
		AllocSetContextCreate(CurrentMemoryContext, "rows", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller_context = MemoryContextSwitchTo(pages);
	Portal portal = open_rows(table);
	int count;

	do
	{
		char *rows[ROWS][2];

		MemoryContextReset(pages);
		count = fetch_rows(table, portal, rows);
		for (int i = 0; i < count; i++)
			if (rows[i][1] != NULL || mr_tenant_problem(rows[i][0]) == NULL)
				row(batch, table, rows[i][0], rows[i][1]);
	} while (count == ROWS);
	mr_tenant_batch_flush(batch);
	SPI_cursor_close(portal);
	MemoryContextSwitchTo(caller_context);
	MemoryContextDelete(pages);
}
