/*
 * The history of the policy in the catalog: which version it is, and what it was.
 *
 * The version of the policy as a whole is the number of its newest change: the history_id
 * of its row in policy_history, or of the first of them. 0 is the policy nobody has ever
 * changed. The rules of mr_catalog.h hold.
 */
#ifndef MR_CATALOG_POLICY_H
#define MR_CATALOG_POLICY_H

#include "postgres.h"

typedef struct MrPolicyDifference
{
	char name[NAMEDATALEN];
	bool is_set; /* now; else the default holds */
	char value[NAMEDATALEN];
	bool was_set; /* then */
	char old_value[NAMEDATALEN];
} MrPolicyDifference;

/* Number of the newest change. Stable only under mr_catalog_lock_policy(). */
extern int64 mr_catalog_policy_version(void);

/*
 * What is another now than right after the change of this number, by name, in the
 * caller's memory; returns how many. Error 42704 when there is no such change.
 */
extern int mr_catalog_policy_since(int64 version, MrPolicyDifference **differences);

#endif /* MR_CATALOG_POLICY_H */
