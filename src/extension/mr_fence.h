/*
 * The fence: no write is acknowledged outside the lease.
 *
 * Four places look at one atomic: before a statement begins (ExecutorStart,
 * ProcessUtility), at PRE_COMMIT (a clean error), and after the commit is durable,
 * where the only legal act is to shut the client's socket. It holds when the
 * workers, the postmaster or the machine are frozen.
 */
#ifndef MR_FENCE_H
#define MR_FENCE_H

#include "postgres.h"

/* Shared memory: size, and creation at postmaster start. */
extern Size mr_fence_size(void);
extern void mr_fence_initialize(void);

/* Raises the error of a refused write (25006) on a fenced node that is not in recovery. */
extern void mr_fence_require_open(void);

/* Makes the answer to this session's commit impossible, and ends the session. No error. */
extern void mr_fence_withhold_acknowledgement(void);

/*
 * This session waits for a switchover, which shall not end it before its answer: not a
 * session that has written, until its next commit. Writes nothing while it waits.
 */
extern void mr_fence_excuse_session(void);

/* _PG_init: installs the hooks. */
extern void mr_fence_install(void);

/* Lease worker: ends (57P01) sessions that have written, and logical walsenders. */
extern void mr_fence_end_sessions(void);

/* Lease worker: whether a session that mr_fence_end_sessions() would end is still there. */
extern bool mr_fence_has_writers(void);

/*
 * Lease worker, orderly stop, fenced: flushes what was committed without waiting
 * (synchronous_commit = off), so that a successor can have it. The walwriter is gone.
 */
extern void mr_fence_flush_commits(void);

/* Lease worker, orderly stop: ends every walsender. What is written from now on is not theirs. */
extern void mr_fence_end_walsenders(void);

/*
 * Lease worker, orderly stop, its last act: ends walsenders whose standby does not
 * answer for timeout_ms. The server would wait for them, after all of ours has ended.
 */
extern void mr_fence_end_silent_walsenders(int timeout_ms);

#endif /* MR_FENCE_H */
