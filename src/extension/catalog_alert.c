/*
 * Alerts in the catalog: one open row for each alert and subject at most, closed when it is
 * over. Called by monitor_alert_record.c only.
 */
#include "postgres.h"

#include "executor/spi.h"

#include "extension/mr_catalog_alert.h"
#include "extension/mr_catalog_run.h"

static const char *const open_sql =
	"SELECT a.alert, a.subject, coalesce(a.region_key, ''), a.since FROM multiregion.alert AS a"
	" WHERE a.cleared_at IS NULL ORDER BY a.alert_id LIMIT $1";

static const char *const raise_sql =
	"INSERT INTO multiregion.alert"
	" (alert, severity, subject, region_key, node, reason, since, value, threshold)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, CASE WHEN $8 THEN $9 END, CASE WHEN $8 THEN $10 END)"
	" ON CONFLICT (alert, subject) WHERE cleared_at IS NULL DO NOTHING";

static const char *const clear_sql =
	"UPDATE multiregion.alert SET cleared_at = pg_catalog.clock_timestamp()"
	" WHERE alert OPERATOR(pg_catalog.=) $1 AND subject OPERATOR(pg_catalog.=) $2"
	" AND cleared_at IS NULL";

static const char *const prune_sql =
	"DELETE FROM multiregion.alert WHERE cleared_at IS NOT NULL"
	" AND alert_id OPERATOR(pg_catalog.<=) (SELECT a.alert_id FROM multiregion.alert AS a"
	" ORDER BY a.alert_id DESC OFFSET $1 LIMIT 1)";

static const char *const hook_sql =
	"SELECT FROM multiregion.hook_run AS h WHERE h.state OPERATOR(pg_catalog.=) 'failed'"
	" AND h.epoch OPERATOR(pg_catalog.=)"
	" (SELECT pg_catalog.max(f.epoch) FROM multiregion.failover AS f)"
	" AND h.ended_at OPERATOR(pg_catalog.>)"
	" (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) '1 day'::pg_catalog.interval) LIMIT 1";

int
mr_catalog_open_alerts(MrOpenAlert *out, int max)
{
	MrCatalogSession session;
	MrArguments arguments = {0};
	int count;

	if (!mr_catalog_has("alert", NULL)) /* 0.1 had none */
		return -1;
	mr_catalog_open(&session);
	mr_add_int64(&arguments, max);
	count = (int) mr_read(open_sql, &arguments);
	for (int row = 0; row < count; row++)
	{
		mr_column_text(row, 1, out[row].alert, sizeof(out[row].alert));
		mr_column_text(row, 2, out[row].subject, sizeof(out[row].subject));
		mr_column_text(row, 3, out[row].region, sizeof(out[row].region));
		out[row].since = (TimestampTz) mr_column_int64(row, 4);
	}
	mr_catalog_close(&session);
	return count;
}

bool
mr_catalog_raise_alert(const MrCatalogAlert *alert)
{
	MrCatalogSession session;
	MrArguments arguments = {0};
	bool is_new;

	mr_catalog_open(&session);
	mr_add_text(&arguments, alert->alert);
	mr_add_text(&arguments, alert->severity);
	mr_add_text(&arguments, alert->subject);
	mr_add_text(&arguments, alert->region);
	mr_add_text(&arguments, alert->node);
	mr_add_text(&arguments, alert->reason);
	mr_add_time(&arguments, alert->since);
	mr_add_bool(&arguments, alert->has_value);
	mr_add_int64(&arguments, alert->value);
	mr_add_int64(&arguments, alert->threshold);
	is_new = mr_write(raise_sql, &arguments) > 0;
	mr_catalog_close(&session);
	return is_new;
}

bool
mr_catalog_clear_alert(const char *alert, const char *subject)
{
	MrCatalogSession session;
	MrArguments arguments = {0};
	bool was_open;

	mr_catalog_open(&session);
	mr_add_text(&arguments, alert);
	mr_add_text(&arguments, subject);
	was_open = mr_write(clear_sql, &arguments) > 0;
	mr_catalog_close(&session);
	return was_open;
}

void
mr_catalog_prune_alerts(int64 keep)
{
	MrCatalogSession session;
	MrArguments arguments = {0};

	mr_catalog_open(&session);
	mr_add_int64(&arguments, keep);
	(void) mr_write(prune_sql, &arguments);
	mr_catalog_close(&session);
}

bool
mr_catalog_has_failed_hook(void)
{
	MrCatalogSession session;
	bool failed;

	if (!mr_catalog_has("hook_run", NULL)) /* 0.1 had none */
		return false;
	mr_catalog_open(&session);
	failed = mr_read(hook_sql, NULL) > 0;
	mr_catalog_close(&session);
	return failed;
}
