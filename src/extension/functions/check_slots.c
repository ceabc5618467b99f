/*
 * The findings of multiregion.check() about replication slots, which depend on the version
 * of PostgreSQL: logical slots survive a failover from 17 on, if all that it takes is
 * there; 18 may invalidate slots that nobody uses.
 *
 * Called by check.c.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "utils/guc.h"

#include "adapters/mr_pg_peer.h"
#include "extension/mr_catalog_slot.h"
#include "extension/mr_check.h"
#include "extension/pg_compat.h"

/* Something that is missing for logical slots to survive; in the order of importance. */
typedef struct Lack
{
	bool is_there;
	const char *detail;
	const char *hint;
} Lack;

static bool
is_on(const char *setting)
{
	const char *value = GetConfigOption(setting, true, false);

	return value != NULL && strcmp(value, "on") == 0;
}

/* multiregion-join writes primary_conninfo; what an older one wrote names no database. */
static bool
names_database(void)
{
	char database[NAMEDATALEN];

	return !RecoveryInProgress() ||
		   mr_pg_conninfo_value(GetConfigOption("primary_conninfo", false, false), "dbname",
								database, sizeof(database));
}

static Lack
find_lack(void)
{
	const Lack possible[] = {
		{!is_on("sync_replication_slots"), "sync_replication_slots is off.",
		 "Set sync_replication_slots = on and hot_standby_feedback = on on every node: otherwise "
		 "logical slots are lost with the primary."},
		{!is_on("hot_standby_feedback"), "hot_standby_feedback is off.",
		 "Set hot_standby_feedback = on on every node: standbys do not copy logical slots "
		 "without it."},
		{!is_on("allow_alter_system"), "allow_alter_system is off.",
		 "Set allow_alter_system = on: synchronized_standby_slots cannot be kept without it, and a "
		 "subscriber may be ahead of the next primary."},
		{!names_database(), "primary_conninfo names no database.",
		 "Restart this server through multiregion-join, which writes primary_conninfo."},
	};

	for (size_t i = 0; i < lengthof(possible); i++)
	{
		if (possible[i].is_there)
			return possible[i];
	}
	return (Lack){0};
}

static void
take_logical_slots(MrFinding *finding)
{
	const char *level = GetConfigOption("wal_level", false, false);
	int64 mortal = RecoveryInProgress() ? 0 : mr_catalog_count_mortal_slots();
	Lack lack = {0};

	finding->name = "logical_slots";
	finding->severity = MR_CHECK_WARNING;
	if (MR_HAS_FAILOVER_SLOTS && strcmp(level, "logical") == 0)
		lack = find_lack();
	finding->ok = mortal == 0 && !lack.is_there;
	finding->hint = lack.hint;
	if (lack.is_there)
		strlcpy(finding->detail, lack.detail, sizeof(finding->detail));
	else if (mortal > 0)
		snprintf(finding->detail, sizeof(finding->detail),
				 "Logical slots that are on this node only: %lld.", (long long) mortal);
	else
		snprintf(finding->detail, sizeof(finding->detail), "wal_level is %s.", level);
	if (lack.is_there || mortal == 0)
		return;
	if (MR_HAS_FAILOVER_SLOTS)
		finding->hint = "Give them the option failover (ALTER SUBSCRIPTION ... SET (failover = "
						"true) while it is disabled): they are lost with this node otherwise.";
	else
		finding->hint = "Standbys copy logical slots from PostgreSQL 17 on. Here they are lost "
						"with this node, and subscribers have to begin anew.";
}

static void
take_idle_timeout(MrFinding *finding, const char *value)
{
	finding->name = "idle_replication_slot_timeout";
	finding->severity = MR_CHECK_WARNING;
	finding->ok = strtol(value, NULL, 10) == 0;
	snprintf(finding->detail, sizeof(finding->detail), "idle_replication_slot_timeout is %s.",
			 GetConfigOptionByName("idle_replication_slot_timeout", NULL, false));
	finding->hint = "Set idle_replication_slot_timeout = 0: on a standby nobody uses the slots "
					"that the other nodes need when it is the next primary.";
}

int
mr_check_slots(MrFinding *findings, int count)
{
	const char *idle_timeout = GetConfigOption("idle_replication_slot_timeout", true, false);

	take_logical_slots(&findings[count++]);
	if (idle_timeout != NULL)
		take_idle_timeout(&findings[count++], idle_timeout);
	return count;
}
