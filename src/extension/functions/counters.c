/*
 * SQL functions that show what is only counted, for GET /metrics of the sidecar.
 *
 * Read shared memory only, so they work on standbys, on fenced nodes and while nothing can
 * be written. The counters begin at 0 with the server.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "core/mr_governor.h"
#include "extension/mr_functions.h"
#include "extension/mr_row.h"
#include "extension/mr_shared_state.h"

PG_FUNCTION_INFO_V1(multiregion_node_counters);
PG_FUNCTION_INFO_V1(multiregion_member_counters);

static int64
count_of(pg_atomic_uint64 *counter)
{
	return (int64) pg_atomic_read_u64(counter);
}

Datum
multiregion_node_counters(PG_FUNCTION_ARGS)
{
	MrRow row = {0};
	TimestampTz due = 0;
	MrLease *lease;

	mr_require_preloaded();
	lease = mr_copy_lease();
	mr_row_put_number(&row, count_of(&mr_shared->refused_before), false);
	mr_row_put_number(&row, count_of(&mr_shared->refused_commit), false);
	mr_row_put_number(&row, count_of(&mr_shared->refused_acknowledgement), false);
	mr_row_put_number(&row, pg_atomic_read_u32(&mr_shared->canary_failures), false);
	if (lease != NULL)
	{
		due = mr_boottime_to_timestamp(mr_failback_due_ns(lease), mr_boottime_offset());
		mr_row_put_number(&row, mr_governor_count(&lease->durable, lease->wall_ms), false);
		mr_row_put(&row, TimestampTzGetDatum(due), due == 0);
	}
	else
		mr_row_put_nulls(&row, 2);
	PG_RETURN_DATUM(mr_row_result(fcinfo, &row));
}

Datum
multiregion_member_counters(PG_FUNCTION_ARGS)
{
	MrLease *lease;

	mr_require_preloaded();
	InitMaterializedSRF(fcinfo, 0);
	lease = mr_copy_lease();
	if (lease == NULL)
		return (Datum) 0;
	LWLockAcquire(mr_shared->monitor_lock, LW_SHARED);
	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		const MrMember *member = &lease->durable.config.members[slot];
		const MrNodeHealth *health = &mr_shared->monitor.nodes[slot];
		MrRow row = {0};

		if (!member->used || slot == lease->self)
			continue;
		mr_row_put_text(&row, member->name);
		mr_row_put_text(&row, member->region);
		mr_row_put_number(&row, (int64) health->checks, false);
		mr_row_put_number(&row, (int64) health->failed_checks, false);
		mr_row_store(fcinfo, &row);
	}
	LWLockRelease(mr_shared->monitor_lock);
	return (Datum) 0;
}
