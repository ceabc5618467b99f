/*
 * The life of an alert: it is raised once what it is about has lasted, and cleared once that
 * has been over for as long.
 *
 * Hysteresis: between the threshold that raises an alert and the one that clears it, half
 * as high, nothing changes. An alert that keeps coming back is cleared later each time
 * (twice the delay, four times ...), so that it stays raised instead of being told again
 * and again; after ten quiet minutes that is forgotten.
 *
 * Alerts are told apart by kind and subject, not by slots: a member may get another slot.
 * Pure, fixed memory. A round is mr_alerts_begin(), mr_alert_observe() for everything that
 * can be judged, mr_alerts_end(): what was not observed is over, its subject has gone.
 */
#ifndef MR_ALERT_H
#define MR_ALERT_H

#include "core/mr_alerts.h"
#include "core/mr_limits.h"

#define MR_MAX_ALERTS 192 /* at a time; further ones have to wait until one is over */

#define MR_ALERT_ENUM(symbol, word, severity, about, unit, policy, after, entry, sentence) symbol,
typedef enum MrAlertKind
{
	MR_ALERT_LIST(MR_ALERT_ENUM) MR_ALERT_COUNT
} MrAlertKind;

/* A line of the list. */
typedef struct MrAlertSpec
{
	const char *word;
	const char *severity;
	const char *about;
	const char *unit;
	const char *policy;
	int64_t after_ms; /* MR_ALERT_DELAYED: the policy alert_delay */
	const char *entry;
	const char *sentence;
} MrAlertSpec;

/* How things are, as a rule judges it. */
typedef enum MrAlertCondition
{
	MR_ALERT_CLEAR,
	MR_ALERT_BETWEEN, /* the two thresholds; or it cannot be said now */
	MR_ALERT_BEYOND
} MrAlertCondition;

typedef enum MrAlertPhase
{
	MR_ALERT_QUIET,  /* over; kept for what it was */
	MR_ALERT_RISING, /* beyond, not for long enough */
	MR_ALERT_RAISED,
	MR_ALERT_FALLING /* raised and clear, not for long enough */
} MrAlertPhase;

/* What a rule says of one subject. Strings live as long as the call. */
typedef struct MrAlertSeen
{
	MrAlertKind kind;
	const char *subject; /* empty: the cluster */
	const char *region;  /* of the subject; may be empty */
	MrAlertCondition condition;
	int64_t value; /* -1: not known now; value, threshold and refusal stay as they were */
	int64_t threshold;
	int refusal; /* MrRefusal: why, where there is such a reason */
} MrAlertSeen;

typedef struct MrAlert
{
	MrAlertKind kind;
	char subject[MR_NAME_SIZE];
	char region[MR_NAME_SIZE];
	MrAlertPhase phase;
	int64_t phase_ns; /* since when */
	int64_t since;    /* what mr_alerts_begin() was told when it began */
	int64_t value;
	int64_t threshold;
	int refusal;
	int raises;    /* not long ago, one after the other */
	bool seen;     /* in this round */
	bool told;     /* of the caller: that it is raised is in the log */
	bool recorded; /* of the caller: a table has it as raised; kept until that is undone */
} MrAlert;

typedef struct MrAlerts
{
	int64_t now_ns;
	int64_t stamp; /* the caller's clock of this round */
	int64_t delay_ms;
	int count;
	MrAlert list[MR_MAX_ALERTS];
} MrAlerts;

/* A line of the list; NULL outside it. The kind of a word, or -1. */
extern const MrAlertSpec *mr_alert_spec(int kind);
extern int mr_alert_from_name(const char *word);

/* Whether an alert is raised. */
extern bool mr_alert_is_raised(const MrAlert *alert);

/* One round; stamp becomes `since` of what begins in it. delay_ms is the policy alert_delay. */
extern void mr_alerts_begin(MrAlerts *alerts, int64_t now_ns, int64_t stamp, int64_t delay_ms);
extern void mr_alert_observe(MrAlerts *alerts, const MrAlertSeen *seen);
extern void mr_alerts_end(MrAlerts *alerts);

/*
 * Takes over an alert that another node has recorded as raised: whoever becomes primary
 * neither raises it anew nor leaves it open for ever. It counts as told and recorded, and is
 * cleared as any other. False if there is no room.
 */
extern bool mr_alert_adopt(MrAlerts *alerts, int kind, const char *subject, const char *region,
						   int64_t since, int64_t now_ns);

/*
 * By how much another clock differs from ours at least, when it showed theirs_us at some
 * moment between two of ours.
 */
extern int64_t mr_alert_skew_ms(int64_t theirs_us, int64_t asked_us, int64_t answered_us);

/* The condition of a value: beyond a threshold, at most half of it; off below 0. */
extern MrAlertCondition mr_alert_compare(int64_t value, int64_t threshold);

#endif /* MR_ALERT_H */
