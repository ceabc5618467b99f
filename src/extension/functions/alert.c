/*
 * SQL functions that show alerts: those raised on this node now, and the list there is.
 *
 * Read shared memory only, so they work on standbys, on fenced nodes and while nothing can
 * be written.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "core/mr_names.h"
#include "extension/mr_alerts_shared.h"
#include "extension/mr_functions.h"
#include "extension/mr_row.h"
#include "extension/mr_shared_state.h"

#define RUNBOOK "MULTI_REGION_RUNBOOK.md#"

PG_FUNCTION_INFO_V1(multiregion_alert_status);
PG_FUNCTION_INFO_V1(multiregion_list_alerts);

static void
put_runbook(MrRow *row, const MrAlertSpec *spec)
{
	mr_row_put_text(row, psprintf(RUNBOOK "%s", spec->entry));
	mr_row_put_text(row, spec->sentence);
}

static void
put_alert(FunctionCallInfo fcinfo, const MrAlert *alert)
{
	const MrAlertSpec *spec = mr_alert_spec(alert->kind);
	bool no_value = spec->unit[0] == '\0';
	MrRow row = {0};

	mr_row_put_text(&row, spec->word);
	mr_row_put_text(&row, spec->severity);
	mr_row_put_text(&row, alert->subject);
	mr_row_put_text(&row, alert->region);
	mr_row_put(&row, TimestampTzGetDatum(alert->since), false);
	mr_row_put_number(&row, alert->value, no_value);
	mr_row_put_number(&row, alert->threshold, no_value);
	mr_row_put_text(&row, spec->unit);
	mr_row_put_text(&row,
					alert->refusal != MR_REFUSE_NONE ? mr_refusal_sentence(alert->refusal) : NULL);
	put_runbook(&row, spec);
	mr_row_store(fcinfo, &row);
}

/* The monitor itself cannot say that it has stopped. */
static void
put_stale_monitor(FunctionCallInfo fcinfo, const MrLease *lease, TimestampTz updated_at)
{
	TimestampTz since = updated_at != 0 ? updated_at : mr_shared->started_at;
	int64 silent_ms = (GetCurrentTimestamp() - since) / 1000;
	MrAlert alert = {.kind = MR_ALERT_MONITOR_STALE,
					 .since = since,
					 .value = silent_ms,
					 .threshold = MR_MONITOR_STALE_MS};

	if (silent_ms <= MR_MONITOR_STALE_MS || pg_atomic_read_u32(&mr_shared->mode) == MR_MODE_OFF)
		return;
	strlcpy(alert.subject, lease->durable.name, sizeof(alert.subject));
	strlcpy(alert.region, lease->durable.region, sizeof(alert.region));
	put_alert(fcinfo, &alert);
}

Datum
multiregion_alert_status(PG_FUNCTION_ARGS)
{
	MrAlerts *alerts = palloc(sizeof(MrAlerts));
	TimestampTz updated_at;
	MrLease *lease;

	mr_require_preloaded();
	InitMaterializedSRF(fcinfo, 0);
	lease = mr_copy_lease();
	if (lease == NULL)
		return (Datum) 0;
	LWLockAcquire(mr_shared->monitor_lock, LW_SHARED);
	*alerts = mr_alerts_shared->alerts;
	updated_at = mr_shared->monitor.updated_at;
	LWLockRelease(mr_shared->monitor_lock);
	for (int i = 0; i < alerts->count; i++)
	{
		if (mr_alert_is_raised(&alerts->list[i]))
			put_alert(fcinfo, &alerts->list[i]);
	}
	put_stale_monitor(fcinfo, lease, updated_at);
	return (Datum) 0;
}

Datum
multiregion_list_alerts(PG_FUNCTION_ARGS)
{
	const MrAlertSpec *spec;

	InitMaterializedSRF(fcinfo, 0);
	for (int kind = 0; (spec = mr_alert_spec(kind)) != NULL; kind++)
	{
		MrRow row = {0};

		mr_row_put_text(&row, spec->word);
		mr_row_put_text(&row, spec->severity);
		mr_row_put_text(&row, spec->about);
		mr_row_put_text(&row, spec->unit);
		mr_row_put_text(&row, spec->policy);
		mr_row_put_number(&row, spec->after_ms, spec->after_ms == MR_ALERT_DELAYED);
		put_runbook(&row, spec);
		mr_row_store(fcinfo, &row);
	}
	return (Datum) 0;
}
