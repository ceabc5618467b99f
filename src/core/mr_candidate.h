/*
 * Who may be promoted, and who should be first. Pure comparisons over what a
 * node knows; the election, explain_failover() and the hand-over all ask here.
 */
#ifndef MR_CANDIDATE_H
#define MR_CANDIDATE_H

#include "core/mr_lease.h"

/*
 * Order of logs: < 0, 0, > 0 as (log term, WAL end) of a is older, the same or
 * newer. A longer WAL of an older leadership is older.
 */
extern int mr_candidate_compare_log(uint64_t a_term, MrLsn a_end, uint64_t b_term, MrLsn b_end);
/* A standby with this end of its WAL would lose more than max_failover_lag, as we know it. */
extern bool mr_candidate_lags(const MrLease *lease, MrLsn wal_end);

/* Whether the cluster, or this member, is kept from failing over by a pause. */
extern bool mr_candidate_is_paused(const MrLease *lease, int slot);

/* What a node is to be fit for. */
typedef enum MrFitness
{
	MR_FIT_ELECTION,     /* to be promoted without anybody's order */
	MR_FIT_HANDED,       /* it is handed the lease and holds every byte */
	MR_FIT_ORDERED,      /* by order: a pause or AUTO_FAILOVER_ENABLED=false do not count */
	MR_FIT_ORDERED_LOSSY /* ... nor how much is lost: only what makes it impossible */
} MrFitness;

/*
 * Why this node would not stand for leadership now; MR_REFUSE_NONE if it would.
 * Looks at the node and its server only, not at promises.
 */
extern MrRefusal mr_candidate_refusal(const MrLease *lease, const MrLocal *local,
									  MrFitness fitness);

/* The same question about another member, from its last report. */
extern MrRefusal mr_candidate_refusal_of(const MrLease *lease, int slot, uint32_t down_mask,
										 MrFitness fitness);

/*
 * The newest position the last leader is known to have had: from itself, or from a
 * standby of it that went on hearing it when we no longer did, or from a witness. 0: none.
 */
extern MrLsn mr_candidate_leader_position(const MrLease *lease);

/* How much of the last leader's WAL this node lacks, as far as it knows; -1: it does not. */
extern int64_t mr_candidate_lost_bytes(const MrLease *lease, const MrLocal *local);

/*
 * The rules behind that answer, in their order: the number-th (NONE past the end), and
 * whether one stands against a member. For explain_failover().
 */
extern MrRefusal mr_candidate_rule(int number);
extern bool mr_candidate_rule_stands(const MrLease *lease, int slot, uint32_t down_mask,
									 MrFitness fitness, MrRefusal rule);

/*
 * How many members would be preferred to slot as successors of the leader that
 * was in region: same region first, then region priority, then slot. Members
 * that are known to be out of the question do not count.
 */
extern int mr_candidate_rank(const MrLease *lease, int slot, const char *region,
							 uint32_t down_mask);

/*
 * The first of the members in mask as successor of a leader in region; MR_NO_SLOT for an
 * empty mask. Asks nobody whether they are fit.
 */
extern int mr_candidate_first(const MrConfig *config, const char *region, uint32_t mask);

/*
 * The best successor outside the mask `tried`; MR_NO_SLOT if there is none.
 * same_region limits the choice to region.
 */
extern int mr_candidate_best(const MrLease *lease, const char *region, bool same_region,
							 uint32_t tried, uint32_t down_mask);

/* How long a voter's promise lasts for a lease of lease_ms. */
static inline int64_t
mr_promise_ns(int64_t lease_ms)
{
	return lease_ms * (MR_NS_PER_MS / 100) * (100 + MR_DRIFT_PERCENT);
}

/* The longest round trip to a member that we have measured. */
extern int64_t mr_candidate_round_trip_us(const MrLease *lease);

/* The distance between two candidates: more than a round trip and a vote's fsync. */
extern int64_t mr_candidate_stagger_ns(const MrLease *lease);

#endif /* MR_CANDIDATE_H */
