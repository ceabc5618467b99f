/*
 * What the files of the lease protocol share. Not for anybody else.
 */
#ifndef MR_LEASE_INTERNAL_H
#define MR_LEASE_INTERNAL_H

#include "core/mr_candidate.h"
#include "core/mr_lease.h"

/* A step in the making: everything its functions need. */
typedef struct MrStep
{
	MrLease *lease;
	const MrLocal *local;
	const MrLeaseEvent *event;
	MrActions *actions;
	int64_t now;
} MrStep;

/* lease.c, lease_message.c: building actions. A step adds what it wants done, in order. */
extern MrAction *mr_step_add(MrStep *step, MrActionKind kind);
extern MrMessage *mr_step_send(MrStep *step, int slot, MrMessageKind kind);
extern MrMessage *mr_step_reply(MrStep *step);
extern void mr_step_report(const MrStep *step, MrReport *report); /* what we know of our own log */
extern void mr_step_refuse(MrStep *step, MrRefusal refusal, int64_t retry_after_ns);
extern void mr_step_event(MrStep *step, MrEventKind kind, int slot, int refusal, int64_t value);
extern void mr_step_deadline(MrStep *step, int64_t deadline_ns);

/* lease.c: common state changes. */
extern void mr_step_down(MrStep *step);
extern bool mr_step_promise_running(const MrStep *step);
extern const MrMember *mr_step_member(const MrStep *step, int slot);
extern const MrPolicy *mr_step_policy(const MrStep *step);

/* lease_contact.c: a request or a reply of another node, or that a request came to nothing. */
extern void mr_contact_request(MrStep *step);
extern void mr_contact_reply(MrStep *step);
extern void mr_contact_unreachable(MrStep *step);

/* lease_voter.c: answers the request in step->event (exactly one REPLY or DEFER, or SEVER). */
extern void mr_voter_request(MrStep *step, int slot);

/* lease_release.c: answers a RELEASE. */
extern void mr_release_request(MrStep *step, int slot);

/* lease_voter.c: a follower's question was answered by somebody who leads: follow it. */
extern void mr_voter_learn_leader(MrStep *step, int slot);

/* lease_candidate.c */
extern void mr_candidate_tick(MrStep *step);
extern void mr_candidate_reply(MrStep *step, int slot);
extern void mr_candidate_unreachable(MrStep *step, int slot);
extern void mr_candidate_schedule(MrStep *step, int64_t at_ns);
extern void mr_candidate_give_way(MrStep *step);

/* lease_order.c: see mr_order.h. */
extern void mr_order_request(MrStep *step, int slot);
extern void mr_order_reply(MrStep *step);
extern void mr_order_tick(MrStep *step);
extern void mr_order_end(MrStep *step, MrOrderState state, int refusal);
extern bool mr_order_is_ours(const MrLease *lease); /* it wants this node to lead */
extern MrFitness mr_order_fitness(const MrLease *lease);

/* lease_switchover.c: the leader executes an order. True: it goes on; false: it is over. */
extern void mr_switchover_begin(MrStep *step);
extern bool mr_switchover_tick(MrStep *step);
extern void mr_switchover_take_back(MrStep *step, int refusal);

/* lease_failback.c: the leader returns to the preferred region when it is time. */
extern void mr_failback_tick(MrStep *step);

/* lease_leader.c */
extern void mr_leader_begin(MrStep *step);
extern void mr_leader_tick(MrStep *step);
extern void mr_leader_reply(MrStep *step, int slot);
extern void mr_leader_heartbeat_now(MrStep *step);
extern void mr_leader_overtaken(MrStep *step, int slot, int refusal, uint64_t term); /* newer */

/* While voters change: makes the lease reach no further than both majorities let it, if it can. */
extern bool mr_leader_rests_on_both(MrStep *step);

/* lease_handover.c: the leader's server died or stops, it is sick, or it does it by order. */
extern bool mr_handover_is_due(MrStep *step);
extern void mr_handover_ask(MrStep *step, int slot);
extern void mr_handover_tick(MrStep *step);
extern void mr_handover_reply(MrStep *step, int slot);
extern void mr_handover_unreachable(MrStep *step, int slot);

/* lease_mode.c: takes up what the configuration says about the fence, or lets go of it. */
extern void mr_mode_bind(MrStep *step);

/* Whether this node only plays elections: it would be a candidate, were it not observing. */
extern bool mr_mode_is_played(const MrStep *step);

/* Why this node would not stand now: mr_candidate_refusal(), and what the mode forbids. */
extern MrRefusal mr_mode_refusal(const MrStep *step);

/* A played election was won by this node; whether this silence has its winner already. */
extern void mr_mode_would_lead(MrStep *step);
extern bool mr_mode_is_settled(const MrStep *step);

/* The leader in slot is there: compares with what this node would have done, once. */
extern void mr_mode_compare(MrStep *step, int slot);

/* lease_witness.c: what a witness sees in place of WAL of its own. */
extern bool mr_lease_is_witness(const MrLease *lease);
extern void mr_witness_see(const MrLease *lease, const MrLocal *local, MrLocal *seen);
/* A leader reports its position: the newest one, for a witness the highest one, is kept. */
extern void mr_lease_hear_position(MrStep *step);
/* The candidate lacks more of what a leader reported than policy allows. */
extern bool mr_witness_objects(const MrStep *step);

/* lease_configuration.c */
extern void mr_configuration_propose(MrStep *step);
/* Takes a newer configuration from the message. False: its sender is of another generation. */
extern bool mr_configuration_learn(MrStep *step);
extern void mr_configuration_restamp(MrStep *step);
extern void mr_configuration_advance(MrStep *step);

#endif /* MR_LEASE_INTERNAL_H */
