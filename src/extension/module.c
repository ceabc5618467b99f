/*
 * Entry point of multiregion.so: what the server calls when it loads the library.
 *
 * Preloaded: settings, shared memory, hooks, workers. Loaded later (a plain
 * CREATE EXTENSION without preload): settings only; functions that need shared
 * memory say so.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "extension/mr_alerts_shared.h"
#include "extension/consistency/mr_consistency.h"
#include "extension/mr_commits.h"
#include "extension/mr_fence.h"
#include "extension/mr_followers.h"
#include "extension/mr_gate.h"
#include "extension/mr_mailbox.h"
#include "extension/mr_object_access.h"
#include "extension/mr_peer_sessions.h"
#include "extension/mr_settings.h"
#include "extension/mr_shared_state.h"
#include "extension/routing/mr_tenant_cache.h"
#include "extension/workers/mr_workers.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

static shmem_request_hook_type previous_shmem_request = NULL;
static shmem_startup_hook_type previous_shmem_startup = NULL;

static void
module_shmem_request(void)
{
	if (previous_shmem_request)
		previous_shmem_request();
	RequestAddinShmemSpace(mr_shared_size());
	RequestAddinShmemSpace(mr_alerts_shared_size());
	RequestAddinShmemSpace(mr_mailbox_size());
	RequestAddinShmemSpace(mr_gate_size());
	RequestAddinShmemSpace(mr_fence_size());
	RequestAddinShmemSpace(mr_commits_size());
	RequestAddinShmemSpace(mr_followers_size());
	RequestAddinShmemSpace(mr_peer_sessions_size());
	RequestAddinShmemSpace(mr_tenant_cache_size());
	RequestAddinShmemSpace(mr_consistency_size());
	RequestNamedLWLockTranche("multiregion", 1);
}

static void
module_shmem_startup(void)
{
	if (previous_shmem_startup)
		previous_shmem_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	mr_mailbox_initialize();
	mr_gate_initialize();
	mr_fence_initialize();
	mr_commits_initialize();
	mr_followers_initialize();
	mr_peer_sessions_initialize();
	mr_tenant_cache_initialize();
	mr_consistency_initialize();
	mr_shared_initialize();
	mr_alerts_shared_initialize();
	LWLockRelease(AddinShmemInitLock);
}

static void
register_worker(const char *name, const char *function, int flags, BgWorkerStartTime start)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = flags;
	worker.bgw_start_time = start;
	worker.bgw_restart_time = 1;
	strlcpy(worker.bgw_library_name, "multiregion", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, function, sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, name, sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, name, sizeof(worker.bgw_type));
	RegisterBackgroundWorker(&worker);
}

void
_PG_init(void)
{
	mr_settings_define(process_shared_preload_libraries_in_progress);
	/* pg_upgrade wants a plain server, and no worker in the way. */
	if (!process_shared_preload_libraries_in_progress || mr_standalone || IsBinaryUpgrade)
		return;
	previous_shmem_request = shmem_request_hook;
	shmem_request_hook = module_shmem_request;
	previous_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = module_shmem_startup;
	/* before the fence, which decides about a commit before its client is told of it */
	mr_consistency_install();
	mr_fence_install();
	mr_object_access_install();
	mr_gate_install();
	mr_tenant_changes_install();
	mr_tenant_replay_install();
	register_worker("multiregion lease", "mr_lease_main", BGWORKER_SHMEM_ACCESS,
					BgWorkerStart_PostmasterStart);
	register_worker("multiregion monitor", "mr_monitor_main",
					BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
					BgWorkerStart_ConsistentState);
	register_worker("multiregion hooks", "mr_hooks_main",
					BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
					BgWorkerStart_ConsistentState);
}
