/*
 * The map of countries to regions in the catalog; see mr_catalog_country.h. Called by the
 * SQL functions, and by routing to read it.
 */
#include "postgres.h"

#include "executor/spi.h"

#include "extension/mr_catalog_country.h"
#include "extension/mr_catalog_run.h"

static const char *const list_sql =
	"SELECT c.country, c.subdivision, c.region_key, c.weight FROM multiregion.country_region AS c"
	" ORDER BY c.country, c.subdivision, c.region_key";

static const char *const map_sql =
	"INSERT INTO multiregion.country_region (country, subdivision, region_key, weight, changed_by)"
	" VALUES ($1, $2, $3, $4, $5) ON CONFLICT (country, subdivision, region_key) DO UPDATE"
	" SET weight = excluded.weight, changed_by = excluded.changed_by,"
	" changed_at = pg_catalog.clock_timestamp()";

static const char *const unmap_sql =
	"DELETE FROM multiregion.country_region AS c WHERE c.country OPERATOR(pg_catalog.=) $1"
	" AND c.subdivision OPERATOR(pg_catalog.=) $2"
	" AND ($3 IS NULL OR c.region_key OPERATOR(pg_catalog.=) $3)";

int
mr_catalog_list_countries(MrCountryRow **rows)
{
	MemoryContext caller_context = CurrentMemoryContext;
	MrCatalogSession session;
	uint64 count = 0;

	mr_catalog_open(&session);
	/* an older version of the tables has none */
	if (mr_catalog_has("country_region", NULL))
		count = mr_read(list_sql, NULL);
	*rows = MemoryContextAlloc(caller_context, Max(count, 1) * sizeof(MrCountryRow));
	for (uint64 i = 0; i < count; i++)
	{
		MrCountryRow *row = &(*rows)[i];

		mr_column_text(i, 1, row->country, sizeof(row->country));
		mr_column_text(i, 2, row->subdivision, sizeof(row->subdivision));
		mr_column_text(i, 3, row->region, sizeof(row->region));
		row->weight = mr_column_int32(i, 4);
	}
	mr_catalog_close(&session);
	return (int) count;
}

void
mr_catalog_map_country(const MrCountryRow *row)
{
	MrCatalogSession session;
	MrArguments arguments = {0};

	mr_catalog_open(&session);
	mr_add_text(&arguments, row->country);
	mr_add_text(&arguments, row->subdivision);
	mr_add_text(&arguments, row->region);
	mr_add_int32(&arguments, row->weight);
	mr_add_text(&arguments, session.caller);
	(void) mr_write(map_sql, &arguments);
	mr_catalog_close(&session);
}

int64
mr_catalog_unmap_country(const MrCountryRow *row)
{
	MrCatalogSession session;
	MrArguments arguments = {0};
	uint64 count;

	mr_catalog_open(&session);
	mr_add_text(&arguments, row->country);
	mr_add_text(&arguments, row->subdivision);
	mr_add_text(&arguments, row->region[0] != '\0' ? row->region : NULL);
	count = mr_write(unmap_sql, &arguments);
	mr_catalog_close(&session);
	return (int64) count;
}
