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

/* PGPROC of a number. */
#if PG_VERSION_NUM >= 170000
#define MR_MY_PROCNO MyProcNumber
#else
#define MR_MY_PROCNO MyProc->pgprocno
#endif

/* A set of things to wait for, for size of them; FreeWaitEventSet() ends it. */
#if PG_VERSION_NUM >= 170000
#define MR_CREATE_WAIT_EVENT_SET(size) CreateWaitEventSet(NULL, size)
#else
#define MR_CREATE_WAIT_EVENT_SET(size) CreateWaitEventSet(CurrentMemoryContext, size)
#endif

/* All settings' records, in an array of *count. */
#if PG_VERSION_NUM >= 160000
#define MR_GUC_RECORDS(count) get_guc_variables(count)
#else
#define MR_GUC_RECORDS(count) (*(count) = GetNumConfigOptions(), get_guc_variables())
#endif

/* Whether this process is the walreceiver. */
#define MR_AM_WALRECEIVER() AmWalReceiverProcess()

#endif /* PG_COMPAT_H */
