/*
 * Changes and who waits for them; see mr_changes.h. Who waits enters first and looks then; who
 * changes something counts first and looks then who is entered: one of the two sees the other.
 * A latch that is set for somebody who has left is a wake-up too many, no more. Called by
 * whoever changes something that is shown, and by wait.c.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"

#include "extension/mr_changes.h"
#include "extension/mr_shared_state.h"
#include "extension/pg_compat.h"

static int my_place = -1;

void
mr_changes_initialize(MrChanges *changes)
{
	pg_atomic_init_u64(&changes->generation, 1);
	for (int i = 0; i < MR_CHANGE_WAITERS; i++)
		pg_atomic_init_u32(&changes->waiters[i], PG_UINT32_MAX);
}

uint64
mr_changes_generation(void)
{
	return pg_atomic_read_u64(&mr_shared->changes.generation);
}

void
mr_changes_note(void)
{
	/* a full barrier, too */
	pg_atomic_fetch_add_u64(&mr_shared->changes.generation, 1);
	for (int i = 0; i < MR_CHANGE_WAITERS; i++)
	{
		uint32 number = pg_atomic_read_u32(&mr_shared->changes.waiters[i]);

		if (number != PG_UINT32_MAX)
			SetLatch(&ProcGlobal->allProcs[number].procLatch);
	}
}

static void
leave_at_exit(int code, Datum argument)
{
	mr_changes_leave();
}

bool
mr_changes_enter(void)
{
	static bool registered = false;

	if (!registered)
		before_shmem_exit(leave_at_exit, (Datum) 0);
	registered = true;
	for (int i = 0; i < MR_CHANGE_WAITERS && my_place < 0; i++)
	{
		uint32 none = PG_UINT32_MAX;

		if (pg_atomic_compare_exchange_u32(&mr_shared->changes.waiters[i], &none,
										   (uint32) MR_MY_PROCNO))
			my_place = i;
	}
	return my_place >= 0;
}

void
mr_changes_leave(void)
{
	if (my_place >= 0)
		pg_atomic_write_u32(&mr_shared->changes.waiters[my_place], PG_UINT32_MAX);
	my_place = -1;
}
