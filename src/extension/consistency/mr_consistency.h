/*
 * Reads on standbys that see what they should: settings, and what the parts of the folder
 * consistency/ share. On a primary all of it is free.
 */
#ifndef MR_CONSISTENCY_H
#define MR_CONSISTENCY_H

#include "postgres.h"

#include "core/mr_replication_token.h"
#include "extension/consistency/mr_waiters.h"

/* multiregion.read_consistency: X(symbol, word). */
#define MR_CONSISTENCY_LIST(X) \
	X(MR_READ_EVENTUAL, "eventual") \
	X(MR_READ_SESSION, "session") \
	X(MR_READ_GLOBAL, "global") \
	X(MR_READ_BOUNDED, "bounded")

/* multiregion.on_timeout. */
#define MR_ON_TIMEOUT_LIST(X) \
	X(MR_TIMEOUT_ERROR, "error") \
	X(MR_TIMEOUT_STALE, "stale")

/* multiregion.enforce_home_region. */
#define MR_ENFORCE_LIST(X) \
	X(MR_ENFORCE_OFF, "off") \
	X(MR_ENFORCE_WARN, "warn") \
	X(MR_ENFORCE_ERROR, "error")

#define MR_CONSISTENCY_ENUM(symbol, word) symbol,

typedef enum MrReadConsistency
{
	MR_CONSISTENCY_LIST(MR_CONSISTENCY_ENUM)
} MrReadConsistency;

typedef enum MrOnTimeout
{
	MR_ON_TIMEOUT_LIST(MR_CONSISTENCY_ENUM)
} MrOnTimeout;

typedef enum MrEnforceHomeRegion
{
	MR_ENFORCE_LIST(MR_CONSISTENCY_ENUM)
} MrEnforceHomeRegion;

/* SQLSTATEs of our own: docs/errors.md. */
#define MR_ERRCODE_WRONG_REGION MAKE_SQLSTATE('M', 'R', '0', '0', '1')
#define MR_ERRCODE_DIVERGED MAKE_SQLSTATE('M', 'R', '0', '0', '2')
#define MR_ERRCODE_STALE MAKE_SQLSTATE('M', 'R', '0', '0', '3')

extern int mr_read_consistency;
extern int mr_max_staleness_ms;
extern int mr_wait_timeout_ms;
extern int mr_on_timeout;
extern bool mr_report_token;
extern int mr_enforce_home_region;
extern char *mr_session_tenant;

/* settings.c: defines them all, in _PG_init. */
extern void mr_consistency_define_settings(void);

/* The token of multiregion.wait_for; NULL if that is empty. */
extern const MrToken *mr_wait_for_token(void);

/* module.c: hooks, and what runs in the startup process. Preloaded only. */
extern void mr_consistency_install(void);
extern Size mr_consistency_size(void);
extern void mr_consistency_initialize(void);

/* ---------- commit.c ---------- */

/* End of this session's last commit that wrote something; 0 if there is none. */
extern MrLsn mr_session_commit(void);

/* Its token; NULL if there is none. */
extern const char *mr_session_commit_token(void);

/* From _PG_init, once. */
extern void mr_commit_install(void);

/* DISCARD ALL: whoever uses the session next has committed nothing. */
extern void mr_commit_forget(void);

/* COMMIT PREPARED has ended: the transaction around it has no commit record of its own. */
extern void mr_commit_note_prepared(void);

/* ---------- errors.c ---------- */

/* Error for a wait that came to nothing; for MR_WAIT_REACHED none. */
extern void mr_raise_unless_reached(MrWaitResult result, const MrToken *token, int64 waited_ms);

/* ---------- read.c ---------- */

/* Whatever the session reads from now on is at least as new as this. */
extern void mr_read_note_reached(const MrToken *token);

/* ---------- home_region.c ---------- */

/* Once a transaction: warns or refuses when the tenant of the session lives elsewhere. */
extern void mr_home_region_check(void);

/* The transaction is over, or the tenant is another one. */
extern void mr_home_region_forget(void);

#endif /* MR_CONSISTENCY_H */
