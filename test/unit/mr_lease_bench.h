/*
 * A lease on the bench: one node's protocol state, what it sees of itself, and its
 * peers played by the test. Actions are performed as the worker would: a message sent
 * is kept for its reply, a severed walreceiver is gone, what is persisted is on `disk`.
 *
 * Slot 0 is the node under test, the others are its peers; all have a vote. Times are
 * milliseconds since the start, which is bench second 1000.
 */
#ifndef MR_LEASE_BENCH_H
#define MR_LEASE_BENCH_H

#include "core/mr_lease.h"

#define MR_BENCH_LEASE_MS 3000
#define MR_BENCH_PROMISE_MS 3030 /* one per cent longer */
#define MR_BENCH_NONCE 77        /* boot of the node under test; a peer's is 100 + slot */

typedef struct MrBench
{
	MrLease lease;
	MrLocal local;
	MrDurable disk;
	int64_t now_ms;

	/* what the last step did */
	MrActions actions;
	int persisted; /* its place in the list of actions, or -1 */
	int replied;

	/* what all steps did */
	int64_t deadline_ms; /* 0 = fenced */
	int gate;            /* slot followed, or MR_NO_SLOT */
	uint32_t promoted_to;
	int promotions;
	int stops;
	int exits;
	MrMessage sent[MR_MAX_MEMBERS]; /* newest to each slot; kind NONE: nothing unanswered */
	int64_t sent_ms[MR_MAX_MEMBERS];

	/* the message to be delivered next */
	MrMessage message;
	MrConfig config; /* goes with it when message.has_config */
} MrBench;

/* A standby of `nodes` members that has never heard of a leader, its WAL ending at 1000. */
extern void mr_bench_start(MrBench *bench, int nodes);

/* The worker starts again from what is on disk, with another nonce. */
extern void mr_bench_restart(MrBench *bench);

/* Time goes on by ms, then one TICK. */
extern void mr_bench_tick(MrBench *bench, int64_t ms);

/* Prepares a request of a peer, for the test to change; delivers it. */
extern MrMessage *mr_bench_request(MrBench *bench, MrMessageKind kind, int from, uint64_t term);
extern void mr_bench_deliver(MrBench *bench);

/* Prepares the answer of a peer to what was sent to it last; delivers it ms later. */
extern MrMessage *mr_bench_answer(MrBench *bench, int from, MrRefusal refusal);
extern void mr_bench_deliver_answer(MrBench *bench, int64_t ms);

/* The request to slot came to nothing; a new configuration is proposed. */
extern void mr_bench_unreachable(MrBench *bench, int slot);
extern void mr_bench_propose(MrBench *bench, const MrConfig *config);

/* Whole stories: slot `from` leads `term` and grants; the node under test leads. */
extern void mr_bench_follow(MrBench *bench, int from, uint64_t term);
extern void mr_bench_lead(MrBench *bench);

/* Of the last step: the reply (or NULL), its refusal (-1: no reply), an action, an event. */
extern const MrMessage *mr_bench_reply(const MrBench *bench);
extern int mr_bench_refusal(const MrBench *bench);
extern const MrAction *mr_bench_did(const MrBench *bench, MrActionKind kind);
extern const MrAction *mr_bench_event(const MrBench *bench, MrEventKind kind);

/* Kind of the unanswered request to slot, MR_MSG_NONE if there is none. */
extern int mr_bench_asked(const MrBench *bench, int slot);

#endif /* MR_LEASE_BENCH_H */
