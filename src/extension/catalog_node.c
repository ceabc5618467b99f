/*
 * Nodes in the catalog; see mr_catalog_edit.h.
 *
 * Never puts a connection string into a message. Called by the SQL functions.
 */
#include "postgres.h"

#include "executor/spi.h"

#include "extension/mr_catalog.h"
#include "extension/mr_catalog_edit.h"
#include "extension/mr_catalog_run.h"

static const char *const find_sql =
	"SELECT n.node_name, n.region_key, n.conninfo, n.hostaddr, n.uuid, n.no_promote, n.witness"
	" FROM multiregion.node AS n WHERE n.node_name OPERATOR(pg_catalog.=) $1";

static const char *const similar_sql = "SELECT n.node_name FROM multiregion.node AS n"
									   " WHERE pg_catalog.lower(n.node_name) OPERATOR(pg_catalog.=)"
									   " pg_catalog.lower($1 COLLATE \"C\")";

static const char *const insert_sql =
	"INSERT INTO multiregion.node"
	" (node_name, region_key, conninfo, hostaddr, uuid, no_promote, witness)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7)";

static const char *const update_sql =
	"UPDATE multiregion.node SET region_key = $2, conninfo = $3, hostaddr = $4, uuid = $5,"
	" no_promote = $6 WHERE node_name OPERATOR(pg_catalog.=) $1";

static const char *const forget_sql =
	"DELETE FROM multiregion.node WHERE node_name OPERATOR(pg_catalog.=) $1";

static const char *const count_sql = "SELECT pg_catalog.count(*) FROM multiregion.node AS n"
									 " WHERE $1 IS NULL OR n.node_name OPERATOR(pg_catalog.<>) $1";

static const char *const owner_of_uuid_sql =
	"SELECT n.node_name FROM multiregion.node AS n"
	" WHERE n.uuid OPERATOR(pg_catalog.=) $2 AND n.node_name OPERATOR(pg_catalog.<>) $1";

static const char *const bind_sql = "UPDATE multiregion.node SET uuid = $2"
									" WHERE node_name OPERATOR(pg_catalog.=) $1 AND uuid IS NULL";

static const char *const is_retired_sql =
	"SELECT r.reason FROM multiregion.retired_identity AS r"
	" WHERE r.uuid OPERATOR(pg_catalog.=) $2 AND $1 IS NOT NULL";

static const char *const retire_sql =
	"INSERT INTO multiregion.retired_identity (uuid, node_name, reason)"
	" SELECT n.uuid, n.node_name, $2 FROM multiregion.node AS n"
	" WHERE n.uuid OPERATOR(pg_catalog.=) $1 ON CONFLICT DO NOTHING";

static const char *const unbind_sql =
	"UPDATE multiregion.node SET uuid = NULL WHERE uuid OPERATOR(pg_catalog.=) $1";

static const char *const unbind_all_sql =
	"UPDATE multiregion.node SET uuid = NULL WHERE uuid IS NOT NULL";

static const char *const hold_sql = "SELECT 1 FROM multiregion.node AS n"
									" WHERE n.node_name OPERATOR(pg_catalog.=) $1 FOR KEY SHARE";

static const char *const lock_sql = "LOCK TABLE multiregion.node IN SHARE ROW EXCLUSIVE MODE";

static void
add_node_arguments(MrArguments *arguments, const MrNodeRow *node)
{
	memset(arguments, 0, sizeof(*arguments));
	mr_add_text(arguments, node->name);
	mr_add_text(arguments, node->region);
	mr_add_text(arguments, node->conninfo);
	mr_add_text(arguments, node->hostaddr);
	mr_add_uuid(arguments, &node->uuid);
	mr_add_bool(arguments, node->no_promote);
}

bool
mr_catalog_find_node(const char *name, MrNodeRow *node)
{
	MrCatalogSession session;
	MrArguments arguments = {0};
	bool found;

	mr_catalog_open(&session);
	mr_add_text(&arguments, name);
	found = mr_write(find_sql, &arguments) > 0;
	if (found)
	{
		memset(node, 0, sizeof(*node));
		mr_column_text(0, 1, node->name, sizeof(node->name));
		mr_column_text(0, 2, node->region, sizeof(node->region));
		mr_column_text(0, 3, node->conninfo, sizeof(node->conninfo));
		mr_column_text(0, 4, node->hostaddr, sizeof(node->hostaddr));
		mr_column_uuid(0, 5, &node->uuid);
		node->no_promote = mr_column_bool(0, 6);
		node->witness = mr_column_bool(0, 7);
	}
	mr_catalog_close(&session);
	return found;
}

void
mr_catalog_require_node(const char *name, MrNodeRow *node)
{
	if (!mr_catalog_find_node(name, node))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("node \"%s\" does not exist", name),
				 errhint("See multiregion.nodes for the nodes there are; add_node() adds one.")));
}

int
mr_catalog_count_nodes(const char *but)
{
	MrCatalogSession session;
	MrArguments arguments = {0};
	int count;

	mr_catalog_open(&session);
	mr_add_text(&arguments, but);
	(void) mr_write(count_sql, &arguments);
	count = (int) mr_column_int64(0, 1);
	mr_catalog_close(&session);
	return count;
}

void
mr_catalog_lock_nodes(void)
{
	MrCatalogSession session;

	mr_catalog_open(&session);
	(void) mr_write(lock_sql, NULL);
	mr_catalog_close(&session);
}

void
mr_catalog_hold_node(const char *name)
{
	MrCatalogSession session;
	MrArguments arguments = {0};

	mr_catalog_open(&session);
	mr_add_text(&arguments, name);
	(void) mr_write(hold_sql, &arguments);
	mr_catalog_close(&session);
}

void
mr_catalog_require_new_node(const char *name)
{
	MrCatalogSession session;
	MrArguments arguments = {0};
	char similar[MR_NAME_SIZE];

	mr_catalog_open(&session);
	mr_add_text(&arguments, name);
	if (mr_write(similar_sql, &arguments) > 0)
	{
		mr_column_text(0, 1, similar, sizeof(similar));
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT), errmsg("node \"%s\" exists already", similar),
				 errhint("Change it with alter_node(); if its server is lost, "
						 "multiregion.replace_node() lets a new one join under the name.")));
	}
	mr_catalog_close(&session);
}

void
mr_catalog_insert_node(const MrNodeRow *node)
{
	MrCatalogSession session;
	MrArguments arguments;

	mr_catalog_open(&session);
	(void) mr_write(lock_sql, NULL);
	mr_catalog_require_new_node(node->name);
	if (mr_catalog_count_nodes(NULL) >= MR_MAX_MEMBERS)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("a cluster has at most %d nodes", MR_MAX_MEMBERS),
						errhint("Remove one with drop_node().")));
	add_node_arguments(&arguments, node);
	mr_add_bool(&arguments, node->witness);
	(void) mr_write(insert_sql, &arguments);
	mr_catalog_close(&session);
}

void
mr_catalog_update_node(const MrNodeRow *node)
{
	MrCatalogSession session;
	MrArguments arguments;

	mr_catalog_open(&session);
	add_node_arguments(&arguments, node);
	(void) mr_write(update_sql, &arguments);
	mr_catalog_close(&session);
}

void
mr_catalog_delete_node(const char *name)
{
	MrCatalogSession session;
	MrArguments arguments = {0};

	mr_catalog_open(&session);
	mr_add_text(&arguments, name);
	(void) mr_write(forget_sql, &arguments);
	mr_catalog_close(&session);
}

/* Error if the uuid is another node's already. */
static void
refuse_foreign_uuid(MrArguments *arguments, const char *name)
{
	char other[MR_NAME_SIZE];

	if (mr_write(owner_of_uuid_sql, arguments) == 0)
		return;
	mr_column_text(0, 1, other, sizeof(other));
	ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
					errmsg("cannot register node \"%s\": its identity belongs to node \"%s\"", name,
						   other),
					errhint("A state directory must never be copied; give the new node an empty "
							"one of its own.")));
}

/* Error if the uuid was replaced, or discarded by a forced quorum. */
static void
refuse_retired_uuid(MrArguments *arguments, const char *name)
{
	char reason[MR_NAME_SIZE];

	if (!mr_catalog_has("retired_identity", NULL) || mr_write(is_retired_sql, arguments) == 0)
		return; /* 0.1 kept no list */
	mr_column_text(0, 1, reason, sizeof(reason));
	ereport(ERROR, (errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
					errmsg("the identity of node \"%s\" is not valid any more", name),
					strcmp(reason, "forced") == 0
						? errdetail("A new quorum was forced without it.")
						: errdetail("It was replaced by multiregion.replace_node()."),
					errhint("multiregion-join --reclone=auto lets it join anew, as a clone.")));
}

void
mr_catalog_retire_identity(const MrUuid *uuid, const char *reason)
{
	MrCatalogSession session;
	MrArguments arguments = {0};

	mr_catalog_open(&session);
	mr_add_uuid(&arguments, uuid);
	mr_add_text(&arguments, reason);
	/* an UPDATE of nothing would still fire the statement's trigger */
	if (!mr_catalog_has("retired_identity", NULL) || mr_write(retire_sql, &arguments) > 0)
	{
		arguments.count = 1;
		(void) mr_write(unbind_sql, &arguments);
	}
	mr_catalog_close(&session);
}

void
mr_catalog_bind_node(const char *name, const MrUuid *uuid)
{
	MrCatalogSession session;
	MrArguments arguments = {0};
	MrNodeRow node;

	mr_catalog_open(&session);
	(void) mr_write(lock_sql, NULL);
	mr_catalog_require_node(name, &node);
	mr_add_text(&arguments, name);
	mr_add_uuid(&arguments, uuid);
	refuse_retired_uuid(&arguments, name);
	refuse_foreign_uuid(&arguments, name);
	if (!mr_uuid_is_set(&node.uuid))
		(void) mr_write(bind_sql, &arguments);
	else if (!mr_uuid_equal(&node.uuid, uuid))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("node \"%s\" has joined already, with another identity", name),
				 errdetail("A name stays bound to the server that joined under it, so that a copy "
						   "of that server cannot vote in its place."),
				 errhint("If that server and its state directory are lost, run "
						 "SELECT multiregion.replace_node('%s') on the primary.",
						 name)));
	mr_catalog_close(&session);
}

int
mr_catalog_unbind_all(void)
{
	MrCatalogSession session;
	int count;

	mr_catalog_open(&session);
	count = (int) mr_write(unbind_all_sql, NULL);
	mr_catalog_close(&session);
	return count;
}
