/*
 * The way into the lease worker: requests of peers (multiregion.rpc) and
 * proposals of the monitor. The lease worker alone owns the protocol state; a
 * backend leaves its message here, sets the worker's latch and waits.
 */
#ifndef MR_MAILBOX_H
#define MR_MAILBOX_H

#include "postgres.h"

#include "core/mr_message.h"

#define MR_MAILBOX_SLOTS 32

/* Shared memory: size, and creation at postmaster start. */
extern Size mr_mailbox_size(void);
extern void mr_mailbox_initialize(void);

/* Sets the latch of the lease worker and of the monitor, if they run. */
extern void mr_mailbox_wake_workers(void);
extern void mr_mailbox_wake_lease_worker(void);

/*
 * Backend: hands in a request and waits for the answer, at most timeout_ms.
 * Returns the length of the answer in out[size], or 0 when there was none in
 * time or no slot was free. Obeys interrupts.
 */
extern size_t mr_mailbox_call(const uint8 *request, size_t length, uint8 *out, size_t size,
							  int timeout_ms);

/*
 * Monitor: proposes a configuration. Asynchronous: whether it took effect shows
 * in the published lease state (a new version). False if one is still waiting.
 */
extern bool mr_mailbox_propose(const MrConfig *config);

/*
 * Lease worker: the next request not yet taken, or open again after DEFER; -1 if
 * there is none. *received_ns is when it arrived.
 */
extern int mr_mailbox_take(int after, const uint8 **request, size_t *length, int64 *received_ns);

/* Lease worker: answers a taken request. */
extern void mr_mailbox_answer(int slot, const uint8 *answer, size_t length);

/* Lease worker: the waiting proposal, copied out; false if there is none. */
extern bool mr_mailbox_take_proposal(MrConfig *config);

#endif /* MR_MAILBOX_H */
