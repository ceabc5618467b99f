/*
 * Pauses of failover in the catalog. The table is an editor of the configuration like
 * the others: a pause holds once a majority has it on disk. Called by functions/pause.c,
 * membership.c and region.c, and by the monitor.
 */
#include "postgres.h"

#include "executor/spi.h"

#include "extension/mr_catalog_edit.h"
#include "extension/mr_catalog_run.h"

static const char *const read_sql =
	"SELECT p.scope, p.name,"
	" (1000 OPERATOR(pg_catalog.*) extract(epoch FROM p.paused_until))::pg_catalog.int8"
	" FROM multiregion.pause AS p WHERE p.paused_until OPERATOR(pg_catalog.>) pg_catalog.now()";

static const char *const write_sql =
	"INSERT INTO multiregion.pause (scope, name, paused_until, reason, paused_by)"
	" VALUES ($1, $2, $3, $4, $5) ON CONFLICT (scope, name) DO UPDATE"
	" SET paused_until = excluded.paused_until, reason = excluded.reason,"
	" paused_by = excluded.paused_by, paused_at = pg_catalog.clock_timestamp()";

static const char *const remove_sql =
	"DELETE FROM multiregion.pause WHERE scope OPERATOR(pg_catalog.=) $1"
	" AND name OPERATOR(pg_catalog.=) $2"
	" RETURNING paused_until OPERATOR(pg_catalog.>) pg_catalog.now()";

static void
take_pause(MrConfig *config, const char *scope, const char *name, int64 until_ms)
{
	if (strcmp(scope, "cluster") == 0)
		config->paused_until_ms = until_ms;
	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		MrMember *member = &config->members[slot];
		bool is_it = strcmp(scope, "region") == 0
						 ? strcmp(member->region, name) == 0
						 : strcmp(scope, "node") == 0 && strcmp(member->name, name) == 0;

		if (member->used && is_it)
			member->paused_until_ms = Max(member->paused_until_ms, until_ms);
	}
}

void
mr_catalog_read_pauses(MrConfig *config)
{
	MrCatalogSession session;
	char scope[MR_NAME_SIZE];
	char name[MR_NAME_SIZE];
	uint64 count;

	config->paused_until_ms = 0;
	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
		config->members[slot].paused_until_ms = 0;
	mr_catalog_open(&session);
	count = mr_catalog_has("pause", NULL) ? mr_read(read_sql, NULL) : 0; /* 0.1 had none */
	for (uint64 row = 0; row < count; row++)
	{
		mr_column_text(row, 1, scope, sizeof(scope));
		mr_column_text(row, 2, name, sizeof(name));
		take_pause(config, scope, name, mr_column_int64(row, 3));
	}
	mr_catalog_close(&session);
}

void
mr_catalog_write_pause(const char *scope, const char *name, TimestampTz until, const char *reason)
{
	MrCatalogSession session;
	MrArguments arguments = {0};

	mr_catalog_open(&session);
	mr_add_text(&arguments, scope);
	mr_add_text(&arguments, name);
	mr_add_time(&arguments, until);
	mr_add_text(&arguments, reason);
	mr_add_text(&arguments, session.caller);
	(void) mr_write(write_sql, &arguments);
	mr_catalog_close(&session);
}

bool
mr_catalog_remove_pause(const char *scope, const char *name)
{
	MrCatalogSession session;
	MrArguments arguments = {0};
	bool was_running;

	mr_catalog_open(&session);
	mr_add_text(&arguments, scope);
	mr_add_text(&arguments, name);
	was_running = mr_catalog_has("pause", NULL) && mr_write(remove_sql, &arguments) > 0 &&
				  mr_column_bool(0, 1);
	mr_catalog_close(&session);
	return was_running;
}
