/*
 * The rules by which multiregion-join decides: word and meaning, once. The words are
 * what it prints for each decision; docs/configuration.md lists them.
 */
#ifndef MR_JOIN_RULES_H
#define MR_JOIN_RULES_H

/* X(symbol, word, what it means) */
#define MR_JOIN_RULE_LIST(X) \
	X(MR_JOIN_RULE_NONE, "none", "no decision yet") \
	X(MR_JOIN_RULE_UNMANAGED, "unmanaged", "the server is not a member of a cluster") \
	X(MR_JOIN_RULE_NO_PEER, "no_peer", \
	  "no other member answers; the server starts fenced until a majority is there") \
	X(MR_JOIN_RULE_NO_LEADER, "no_leader", "nobody leads; the election decides") \
	X(MR_JOIN_RULE_SELF, "self", "the others know this node as the leader") \
	X(MR_JOIN_RULE_LEADER_SILENT, "leader_silent", \
	  "a leader is known but does not confirm its lease") \
	X(MR_JOIN_RULE_IN_STEP, "in_step", "the node holds WAL of the current leadership") \
	X(MR_JOIN_RULE_SAME_TIMELINE, "same_timeline", "the standby is on the leader's timeline") \
	X(MR_JOIN_RULE_BEHIND_FORK, "behind_fork", "the standby's WAL ends before the leader's fork") \
	X(MR_JOIN_RULE_CLEAN_END, "clean_end", \
	  "the former primary's WAL ends before the leader's fork: it is a standby as it is") \
	X(MR_JOIN_RULE_LOST_SIGNAL, "lost_signal", \
	  "a copy or standby without standby.signal that never led becomes a standby again") \
	X(MR_JOIN_RULE_PAST_FORK, "past_fork", "the node's WAL passes the leader's fork") \
	X(MR_JOIN_RULE_OTHER_BRANCH, "other_branch", \
	  "the node's WAL is of a timeline that the leader's history does not contain") \
	X(MR_JOIN_RULE_COLLISION, "collision", \
	  "the same timeline id as the leader's, but not its history") \
	X(MR_JOIN_RULE_NO_ANCESTOR, "no_ancestor", \
	  "the node's timelines and the leader's have nothing in common") \
	X(MR_JOIN_RULE_WAL_GONE, "wal_gone", \
	  "the leader has removed WAL that the node needs to catch up") \
	X(MR_JOIN_RULE_NO_HINTS, "no_hints", \
	  "pg_rewind needs data checksums or wal_log_hints, and the node has neither") \
	X(MR_JOIN_RULE_REWIND_FAILED, "rewind_failed", "pg_rewind was tried and failed") \
	X(MR_JOIN_RULE_REWIND_BEGUN, "rewind_begun", "an earlier rewind was interrupted") \
	X(MR_JOIN_RULE_CLONE_BEGUN, "clone_begun", "an earlier clone was interrupted") \
	X(MR_JOIN_RULE_EMPTY, "empty", "the data directory is empty") \
	X(MR_JOIN_RULE_STATE_LOST, "state_lost", "the state file is missing or damaged") \
	X(MR_JOIN_RULE_AMNESIA, "amnesia", \
	  "the state file went back in time: the node asks for a new identity") \
	X(MR_JOIN_RULE_ADOPTED, "adopted", "a plain standby of the same database becomes a member") \
	X(MR_JOIN_RULE_NEW_MEMBER, "new_member", "the node has no identity yet") \
	X(MR_JOIN_RULE_UNNAMED, "unnamed", "no node name is given and none is known") \
	X(MR_JOIN_RULE_STATE_UNREADABLE, "state_unreadable", "the state file cannot be read") \
	X(MR_JOIN_RULE_STATE_FOREIGN, "state_foreign", \
	  "state file and data directory belong to different clusters") \
	X(MR_JOIN_RULE_STATE_OF_OTHER, "state_of_other", \
	  "the state file is that of another node than the one named") \
	X(MR_JOIN_RULE_MARKER_LOST, "marker_lost", \
	  "the node is a member, but the data directory is not marked as managed") \
	X(MR_JOIN_RULE_NOT_DATABASE, "not_database", \
	  "the data directory holds something, but no database") \
	X(MR_JOIN_RULE_OTHER_DATABASE, "other_database", \
	  "the data directory holds another database than the cluster's") \
	X(MR_JOIN_RULE_PLAIN_PRIMARY, "plain_primary", \
	  "a plain primary of the cluster's database is not adopted") \
	X(MR_JOIN_RULE_ASK_FIRST, "ask_first", "a clone over an existing directory must be allowed") \
	X(MR_JOIN_RULE_NEED_PEERS, "need_peers", "this needs a leader, and nobody to ask is known") \
	X(MR_JOIN_RULE_NEED_LEADER, "need_leader", "this needs a leader, and none answers yet") \
	X(MR_JOIN_RULE_DISCARDED, "discarded", \
	  "the node's identity is not valid any more: a new quorum was forced without it, or it was " \
	  "replaced") \
	X(MR_JOIN_RULE_WITNESS, "witness", "the node is a witness: it holds no data of the service") \
	X(MR_JOIN_RULE_WITNESS_MISSING, "witness_missing", \
	  "a witness is a server of its own, and there is none in the data directory") \
	X(MR_JOIN_RULE_WITNESS_COPY, "witness_copy", \
	  "the data directory is a copy of the cluster's database, which a witness must not be") \
	X(MR_JOIN_RULE_NEWER_GENERATION, "newer_generation", \
	  "a new quorum was forced since this node last ran")

#define MR_JOIN_RULE_SYMBOL(symbol, word, sentence) symbol,
typedef enum MrJoinRule
{
	MR_JOIN_RULE_LIST(MR_JOIN_RULE_SYMBOL) MR_JOIN_RULE_COUNT
} MrJoinRule;

/* The word and the sentence of a rule. Never NULL. */
extern const char *mr_join_rule_name(MrJoinRule rule);
extern const char *mr_join_rule_sentence(MrJoinRule rule);

#endif /* MR_JOIN_RULES_H */
