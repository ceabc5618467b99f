/*
 * The reasons for which a node refuses, once; part of mr_names.h.
 * Numbers travel between versions: lines are never reordered or removed.
 */
#ifndef MR_REFUSALS_H
#define MR_REFUSALS_H

/* Why a node refuses a message, or refuses to be a candidate: X(symbol, word, sentence). */
#define MR_REFUSAL_LIST(X) \
	X(MR_REFUSE_NONE, "none", "nothing stands against it") \
	X(MR_REFUSE_MALFORMED, "malformed", "the message cannot be read") \
	X(MR_REFUSE_FOREIGN_CLUSTER, "foreign_cluster", "the sender belongs to another cluster") \
	X(MR_REFUSE_UNKNOWN_MEMBER, "unknown_member", "the sender is not a member of this cluster") \
	X(MR_REFUSE_OLD_CONFIGURATION, "old_configuration", "the sender's configuration is older") \
	X(MR_REFUSE_AMNESIA, "amnesia", "the state file went back in time") \
	X(MR_REFUSE_STALE_TERM, "stale_term", "a newer term is known") \
	X(MR_REFUSE_ALREADY_VOTED, "already_voted", "another node has the vote of this term") \
	X(MR_REFUSE_PROMISED, "promised", "the lease is promised to another node") \
	X(MR_REFUSE_LEADING, "leading", "this node holds the lease itself") \
	X(MR_REFUSE_RESTARTED, "restarted", "a promise made before the restart may still run") \
	X(MR_REFUSE_WAL_END_UNKNOWN, "wal_end_unknown", "the end of the WAL on disk is not known yet") \
	X(MR_REFUSE_AHEAD, "ahead", "this node holds more WAL than the candidate") \
	X(MR_REFUSE_BEHIND, "behind", "this node does not hold every acknowledged byte") \
	X(MR_REFUSE_TIMELINE_TAKEN, "timeline_taken", "the timeline is reserved already") \
	X(MR_REFUSE_NOT_SEVERED, "not_severed", "the walreceiver did not stop in time") \
	X(MR_REFUSE_RELEASED, "released", "the term was released") \
	X(MR_REFUSE_WRONG_BOOT, "wrong_boot", \
	  "the holder of the term was an earlier start of this node") \
	X(MR_REFUSE_NOT_VOTER, "not_voter", "this node has no vote") \
	X(MR_REFUSE_NO_PROMOTE, "no_promote", "the node is configured never to be promoted") \
	X(MR_REFUSE_WITNESS, "witness", "a witness holds no data") \
	X(MR_REFUSE_CRASH_RECOVERY, "crash_recovery", "the server is in crash recovery") \
	X(MR_REFUSE_REPLAY_PAUSED, "replay_paused", "replay is paused or delayed on purpose") \
	X(MR_REFUSE_REBUILDING, "rebuilding", "the node has not caught up since it was rebuilt") \
	X(MR_REFUSE_LAG, "lag", "the node is further behind than max_failover_lag") \
	X(MR_REFUSE_MARKED_DOWN, "marked_down", "the last primary had marked the node as down") \
	X(MR_REFUSE_FAILOVER_OFF, "failover_off", "automatic failover is switched off") \
	X(MR_REFUSE_STOPPING, "stopping", "the server is shutting down") \
	X(MR_REFUSE_FENCED_STATE, "fenced_state", "the state file is missing, damaged or foreign") \
	X(MR_REFUSE_UNMANAGED, "unmanaged", "the server is not managed") \
	X(MR_REFUSE_OBSERVE, "observe", "the server only observes") \
	X(MR_REFUSE_SICK, "sick", "the node's disk or WAL cannot be written") \
	X(MR_REFUSE_SELF_AMNESIA, "self_amnesia", \
	  "the state file of the node that refuses went back in time") \
	X(MR_REFUSE_INCONSISTENT, "inconsistent", "the node has not replayed to a consistent state") \
	X(MR_REFUSE_ALREADY_LEADING, "already_leading", "the node leads already") \
	X(MR_REFUSE_IN_PROGRESS, "in_progress", "another change of leadership is under way") \
	X(MR_REFUSE_NOT_LEADING, "not_leading", \
	  "only the leader, or the node that is to lead, can do it") \
	X(MR_REFUSE_NOT_STREAMING, "not_streaming", "the node does not stream from the leader") \
	X(MR_REFUSE_COMMITS_PENDING, "commits_pending", "commits under way did not end in time") \
	X(MR_REFUSE_TIMED_OUT, "timed_out", "it was not done before its deadline") \
	X(MR_REFUSE_UNREACHABLE, "unreachable", "the node does not answer") \
	X(MR_REFUSE_PAUSED, "paused", "failover is paused") \
	X(MR_REFUSE_GOVERNOR, "governor", "there were too many failovers in the last hour") \
	X(MR_REFUSE_VETO, "veto", "the pre-promotion hook said no") \
	X(MR_REFUSE_NO_LEADER, "no_leader", "no primary is there that could hand over") \
	X(MR_REFUSE_FAILBACK_OFF, "failback_off", \
	  "failback is switched off, or no region is the preferred one") \
	X(MR_REFUSE_NOT_PROVEN, "not_proven", "the time of proven health is not over") \
	X(MR_REFUSE_TRIED, "tried", "the last attempt came to nothing a moment ago") \
	X(MR_REFUSE_NO_MAJORITY, "no_majority", "no majority of the voters is left to elect it") \
	X(MR_REFUSE_NOBODY_FIT, "nobody_fit", "something stands against every node") \
	X(MR_REFUSE_OTHER_GENERATION, "other_generation", \
	  "a new quorum was forced without the sender or without this node") \
	X(MR_REFUSE_WITNESSED, "witnessed", \
	  "a witness has heard of WAL of the last leader that the candidate lacks")

#endif /* MR_REFUSALS_H */
