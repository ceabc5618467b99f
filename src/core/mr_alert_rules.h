/*
 * What is wrong, judged from what a node knows: facts to observations of alerts.
 */
#ifndef MR_ALERT_RULES_H
#define MR_ALERT_RULES_H

#include "core/mr_alert.h"
#include "core/mr_forecast.h"
#include "core/mr_lease.h"

#define MR_ALERT_SLOTS 32 /* replication slots looked at: those that keep the most WAL */
#define MR_CERTIFICATE_DAYS 30

/* A member, as this node's monitor sees it. */
typedef struct MrAlertNode
{
	MrHealth status;
	int64_t failures; /* in a row */
	int64_t lag_bytes;
	int64_t lag_ms;
	bool lag_at_least; /* it may be more ms: so it is after a change of the leader */
	int64_t skew_ms;   /* how far its clock is from ours at least; -1 unknown */
} MrAlertNode;

/* A replication slot of this server. */
typedef struct MrAlertSlot
{
	char name[MR_NAME_SIZE];
	int64_t bytes; /* WAL kept for it */
} MrAlertSlot;

typedef struct MrAlertFacts
{
	const MrLease *lease;
	int64_t now_ns;
	MrAlertNode nodes[MR_MAX_MEMBERS];
	const MrForecast *forecast; /* NULL: not known */

	/* this server */
	bool in_recovery;
	bool fence_open;
	bool replay_paused; /* or delayed */
	bool wal_gone;
	bool sick;
	bool veto_failed;
	bool hook_failed;
	int64_t certificate_days; /* until the first runs out; -1 none, or not known */
	int slot_count;
	MrAlertSlot slots[MR_ALERT_SLOTS];
} MrAlertFacts;

/*
 * One round: observes everything that can be judged. stamp as for mr_alerts_begin(). In a
 * cluster whose mode is off nobody watches, and every alert is over.
 */
extern void mr_alert_rules(const MrAlertFacts *facts, int64_t stamp, MrAlerts *alerts);

#endif /* MR_ALERT_RULES_H */
