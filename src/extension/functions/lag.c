/*
 * The SQL function that sums up the lag of nodes and regions over the last minutes.
 *
 * The samples of the last hour are in shared memory; they are copied under a shared lock and
 * sorted here, so that the monitor does no more than store them. Works on every node.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "extension/mr_alerts_shared.h"
#include "extension/mr_functions.h"
#include "extension/mr_row.h"
#include "extension/mr_shared_state.h"

PG_FUNCTION_INFO_V1(multiregion_lag_status);

/* What one call works with. */
typedef struct Lag
{
	FunctionCallInfo fcinfo;
	const MrConfig *config;
	int seconds;
	int64 now_ns;
	MrLagWindow *windows[MR_MAX_MEMBERS]; /* copies; NULL for who has no data */
	int64 bytes[MR_LAG_WINDOW_SECONDS];
	int64 ms[MR_LAG_WINDOW_SECONDS];
} Lag;

static int
seconds_argument(FunctionCallInfo fcinfo)
{
	const Interval *period = PG_GETARG_INTERVAL_P(0);
	int64 us = 0;

	if (period->month == 0 && period->day >= -1 && period->day <= 1)
		us = period->time + period->day * USECS_PER_DAY;
	if (us < USECS_PER_SEC || us > MR_LAG_WINDOW_SECONDS * USECS_PER_SEC)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the period must be from one second to one hour")));
	return (int) ((us + USECS_PER_SEC - 1) / USECS_PER_SEC);
}

static void
copy_windows(Lag *lag)
{
	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		const MrMember *member = &lag->config->members[slot];
		const MrMemberHistory *history = &mr_alerts_shared->members[slot];

		if (!member->used || member->witness)
			continue;
		lag->windows[slot] = palloc0(sizeof(MrLagWindow));
		LWLockAcquire(mr_shared->monitor_lock, LW_SHARED);
		if (mr_uuid_equal(&history->member, &member->uuid))
			*lag->windows[slot] = history->lag;
		LWLockRelease(mr_shared->monitor_lock);
	}
}

static void
put_summary(MrRow *row, int64 *values, int count)
{
	MrLagSummary summary;

	mr_lag_summarize(values, count, &summary);
	mr_row_put_number(row, summary.min, count == 0);
	mr_row_put_number(row, summary.median, count == 0);
	mr_row_put_number(row, summary.p99, count == 0);
	mr_row_put_number(row, summary.max, count == 0);
}

static void
put_row(Lag *lag, const char *node, const char *region, const MrLagWindow *const *windows,
		int window_count)
{
	MrRow row = {0};
	int count =
		mr_lag_window_read(windows, window_count, lag->now_ns, lag->seconds, lag->bytes, lag->ms);

	mr_row_put_text(&row, node);
	mr_row_put_text(&row, region);
	mr_row_put(&row, Int32GetDatum(count), false);
	put_summary(&row, lag->bytes, count);
	put_summary(&row, lag->ms, count);
	mr_row_store(lag->fcinfo, &row);
}

/* The region of the member in a slot, unless an earlier one was in the same. */
static void
put_region_of(Lag *lag, int slot)
{
	const MrLagWindow *windows[MR_MAX_MEMBERS];
	const char *region = lag->config->members[slot].region;
	int count = 0;

	for (int other = 0; other < MR_MAX_MEMBERS; other++)
	{
		if (lag->windows[other] == NULL || strcmp(lag->config->members[other].region, region) != 0)
			continue;
		if (other < slot)
			return;
		windows[count++] = lag->windows[other];
	}
	put_row(lag, NULL, region, windows, count);
}

Datum
multiregion_lag_status(PG_FUNCTION_ARGS)
{
	int seconds = seconds_argument(fcinfo);
	MrLease *lease;
	Lag *lag;

	mr_require_preloaded();
	InitMaterializedSRF(fcinfo, 0);
	lease = mr_copy_lease();
	if (lease == NULL)
		return (Datum) 0;
	lag = palloc0(sizeof(Lag));
	lag->fcinfo = fcinfo;
	lag->config = &lease->durable.config;
	lag->seconds = seconds;
	lag->now_ns = mr_boottime_ns();
	copy_windows(lag);
	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		const MrLagWindow *window = lag->windows[slot];

		CHECK_FOR_INTERRUPTS();
		if (window == NULL)
			continue;
		put_row(lag, lag->config->members[slot].name, lag->config->members[slot].region, &window,
				1);
		put_region_of(lag, slot);
	}
	return (Datum) 0;
}
