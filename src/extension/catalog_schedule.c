/*
 * Scheduled switchovers in the catalog. waiting -> running (the order's number is in the
 * row before the order is given) -> done, refused, interrupted; or waiting -> cancelled,
 * missed. Each step is one statement that looks at the state, so that neither two workers
 * nor a worker and cancel_switchover() do the same one twice.
 * Called by the hook worker and functions/schedule.c.
 */
#include "postgres.h"

#include "executor/spi.h"

#include "extension/mr_catalog_hook.h"
#include "extension/mr_catalog_run.h"

static const char *const due_sql =
	"SELECT FROM multiregion.schedule AS s"
	" WHERE s.state OPERATOR(pg_catalog.=) ANY ('{waiting,running}')"
	" AND s.due_at OPERATOR(pg_catalog.<=) pg_catalog.clock_timestamp() LIMIT 1";

static const char *const add_sql =
	"INSERT INTO multiregion.schedule (due_at, target, away, reason, scheduled_by)"
	" VALUES ($1, $2, $3, $4, $5) RETURNING schedule_id";

static const char *const cancel_sql =
	"UPDATE multiregion.schedule SET state = 'cancelled',"
	" ended_at = pg_catalog.clock_timestamp(), cancelled_by = $2"
	" WHERE schedule_id OPERATOR(pg_catalog.=) $1"
	" AND state OPERATOR(pg_catalog.=) 'waiting' RETURNING schedule_id";

static const char *const state_sql = "SELECT s.state FROM multiregion.schedule AS s"
									 " WHERE s.schedule_id OPERATOR(pg_catalog.=) $1";

static const char *const take_sql =
	"UPDATE multiregion.schedule AS u SET state = 'running', order_id = $1,"
	" started_at = pg_catalog.clock_timestamp()"
	" WHERE u.state OPERATOR(pg_catalog.=) 'waiting' AND u.schedule_id OPERATOR(pg_catalog.=)"
	" (SELECT s.schedule_id FROM multiregion.schedule AS s"
	" WHERE s.state OPERATOR(pg_catalog.=) 'waiting'"
	" AND s.due_at OPERATOR(pg_catalog.<=) pg_catalog.clock_timestamp()"
	" ORDER BY s.due_at, s.schedule_id LIMIT 1)"
	" RETURNING u.schedule_id, u.target, u.away";

static const char *const miss_sql =
	"UPDATE multiregion.schedule AS u SET state = 'missed',"
	" ended_at = pg_catalog.clock_timestamp()"
	" WHERE u.state OPERATOR(pg_catalog.=) 'waiting' AND u.schedule_id OPERATOR(pg_catalog.=)"
	" (SELECT s.schedule_id FROM multiregion.schedule AS s"
	" WHERE s.state OPERATOR(pg_catalog.=) 'waiting' AND s.due_at OPERATOR(pg_catalog.<)"
	" (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) '5 minutes'::pg_catalog.interval)"
	" ORDER BY s.due_at, s.schedule_id LIMIT 1) RETURNING u.schedule_id";

static const char *const running_sql =
	"SELECT s.schedule_id, s.order_id, s.started_at OPERATOR(pg_catalog.<)"
	" (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) '2 minutes'::pg_catalog.interval)"
	" FROM multiregion.schedule AS s WHERE s.state OPERATOR(pg_catalog.=) 'running'"
	" ORDER BY s.schedule_id LIMIT 1";

static const char *const end_sql =
	"UPDATE multiregion.schedule SET state = $2, rule = $3,"
	" epoch = CASE WHEN $4 OPERATOR(pg_catalog.>) 0 THEN $4 END,"
	" ended_at = pg_catalog.clock_timestamp()"
	" WHERE schedule_id OPERATOR(pg_catalog.=) $1 AND state OPERATOR(pg_catalog.=) 'running'";

bool
mr_catalog_is_schedule_due(void)
{
	MrCatalogSession session;
	bool is_due;

	if (!mr_catalog_has("schedule", NULL)) /* 0.1 had none */
		return false;
	mr_catalog_open(&session);
	is_due = mr_read(due_sql, NULL) > 0;
	mr_catalog_close(&session);
	return is_due;
}

int64
mr_catalog_add_schedule(TimestampTz due, const char *target, bool away, const char *reason)
{
	MrCatalogSession session;
	MrArguments arguments = {0};
	int64 id;

	mr_catalog_open(&session);
	mr_add_time(&arguments, due);
	mr_add_text(&arguments, target);
	mr_add_bool(&arguments, away);
	mr_add_text(&arguments, reason);
	mr_add_text(&arguments, session.caller);
	(void) mr_write(add_sql, &arguments);
	id = mr_column_int64(0, 1);
	mr_catalog_close(&session);
	return id;
}

bool
mr_catalog_cancel_schedule(int64 id)
{
	MrCatalogSession session;
	MrArguments arguments = {0};
	bool was_waiting;

	mr_catalog_open(&session);
	mr_add_int64(&arguments, id);
	mr_add_text(&arguments, session.caller);
	was_waiting = mr_write(cancel_sql, &arguments) > 0;
	mr_catalog_close(&session);
	return was_waiting;
}

void
mr_catalog_schedule_state(int64 id, char state[MR_NAME_SIZE])
{
	MrCatalogSession session;
	MrArguments arguments = {0};

	state[0] = '\0';
	mr_catalog_open(&session);
	mr_add_int64(&arguments, id);
	if (mr_write(state_sql, &arguments) > 0)
		mr_column_text(0, 1, state, MR_NAME_SIZE);
	mr_catalog_close(&session);
}

bool
mr_catalog_take_schedule(int64 order_id, MrScheduleRow *row)
{
	MrCatalogSession session;
	MrArguments arguments = {0};
	bool found;

	memset(row, 0, sizeof(*row));
	mr_catalog_open(&session);
	mr_add_int64(&arguments, order_id);
	found = mr_write(take_sql, &arguments) > 0;
	if (found)
	{
		row->id = mr_column_int64(0, 1);
		mr_column_text(0, 2, row->target, sizeof(row->target));
		row->away = mr_column_bool(0, 3);
		row->order_id = order_id;
	}
	mr_catalog_close(&session);
	return found;
}

int64
mr_catalog_miss_schedule(void)
{
	MrCatalogSession session;
	int64 id;

	mr_catalog_open(&session);
	id = mr_write(miss_sql, NULL) > 0 ? mr_column_int64(0, 1) : 0;
	mr_catalog_close(&session);
	return id;
}

bool
mr_catalog_running_schedule(MrScheduleRow *row)
{
	MrCatalogSession session;
	bool found;

	memset(row, 0, sizeof(*row));
	mr_catalog_open(&session);
	found = mr_read(running_sql, NULL) > 0;
	if (found)
	{
		row->id = mr_column_int64(0, 1);
		row->order_id = mr_column_int64(0, 2);
		row->expired = mr_column_bool(0, 3);
	}
	mr_catalog_close(&session);
	return found;
}

void
mr_catalog_end_schedule(int64 id, const char *state, const char *rule, int64 epoch)
{
	MrCatalogSession session;
	MrArguments arguments = {0};

	mr_catalog_open(&session);
	mr_add_int64(&arguments, id);
	mr_add_text(&arguments, state);
	mr_add_text(&arguments, rule);
	mr_add_int64(&arguments, epoch);
	(void) mr_write(end_sql, &arguments);
	mr_catalog_close(&session);
}
