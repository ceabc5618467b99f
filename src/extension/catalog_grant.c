/*
 * Grants on functions of PostgreSQL; see mr_catalog_grant.h.
 *
 * They are ordinary ones, made outside of an extension script, so pg_dump and pg_upgrade
 * take them along. They belong to a cluster and not to the extension: init() gives them,
 * leave() takes them. Called by functions/init.c.
 */
#include "postgres.h"

#include "extension/mr_catalog_grant.h"
#include "extension/mr_catalog_run.h"

#define REWIND_FUNCTIONS \
	" ON FUNCTION pg_catalog.pg_ls_dir(pg_catalog.text, pg_catalog.bool, pg_catalog.bool)," \
	" pg_catalog.pg_stat_file(pg_catalog.text, pg_catalog.bool)," \
	" pg_catalog.pg_read_binary_file(pg_catalog.text)," \
	" pg_catalog.pg_read_binary_file(pg_catalog.text, pg_catalog.int8, pg_catalog.int8," \
	" pg_catalog.bool)"

static const char *const grant_sql = "GRANT EXECUTE" REWIND_FUNCTIONS " TO multiregion_peer";

static const char *const revoke_sql = "REVOKE EXECUTE" REWIND_FUNCTIONS " FROM multiregion_peer";

static void
execute(const char *sql)
{
	MrCatalogSession session;

	mr_catalog_open(&session);
	(void) mr_write(sql, NULL);
	mr_catalog_close(&session);
}

void
mr_catalog_grant_rewind(void)
{
	execute(grant_sql);
}

void
mr_catalog_revoke_rewind(void)
{
	execute(revoke_sql);
}
