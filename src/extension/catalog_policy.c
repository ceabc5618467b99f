/*
 * Policy in the catalog, and the configuration that the tables together ask for.
 *
 * The tables are only the editor of the configuration: nothing here changes what is in
 * force. A value that a newer version has stored and this one does not understand is left
 * out with a WARNING, never guessed. Called by functions/policy.c, functions/check.c and
 * the monitor.
 */
#include "postgres.h"

#include "executor/spi.h"

#include "core/mr_policy.h"
#include "extension/mr_catalog.h"
#include "extension/mr_catalog_edit.h"
#include "extension/mr_catalog_policy.h"
#include "extension/mr_catalog_run.h"

static const char *const version_sql = "SELECT version FROM multiregion.configuration_version";

static const char *const policy_sql = "SELECT p.name, p.value FROM multiregion.policy AS p";

static const char *const one_policy_sql = "SELECT p.value FROM multiregion.policy AS p"
										  " WHERE p.name OPERATOR(pg_catalog.=) $1";

static const char *const lock_policy_sql =
	"LOCK TABLE multiregion.policy IN SHARE ROW EXCLUSIVE MODE";

static const char *const write_policy_sql =
	"INSERT INTO multiregion.policy (name, value, reason, changed_by) VALUES ($1, $2, $4, $5)"
	" ON CONFLICT (name) DO UPDATE SET value = excluded.value, reason = excluded.reason,"
	" changed_by = excluded.changed_by, changed_at = pg_catalog.clock_timestamp()";

static const char *const reset_policy_sql =
	"DELETE FROM multiregion.policy WHERE name OPERATOR(pg_catalog.=) $1";

static const char *const policy_history_sql =
	"INSERT INTO multiregion.policy_history (name, value, old_value, reason, changed_by, change_id)"
	" VALUES ($1, $2, $3, $4, $5, nullif($6, 0)) RETURNING history_id";

/* 0.1 could not change several at once. */
static const char *const old_policy_history_sql =
	"INSERT INTO multiregion.policy_history (name, value, old_value, reason, changed_by)"
	" VALUES ($1, $2, $3, $4, $5) RETURNING history_id";

/* A region without a server that could be promoted is preferred by nobody. */
static const char *const preferred_sql =
	"SELECT r.region_key FROM multiregion.region AS r"
	" ORDER BY EXISTS (SELECT FROM multiregion.node AS n"
	" WHERE n.region_key OPERATOR(pg_catalog.=) r.region_key AND n.uuid IS NOT NULL"
	" AND NOT n.no_promote AND NOT n.witness) DESC,"
	" r.priority, r.added_at, r.region_key LIMIT 1";

static const char *const members_sql =
	"SELECT n.node_name, n.region_key, n.conninfo, n.hostaddr, n.uuid, n.no_promote, n.witness,"
	" r.priority FROM multiregion.node AS n JOIN multiregion.region AS r"
	" ON r.region_key OPERATOR(pg_catalog.=) n.region_key"
	" WHERE n.uuid IS NOT NULL ORDER BY n.added_at, n.node_name";

static const char *const set_hostaddr_sql =
	"UPDATE multiregion.node SET hostaddr = $2 WHERE node_name OPERATOR(pg_catalog.=) $1"
	" AND hostaddr OPERATOR(pg_catalog.<>) $2";

static const char *const is_other_hostaddr_sql =
	"SELECT FROM multiregion.node AS n WHERE n.node_name OPERATOR(pg_catalog.=) $1"
	" AND n.hostaddr OPERATOR(pg_catalog.<>) $2";

static const char *const prepared_sql =
	"SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_xacts";

static const char *const admits_replication_sql =
	"SELECT FROM pg_catalog.pg_hba_file_rules AS h"
	" WHERE h.database OPERATOR(pg_catalog.@>) ARRAY['replication'::pg_catalog.text]"
	" AND h.auth_method OPERATOR(pg_catalog.<>) 'reject' LIMIT 1";

int64
mr_catalog_version(void)
{
	MrCatalogSession session;
	int64 version = 0;

	mr_catalog_open(&session);
	if (mr_read(version_sql, NULL) > 0)
		version = mr_column_int64(0, 1);
	mr_catalog_close(&session);
	return version;
}

/* ---------- policy ---------- */

static void
take_policy(MrPolicy *policy, const char *name, const char *text)
{
	const MrPolicySetting *setting = mr_policy_find(name);
	int64 value;

	if (setting == NULL || mr_policy_parse(setting, text, &value) != MR_POLICY_OK)
	{
		ereport(WARNING, (errmsg("ignored policy \"%s\" of multiregion.policy", name),
						  errdetail("This version does not know it, or not its value.")));
		return;
	}
	mr_policy_put(policy, setting, value);
}

void
mr_catalog_read_policy(MrPolicy *policy)
{
	MrCatalogSession session;
	const MrPolicySetting *setting;
	char name[NAMEDATALEN];
	char value[NAMEDATALEN];
	uint64 count;

	for (int i = 0; (setting = mr_policy_at(i)) != NULL; i++)
		mr_policy_put(policy, setting, setting->initial);
	mr_catalog_open(&session);
	count = mr_write(policy_sql, NULL);
	for (uint64 row = 0; row < count; row++)
	{
		mr_column_text(row, 1, name, sizeof(name));
		mr_column_text(row, 2, value, sizeof(value));
		take_policy(policy, name, value);
	}
	mr_catalog_close(&session);
}

void
mr_catalog_lock_policy(void)
{
	MrCatalogSession session;

	mr_catalog_open(&session);
	(void) mr_write(lock_policy_sql, NULL);
	mr_catalog_close(&session);
}

int64
mr_catalog_write_policy(const char *name, const char *value, const char *reason, int64 change)
{
	MrCatalogSession session;
	MrArguments arguments = {0};
	char old_value[NAMEDATALEN] = "";
	const char *old = NULL;

	mr_catalog_open(&session);
	mr_add_text(&arguments, name);
	if (mr_write(one_policy_sql, &arguments) > 0)
	{
		mr_column_text(0, 1, old_value, sizeof(old_value));
		old = old_value;
	}
	if (value == NULL ? old != NULL : old == NULL || strcmp(old, value) != 0)
	{
		mr_add_text(&arguments, value);
		mr_add_text(&arguments, old);
		mr_add_text(&arguments, reason);
		mr_add_text(&arguments, session.caller);
		mr_add_int64(&arguments, change);
		(void) mr_write(mr_catalog_has("policy_history", "change_id") ? policy_history_sql
																	  : old_policy_history_sql,
						&arguments);
		if (change == 0)
			change = mr_column_int64(0, 1);
		arguments.count = value == NULL ? 1 : 5;
		(void) mr_write(value == NULL ? reset_policy_sql : write_policy_sql, &arguments);
	}
	mr_catalog_close(&session);
	return change;
}

void
mr_catalog_preferred_region(char out[MR_NAME_SIZE])
{
	MrCatalogSession session;

	out[0] = '\0';
	mr_catalog_open(&session);
	if (mr_write(preferred_sql, NULL) > 0)
		mr_column_text(0, 1, out, MR_NAME_SIZE);
	mr_catalog_close(&session);
}

/* ---------- the configuration ---------- */

static void
read_member(uint64 row, MrMember *member)
{
	memset(member, 0, sizeof(*member));
	member->used = true;
	mr_column_text(row, 1, member->name, sizeof(member->name));
	mr_column_text(row, 2, member->region, sizeof(member->region));
	mr_column_text(row, 3, member->conninfo, sizeof(member->conninfo));
	mr_column_text(row, 4, member->hostaddr, sizeof(member->hostaddr));
	mr_column_uuid(row, 5, &member->uuid);
	member->no_promote = mr_column_bool(row, 6);
	member->witness = mr_column_bool(row, 7);
	member->priority = mr_column_int32(row, 8);
}

/* Fills wanted[] from the table; returns how many, -1 when there are too many. */
static int
read_members(MrMember wanted[MR_MAX_MEMBERS])
{
	MrCatalogSession session;
	uint64 count;

	mr_catalog_open(&session);
	count = mr_read(members_sql, NULL);
	for (uint64 row = 0; row < Min(count, MR_MAX_MEMBERS); row++)
		read_member(row, &wanted[row]);
	mr_catalog_close(&session);
	return count > MR_MAX_MEMBERS ? -1 : (int) count;
}

static int
free_slot(const MrConfig *config)
{
	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		if (!config->members[slot].used)
			return slot;
	}
	return MR_NO_SLOT;
}

/*
 * Members that the table does not want (any more) go, unless they have a vote; returns
 * the mask of those that had to stay.
 */
static uint32
remove_members(MrConfig *config, const MrMember *wanted, int count)
{
	uint32 leaving = 0;

	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		bool stays = !config->members[slot].used;

		for (int i = 0; i < count && !stays; i++)
			stays = mr_uuid_equal(&wanted[i].uuid, &config->members[slot].uuid);
		if (stays)
			continue;
		if (mr_config_is_voter(config, slot))
			leaving |= UINT32_C(1) << slot;
		else
			memset(&config->members[slot], 0, sizeof(config->members[slot]));
	}
	return leaving;
}

static void
place_members(MrConfig *config, const MrMember *wanted, int count)
{
	for (int i = 0; i < count; i++)
	{
		int slot = mr_config_slot_of(config, &wanted[i].uuid);

		/* A leaving voter still has the name, or the last slot: wait until it is gone. */
		if (slot == MR_NO_SLOT && mr_config_slot_of_name(config, wanted[i].name) == MR_NO_SLOT)
			slot = free_slot(config);
		if (slot != MR_NO_SLOT)
			config->members[slot] = wanted[i];
	}
}

static bool
knows(const MrMember *wanted, int count, const MrUuid *uuid)
{
	for (int i = 0; i < count; i++)
	{
		if (mr_uuid_equal(&wanted[i].uuid, uuid))
			return true;
	}
	return false;
}

bool
mr_catalog_read_config(const MrConfig *current, const MrUuid *self, MrConfig *proposal,
					   uint32 *leaving)
{
	MrMember *wanted = palloc0(MR_MAX_MEMBERS * sizeof(MrMember));
	int count = read_members(wanted);
	const char *problem = NULL;

	*proposal = *current;
	*leaving = 0;
	mr_catalog_read_policy(&proposal->policy);
	mr_catalog_preferred_region(proposal->preferred_region);
	if (count < 0)
		problem = "There are more nodes than a cluster can have.";
	else if (!knows(wanted, count, self))
		problem = "This node is not among them.";
	else
	{
		*leaving = remove_members(proposal, wanted, count);
		place_members(proposal, wanted, count);
		mr_catalog_read_pauses(proposal);
		problem = mr_config_problem(proposal);
	}
	if (problem != NULL)
		ereport(WARNING, (errmsg("the tables of multiregion hold no usable configuration"),
						  errdetail("%s", problem), errhint("The configuration in force stays.")));
	return problem == NULL;
}

void
mr_catalog_set_hostaddr(const char *node_name, const char *hostaddr)
{
	MrCatalogSession session;
	MrArguments arguments = {0};

	mr_catalog_open(&session);
	mr_add_text(&arguments, node_name);
	mr_add_text(&arguments, hostaddr);
	/* An UPDATE of nothing would still fire the statement's trigger. */
	if (mr_write(is_other_hostaddr_sql, &arguments) > 0)
		(void) mr_write(set_hostaddr_sql, &arguments);
	mr_catalog_close(&session);
}

/* ---------- for check() ---------- */

int64
mr_catalog_count_prepared(void)
{
	MrCatalogSession session;
	int64 count;

	mr_catalog_open(&session);
	(void) mr_read(prepared_sql, NULL);
	count = mr_column_int64(0, 1);
	mr_catalog_close(&session);
	return count;
}

bool
mr_catalog_admits_replication(void)
{
	MrCatalogSession session;
	bool admits;

	mr_catalog_open(&session);
	admits = mr_read(admits_replication_sql, NULL) > 0;
	mr_catalog_close(&session);
	return admits;
}
