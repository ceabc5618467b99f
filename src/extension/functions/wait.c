/*
 * multiregion.wait_for_change(): the sidecar's way to learn of changes on any node.
 *
 * A wait that holds a snapshot would, on a standby, keep replay from removing what that
 * snapshot could still see: waiting all the time would mean lagging all the time. So when
 * the call stands alone in its statement (SELECT multiregion.wait_for_change($1, $2)) the
 * statement's snapshots are given back for the time of the wait. In any other statement
 * they are kept, and the wait is cut short instead.
 *
 * Called by sidecars, over and over, one backend each.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"

#include "extension/mr_functions.h"
#include "extension/mr_shared_state.h"
#include "extension/mr_snapshots.h"

#define SLICE_MS 50         /* how late a change may be noticed */
#define PRIMARY_SLICE_MS 10 /* by who says that this is the primary, when it ends */
#define MAX_TIMEOUT_MS 600000
#define MAX_HELD_TIMEOUT_MS 1000 /* with a snapshot that cannot be given back */

PG_FUNCTION_INFO_V1(multiregion_wait_for_change);

static uint64
generation(void)
{
	return pg_atomic_read_u64(&mr_shared->generation);
}

/*
 * A lease that is handed over ends before its time: until the sidecar has heard of it, it sends
 * writers here, and the next primary may be open a tenth of a second later.
 */
static int64
slice_ms(void)
{
	return pg_atomic_read_u32(&mr_shared->managed) != 0 && !RecoveryInProgress() ? PRIMARY_SLICE_MS
																				 : SLICE_MS;
}

static void
wait_until(uint64 known, int64 deadline_ns)
{
	int64 slice = slice_ms();

	while (generation() == known)
	{
		int64 left_ms = (deadline_ns - mr_boottime_ns()) / MR_NS_PER_MS;

		if (left_ms <= 0)
			return;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 (long) Min(left_ms, slice), PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

Datum
multiregion_wait_for_change(PG_FUNCTION_ARGS)
{
	uint64 known = (uint64) PG_GETARG_INT64(0);
	int64 timeout_ms = Max(PG_GETARG_INT32(1), 0);
	MrSnapshots snapshots;

	mr_require_preloaded();
	if (generation() == known && timeout_ms > 0)
	{
		mr_snapshots_give_of_call(fcinfo->flinfo->fn_oid, &snapshots);
		timeout_ms =
			Min(timeout_ms, snapshots.all_are_given ? MAX_TIMEOUT_MS : MAX_HELD_TIMEOUT_MS);
		wait_until(known, mr_boottime_ns() + timeout_ms * MR_NS_PER_MS);
		mr_snapshots_take_anew(&snapshots);
	}
	PG_RETURN_INT64((int64) generation());
}
