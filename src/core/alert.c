/*
 * When an alert is raised and cleared. See mr_alert.h.
 *
 * Pure; time comes from the caller. What is judged is in alert_rules.c. Called by it and by
 * the monitor worker.
 */
#include "core/mr_alert.h"

#include <string.h>

#define MR_ALERT_LONGEST_CLEAR_MS INT64_C(600000)
#define MR_ALERT_FORGET_NS (600 * MR_NS_PER_S)

static const MrAlertSpec specs[] = {
#define MR_ALERT_SPEC(symbol, word, severity, about, unit, policy, after, entry, sentence) \
	{word, severity, about, unit, policy, after, entry, sentence},
	MR_ALERT_LIST(MR_ALERT_SPEC)
#undef MR_ALERT_SPEC
};

const MrAlertSpec *
mr_alert_spec(int kind)
{
	return kind >= 0 && kind < MR_ALERT_COUNT ? &specs[kind] : NULL;
}

int
mr_alert_from_name(const char *word)
{
	int kind;

	for (kind = 0; kind < MR_ALERT_COUNT; kind++)
		if (strcmp(specs[kind].word, word) == 0)
			return kind;
	return -1;
}

bool
mr_alert_is_raised(const MrAlert *alert)
{
	return alert->phase == MR_ALERT_RAISED || alert->phase == MR_ALERT_FALLING;
}

MrAlertCondition
mr_alert_compare(int64_t value, int64_t threshold)
{
	if (threshold < 0)
		return MR_ALERT_CLEAR;
	if (value > threshold)
		return MR_ALERT_BEYOND;
	return value <= threshold / 2 ? MR_ALERT_CLEAR : MR_ALERT_BETWEEN;
}

int64_t
mr_alert_skew_ms(int64_t theirs_us, int64_t asked_us, int64_t answered_us)
{
	if (theirs_us < asked_us)
		return (asked_us - theirs_us) / 1000;
	return theirs_us > answered_us ? (theirs_us - answered_us) / 1000 : 0;
}

/* ---------- the list ---------- */

static void
put_name(char out[MR_NAME_SIZE], const char *text)
{
	size_t length = strlen(text);

	if (length >= MR_NAME_SIZE)
		length = MR_NAME_SIZE - 1;
	memcpy(out, text, length);
	out[length] = '\0';
}

static MrAlert *
find(MrAlerts *alerts, MrAlertKind kind, const char *subject)
{
	int i;

	for (i = 0; i < alerts->count; i++)
		if (alerts->list[i].kind == kind && strcmp(alerts->list[i].subject, subject) == 0)
			return &alerts->list[i];
	return NULL;
}

static MrAlert *
add(MrAlerts *alerts, MrAlertKind kind, const char *subject, const char *region)
{
	MrAlert *alert;

	if (alerts->count >= MR_MAX_ALERTS)
		return NULL;
	alert = &alerts->list[alerts->count++];
	memset(alert, 0, sizeof(*alert));
	alert->kind = kind;
	put_name(alert->subject, subject);
	put_name(alert->region, region);
	return alert;
}

/* ---------- one alert ---------- */

static int64_t
raise_ms(const MrAlerts *alerts, const MrAlert *alert)
{
	int64_t after_ms = specs[alert->kind].after_ms;

	return after_ms == MR_ALERT_DELAYED ? alerts->delay_ms : after_ms;
}

/* Twice as long with each time that it came back. */
static int64_t
clear_ms(const MrAlerts *alerts, const MrAlert *alert)
{
	int64_t ms = alerts->delay_ms;
	int doublings;

	for (doublings = alert->raises - 1; doublings > 0; doublings--)
	{
		if (ms * 2 > MR_ALERT_LONGEST_CLEAR_MS)
			break;
		ms *= 2;
	}
	return ms;
}

static void
enter(MrAlert *alert, MrAlertPhase phase, int64_t now_ns)
{
	alert->phase = phase;
	alert->phase_ns = now_ns;
}

static bool
has_lasted(const MrAlerts *alerts, const MrAlert *alert, int64_t ms)
{
	return alerts->now_ns - alert->phase_ns >= ms * MR_NS_PER_MS;
}

static void
judge_beyond(const MrAlerts *alerts, MrAlert *alert)
{
	if (alert->phase == MR_ALERT_QUIET)
	{
		enter(alert, MR_ALERT_RISING, alerts->now_ns);
		alert->since = alerts->stamp;
	}
	if (alert->phase == MR_ALERT_FALLING)
		enter(alert, MR_ALERT_RAISED, alerts->now_ns);
	if (alert->phase == MR_ALERT_RISING && has_lasted(alerts, alert, raise_ms(alerts, alert)))
	{
		enter(alert, MR_ALERT_RAISED, alerts->now_ns);
		alert->raises++;
	}
}

static void
judge_clear(const MrAlerts *alerts, MrAlert *alert)
{
	if (alert->phase == MR_ALERT_RISING)
		enter(alert, MR_ALERT_QUIET, alerts->now_ns);
	if (alert->phase == MR_ALERT_RAISED)
		enter(alert, MR_ALERT_FALLING, alerts->now_ns);
	if (alert->phase == MR_ALERT_FALLING && has_lasted(alerts, alert, clear_ms(alerts, alert)))
		enter(alert, MR_ALERT_QUIET, alerts->now_ns);
}

static void
judge(const MrAlerts *alerts, MrAlert *alert, MrAlertCondition condition)
{
	if (condition == MR_ALERT_BEYOND)
		judge_beyond(alerts, alert);
	else if (condition == MR_ALERT_CLEAR)
		judge_clear(alerts, alert);
	else if (alert->phase == MR_ALERT_RISING)
		enter(alert, MR_ALERT_QUIET, alerts->now_ns);
	else if (alert->phase == MR_ALERT_FALLING)
		enter(alert, MR_ALERT_RAISED, alerts->now_ns);
}

/* ---------- a round ---------- */

void
mr_alerts_begin(MrAlerts *alerts, int64_t now_ns, int64_t stamp, int64_t delay_ms)
{
	int i;

	alerts->now_ns = now_ns;
	alerts->stamp = stamp;
	alerts->delay_ms = delay_ms;
	for (i = 0; i < alerts->count; i++)
		alerts->list[i].seen = false;
}

void
mr_alert_observe(MrAlerts *alerts, const MrAlertSeen *seen)
{
	MrAlert *alert = find(alerts, seen->kind, seen->subject);

	if (alert == NULL && seen->condition == MR_ALERT_BEYOND)
		alert = add(alerts, seen->kind, seen->subject, seen->region);
	if (alert == NULL)
		return;
	alert->seen = true;
	if (seen->value >= 0)
	{
		alert->value = seen->value;
		alert->threshold = seen->threshold;
		alert->refusal = seen->refusal;
	}
	judge(alerts, alert, seen->condition);
}

/* Nothing of it is of any use any more. */
static bool
is_forgotten(const MrAlerts *alerts, MrAlert *alert)
{
	if (alert->phase != MR_ALERT_QUIET || alert->recorded || alert->told)
		return false;
	return alert->raises == 0 || alerts->now_ns - alert->phase_ns >= MR_ALERT_FORGET_NS;
}

void
mr_alerts_end(MrAlerts *alerts)
{
	int kept = 0;
	int i;

	for (i = 0; i < alerts->count; i++)
	{
		MrAlert *alert = &alerts->list[i];

		if (!alert->seen)
			judge(alerts, alert, MR_ALERT_CLEAR);
		if (is_forgotten(alerts, alert))
			continue;
		if (kept != i)
			alerts->list[kept] = *alert;
		kept++;
	}
	alerts->count = kept;
}

bool
mr_alert_adopt(MrAlerts *alerts, int kind, const char *subject, const char *region, int64_t since,
			   int64_t now_ns)
{
	MrAlert *alert;

	if (mr_alert_spec(kind) == NULL)
		return false;
	alert = find(alerts, (MrAlertKind) kind, subject);
	if (alert == NULL)
		alert = add(alerts, (MrAlertKind) kind, subject, region);
	if (alert == NULL)
		return false;
	if (!mr_alert_is_raised(alert))
	{
		enter(alert, MR_ALERT_RAISED, now_ns);
		alert->raises++;
	}
	alert->since = since;
	alert->told = true;
	alert->recorded = true;
	return true;
}
