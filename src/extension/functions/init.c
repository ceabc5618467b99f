/*
 * multiregion.init() and leave(): the first member of a cluster, and the last.
 *
 * A table row, a file outside the data directory and a marker inside it must come to be
 * together, or not at all. The row belongs to the transaction; the files are written at
 * PRE_COMMIT, when nothing but the commit itself can fail any more, and are taken back if
 * it does fail. First the state file, then the marker: a crash in between leaves a plain
 * server. The server turns into a managed one after the fence has let this commit through
 * (resource release comes after the transaction callbacks), or the fence would refuse the
 * acknowledgement of the very commit that closed it.
 *
 * Called by administrators, once in the life of a cluster.
 */
#include "postgres.h"

#include <unistd.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/resowner.h"

#include "adapters/mr_state_file.h"
#include "core/mr_policy.h"
#include "extension/mr_catalog_grant.h"
#include "extension/mr_catalog_policy.h"
#include "extension/mr_functions.h"
#include "extension/mr_managed.h"
#include "extension/mr_settings.h"
#include "extension/mr_shared_state.h"

PG_FUNCTION_INFO_V1(multiregion_init);
PG_FUNCTION_INFO_V1(multiregion_leave);

typedef enum MrPendingKind
{
	MR_PENDING_NOTHING,
	MR_PENDING_INIT,
	MR_PENDING_LEAVE
} MrPendingKind;

/* What this transaction will do to the files when it commits. */
static struct
{
	MrPendingKind kind;
	MrDurable durable; /* INIT: what the state file will hold; LEAVE: the cluster's id */
	int lock;          /* descriptor that holds the state directory, or -1 */
	bool wrote_state;
	bool changed_marker;
} pending = {.lock = -1};

/* ---------- the transaction's end ---------- */

static void
write_files(void)
{
	const char *directory = mr_state_directory();

	if (!mr_state_file_write(directory, &pending.durable))
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not write the state file in \"%s\": %m", directory)));
	pending.wrote_state = true;
	if (!mr_config_binds(&pending.durable.config))
		return; /* an observer is not marked */
	if (!mr_marker_write(&pending.durable.cluster))
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not write file \"%s\": %m", MR_MARKER_FILE)));
	pending.changed_marker = true;
}

static void
remove_marker(void)
{
	if (!mr_marker_present())
		return;
	if (!mr_marker_remove())
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not remove file \"%s\": %m", MR_MARKER_FILE)));
	pending.changed_marker = true;
}

static void
forget_pending(void)
{
	if (pending.lock >= 0)
		close(pending.lock);
	pending.lock = -1;
	pending.kind = MR_PENDING_NOTHING;
	pending.wrote_state = pending.changed_marker = false;
}

/* The transaction did not commit. Must not raise an error. */
static void
undo(void)
{
	bool done = true;

	if (pending.kind == MR_PENDING_INIT && pending.changed_marker)
		done = mr_marker_remove();
	if (pending.kind == MR_PENDING_INIT && pending.wrote_state)
		done = mr_state_file_retire(mr_state_directory()) && done;
	if (pending.kind == MR_PENDING_LEAVE && pending.changed_marker)
		done = mr_marker_write(&pending.durable.cluster);
	if (!done)
		ereport(WARNING, (errmsg("could not restore the files of multiregion: %m"),
						  errhint("Check \"%s\" in the data directory and the state directory "
								  "\"%s\" before the next restart.",
								  MR_MARKER_FILE, mr_state_directory())));
	forget_pending();
}

static void
on_transaction_event(XactEvent event, void *arg)
{
	if (pending.kind == MR_PENDING_NOTHING)
		return;
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			if (pending.kind == MR_PENDING_INIT)
				write_files();
			else
				remove_marker();
			break;
		case XACT_EVENT_PRE_PREPARE:
			ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
							errmsg("cannot PREPARE a transaction that has used multiregion.init() "
								   "or multiregion.leave()")));
			break;
		case XACT_EVENT_ABORT:
			undo();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PARALLEL_ABORT:
		case XACT_EVENT_PARALLEL_PRE_COMMIT:
			break;
	}
}

/* After the callbacks of the transaction, the fence's among them. Must not raise an error. */
static void
on_resource_release(ResourceReleasePhase phase, bool is_commit, bool is_top_level, void *arg)
{
	MrPendingKind kind = pending.kind;

	if (kind == MR_PENDING_NOTHING || phase != RESOURCE_RELEASE_AFTER_LOCKS || !is_commit ||
		!is_top_level)
		return;
	/* The lease worker takes the lock of the directory itself. */
	forget_pending();
	if (kind == MR_PENDING_INIT)
	{
		mr_managed_activate(mr_config_binds(&pending.durable.config));
		return;
	}
	mr_managed_deactivate();
	if (!mr_state_file_retire(mr_state_directory()))
		ereport(WARNING,
				(errmsg("could not set the state file in \"%s\" aside: %m", mr_state_directory())));
}

static void
begin_pending(MrPendingKind kind)
{
	static bool registered = false;

	if (!registered)
	{
		RegisterXactCallback(on_transaction_event, NULL);
		RegisterResourceReleaseCallback(on_resource_release, NULL);
		registered = true;
	}
	pending.kind = kind;
}

/* The files know no savepoints. */
static void
require_plain_transaction(const char *function)
{
	if (GetCurrentTransactionNestLevel() != 1)
		ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
						errmsg("%s cannot be called in a subtransaction", function),
						errhint("Call it outside of savepoints and EXCEPTION blocks.")));
	if (pending.kind != MR_PENDING_NOTHING)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this transaction has changed the membership of this server already"),
				 errhint("Commit first.")));
}

/* ---------- init ---------- */

static void
require_database(void)
{
	char *here = get_database_name(MyDatabaseId);

	if (mr_database == NULL || strcmp(here, mr_database) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("multiregion.database is \"%s\", not \"%s\"",
						mr_database != NULL ? mr_database : "", here),
				 errhint("Call it in that database, or set multiregion.database and restart.")));
}

/* Error unless what answers at conninfo is this server. */
static void
require_leads_here(const MrNodeRow *node, int mode)
{
	MrMemberProbe probe;

	mr_probe_member(node->conninfo, node->hostaddr, &probe);
	if (!probe.answered)
		ereport(ERROR, (errcode(ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
						errmsg("could not connect to this server by the connection string given"),
						errdetail("%s", probe.error[0] != '\0' ? probe.error : "No reason given."),
						errhint("Other nodes will use the same string: check host, port, "
								"listen_addresses and pg_hba.conf. Without a user it means "
								"multiregion_peer, which needs LOGIN and REPLICATION.")));
	if (!probe.is_this_server)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the connection string leads to another server"),
						errhint("Check host and port: it is how other nodes reach this one.")));
	if (!probe.may_call)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("the user of the connection string may not call multiregion.rpc()"),
						errhint("GRANT multiregion_peer to that user; CREATE EXTENSION must have "
								"been committed.")));
	if (!probe.may_replicate && mode == MR_MODE_MANAGE)
		ereport(WARNING, (errmsg("the user of the connection string may not replicate"),
						  errhint("ALTER ROLE ... REPLICATION, or no other node can be built.")));
}

static void
require_state_directory(void)
{
	const char *directory = mr_state_directory();
	const char *problem = NULL;
	MrDurable *found = palloc(sizeof(MrDurable));

	if (!mr_managed_await_end())
		ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
						errmsg("the lease worker has not finished with the last cluster yet"),
						errhint("Try again.")));
	if (!mr_shared->lock_held)
		pending.lock = mr_state_directory_lock(directory);
	if (!mr_shared->lock_held && pending.lock < 0)
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not lock the state directory \"%s\": %m", directory),
						errhint("It must be on lasting storage, belong to the user of the server, "
								"and be used by no other server.")));
	switch (mr_state_file_read(directory, found, &problem))
	{
		case MR_STATE_ABSENT:
			break;
		case MR_STATE_OK:
		case MR_STATE_DAMAGED:
			forget_pending();
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_FILE),
					 errmsg("the state directory \"%s\" holds a state file already", directory),
					 errdetail("It is the identity of a member of a cluster%s.",
							   problem != NULL ? ", but damaged" : ""),
					 errhint("Set multiregion.state_directory to an empty directory, or move the "
							 "file away if that member is gone for good.")));
			break;
		case MR_STATE_IO_ERROR:
			forget_pending();
			ereport(ERROR, (errcode_for_file_access(),
							errmsg("could not read the state directory \"%s\": %m", directory)));
			break;
	}
}

/* The state of the first member: one voter, itself, and the policy of the tables. */
static void
make_durable(MrDurable *durable, const MrNodeRow *node, const MrRegionRow *region, int mode)
{
	MrConfig *config = &durable->config;
	MrMember *self = &config->members[0];
	const char *problem;

	memset(durable, 0, sizeof(*durable));
	durable->node = node->uuid;
	strlcpy(durable->name, node->name, sizeof(durable->name));
	strlcpy(durable->region, region->key, sizeof(durable->region));
	mr_config_init(config);
	if (!mr_uuid_generate(&durable->cluster))
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not draw a cluster id")));
	config->cluster = durable->cluster;
	config->version = 1;
	config->voters = 1;
	mr_catalog_read_policy(&config->policy);
	config->policy.mode = mode;
	mr_catalog_preferred_region(config->preferred_region);
	self->used = true;
	self->no_promote = node->no_promote;
	self->priority = region->priority;
	self->uuid = node->uuid;
	strlcpy(self->name, node->name, sizeof(self->name));
	strlcpy(self->region, region->key, sizeof(self->region));
	strlcpy(self->conninfo, node->conninfo, sizeof(self->conninfo));
	strlcpy(self->hostaddr, node->hostaddr, sizeof(self->hostaddr));
	problem = mr_config_problem(config);
	if (problem != NULL)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("the tables of multiregion hold no usable configuration"),
						errdetail("%s", problem)));
}

/* A managed server: the same call again is fine, any other is a mistake. */
static void
init_again(const char *name, const char *region)
{
	MrLease *lease = mr_copy_lease();
	MrNodeRow node;

	if (lease == NULL)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("this server is managed, but its state is not available"),
						errhint("See reason in multiregion.lease_status().")));
	if (strcmp(lease->durable.name, name) != 0 || strcmp(lease->durable.region, region) != 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("this server is node \"%s\" in region %s already",
							   lease->durable.name, lease->durable.region),
						errhint("Other servers become members with add_node() and "
								"multiregion-join.")));
	ereport(NOTICE, (errmsg("this server is node \"%s\" in region %s already", name, region)));
	/* A crash between the files and the commit leaves a member without its row. */
	if (!mr_catalog_find_node(name, &node) && !RecoveryInProgress())
	{
		MrMember *self = &lease->durable.config.members[Max(lease->self, 0)];

		memset(&node, 0, sizeof(node));
		strlcpy(node.name, name, sizeof(node.name));
		strlcpy(node.region, region, sizeof(node.region));
		strlcpy(node.conninfo, self->conninfo, sizeof(node.conninfo));
		strlcpy(node.hostaddr, self->hostaddr, sizeof(node.hostaddr));
		node.uuid = lease->durable.node;
		mr_catalog_insert_node(&node);
	}
}

/* Writes the row of this node, over one that was added before. */
static void
store_node(MrNodeRow *node, bool exists)
{
	int foreign = mr_catalog_unbind_all();

	if (foreign > 0)
		ereport(NOTICE, (errmsg("%d nodes of another cluster have to join anew", foreign)));
	if (!mr_uuid_generate(&node->uuid))
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not draw a node id")));
	if (exists)
		mr_catalog_update_node(node);
	else
		mr_catalog_insert_node(node);
}

/* Takes name, region and connection string. Returns whether the node was added before. */
static bool
take_node(FunctionCallInfo fcinfo, const char *name, const MrRegionRow *region, MrNodeRow *node)
{
	bool exists = mr_catalog_find_node(name, node);
	char *conninfo = mr_optional_text(fcinfo, 2);
	const char *problem;

	if (!exists)
		memset(node, 0, sizeof(*node));
	strlcpy(node->name, name, sizeof(node->name));
	strlcpy(node->region, region->key, sizeof(node->region));
	if (conninfo == NULL && exists)
		conninfo = pstrdup(node->conninfo);
	if (conninfo == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("conninfo must not be null"),
				 errhint("Say how the other nodes will connect to this one.")));
	if (!mr_resolve_conninfo(conninfo, node->hostaddr, &problem))
		ereport(ERROR, (errcode(ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
						errmsg("could not look up the host of node \"%s\"", name),
						errdetail("The resolver says: %s.", problem)));
	strlcpy(node->conninfo, conninfo, sizeof(node->conninfo));
	return exists;
}

static void
require_readiness(FunctionCallInfo fcinfo)
{
	Datum *names = NULL;
	bool *nulls = NULL;
	char **ignored;
	int count = 0;
	int named = 0;

	if (!PG_ARGISNULL(3))
		deconstruct_array(PG_GETARG_ARRAYTYPE_P(3), TEXTOID, -1, false, TYPALIGN_INT, &names,
						  &nulls, &count);
	ignored = palloc(Max(count, 1) * sizeof(char *));
	for (int i = 0; i < count; i++)
	{
		if (!nulls[i])
			ignored[named++] = TextDatumGetCString(names[i]);
	}
	mr_check_or_refuse(ignored, named);
}

Datum
multiregion_init(PG_FUNCTION_ARGS)
{
	char *name = mr_text_argument(fcinfo, 0, "node name");
	char *word = mr_text_argument(fcinfo, 1, "region");
	MrRegionRow region;
	MrNodeRow node;
	/* Version 0.1 of the function has no such argument. */
	int mode = PG_NARGS() > 4 ? mr_mode_argument(fcinfo, 4) : MR_MODE_MANAGE;
	bool exists;

	mr_require_preloaded();
	mr_refuse_name("node name", name, mr_node_name_problem(name));
	mr_catalog_require_region(word, &region);
	if (mr_is_managed())
	{
		init_again(name, region.key);
		PG_RETURN_VOID();
	}
	require_plain_transaction("multiregion.init()");
	mr_require_writable("multiregion.init()");
	require_database();
	exists = take_node(fcinfo, name, &region, &node);
	if (mode == MR_MODE_MANAGE)
		require_readiness(fcinfo);
	require_leads_here(&node, mode);
	store_node(&node, exists);
	mr_catalog_grant_rewind();
	make_durable(&pending.durable, &node, &region, mode);
	(void) mr_catalog_write_policy("mode", mode == MR_MODE_MANAGE ? NULL : mr_mode_name(mode),
								   "multiregion.init()", 0);
	require_state_directory();
	begin_pending(MR_PENDING_INIT);
	PG_RETURN_VOID();
}

/* ---------- leave ---------- */

Datum
multiregion_leave(PG_FUNCTION_ARGS)
{
	MrLease *lease;

	mr_require_preloaded();
	lease = mr_copy_lease();
	if (!mr_is_managed())
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("this server is not managed by multiregion")));
	require_plain_transaction("multiregion.leave()");
	mr_require_writable("multiregion.leave()");
	if (lease == NULL || lease->role != MR_ROLE_LEADER || !mr_fence_is_open())
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("only the primary can leave"),
						errhint("Any other node is removed by drop_node() on the primary.")));
	mr_catalog_lock_nodes(); /* somebody may be adding one */
	if (mr_config_count_members(&lease->durable.config) > 1 ||
		mr_catalog_count_nodes(lease->durable.name) > 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
						errmsg("only the last node of a cluster can leave"),
						errhint("Remove the others with drop_node() first, and wait until "
								"multiregion.member_status() does not show them.")));
	mr_catalog_delete_node(lease->durable.name);
	mr_catalog_revoke_rewind();
	pending.durable = lease->durable;
	begin_pending(MR_PENDING_LEAVE);
	PG_RETURN_VOID();
}
