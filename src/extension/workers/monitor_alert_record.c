/*
 * Alerts and tables. On the primary: what is raised gets a row of multiregion.alert, what is
 * over gets its end there, and each is a NOTIFY on the channel multiregion_alert, in the same
 * transaction. On every node: whether a hook after the last failover has failed.
 *
 * Whoever becomes primary takes over the alerts that the one before has left open (the
 * table is in the WAL): they are not told again, and end when what they are about is over.
 * An alert counts as recorded only once that was committed; what was not is tried again.
 *
 * Never touches a socket. Called by monitor_worker.c.
 */
#include "postgres.h"

#include "commands/async.h"
#include "utils/timestamp.h"

#include "adapters/mr_json.h"
#include "core/mr_names.h"
#include "extension/mr_alerts_shared.h"
#include "extension/mr_catalog_alert.h"
#include "extension/mr_shared_state.h"
#include "extension/workers/mr_monitor.h"

#define MR_ALERT_CHANNEL "multiregion_alert"
#define MR_ALERTS_KEPT 10000
#define MR_ALERT_PRUNE_NS (3600 * MR_NS_PER_S)
#define MR_ALERT_HOOKS_NS (10 * MR_NS_PER_S)
#define MR_ALERT_LOOK_NS (10 * MR_NS_PER_S) /* for the table, where an update is awaited */
#define UNIX_EPOCH_US ((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

/* ---------- what the table knows ---------- */

static void
forget_records(void)
{
	LWLockAcquire(mr_shared->monitor_lock, LW_EXCLUSIVE);
	for (int i = 0; i < mr_alerts_shared->alerts.count; i++)
		mr_alerts_shared->alerts.list[i].recorded = false;
	LWLockRelease(mr_shared->monitor_lock);
}

static void
adopt(const MrMonitor *monitor, const MrOpenAlert *open, int count)
{
	LWLockAcquire(mr_shared->monitor_lock, LW_EXCLUSIVE);
	for (int i = 0; i < count; i++)
		(void) mr_alert_adopt(&mr_alerts_shared->alerts, mr_alert_from_name(open[i].alert),
							  open[i].subject, open[i].region, open[i].since, monitor->now_ns);
	LWLockRelease(mr_shared->monitor_lock);
}

/* False while the tables cannot be read, or have no place for alerts. */
static bool
know_records(MrMonitor *monitor)
{
	MrOpenAlert *open = palloc(MR_MAX_ALERTS * sizeof(MrOpenAlert));
	int count;

	if (monitor->alerts_known)
		return true;
	if (monitor->now_ns < monitor->next_alerts_look_ns || !mr_monitor_begin(monitor))
		return false;
	count = mr_catalog_open_alerts(open, MR_MAX_ALERTS);
	mr_monitor_end(monitor);
	if (count < 0)
	{
		monitor->next_alerts_look_ns = monitor->now_ns + MR_ALERT_LOOK_NS;
		return false;
	}
	forget_records();
	adopt(monitor, open, count);
	monitor->alerts_known = true;
	return true;
}

/* ---------- what it does not know yet ---------- */

/* Copies of the alerts that differ from the table. */
static int
find_news(MrAlert *news)
{
	int count = 0;

	LWLockAcquire(mr_shared->monitor_lock, LW_SHARED);
	for (int i = 0; i < mr_alerts_shared->alerts.count; i++)
	{
		const MrAlert *alert = &mr_alerts_shared->alerts.list[i];

		if (alert->recorded != mr_alert_is_raised(alert))
			news[count++] = *alert;
	}
	LWLockRelease(mr_shared->monitor_lock);
	return count;
}

static void
mark_recorded(const MrAlert *news, int count)
{
	MrAlerts *alerts = &mr_alerts_shared->alerts;

	LWLockAcquire(mr_shared->monitor_lock, LW_EXCLUSIVE);
	for (int i = 0; i < count; i++)
	{
		for (int at = 0; at < alerts->count; at++)
		{
			if (alerts->list[at].kind == news[i].kind &&
				strcmp(alerts->list[at].subject, news[i].subject) == 0)
				alerts->list[at].recorded = mr_alert_is_raised(&news[i]);
		}
	}
	LWLockRelease(mr_shared->monitor_lock);
}

/* What listeners get, palloc'd. */
static char *
payload_of(const MrAlert *alert, const char *node)
{
	const MrAlertSpec *spec = mr_alert_spec(alert->kind);
	bool has_value = spec->unit[0] != '\0';
	MrJson json;
	MrJsonNode *root = mr_json_begin(&json);
	char *text;
	char *copy;

	mr_json_add_string(&json, root, "alert", spec->word);
	mr_json_add_string(&json, root, "state", mr_alert_is_raised(alert) ? "raised" : "cleared");
	mr_json_add_string(&json, root, "severity", spec->severity);
	mr_json_add_string(&json, root, "subject", alert->subject[0] != '\0' ? alert->subject : NULL);
	mr_json_add_string(&json, root, "region", alert->region[0] != '\0' ? alert->region : NULL);
	mr_json_add_real(&json, root, "since", (alert->since + UNIX_EPOCH_US) / 1e6);
	if (has_value)
	{
		mr_json_add_integer(&json, root, "value", alert->value);
		mr_json_add_integer(&json, root, "threshold", alert->threshold);
		mr_json_add_string(&json, root, "unit", spec->unit);
	}
	if (alert->refusal != MR_REFUSE_NONE)
		mr_json_add_string(&json, root, "reason", mr_refusal_name(alert->refusal));
	mr_json_add_string(&json, root, "sentence", spec->sentence);
	mr_json_add_string(&json, root, "runbook", spec->entry);
	mr_json_add_string(&json, root, "node", node);
	text = mr_json_end(&json);
	if (text == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	copy = pstrdup(text);
	free(text);
	return copy;
}

static void
write_one(const MrAlert *alert, const char *node)
{
	const MrAlertSpec *spec = mr_alert_spec(alert->kind);
	MrCatalogAlert row = {.alert = spec->word,
						  .severity = spec->severity,
						  .subject = alert->subject,
						  .region = alert->region[0] != '\0' ? alert->region : NULL,
						  .node = node,
						  .since = alert->since,
						  .has_value = spec->unit[0] != '\0',
						  .value = alert->value,
						  .threshold = alert->threshold};
	bool is_new;

	if (alert->refusal != MR_REFUSE_NONE)
		row.reason = mr_refusal_name(alert->refusal);
	is_new = mr_alert_is_raised(alert) ? mr_catalog_raise_alert(&row)
									   : mr_catalog_clear_alert(spec->word, alert->subject);
	if (is_new)
		Async_Notify(MR_ALERT_CHANNEL, payload_of(alert, node));
}

static void
write_news(MrMonitor *monitor)
{
	MrAlert *news = palloc(MR_MAX_ALERTS * sizeof(MrAlert));
	int count = find_news(news);
	bool prune = monitor->now_ns >= monitor->next_alert_prune_ns;

	if ((count == 0 && !prune) || !mr_monitor_begin(monitor))
		return;
	for (int i = 0; i < count; i++)
		write_one(&news[i], monitor->lease->durable.name);
	if (prune)
		mr_catalog_prune_alerts(MR_ALERTS_KEPT);
	mr_monitor_end(monitor);

	/* Only now is it true. */
	mark_recorded(news, count);
	if (prune)
		monitor->next_alert_prune_ns = monitor->now_ns + MR_ALERT_PRUNE_NS;
}

/* ---------- the step ---------- */

static void
look_at_hooks(MrMonitor *monitor)
{
	bool failed;

	if (monitor->now_ns < monitor->next_hooks_ns || !mr_monitor_begin(monitor))
		return;
	failed = mr_catalog_has_failed_hook();
	mr_monitor_end(monitor);
	monitor->hook_failed = failed;
	monitor->next_hooks_ns = monitor->now_ns + MR_ALERT_HOOKS_NS;
}

void
mr_monitor_record_alerts(MrMonitor *monitor)
{
	if (monitor->watches && !mr_monitor_is_witness(monitor))
		look_at_hooks(monitor);
	/* Not by what changed in this turn: after an error this step may have missed some. */
	if (monitor->records != monitor->alerts_known_as_primary)
		monitor->alerts_known = false;
	monitor->alerts_known_as_primary = monitor->records;
	if (monitor->records)
	{
		if (know_records(monitor))
			write_news(monitor);
	}
	else if (!monitor->alerts_known)
	{
		forget_records();
		monitor->alerts_known = true;
	}
}
