/*
 * Consecutive failures to a verdict: up, suspect, down. One state a node; a
 * region is down when every data node of it is. A verdict excludes a node as
 * candidate and read target; it never starts an election.
 */
#ifndef MR_HEALTH_H
#define MR_HEALTH_H

#include "core/mr_limits.h"
#include "core/mr_names.h"

typedef struct MrHealthState
{
	MrHealth status;
	uint32_t consecutive_failures;
	int64_t next_check_ns;
} MrHealthState;

/* What changed with the last observation. */
typedef enum MrHealthChange
{
	MR_HEALTH_SAME,
	MR_HEALTH_WENT_DOWN,
	MR_HEALTH_WENT_UP /* from down or unknown */
} MrHealthChange;

/*
 * Takes the result of one check at now_ns and says what changed. interval_ms
 * spaces checks of a healthy node, retry_ms those after a failure; the node is
 * down after max_failures in a row (at least 1) and stays down until a check
 * passes, also when max_failures is raised meanwhile. Before that a failure makes
 * it suspect, one never checked before too. All zero is a node never checked, due
 * at once.
 */
extern MrHealthChange mr_health_observe(MrHealthState *state, bool ok, int64_t now_ns,
										int64_t interval_ms, int64_t retry_ms,
										int64_t max_failures);

/*
 * Verdict over the nodes of a region: up if one is up, down if all are, else the best
 * there is (suspect before unknown); unknown for a region without nodes.
 */
extern MrHealth mr_health_of_region(const MrHealth *nodes, int count);

#endif /* MR_HEALTH_H */
