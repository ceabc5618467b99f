/*
 * SQL functions on the mode of the cluster, and on members that only observe.
 *
 * set_mode() changes the table; the monitor of the primary proposes it to the cluster.
 * enlist_node() is what the primary of an observing cluster calls on a standby: it writes
 * the state file, outside of the data directory, and nothing else. It believes no caller:
 * the standby's own copy of the tables must say that it is that node.
 */
#include "postgres.h"

#include <unistd.h>

#include "access/xlog.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "adapters/mr_state_file.h"
#include "core/mr_bytes.h"
#include "core/mr_candidate.h"
#include "core/mr_message.h"
#include "extension/mr_catalog_edit.h"
#include "extension/mr_catalog_policy.h"
#include "extension/mr_functions.h"
#include "extension/mr_managed.h"
#include "extension/mr_shared_state.h"
#include "extension/pg_compat.h"

PG_FUNCTION_INFO_V1(multiregion_set_mode);
PG_FUNCTION_INFO_V1(multiregion_enlist_node);

int
mr_mode_argument(FunctionCallInfo fcinfo, int number)
{
	char *word = mr_text_argument(fcinfo, number, "mode");
	int mode = mr_mode_from_name(word);

	if (mode < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid mode: \"%s\"", word),
				 errhint("Valid values: off, observe, manage.")));
	return mode;
}

/* ---------- set_mode ---------- */

/* Observers need less of each other than members that will stream from one another. */
static void
require_replication(const MrConfig *config)
{
	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		const MrMember *member = &config->members[slot];
		MrMemberProbe probe;

		if (!member->used || member->witness)
			continue;
		mr_probe_member(member->conninfo, member->hostaddr, &probe);
		if (!probe.answered)
			ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
							errmsg("node \"%s\" is not ready to be managed", member->name),
							errdetail("It cannot be connected to: %s", probe.error)));
		if (!probe.may_replicate)
			ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
							errmsg("node \"%s\" is not ready to be managed", member->name),
							errdetail("The user of its connection string may not replicate."),
							errhint("ALTER ROLE ... REPLICATION, and admit it to the database "
									"\"replication\" in pg_hba.conf of every node.")));
	}
}

void
mr_require_manageable(void)
{
	MrLease *lease = mr_copy_lease();
	const char *problem;
	int slot;

	if (lease == NULL || mr_config_binds(&lease->durable.config))
		return;
	if (pg_atomic_read_u32(&mr_shared->ceiling) != MR_MODE_MANAGE)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("this server may not be managed"),
						errdetail("Its multiregion.mode is \"%s\".",
								  mr_mode_name((int) pg_atomic_read_u32(&mr_shared->ceiling))),
						errhint("Set multiregion.mode to manage on every node and reload.")));
	mr_check_or_refuse(NULL, 0);
	problem = mr_lease_unready(lease, mr_boottime_ns(), &slot);
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("node \"%s\" is not ready to be managed",
						slot != MR_NO_SLOT ? lease->durable.config.members[slot].name : ""),
				 errdetail("%s", problem),
				 errhint("All nodes go into manage together; drop_node() removes one that is "
						 "gone.")));
	require_replication(&lease->durable.config);
}

Datum
multiregion_set_mode(PG_FUNCTION_ARGS)
{
	int mode = mr_mode_argument(fcinfo, 0);
	char *reason = mr_reason_argument(fcinfo, 1);

	mr_require_preloaded();
	mr_require_writable("multiregion.set_mode()");
	if (!mr_is_managed())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this server is not a member of a cluster"),
				 errhint("Make it the first node with multiregion.init(), which takes a mode "
						 "too.")));
	if (mode == MR_MODE_MANAGE)
		mr_require_manageable();
	mr_catalog_lock_policy();
	(void) mr_catalog_write_policy("mode", mr_mode_name(mode), reason, 0);
	PG_RETURN_TEXT_P(cstring_to_text(mr_mode_name(mode)));
}

/* ---------- enlist_node ---------- */

static void
take_configuration(FunctionCallInfo fcinfo, const char *name, MrDurable *durable)
{
	bytea *encoded = PG_GETARG_BYTEA_PP(1);
	MrNodeRow row;
	MrBytes bytes;
	int slot;

	memset(durable, 0, sizeof(*durable));
	mr_bytes_for_read(&bytes, (const uint8 *) VARDATA_ANY(encoded), VARSIZE_ANY_EXHDR(encoded));
	if (!mr_config_read(&bytes, &durable->config) || mr_config_problem(&durable->config) != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the configuration cannot be read")));
	if (mr_config_binds(&durable->config))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("only an observing cluster takes in a running server"),
						errhint("A managed one is joined through multiregion-join.")));
	slot = mr_config_slot_of_name(&durable->config, name);
	mr_catalog_require_node(name, &row);
	if (slot == MR_NO_SLOT || !mr_uuid_is_set(&row.uuid) ||
		!mr_uuid_equal(&row.uuid, &durable->config.members[slot].uuid))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("the tables of this server do not say so of node \"%s\"", name),
						errhint("They arrive by replication; try again.")));
	durable->cluster = durable->config.cluster;
	durable->node = row.uuid;
	strlcpy(durable->name, row.name, sizeof(durable->name));
	strlcpy(durable->region, row.region, sizeof(durable->region));
}

/* Writes the state file, unless there is one. */
static void
write_state(MrDurable *durable)
{
	const char *directory = mr_state_directory();
	MrDurable *found = palloc(sizeof(MrDurable));
	const char *problem;
	int lock = mr_state_directory_lock(directory);
	bool written = false;

	if (lock < 0)
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not lock the state directory \"%s\": %m", directory)));
	if (mr_state_file_read(directory, found, &problem) == MR_STATE_ABSENT)
		written = mr_state_file_write(directory, durable);
	else
		errno = EEXIST;
	close(lock);
	if (!written)
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not write a state file in \"%s\": %m", directory)));
}

Datum
multiregion_enlist_node(PG_FUNCTION_ARGS)
{
	char *name = mr_text_argument(fcinfo, 0, "node name");
	MrDurable *durable = palloc(sizeof(MrDurable));

	mr_require_preloaded();
	if (PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("configuration must not be null")));
	if (mr_is_managed() || !RecoveryInProgress())
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("this server is a member already, or no standby")));
	if (pg_atomic_read_u32(&mr_shared->ceiling) == MR_MODE_OFF)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("multiregion.mode of this server is \"off\"")));
	take_configuration(fcinfo, name, durable);
	write_state(durable);
	mr_managed_activate(false);
	PG_RETURN_TEXT_P(cstring_to_text(durable->name));
}
