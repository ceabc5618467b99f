/*
 * The database of addresses in this process: opened when it is needed, exchanged when the
 * file changes.
 *
 * The file is looked at once a second at most, between statements. One that cannot be used
 * leaves the one before in use; none is no error. The copies that adapters/mmdb.c makes are
 * in pg_stat_tmp, which PostgreSQL leaves out of base backups. Called by the other files of
 * this folder.
 */
#include "postgres.h"

#include <errno.h>

#include "access/xact.h"
#include "pgstat.h"
#include "utils/timestamp.h"

#include "adapters/mr_mmdb.h"
#include "extension/routing/mr_geo.h"

#define LOOK_INTERVAL_US INT64CONST(1000000)
#define MR_NS_PER_US 1000
#define US_PER_S INT64CONST(1000000)

static MrMmdb *database = NULL;
static MrMmdbVersion version; /* of the file that was looked at, usable or not */
static bool must_look = true;
static TimestampTz looked_at = 0;

void
mr_geo_mmdb_forget(void)
{
	must_look = true;
	memset(&version, 0, sizeof(version));
}

static void
use(MrMmdb *other)
{
	mr_mmdb_close(database);
	database = other;
}

static void
warn(const char *problem)
{
	ereport(WARNING,
			(errmsg("could not use the database of addresses \"%s\": %s", mr_mmdb_path, problem),
			 database != NULL ? errdetail("The one that was read before stays in use.")
							  : errdetail("No address can be resolved until it is replaced.")));
}

/* Whether the file was touched within the last second: then it may still be written to. */
static bool
is_fresh(const MrMmdbVersion *seen, TimestampTz now)
{
	const int64 epoch_us = (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * INT64CONST(86400) * US_PER_S;
	int64 age = now + epoch_us - (int64) (seen->changed_ns / MR_NS_PER_US);

	return age >= 0 && age < US_PER_S;
}

static void
look(TimestampTz now)
{
	char problem[MR_MMDB_PROBLEM_SIZE];
	MrMmdbVersion seen;
	MrMmdb *other;
	MrMmdbResult result;

	if (mr_mmdb_path[0] == '\0' || (!mr_mmdb_look(mr_mmdb_path, &seen) && errno == ENOENT))
	{
		if (database != NULL)
			mr_mmdb_forget_copies(PG_STAT_TMP_DIR);
		memset(&version, 0, sizeof(version));
		use(NULL);
		return;
	}
	if (mr_mmdb_same(&seen, &version) || (database != NULL && is_fresh(&seen, now)))
		return;
	version = seen;
	result = mr_mmdb_open(mr_mmdb_path, PG_STAT_TMP_DIR, &seen, &other, problem);
	if (result == MR_MMDB_OPENED || database == NULL)
		use(other);
	else
		mr_mmdb_close(other);
	if (problem[0] != '\0')
		warn(problem);
}

bool
mr_geo_mmdb_find(const MrAddress *address, MrClientPlace *place)
{
	TimestampTz now = GetCurrentStatementStartTimestamp();

	if (must_look || now - looked_at >= LOOK_INTERVAL_US || now < looked_at)
	{
		must_look = false;
		looked_at = now;
		look(now);
	}
	return database != NULL && mr_mmdb_find(database, address, place);
}
