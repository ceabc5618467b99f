/*
 * The events worth recording, once; part of mr_names.h.
 * Numbers travel between versions: lines are never reordered or removed.
 */
#ifndef MR_EVENTS_H
#define MR_EVENTS_H

/* What is worth a line in multiregion.events: X(symbol, word, severity, sentence). */
#define MR_EVENT_LIST(X) \
	X(MR_EVENT_STARTED, "started", "info", "the lease worker started") \
	X(MR_EVENT_LEASE_ACQUIRED, "lease_acquired", "info", "the node won the lease") \
	X(MR_EVENT_LEASE_OPEN, "lease_open", "info", "the node may acknowledge writes") \
	X(MR_EVENT_LEASE_LOST, "lease_lost", "warning", "the lease ran out before it was renewed") \
	X(MR_EVENT_LEASE_RESUMED, "lease_resumed", "info", "the lease was renewed in the same term") \
	X(MR_EVENT_STEPPED_DOWN, "stepped_down", "warning", "a newer term ended the leadership") \
	X(MR_EVENT_LEADER_SILENT, "leader_silent", "warning", "the promise to the leader ran out") \
	X(MR_EVENT_LEADER_CHANGED, "leader_changed", "info", "another node leads") \
	X(MR_EVENT_CANDIDATE_REFUSED, "candidate_refused", "warning", "a node may not be promoted") \
	X(MR_EVENT_VOTE_REFUSED, "vote_refused", "info", "a vote was refused") \
	X(MR_EVENT_VOTE_GIVEN, "vote_given", "info", "a vote was given") \
	X(MR_EVENT_PROMOTION_STARTED, "promotion_started", "info", "promotion was requested") \
	X(MR_EVENT_PROMOTION_DONE, "promotion_done", "info", "recovery has ended") \
	X(MR_EVENT_PROMOTION_TIMEOUT, "promotion_timeout", "critical", "promotion took too long") \
	X(MR_EVENT_RELEASE_SENT, "release_sent", "info", "the lease was handed to a successor") \
	X(MR_EVENT_RELEASE_RECEIVED, "release_received", "info", "the leader handed the lease over") \
	X(MR_EVENT_RELEASE_WITHHELD, "release_withheld", "warning", "no successor holds every byte") \
	X(MR_EVENT_DIVERGED, "diverged", "critical", "this node's WAL passes the leader's fork") \
	X(MR_EVENT_SERVER_STOPPED, "server_stopped", "warning", \
	  "the server is stopped for its rejoin") \
	X(MR_EVENT_CONFIGURATION, "configuration", "info", "a new configuration took effect") \
	X(MR_EVENT_AMNESIA, "amnesia", "critical", "the state file of a node went back in time") \
	X(MR_EVENT_NODE_DOWN, "node_down", "warning", "a node failed its health checks") \
	X(MR_EVENT_NODE_UP, "node_up", "info", "a node passes its health checks again") \
	X(MR_EVENT_REGION_DOWN, "region_down", "critical", "every node of a region is down") \
	X(MR_EVENT_REGION_UP, "region_up", "info", "a region has a healthy node again") \
	X(MR_EVENT_REJOINED, "rejoined", "info", "a node was made a correct member again") \
	X(MR_EVENT_SICK, "sick", "critical", "the primary cannot write and gives the lease up") \
	X(MR_EVENT_SICK_ALONE, "sick_alone", "critical", \
	  "the primary cannot write, and nobody can take over") \
	X(MR_EVENT_ORDER_ACCEPTED, "order_accepted", "info", "a change of leadership was ordered") \
	X(MR_EVENT_ORDER_REFUSED, "order_refused", "warning", \
	  "an ordered change of leadership was given up; nothing has changed") \
	X(MR_EVENT_LEASE_TAKEN_BACK, "lease_taken_back", "warning", \
	  "the successor did not take the lease, so its former holder stands again") \
	X(MR_EVENT_FAILBACK_POSTPONED, "failback_postponed", "info", \
	  "the primary does not return to the preferred region yet") \
	X(MR_EVENT_MODE_CHANGED, "mode_changed", "info", "the node has taken up another mode") \
	X(MR_EVENT_WOULD_FAIL_OVER, "would_fail_over", "warning", \
	  "the node would have been promoted now, but only observes") \
	X(MR_EVENT_OBSERVED_FAILOVER, "observed_failover", "warning", \
	  "another system decided: a primary is there again") \
	X(MR_EVENT_DISCARDED, "discarded", "critical", \
	  "a new quorum was forced without this node, which has to be cloned anew") \
	X(MR_EVENT_WAL_GONE, "wal_gone", "critical", \
	  "the primary has removed WAL that this standby needs") \
	X(MR_EVENT_VOTES_MISSING, "votes_missing", "warning", \
	  "fewer than three nodes have a vote: there is no automatic failover") \
	X(MR_EVENT_VOTES_COMPLETE, "votes_complete", "info", \
	  "three nodes or more have a vote: failover is automatic") \
	X(MR_EVENT_DEAD_TIMELINE, "dead_timeline", "warning", \
	  "recovery waits for a timeline that the leader does not have; the server restarts") \
	X(MR_EVENT_VETO, "veto", "warning", "the pre-promotion function says no") \
	X(MR_EVENT_VETO_LIFTED, "veto_lifted", "info", "the pre-promotion function objects no more") \
	X(MR_EVENT_VETO_FAILED, "veto_failed", "warning", "the pre-promotion function does not work") \
	X(MR_EVENT_HOOK_DONE, "hook_done", "info", "a hook after a failover has ended well") \
	X(MR_EVENT_HOOK_FAILED, "hook_failed", "warning", "a hook after a failover has failed") \
	X(MR_EVENT_SCHEDULE_STARTED, "schedule_started", "info", "a scheduled switchover is due") \
	X(MR_EVENT_SCHEDULE_FAILED, "schedule_failed", "warning", "a scheduled switchover was not done")

#endif /* MR_EVENTS_H */
