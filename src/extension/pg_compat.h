/*
 * Differences between PostgreSQL versions; the only file that may look at
 * PG_VERSION_NUM.
 */
#ifndef PG_COMPAT_H
#define PG_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "multiregion needs PostgreSQL 15 or later"
#endif

/* VARDATA and its kin have left postgres.h. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* Arguments of walrcv_connect after the connection string. */
#if PG_VERSION_NUM >= 170000
#define MR_WALRCV_CONNECT_ARGS \
	bool replication, bool logical, bool must_use_password, const char *appname, char **err
#define MR_WALRCV_CONNECT_PASS replication, logical, must_use_password, appname, err
#elif PG_VERSION_NUM >= 160000
#define MR_WALRCV_CONNECT_ARGS bool logical, bool must_use_password, const char *appname, char **err
#define MR_WALRCV_CONNECT_PASS logical, must_use_password, appname, err
#else
#define MR_WALRCV_CONNECT_ARGS bool logical, const char *appname, char **err
#define MR_WALRCV_CONNECT_PASS logical, appname, err
#endif

/*
 * From 17 on logical slots can survive a failover: a standby copies those of the primary
 * (through a connection that is not one for replication).
 */
#if PG_VERSION_NUM >= 170000
#define MR_HAS_FAILOVER_SLOTS 1
#define MR_WALRCV_COPIES_SLOTS (!replication)
#else
#define MR_HAS_FAILOVER_SLOTS 0
#define MR_WALRCV_COPIES_SLOTS false
#endif

/* pg_logical_emit_message(), text and bytea. */
#if PG_VERSION_NUM >= 170000
#define MR_F_EMIT_TEXT F_PG_LOGICAL_EMIT_MESSAGE_BOOL_TEXT_TEXT_BOOL
#define MR_F_EMIT_BYTEA F_PG_LOGICAL_EMIT_MESSAGE_BOOL_TEXT_BYTEA_BOOL
#else
#define MR_F_EMIT_TEXT F_PG_LOGICAL_EMIT_MESSAGE_BOOL_TEXT_TEXT
#define MR_F_EMIT_BYTEA F_PG_LOGICAL_EMIT_MESSAGE_BOOL_TEXT_BYTEA
#endif

/* Number of this process' PGPROC; the transaction of one (InvalidLocalTransactionId: none). */
#if PG_VERSION_NUM >= 170000
#define MR_MY_PROCNO MyProcNumber
#define MR_PROC_LXID(proc) ((proc)->vxid.lxid)
#else
#define MR_MY_PROCNO MyProc->pgprocno
#define MR_PROC_LXID(proc) ((proc)->lxid)
#endif

/* Whether this session holds a lock in a mode (17 and later: or a stronger one). */
#if PG_VERSION_NUM >= 170000
#define MR_LOCK_HELD_BY_ME(tag, mode) LockHeldByMe(tag, mode, false)
#else
#define MR_LOCK_HELD_BY_ME(tag, mode) LockHeldByMe(tag, mode)
#endif

/* A set of things to wait for, for size of them; FreeWaitEventSet() ends it. */
#if PG_VERSION_NUM >= 170000
#define MR_CREATE_WAIT_EVENT_SET(size) CreateWaitEventSet(NULL, size)
#else
#define MR_CREATE_WAIT_EVENT_SET(size) CreateWaitEventSet(CurrentMemoryContext, size)
#endif

/*
 * Archive modules: MR_ARCHIVE_MODULE() defines the entry point for two callbacks, and
 * mr_compat_shell_archive() runs XLogArchiveCommand as the server itself would.
 */
#if PG_VERSION_NUM >= 160000
#include "archive/archive_module.h"
#include "archive/shell_archive.h"
#define MR_ARCHIVE_CONFIGURED_ARGS ArchiveModuleState *state
#define MR_ARCHIVE_FILE_ARGS ArchiveModuleState *state, const char *file, const char *path
#define MR_ARCHIVE_FILE_PASS state, file, path
#define mr_compat_shell_archive(...) shell_archive_init()->archive_file_cb(__VA_ARGS__)
#define MR_ARCHIVE_MODULE(configured, archive) \
	extern PGDLLEXPORT const ArchiveModuleCallbacks *_PG_archive_module_init(void); \
	const ArchiveModuleCallbacks *_PG_archive_module_init(void) \
	{ \
		static const ArchiveModuleCallbacks callbacks = {.check_configured_cb = configured, \
														 .archive_file_cb = archive}; \
		return &callbacks; \
	}
#else
#include "postmaster/pgarch.h"
#define MR_ARCHIVE_CONFIGURED_ARGS void
#define MR_ARCHIVE_FILE_ARGS const char *file, const char *path
#define MR_ARCHIVE_FILE_PASS file, path
static inline bool
mr_compat_shell_archive(const char *file, const char *path)
{
	ArchiveModuleCallbacks shell = {0};

	shell_archive_init(&shell);
	return shell.archive_file_cb(file, path);
}
#define MR_ARCHIVE_MODULE(configured, archive) \
	extern PGDLLEXPORT void _PG_archive_module_init(ArchiveModuleCallbacks *callbacks); \
	void _PG_archive_module_init(ArchiveModuleCallbacks *callbacks) \
	{ \
		callbacks->check_configured_cb = configured; \
		callbacks->archive_file_cb = archive; \
	}
#endif

/* All settings' records, in an array of *count. */
#if PG_VERSION_NUM >= 160000
#define MR_GUC_RECORDS(count) get_guc_variables(count)
#else
#define MR_GUC_RECORDS(count) (*(count) = GetNumConfigOptions(), get_guc_variables())
#endif

/* What a check hook of a setting keeps beside the value. */
#if PG_VERSION_NUM >= 160000
#define MR_GUC_MALLOC(size) guc_malloc(LOG, size)
#else
#define MR_GUC_MALLOC(size) malloc(size)
#endif

/*
 * What a walreceiver must do while it waits: end when it is told to. The index of a table's
 * primary key. Whether a PGPROC is a client's, or a walsender's.
 */
#if PG_VERSION_NUM >= 180000
#define MR_WALRCV_INTERRUPTS() CHECK_FOR_INTERRUPTS()
#define MR_PRIMARY_KEY_INDEX(relation) RelationGetPrimaryKeyIndex(relation, false)
#define MR_PROC_IS_CLIENT(proc) ((proc)->isRegularBackend)
#else
#define MR_WALRCV_INTERRUPTS() ProcessWalRcvInterrupts()
#define MR_PRIMARY_KEY_INDEX(relation) RelationGetPrimaryKeyIndex(relation)
#define MR_PROC_IS_CLIENT(proc) (!(proc)->isBackgroundWorker)
#endif

/* Whether this process is the walreceiver. */
#define MR_AM_WALRECEIVER() AmWalReceiverProcess()

#endif /* PG_COMPAT_H */
