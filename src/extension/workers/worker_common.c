/*
 * What the workers with SQL have in common; see mr_workers.h. Called by monitor_worker.c and
 * hook_worker.c; the lease worker, which must depend on nothing, asks only whether there is a
 * cluster.
 */
#include "postgres.h"

#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"

#include "extension/mr_shared_state.h"
#include "extension/pg_compat.h"
#include "extension/workers/mr_workers.h"

#define MR_LOCK_TIMEOUT "2s"

bool
mr_worker_is_member(void)
{
	return pg_atomic_read_u32(&mr_shared->managed) != 0 &&
		   pg_atomic_read_u32(&mr_shared->mode) != MR_MODE_OFF;
}

void
mr_worker_begin(void)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
}

void
mr_worker_heed_interrupts(void)
{
	if (ProcDiePending)
		proc_exit(1); /* an orderly shutdown is no error worth a line in the log */
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}

void
mr_worker_wait(long timeout_ms)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, timeout_ms,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	mr_worker_heed_interrupts();
}

void
mr_worker_pin_settings(void)
{
	static const char *const pinned[][2] = {
		{"search_path", "pg_catalog, pg_temp"},
		{"synchronous_commit", "local"},
		{"default_transaction_read_only", "off"},
		{"default_transaction_isolation", "read committed"},
		{"statement_timeout", "0"},
		{"idle_in_transaction_session_timeout", "0"},
		{"idle_session_timeout", "0"},
		{"lock_timeout", MR_LOCK_TIMEOUT},
		{"jit", "off"},
	};

	for (int i = 0; i < lengthof(pinned); i++)
		SetConfigOption(pinned[i][0], pinned[i][1], PGC_SUSET, PGC_S_OVERRIDE);
}
