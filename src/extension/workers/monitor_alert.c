/*
 * What is wrong at this moment: twice a second the facts this node has, to the rules of
 * core/alert_rules.c, into shared memory. Each change is a line of the server log, and
 * wakes who waits for a change.
 *
 * Every node does that for itself, so that a standby, a fenced node and one that is cut off
 * can be asked what is wrong. Tables and NOTIFY are monitor_alert_record.c's business. No
 * SQL, no waiting. Called by monitor_worker.c.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "access/xlogrecovery.h"
#include "replication/slot.h"
#include "utils/timestamp.h"

#include "core/mr_alert_rules.h"
#include "extension/mr_alerts_shared.h"
#include "extension/mr_check.h"
#include "extension/mr_gate.h"
#include "extension/mr_shared_state.h"
#include "extension/workers/mr_monitor.h"

#define MR_CERTIFICATES_NS (3600 * MR_NS_PER_S)

/* ---------- facts ---------- */

/*
 * From where on a slot keeps WAL that would be gone without it. A standby keeps all since its
 * last restartpoint anyway.
 */
static MrLsn
kept_anyway(void)
{
	XLogRecPtr restartpoint;
	TimeLineID timeline;

	if (!RecoveryInProgress())
		return GetFlushRecPtr(NULL);
	GetOldestRestartPoint(&restartpoint, &timeline);
	return restartpoint;
}

/* Among those that are kept in mind; where there are too many, in place of the smallest. */
static void
put_slot(MrAlertFacts *facts, const char *name, int64 bytes)
{
	int at = facts->slot_count;

	if (at < MR_ALERT_SLOTS)
		facts->slot_count++;
	else
	{
		at = 0;
		for (int i = 1; i < MR_ALERT_SLOTS; i++)
		{
			if (facts->slots[i].bytes < facts->slots[at].bytes)
				at = i;
		}
		if (facts->slots[at].bytes >= bytes)
			return;
	}
	strlcpy(facts->slots[at].name, name, MR_NAME_SIZE);
	facts->slots[at].bytes = bytes;
}

/* How much WAL each replication slot keeps; one that has lost its WAL keeps none. */
static void
look_at_slots(MrAlertFacts *facts)
{
	MrLsn end = kept_anyway();

	LWLockAcquire(ReplicationSlotControlLock, LW_SHARED);
	for (int i = 0; i < max_replication_slots; i++)
	{
		ReplicationSlot *slot = &ReplicationSlotCtl->replication_slots[i];
		XLogRecPtr restart_lsn;
		bool lasts;

		if (!slot->in_use)
			continue;
		SpinLockAcquire(&slot->mutex);
		restart_lsn = slot->data.restart_lsn;
		lasts = slot->data.persistency == RS_PERSISTENT;
		SpinLockRelease(&slot->mutex);
		if (lasts && restart_lsn != InvalidXLogRecPtr)
			put_slot(facts, NameStr(slot->data.name),
					 end > restart_lsn ? (int64) (end - restart_lsn) : 0);
	}
	LWLockRelease(ReplicationSlotControlLock);
}

static void
look_at_members(const MrMonitor *monitor, MrAlertFacts *facts)
{
	LWLockAcquire(mr_shared->monitor_lock, LW_EXCLUSIVE);
	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		const MrMember *member = &MR_MONITOR_CONFIG(monitor)->members[slot];
		const MrNodeHealth *health = &mr_shared->monitor.nodes[slot];
		MrAlertNode *node = &facts->nodes[slot];

		if (!member->used)
			continue;
		node->status = health->state.status;
		node->failures = health->state.consecutive_failures;
		node->lag_bytes = health->lag_bytes;
		node->lag_ms = health->lag_ms;
		node->skew_ms = mr_member_history(slot, &member->uuid)->skew_ms;
		node->lag_at_least = health->lag_at_least;
	}
	LWLockRelease(mr_shared->monitor_lock);
}

static void
look_at_certificates(MrMonitor *monitor)
{
	if (monitor->now_ns < monitor->next_certificates_ns)
		return;
	monitor->next_certificates_ns = monitor->now_ns + MR_CERTIFICATES_NS;
	monitor->certificate_days = mr_certificate_days();
}

static MrForecast *
forecast_of(const MrMonitor *monitor)
{
	MrLease *lease = palloc(sizeof(MrLease));
	MrForecast *forecast = palloc(sizeof(MrForecast));

	if (monitor->lease->leader == MR_NO_SLOT)
		return NULL;
	*lease = *monitor->lease;
	mr_forecast(lease, monitor->now_ns, UINT32_C(1) << lease->leader,
				pg_atomic_read_u32(&mr_shared->down_mask), forecast);
	return forecast;
}

static void
look_around(MrMonitor *monitor, MrAlertFacts *facts)
{
	const MrPolicy *policy = &MR_MONITOR_CONFIG(monitor)->policy;

	facts->lease = monitor->lease;
	facts->now_ns = monitor->now_ns;
	facts->forecast = forecast_of(monitor);
	facts->in_recovery = RecoveryInProgress();
	facts->fence_open = mr_fence_is_open();
	facts->replay_paused = facts->in_recovery && (GetRecoveryPauseState() != RECOVERY_NOT_PAUSED ||
												  recovery_min_apply_delay > 0);
	facts->wal_gone = mr_gate_wal_is_gone();
	facts->sick =
		pg_atomic_read_u32(&mr_shared->canary_failures) >= policy->max_consecutive_failures;
	facts->veto_failed = pg_atomic_read_u32(&mr_shared->hooks.veto) == MR_VETO_FAILED;
	facts->hook_failed = monitor->hook_failed;
	look_at_certificates(monitor);
	facts->certificate_days = monitor->certificate_days;
	look_at_members(monitor, facts);
	look_at_slots(facts);
}

/* ---------- changes ---------- */

static void
tell(const MrAlert *alert)
{
	const MrAlertSpec *spec = mr_alert_spec(alert->kind);
	bool raised = mr_alert_is_raised(alert);
	bool quiet = !raised || strcmp(spec->severity, "info") == 0;

	ereport(quiet ? LOG : WARNING,
			(errmsg("multiregion: alert %s %s: %s", spec->word, raised ? "raised" : "cleared",
					spec->sentence),
			 errdetail_log("subject \"%s\", value %lld, threshold %lld", alert->subject,
						   (long long) alert->value, (long long) alert->threshold)));
}

/* What is raised or over and was not told yet: told now. Lock held; returns how many. */
static int
take_news(MrAlerts *alerts, MrAlert *news)
{
	int count = 0;

	for (int i = 0; i < alerts->count; i++)
	{
		MrAlert *alert = &alerts->list[i];

		if (alert->told == mr_alert_is_raised(alert))
			continue;
		alert->told = !alert->told;
		news[count++] = *alert;
	}
	return count;
}

void
mr_monitor_alerts(MrMonitor *monitor)
{
	MrAlertFacts *facts;
	MrAlert *news;
	int count;

	if (monitor->now_ns < monitor->next_alerts_ns)
		return;
	monitor->next_alerts_ns = monitor->now_ns + MR_MONITOR_TICK_NS;
	facts = palloc0(sizeof(MrAlertFacts));
	news = palloc(MR_MAX_ALERTS * sizeof(MrAlert));
	look_around(monitor, facts);

	LWLockAcquire(mr_shared->monitor_lock, LW_EXCLUSIVE);
	mr_alert_rules(facts, GetCurrentTimestamp(), &mr_alerts_shared->alerts);
	count = take_news(&mr_alerts_shared->alerts, news);
	LWLockRelease(mr_shared->monitor_lock);
	for (int i = 0; i < count; i++)
		tell(&news[i]);
	if (count > 0)
		mr_changes_note();
}
