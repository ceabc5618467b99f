/*
 * The history of the policy in the catalog; see mr_catalog_policy.h.
 *
 * Only reads: changes are written by catalog_policy.c. Called by functions/policy.c.
 */
#include "postgres.h"

#include "executor/spi.h"

#include "extension/mr_catalog_policy.h"
#include "extension/mr_catalog_run.h"

/* The change that a row of the history belongs to: one of several rows is a whole. */
#define CHANGE "coalesce(h.change_id, h.history_id)"

static const char *const version_sql =
	"SELECT coalesce(pg_catalog.max(" CHANGE "), 0) FROM multiregion.policy_history AS h";

static const char *const exists_sql = "SELECT FROM multiregion.policy_history AS h"
									  " WHERE " CHANGE " OPERATOR(pg_catalog.=) $1 LIMIT 1";

/* What a policy was then, the first change after it remembers; without one it is the same. */
static const char *const since_sql =
	"SELECT f.name, f.old_value, f.old_value IS NOT NULL, p.value, p.value IS NOT NULL"
	" FROM (SELECT DISTINCT ON (h.name) h.name, h.old_value FROM multiregion.policy_history AS h"
	" WHERE " CHANGE " OPERATOR(pg_catalog.>) $1 ORDER BY h.name, h.history_id) AS f"
	" LEFT JOIN multiregion.policy AS p ON p.name OPERATOR(pg_catalog.=) f.name"
	" WHERE f.old_value IS DISTINCT FROM p.value ORDER BY f.name";

int64
mr_catalog_policy_version(void)
{
	MrCatalogSession session;
	int64 version;

	mr_catalog_open(&session);
	(void) mr_write(version_sql, NULL);
	version = mr_column_int64(0, 1);
	mr_catalog_close(&session);
	return version;
}

int
mr_catalog_policy_since(int64 version, MrPolicyDifference **differences)
{
	MemoryContext caller_context = CurrentMemoryContext;
	MrCatalogSession session;
	MrArguments arguments = {0};
	uint64 count;

	mr_catalog_open(&session);
	mr_add_int64(&arguments, version);
	if (version != 0 && mr_write(exists_sql, &arguments) == 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("policy version %lld does not exist", (long long) version),
						errhint("See multiregion.policy_changes; 0 is the policy before the first "
								"of them.")));
	count = mr_write(since_sql, &arguments);
	*differences =
		MemoryContextAllocZero(caller_context, Max(count, 1) * sizeof(MrPolicyDifference));
	for (uint64 row = 0; row < count; row++)
	{
		MrPolicyDifference *difference = &(*differences)[row];

		mr_column_text(row, 1, difference->name, sizeof(difference->name));
		mr_column_text(row, 2, difference->old_value, sizeof(difference->old_value));
		difference->was_set = mr_column_bool(row, 3);
		mr_column_text(row, 4, difference->value, sizeof(difference->value));
		difference->is_set = mr_column_bool(row, 5);
	}
	mr_catalog_close(&session);
	return (int) count;
}
