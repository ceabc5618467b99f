/*
 * Changes of tenants in the catalog; see mr_catalog_edit.h. Look-ups are in routing/.
 *
 * Called by functions/tenant.c.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "extension/mr_catalog_edit.h"
#include "extension/mr_catalog_run.h"

#define CHANGE_ATTEMPTS 10

static const char *const lock_tenant_sql =
	"SELECT t.version, t.region_key FROM multiregion.tenant AS t"
	" WHERE t.tenant_id OPERATOR(pg_catalog.=) $1 FOR UPDATE";

static const char *const insert_sql =
	"INSERT INTO multiregion.tenant (tenant_id, region_key, version, reason, changed_by)"
	" VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant_id) DO NOTHING";

static const char *const update_sql =
	"UPDATE multiregion.tenant SET region_key = $2, version = $3, reason = $4, changed_by = $5,"
	" changed_at = pg_catalog.clock_timestamp() WHERE tenant_id OPERATOR(pg_catalog.=) $1";

static const char *const history_sql =
	"INSERT INTO multiregion.tenant_history (tenant_id, region_key, version, reason, changed_by)"
	" VALUES ($1, $2, $3, $4, $5)";

static void
require_version(const MrTenantChange *change, int64 version)
{
	if (!change->has_expected || change->expected == version)
		return;
	ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					errmsg("tenant \"%s\" was changed by somebody else", change->tenant),
					errdetail("Its version is %lld, not %lld.", (long long) version,
							  (long long) change->expected),
					errhint("Read the tenant again, and decide with what it says now.")));
}

static void
store(const char *sql, const MrTenantChange *change, int64 version, const char *caller)
{
	MrArguments arguments = {0};

	mr_add_text(&arguments, change->tenant);
	mr_add_text(&arguments, change->region);
	mr_add_int64(&arguments, version);
	mr_add_text(&arguments, change->reason);
	mr_add_text(&arguments, caller);
	(void) mr_write(sql, &arguments);
}

/* One attempt. Returns the version, or -1 when somebody else has just made the row. */
static int64
attempt(const MrTenantChange *change, const char *caller, bool *had_region)
{
	MrArguments arguments = {0};
	char region[MR_NAME_SIZE] = "";
	int64 version = 0;

	mr_add_text(&arguments, change->tenant);
	if (mr_write(lock_tenant_sql, &arguments) > 0)
	{
		version = mr_column_int64(0, 1);
		mr_column_text(0, 2, region, sizeof(region));
	}
	*had_region = region[0] != '\0';
	require_version(change, version);
	if (strcmp(region, change->region != NULL ? change->region : "") == 0)
		return version;
	store(version == 0 ? insert_sql : update_sql, change, version + 1, caller);
	if (SPI_processed == 0)
		return -1;
	store(history_sql, change, version + 1, caller);
	return version + 1;
}

int64
mr_catalog_change_tenant(const MrTenantChange *change, bool *had_region)
{
	MrCatalogSession session;
	int64 version = -1;

	mr_catalog_open(&session);
	for (int i = 0; version < 0; i++)
	{
		/* Under REPEATABLE READ the other's row stays invisible for ever. */
		if (i == CHANGE_ATTEMPTS || (i > 0 && IsolationUsesXactSnapshot()))
			ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
							errmsg("could not change tenant \"%s\" due to concurrent changes",
								   change->tenant),
							errhint("Try again.")));
		version = attempt(change, session.caller, had_region);
	}
	mr_catalog_close(&session);
	return version;
}
