/*
 * Every list of names, once. An X-macro list gives the enum, its text and the
 * way back; SQL, HTTP, docs and tests take their words from here.
 *
 * Adding a word: append a line. Numbers of messages and refusals travel between
 * nodes of different versions, so lines are never reordered or removed.
 */
#ifndef MR_NAMES_H
#define MR_NAMES_H

#include "core/mr_events.h"
#include "core/mr_limits.h"
#include "core/mr_refusals.h"
#include "core/mr_route_reasons.h"

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
	X(MR_MSG_STATUS, "status") \
	X(MR_MSG_ORDER, "order")

/* Why a leadership began. */
#define MR_CAUSE_LIST(X) \
	X(MR_CAUSE_NONE, "none", "no leadership yet") \
	X(MR_CAUSE_BOOTSTRAP, "bootstrap", "first leadership of the cluster") \
	X(MR_CAUSE_LEASE_EXPIRED, "lease_expired", "the leader fell silent and its lease ran out") \
	X(MR_CAUSE_PRIMARY_CRASH, "primary_crash", \
	  "the postmaster died; its lease worker handed over") \
	X(MR_CAUSE_ORDERLY_STOP, "orderly_stop", "the primary was shut down and handed over") \
	X(MR_CAUSE_RESTART, "restart", "the same node leads again after a restart") \
	X(MR_CAUSE_SICK, "sick", "the primary could no longer write and gave the lease up") \
	X(MR_CAUSE_SWITCHOVER, "switchover", "planned switchover") \
	X(MR_CAUSE_FAILBACK, "failback", "return to the preferred region") \
	X(MR_CAUSE_MANUAL, "manual", "manual failover") \
	X(MR_CAUSE_FORCED, "forced", "a new quorum was forced") \
	X(MR_CAUSE_TAKEN_BACK, "taken_back", \
	  "a hand-over came to nothing and the former leader leads again") \
	X(MR_CAUSE_OBSERVED, "observed", "another system or a person made the node primary")

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

typedef enum MrMode
{
	MR_MODE_LIST(MR_ENUM_2) MR_MODE_COUNT
} MrMode;
typedef enum MrRole
{
	MR_ROLE_LIST(MR_ENUM_2) MR_ROLE_COUNT
} MrRole;
typedef enum MrMessageKind
{
	MR_MESSAGE_LIST(MR_ENUM_2) MR_MESSAGE_COUNT
} MrMessageKind;
typedef enum MrRefusal
{
	MR_REFUSAL_LIST(MR_ENUM_3) MR_REFUSAL_COUNT
} MrRefusal;
typedef enum MrEventKind
{
	MR_EVENT_LIST(MR_ENUM_4) MR_EVENT_COUNT
} MrEventKind;
typedef enum MrCause
{
	MR_CAUSE_LIST(MR_ENUM_3) MR_CAUSE_COUNT
} MrCause;
typedef enum MrHealth
{
	MR_HEALTH_LIST(MR_ENUM_2) MR_HEALTH_COUNT
} MrHealth;
typedef enum MrOnStop
{
	MR_ON_STOP_LIST(MR_ENUM_2) MR_ON_STOP_COUNT
} MrOnStop;
typedef enum MrDurability
{
	MR_DURABILITY_LIST(MR_ENUM_2) MR_DURABILITY_COUNT
} MrDurability;

typedef enum MrRouteReason
{
	MR_ROUTE_REASON_LIST(MR_ENUM_3) MR_ROUTE_REASON_COUNT
} MrRouteReason;

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
extern const char *mr_route_reason_name(int reason);
extern const char *mr_route_reason_sentence(int reason);
extern const char *mr_durability_name(int durability);

/* The value of a word, or -1. Words are compared exactly. */
extern int mr_mode_from_name(const char *word);
extern int mr_on_stop_from_name(const char *word);
extern int mr_durability_from_name(const char *word);
extern int mr_cause_from_name(const char *word);

#endif /* MR_NAMES_H */
