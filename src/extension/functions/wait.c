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

#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"

#include "extension/mr_functions.h"
#include "extension/mr_shared_state.h"
#include "extension/mr_snapshots.h"

#define SLICE_MS 50 /* how late a change may be noticed by who is not woken */
#define MAX_TIMEOUT_MS 600000
#define MAX_HELD_TIMEOUT_MS 1000 /* with a snapshot that cannot be given back */

PG_FUNCTION_INFO_V1(multiregion_wait_for_change);

static void
wait_until(uint64 known, int64 deadline_ns, bool is_woken)
{
	while (mr_changes_generation() == known)
	{
		int64 left_ms = (deadline_ns - mr_boottime_ns()) / MR_NS_PER_MS;

		if (left_ms <= 0)
			return;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 (long) (is_woken ? left_ms : Min(left_ms, SLICE_MS)), PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * At once, not by and by: a lease that is handed over ends before its time, and until the sidecar
 * has heard of it, it sends writers here.
 */
static void
wait_for_change(uint64 known, int64 timeout_ms)
{
	bool is_woken = mr_changes_enter();

	PG_TRY();
	{
		wait_until(known, mr_boottime_ns() + timeout_ms * MR_NS_PER_MS, is_woken);
	}
	PG_FINALLY();
	{
		mr_changes_leave();
	}
	PG_END_TRY();
}

Datum
multiregion_wait_for_change(PG_FUNCTION_ARGS)
{
	uint64 known = (uint64) PG_GETARG_INT64(0);
	int64 timeout_ms = Max(PG_GETARG_INT32(1), 0);
	MrSnapshots snapshots;

	mr_require_preloaded();
	if (mr_changes_generation() == known && timeout_ms > 0)
	{
		mr_snapshots_give_of_call(fcinfo->flinfo->fn_oid, &snapshots);
		timeout_ms =
			Min(timeout_ms, snapshots.all_are_given ? MAX_TIMEOUT_MS : MAX_HELD_TIMEOUT_MS);
		wait_for_change(known, timeout_ms);
		mr_snapshots_take_anew(&snapshots);
	}
	PG_RETURN_INT64((int64) mr_changes_generation());
}
