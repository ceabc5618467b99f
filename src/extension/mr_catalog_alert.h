/*
 * The table of alerts, for the monitor worker. The rules of mr_catalog.h hold.
 */
#ifndef MR_CATALOG_ALERT_H
#define MR_CATALOG_ALERT_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "core/mr_limits.h"

/* An alert that is raised. Strings live as long as the caller's; NULL is null. */
typedef struct MrCatalogAlert
{
	const char *alert; /* its word */
	const char *severity;
	const char *subject; /* empty: the cluster */
	const char *region;
	const char *node; /* who records it */
	const char *reason;
	TimestampTz since;
	bool has_value;
	int64 value;
	int64 threshold;
} MrCatalogAlert;

/* One that the table has as raised. */
typedef struct MrOpenAlert
{
	char alert[MR_NAME_SIZE];
	char subject[MR_NAME_SIZE];
	char region[MR_NAME_SIZE]; /* may be empty */
	TimestampTz since;
} MrOpenAlert;

/* Those up to max, the oldest first; -1 where an older version has no such table. */
extern int mr_catalog_open_alerts(MrOpenAlert *out, int max);

/* Records one as raised, or as over. False if that is what the table says already. */
extern bool mr_catalog_raise_alert(const MrCatalogAlert *alert);
extern bool mr_catalog_clear_alert(const char *alert, const char *subject);

/* Removes all but the newest `keep` of those that are over. */
extern void mr_catalog_prune_alerts(int64 keep);

/* Whether a hook after the last failover has failed, and that is less than a day ago. */
extern bool mr_catalog_has_failed_hook(void);

#endif /* MR_CATALOG_ALERT_H */
