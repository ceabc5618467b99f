/*
 * SQL function on the past of tenants. Called by people and reports, not on the way of
 * requests.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "extension/mr_catalog_run.h"
#include "extension/mr_functions.h"

PG_FUNCTION_INFO_V1(multiregion_region_for_tenant_at);

/* By version: the clocks of two primaries may differ, versions never go back. */
static const char *const past_sql =
	"SELECT h.region_key FROM multiregion.tenant_history AS h"
	" WHERE h.tenant_id OPERATOR(pg_catalog.=) $1 AND h.changed_at OPERATOR(pg_catalog.<=) $2"
	" ORDER BY h.version DESC LIMIT 1";

Datum
multiregion_region_for_tenant_at(PG_FUNCTION_ARGS)
{
	MrCatalogSession session;
	MrArguments arguments = {0};
	char region[MR_NAME_SIZE] = "";

	mr_catalog_open(&session);
	mr_add_text(&arguments, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	mr_add_time(&arguments, PG_GETARG_TIMESTAMPTZ(1));
	if (mr_read(past_sql, &arguments) > 0)
		mr_column_text(0, 1, region, sizeof(region));
	mr_catalog_close(&session);
	if (region[0] == '\0')
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(region));
}
