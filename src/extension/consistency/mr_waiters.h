/*
 * Waiting for replay to reach a position, without polling.
 */
#ifndef MR_WAITERS_H
#define MR_WAITERS_H

#include "postgres.h"

#include "access/xlogdefs.h"

#include "core/mr_replication_token.h"

/* multiregion.replay_wakeup */
typedef enum MrReplayWakeup
{
	MR_WAKEUP_AUTO, /* the startup process wakes who has waited long enough */
	MR_WAKEUP_POLL  /* the waiter looks again and again */
} MrReplayWakeup;

extern int mr_replay_wakeup;

typedef enum MrWaitResult
{
	MR_WAIT_REACHED,
	MR_WAIT_TIMEOUT,
	MR_WAIT_DIVERGED,
	MR_WAIT_CONFLICT /* replay waits for this session: for what it holds, or still holds */
} MrWaitResult;

/* Shared memory: size, and creation at postmaster start. Then mr_waiters_watch(), in _PG_init. */
extern Size mr_waiters_size(void);
extern void mr_waiters_initialize(void);
extern void mr_waiters_watch(void);

/*
 * End of the newest record that has taken effect, and its timeline: a moment earlier than the
 * server itself says so. In recovery only.
 */
extern XLogRecPtr mr_waiters_replayed(TimeLineID *timeline);

/*
 * Waits until the token is reached, at most until deadline_ns. Also ends when the server is
 * promoted with the token in its history, or without. Obeys interrupts.
 */
extern MrWaitResult mr_waiters_wait(const MrToken *token, int64 deadline_ns);

/* Whether replay stands still for what sessions hold: a snapshot, a lock, a pin of a buffer. */
extern bool mr_replay_waits_for_sessions(void);

#endif /* MR_WAITERS_H */
