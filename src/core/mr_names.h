/*
 * Every list of names, once. An X-macro list gives the enum, its text and the
 * way back; SQL, HTTP, docs and tests take their words from here.
 *
 * Adding a word: append a line. Numbers of messages and refusals travel between
 * nodes of different versions, so lines are never reordered or removed.
 */
#ifndef MR_NAMES_H
#define MR_NAMES_H

#include "core/mr_limits.h"

/* What this server does with the lease: X(symbol, word). */
#define MR_MODE_LIST(X) \
	X(MR_MODE_OFF, "off") \
	X(MR_MODE_OBSERVE, "observe") \
	X(MR_MODE_MANAGE, "manage")

/* Role of a node in the protocol. */
#define MR_ROLE_LIST(X) \
	X(MR_ROLE_FOLLOWER, "follower") \
	X(MR_ROLE_PRECANDIDATE, "precandidate") \
	X(MR_ROLE_CANDIDATE, "candidate") \
	X(MR_ROLE_LEADER, "leader")

/* Kinds of protocol messages. */
#define MR_MESSAGE_LIST(X) \
	X(MR_MSG_NONE, "none") \
	X(MR_MSG_PREVOTE, "prevote") \
	X(MR_MSG_VOTE, "vote") \
	X(MR_MSG_GRANT, "grant") \
	X(MR_MSG_RELEASE, "release") \
	X(MR_MSG_STATUS, "status")

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
	X(MR_REFUSE_WRONG_BOOT, "wrong_boot", "the holder of the term was an earlier start of this node") \
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
	X(MR_REFUSE_OBSERVE, "observe", "the server only observes")

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
	X(MR_EVENT_SERVER_STOPPED, "server_stopped", "warning", "the server is stopped for its rejoin") \
	X(MR_EVENT_CONFIGURATION, "configuration", "info", "a new configuration took effect") \
	X(MR_EVENT_AMNESIA, "amnesia", "critical", "the state file of a node went back in time") \
	X(MR_EVENT_NODE_DOWN, "node_down", "warning", "a node failed its health checks") \
	X(MR_EVENT_NODE_UP, "node_up", "info", "a node passes its health checks again") \
	X(MR_EVENT_REGION_DOWN, "region_down", "critical", "every node of a region is down") \
	X(MR_EVENT_REGION_UP, "region_up", "info", "a region has a healthy node again") \
	X(MR_EVENT_REJOINED, "rejoined", "info", "a node was made a correct member again")

/* Why a leadership began. */
#define MR_CAUSE_LIST(X) \
	X(MR_CAUSE_NONE, "none", "no leadership yet") \
	X(MR_CAUSE_BOOTSTRAP, "bootstrap", "first leadership of the cluster") \
	X(MR_CAUSE_LEASE_EXPIRED, "lease_expired", "the leader fell silent and its lease ran out") \
	X(MR_CAUSE_PRIMARY_CRASH, "primary_crash", "the postmaster died; its lease worker handed over") \
	X(MR_CAUSE_ORDERLY_STOP, "orderly_stop", "the primary was shut down and handed over") \
	X(MR_CAUSE_RESTART, "restart", "the same node leads again after a restart") \
	X(MR_CAUSE_SICK, "sick", "the primary could no longer write and gave the lease up") \
	X(MR_CAUSE_SWITCHOVER, "switchover", "planned switchover") \
	X(MR_CAUSE_FAILBACK, "failback", "return to the preferred region") \
	X(MR_CAUSE_MANUAL, "manual", "manual failover") \
	X(MR_CAUSE_FORCED, "forced", "a new quorum was forced")

/* Health of a node or region as the monitor sees it. */
#define MR_HEALTH_LIST(X) \
	X(MR_HEALTH_UNKNOWN, "unknown") \
	X(MR_HEALTH_UP, "up") \
	X(MR_HEALTH_SUSPECT, "suspect") \
	X(MR_HEALTH_DOWN, "down")

/* Where an orderly stop may hand the lease. */
#define MR_ON_STOP_LIST(X) \
	X(MR_ON_STOP_REGION, "region") \
	X(MR_ON_STOP_ANY, "any") \
	X(MR_ON_STOP_STAY, "stay")

/* When a commit is acknowledged. */
#define MR_DURABILITY_LIST(X) \
	X(MR_DURABILITY_ASYNC, "async") \
	X(MR_DURABILITY_QUORUM, "quorum")

#define MR_ENUM_2(symbol, word) symbol,
#define MR_ENUM_3(symbol, word, sentence) symbol,
#define MR_ENUM_4(symbol, word, severity, sentence) symbol,

typedef enum MrMode { MR_MODE_LIST(MR_ENUM_2) MR_MODE_COUNT } MrMode;
typedef enum MrRole { MR_ROLE_LIST(MR_ENUM_2) MR_ROLE_COUNT } MrRole;
typedef enum MrMessageKind { MR_MESSAGE_LIST(MR_ENUM_2) MR_MESSAGE_COUNT } MrMessageKind;
typedef enum MrRefusal { MR_REFUSAL_LIST(MR_ENUM_3) MR_REFUSAL_COUNT } MrRefusal;
typedef enum MrEventKind { MR_EVENT_LIST(MR_ENUM_4) MR_EVENT_COUNT } MrEventKind;
typedef enum MrCause { MR_CAUSE_LIST(MR_ENUM_3) MR_CAUSE_COUNT } MrCause;
typedef enum MrHealth { MR_HEALTH_LIST(MR_ENUM_2) MR_HEALTH_COUNT } MrHealth;
typedef enum MrOnStop { MR_ON_STOP_LIST(MR_ENUM_2) MR_ON_STOP_COUNT } MrOnStop;
typedef enum MrDurability { MR_DURABILITY_LIST(MR_ENUM_2) MR_DURABILITY_COUNT } MrDurability;

/*
 * The word of a value; "?" for a number outside its list (it may come from a
 * newer version). Never NULL.
 */
extern const char *mr_mode_name(int mode);
extern const char *mr_role_name(int role);
extern const char *mr_message_name(int kind);
extern const char *mr_refusal_name(int refusal);
extern const char *mr_refusal_sentence(int refusal);
extern const char *mr_event_name(int kind);
extern const char *mr_event_severity(int kind);
extern const char *mr_event_sentence(int kind);
extern const char *mr_cause_name(int cause);
extern const char *mr_cause_sentence(int cause);
extern const char *mr_health_name(int health);
extern const char *mr_on_stop_name(int on_stop);
extern const char *mr_durability_name(int durability);

/* The value of a word, or -1. Words are compared exactly. */
extern int	mr_on_stop_from_name(const char *word);
extern int	mr_durability_from_name(const char *word);

#endif							/* MR_NAMES_H */
