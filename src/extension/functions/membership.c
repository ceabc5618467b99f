/*
 * SQL functions on nodes: which servers belong to the cluster, and who they are.
 *
 * They change the table only. The monitor of the primary proposes the change to the
 * cluster, and it takes effect when a majority has it on disk. Making the first member and
 * leaving with the last one is init.c's.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "adapters/mr_state_file.h"
#include "core/mr_bytes.h"
#include "core/mr_message.h"
#include "extension/mr_catalog.h"
#include "extension/mr_catalog_edit.h"
#include "extension/mr_functions.h"
#include "extension/pg_compat.h"
#include "extension/routing/mr_zones.h"

PG_FUNCTION_INFO_V1(multiregion_add_node);
PG_FUNCTION_INFO_V1(multiregion_add_witness);
PG_FUNCTION_INFO_V1(multiregion_alter_node);
PG_FUNCTION_INFO_V1(multiregion_drop_node);
PG_FUNCTION_INFO_V1(multiregion_register_node);
PG_FUNCTION_INFO_V1(multiregion_replace_node);

/* ---------- connection strings ---------- */

/* Takes conninfo into *node; error when its host has no address, unless that is allowed. */
static void
take_conninfo(MrNodeRow *node, const char *conninfo, bool allow_unreachable)
{
	const char *problem;

	if (!mr_resolve_conninfo(conninfo, node->hostaddr, &problem) && !allow_unreachable)
		ereport(ERROR,
				(errcode(ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
				 errmsg("could not look up the host of node \"%s\"", node->name),
				 errdetail("The resolver says: %s.", problem),
				 errhint("Correct the name, give its address as hostaddr, or allow it to become "
						 "known later with allow_unreachable => true.")));
	strlcpy(node->conninfo, conninfo, sizeof(node->conninfo));
}

/*
 * Asks who answers there. Nobody is fine, for a node is added before it is built; the
 * wrong server is not.
 */
static void
require_right_server(const MrNodeRow *node, bool is_self)
{
	MrMemberProbe probe;

	mr_probe_member(node->conninfo, node->hostaddr, &probe);
	if (!probe.answered)
		ereport(NOTICE, (errmsg("node \"%s\" does not answer yet", node->name),
						 errdetail("%s", probe.error[0] != '\0' ? probe.error : "No reason given."),
						 errhint("multiregion-join makes it a member.")));
	else if (probe.is_this_server != is_self)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 is_self ? errmsg("the connection string of this node leads to another server")
						 : errmsg("the connection string of node \"%s\" leads to this very "
								  "server",
								  node->name),
				 errhint("Check host and port; each node needs its own.")));
	else if (node->witness && probe.is_same_cluster)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the connection string of witness \"%s\" leads to a server with this "
						"server's data",
						node->name),
				 errdetail("Its system identifier is that of this server."),
				 errhint("A witness is a server of its own, made by initdb; a copy of the "
						 "data is added with add_node().")));
	else if (!node->witness && !probe.is_same_cluster)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the connection string of node \"%s\" leads to a server with other "
							   "data",
							   node->name),
						errdetail("Its system identifier is not that of this server."),
						errhint("Check host and port. If that server is to become the node, stop "
								"it and let multiregion-join build it from here.")));
	else if (!is_self && probe.node[0] != '\0' && strcmp(probe.node, node->name) != 0)
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
						errmsg("the connection string of node \"%s\" leads to node \"%s\"",
							   node->name, probe.node),
						errhint("Check host and port; each node needs its own.")));
}

/* ---------- the list of nodes ---------- */

/* Whether name is this server's own node. */
static bool
is_own_name(const char *name)
{
	MrLease *lease = mr_copy_lease();

	return lease != NULL && strcmp(lease->durable.name, name) == 0;
}

/*
 * While the cluster observes, servers become members as they run, without multiregion-join:
 * their identity is drawn here, and the monitor hands it over.
 */
static void
name_observer(MrNodeRow *node)
{
	MrLease *lease = mr_copy_lease();

	if (lease == NULL || mr_config_binds(&lease->durable.config))
		return;
	if (node->witness)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("a cluster that only observes has no use for a witness"),
						errhint("Call multiregion.set_mode('manage') first.")));
	if (!mr_uuid_generate(&node->uuid))
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not draw a node id")));
}

/* The rest of a new row, of which the kind of node is known. */
static Datum
add_node(FunctionCallInfo fcinfo, const char *function, MrNodeRow *node, bool allow_unreachable)
{
	MrRegionRow region;
	char *name = mr_text_argument(fcinfo, 0, "node name");

	mr_refuse_name("node name", name, mr_node_name_problem(name));
	strlcpy(node->name, name, sizeof(node->name));
	mr_require_writable(function);
	mr_catalog_require_region(mr_text_argument(fcinfo, 1, "region"), &region);
	strlcpy(node->region, region.key, sizeof(node->region));
	take_conninfo(node, mr_text_argument(fcinfo, 2, "conninfo"), allow_unreachable);
	/* No lock is held while the network is asked; the insert looks again. */
	mr_catalog_require_new_node(node->name);
	require_right_server(node, false);
	name_observer(node);
	mr_catalog_hold_regions();
	mr_catalog_require_region(node->region, &region);
	mr_catalog_insert_node(node);
	if (!node->witness)
		mr_zones_warn_of_node(node->name, node->region);
	PG_RETURN_TEXT_P(cstring_to_text(node->name));
}

Datum
multiregion_add_node(PG_FUNCTION_ARGS)
{
	MrNodeRow node = {.no_promote = !PG_ARGISNULL(3) && PG_GETARG_BOOL(3)};

	return add_node(fcinfo, "add_node()", &node, !PG_ARGISNULL(4) && PG_GETARG_BOOL(4));
}

Datum
multiregion_add_witness(PG_FUNCTION_ARGS)
{
	MrNodeRow node = {.witness = true};

	return add_node(fcinfo, "add_witness()", &node, !PG_ARGISNULL(3) && PG_GETARG_BOOL(3));
}

Datum
multiregion_alter_node(PG_FUNCTION_ARGS)
{
	MrNodeRow node;
	MrNodeRow wanted;
	char *name = mr_text_argument(fcinfo, 0, "node name");
	char *conninfo = mr_optional_text(fcinfo, 1);

	mr_require_writable("alter_node()");
	mr_catalog_require_node(name, &wanted);
	if (conninfo != NULL)
	{
		take_conninfo(&wanted, conninfo, !PG_ARGISNULL(3) && PG_GETARG_BOOL(3));
		require_right_server(&wanted, is_own_name(name));
	}
	/* Somebody may have joined under the name while the network was asked. */
	mr_catalog_lock_nodes();
	mr_catalog_require_node(name, &node);
	if (!PG_ARGISNULL(2))
		node.no_promote = PG_GETARG_BOOL(2);
	if (conninfo != NULL)
	{
		strlcpy(node.conninfo, wanted.conninfo, sizeof(node.conninfo));
		strlcpy(node.hostaddr, wanted.hostaddr, sizeof(node.hostaddr));
	}
	mr_catalog_update_node(&node);
	PG_RETURN_TEXT_P(cstring_to_text(node.name));
}

/* Error when the name is the primary's: a cluster cannot lose it by a line in a table. */
static void
refuse_primary(const char *name, const char *verb)
{
	MrLease *lease = mr_copy_lease();
	int leader = lease != NULL ? mr_leader_slot(lease) : MR_NO_SLOT;

	if (lease == NULL ||
		(strcmp(lease->durable.name, name) != 0 &&
		 (leader == MR_NO_SLOT || strcmp(lease->durable.config.members[leader].name, name) != 0)))
		return;
	ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
					errmsg("cannot %s node \"%s\": it is the primary", verb, name),
					errhint("Another node must become primary first; the last node of a cluster "
							"leaves with multiregion.leave().")));
}

Datum
multiregion_drop_node(PG_FUNCTION_ARGS)
{
	MrNodeRow node;

	mr_require_writable("drop_node()");
	mr_catalog_require_node(mr_text_argument(fcinfo, 0, "node name"), &node);
	refuse_primary(node.name, "drop");
	mr_catalog_delete_node(node.name);
	(void) mr_catalog_remove_pause("node", node.name);
	PG_RETURN_VOID();
}

/* ---------- identities ---------- */

static bytea *
encode_configuration(const MrConfig *config)
{
	bytea *out = palloc(VARHDRSZ + MR_STATE_SIZE);
	MrBytes bytes;

	mr_bytes_for_write(&bytes, (uint8 *) VARDATA(out), MR_STATE_SIZE);
	mr_config_write(&bytes, config);
	if (bytes.failed)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("the configuration of the cluster is too large")));
	SET_VARSIZE(out, VARHDRSZ + bytes.at);
	return out;
}

/*
 * Right after a forced quorum the monitor may not have come to it: those left out must
 * neither be taken for members, nor stand in the way of their clones.
 */
static void
retire_discarded(const MrLease *lease)
{
	int i;

	for (i = 0; i < lease->durable.ndiscarded; i++)
		mr_catalog_retire_identity(&lease->durable.discarded[i], "forced");
}

Datum
multiregion_register_node(PG_FUNCTION_ARGS)
{
	char *name = mr_text_argument(fcinfo, 0, "node name");
	MrLease *lease;
	MrUuid uuid;

	if (PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("uuid must not be null")));
	memcpy(uuid.bytes, PG_GETARG_UUID_P(1)->data, sizeof(uuid.bytes));
	if (!mr_uuid_is_set(&uuid))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a uuid of zeros is nobody's identity")));
	mr_require_preloaded();
	mr_require_writable("multiregion.register_node()");
	lease = mr_require_lease();
	retire_discarded(lease);
	mr_catalog_bind_node(name, &uuid);
	PG_RETURN_BYTEA_P(encode_configuration(&lease->durable.config));
}

Datum
multiregion_replace_node(PG_FUNCTION_ARGS)
{
	MrNodeRow node;

	mr_require_writable("multiregion.replace_node()");
	mr_catalog_lock_nodes();
	mr_catalog_require_node(mr_text_argument(fcinfo, 0, "node name"), &node);
	refuse_primary(node.name, "replace");
	if (!mr_uuid_is_set(&node.uuid))
		ereport(NOTICE, (errmsg("nobody has joined as node \"%s\"", node.name)));
	else
		mr_catalog_retire_identity(&node.uuid, "replaced");
	PG_RETURN_VOID();
}
