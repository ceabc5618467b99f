/*
 * The policy in the catalog: what it is, which version it is, and what it was.
 *
 * The version of the policy as a whole is the number of its newest change: the history_id
 * of its row in policy_history, or of the first of them. 0 is the policy nobody has ever
 * changed. The rules of mr_catalog.h hold.
 */
#ifndef MR_CATALOG_POLICY_H
#define MR_CATALOG_POLICY_H

#include "postgres.h"

#include "core/mr_topology.h"

typedef struct MrPolicyDifference
{
	char name[NAMEDATALEN];
	bool is_set; /* now; else the default holds */
	char value[NAMEDATALEN];
	bool was_set; /* then */
	char old_value[NAMEDATALEN];
} MrPolicyDifference;

/* ---------- catalog_policy.c ---------- */

/* Fills in what holds by the table: defaults, and what somebody has set. */
extern void mr_catalog_read_policy(MrPolicy *policy);

/* Keeps others from changing policy until the transaction ends; before reading to change. */
extern void mr_catalog_lock_policy(void);

/*
 * Stores a value (NULL: the default again) and its history. Nothing if unchanged. change is
 * 0, or what the last call returned: both are then parts of one change.
 */
extern int64 mr_catalog_write_policy(const char *name, const char *value, const char *reason,
									 int64 change);

/* ---------- catalog_policy_history.c ---------- */

/* Number of the newest change. Stable only under mr_catalog_lock_policy(). */
extern int64 mr_catalog_policy_version(void);

/*
 * What is another now than right after the change of this number, by name, in the
 * caller's memory; returns how many. Error 42704 when there is no such change.
 */
extern int mr_catalog_policy_since(int64 version, MrPolicyDifference **differences);

#endif /* MR_CATALOG_POLICY_H */
