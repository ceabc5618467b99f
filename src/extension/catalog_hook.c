/*
 * What is run after a failover, in the catalog. A row goes forward only, and by a
 * statement that looks at its state first: a hook is never begun twice by mistake.
 * Called by the hook worker.
 */
#include "postgres.h"

#include "executor/spi.h"

#include "extension/mr_catalog_hook.h"
#include "extension/mr_catalog_run.h"
#include "extension/mr_shared_state.h"

static const char *const newest_sql =
	"SELECT f.epoch, f.cause, f.from_node, f.from_region, f.to_node, f.to_region,"
	" f.open_at IS NOT NULL, f.open_at OPERATOR(pg_catalog.>)"
	" (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) '10 minutes'::pg_catalog.interval)"
	" FROM multiregion.failover AS f ORDER BY f.epoch DESC LIMIT 1";

static const char *const rows_sql = "SELECT h.hook, h.state FROM multiregion.hook_run AS h"
									" WHERE h.epoch OPERATOR(pg_catalog.=) $1";

static const char *const add_sql =
	"INSERT INTO multiregion.hook_run (epoch, hook, state) VALUES ($1, $2, $3)"
	" ON CONFLICT (epoch, hook) DO NOTHING";

static const char *const leave_sql =
	"UPDATE multiregion.hook_run SET state = 'failed',"
	" detail = 'another change of the primary came before it was done',"
	" ended_at = pg_catalog.clock_timestamp() WHERE epoch OPERATOR(pg_catalog.<) $1"
	" AND state OPERATOR(pg_catalog.=) ANY ('{waiting,running}')";

static const char *const begin_sql =
	"UPDATE multiregion.hook_run SET state = $3, attempts = attempts OPERATOR(pg_catalog.+) 1,"
	" started_at = pg_catalog.clock_timestamp()"
	" WHERE epoch OPERATOR(pg_catalog.=) $1 AND hook OPERATOR(pg_catalog.=) $2"
	" AND state OPERATOR(pg_catalog.=) 'waiting' RETURNING attempts";

static const char *const end_sql =
	"UPDATE multiregion.hook_run SET state = $3, detail = $4,"
	" ended_at = pg_catalog.clock_timestamp()"
	" WHERE epoch OPERATOR(pg_catalog.=) $1 AND hook OPERATOR(pg_catalog.=) $2"
	" AND state OPERATOR(pg_catalog.=) ANY ('{waiting,running}')";

static const char *const veto_sql =
	"SELECT e.detail FROM multiregion.event AS e WHERE e.kind OPERATOR(pg_catalog.=) 'veto'"
	" AND e.node OPERATOR(pg_catalog.=) $1 ORDER BY e.event_id DESC LIMIT 1";

static const char *const names[] = {
#define MR_HOOK_WORD(symbol, word) word,
	MR_HOOK_LIST(MR_HOOK_WORD)
#undef MR_HOOK_WORD
};

const char *
mr_hook_name(MrHook hook)
{
	return names[hook];
}

static void
take_row(MrHookRun *run, uint64 row)
{
	char hook[MR_NAME_SIZE];
	char state[MR_NAME_SIZE];

	mr_column_text(row, 1, hook, sizeof(hook));
	mr_column_text(row, 2, state, sizeof(state));
	run->known++;
	for (int i = 0; i < MR_HOOK_COUNT; i++)
	{
		if (strcmp(hook, names[i]) != 0)
			continue;
		run->waiting[i] = strcmp(state, "waiting") == 0;
		run->running[i] = strcmp(state, "running") == 0;
	}
}

void
mr_catalog_read_hooks(MrHookRun *run)
{
	MrCatalogSession session;
	MrArguments arguments = {0};
	uint64 count;

	memset(run, 0, sizeof(*run));
	if (!mr_catalog_has("hook_run", NULL)) /* 0.1 had none */
		return;
	mr_catalog_open(&session);
	if (mr_read(newest_sql, NULL) > 0)
	{
		run->epoch = mr_column_int64(0, 1);
		mr_column_text(0, 2, run->cause, sizeof(run->cause));
		mr_column_text(0, 3, run->from_node, sizeof(run->from_node));
		mr_column_text(0, 4, run->from_region, sizeof(run->from_region));
		mr_column_text(0, 5, run->to_node, sizeof(run->to_node));
		mr_column_text(0, 6, run->to_region, sizeof(run->to_region));
		run->open = mr_column_bool(0, 7);
		run->recent = mr_column_bool(0, 8);
		mr_add_int64(&arguments, run->epoch);
		count = mr_read(rows_sql, &arguments);
		for (uint64 row = 0; row < count; row++)
			take_row(run, row);
	}
	mr_catalog_close(&session);
}

void
mr_catalog_leave_hooks(int64 epoch)
{
	MrCatalogSession session;
	MrArguments arguments = {0};

	mr_catalog_open(&session);
	mr_add_int64(&arguments, epoch);
	(void) mr_write(leave_sql, &arguments);
	mr_catalog_close(&session);
}

static void
add_key(MrArguments *arguments, int64 epoch, MrHook hook)
{
	mr_add_int64(arguments, epoch);
	mr_add_text(arguments, names[hook]);
}

void
mr_catalog_add_hook(int64 epoch, MrHook hook, bool wanted)
{
	MrCatalogSession session;
	MrArguments arguments = {0};

	mr_catalog_open(&session);
	add_key(&arguments, epoch, hook);
	mr_add_text(&arguments, wanted ? "waiting" : "skipped");
	(void) mr_write(add_sql, &arguments);
	mr_catalog_close(&session);
}

int
mr_catalog_begin_hook(int64 epoch, MrHook hook, const char *state)
{
	MrCatalogSession session;
	MrArguments arguments = {0};
	int attempt = 0;

	mr_catalog_open(&session);
	add_key(&arguments, epoch, hook);
	mr_add_text(&arguments, state);
	if (mr_write(begin_sql, &arguments) > 0)
		attempt = mr_column_int32(0, 1);
	mr_catalog_close(&session);
	return attempt;
}

void
mr_catalog_end_hook(int64 epoch, MrHook hook, const char *state, const char *detail)
{
	MrCatalogSession session;
	MrArguments arguments = {0};

	mr_catalog_open(&session);
	add_key(&arguments, epoch, hook);
	mr_add_text(&arguments, state);
	mr_add_text(&arguments, detail);
	(void) mr_write(end_sql, &arguments);
	mr_catalog_close(&session);
}

char *
mr_catalog_veto_reason(const char *node)
{
	MrCatalogSession session;
	MrArguments arguments = {0};
	MemoryContext context = CurrentMemoryContext;
	char reason[MR_EVENT_DETAIL];
	bool found;

	mr_catalog_open(&session);
	mr_add_text(&arguments, node);
	found = mr_read(veto_sql, &arguments) > 0;
	if (found)
		mr_column_text(0, 1, reason, sizeof(reason));
	mr_catalog_close(&session);
	return found && reason[0] != '\0' ? MemoryContextStrdup(context, reason) : NULL;
}
