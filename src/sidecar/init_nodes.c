/*
 * Steps of `multiregiond init` about nodes: how peers connect to each, where passwords
 * go, rows of the node table.
 *
 * Peers log in with the role that the URL names if that role can do a peer's work, else
 * as multiregion_peer: an application's role must not become able to copy the database.
 * A password of a role that peers use goes into the passfile, or nothing is done; it
 * must never reach a table, a line of output, or another file. Called by init.c.
 */
#include "sidecar/mr_init_steps.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/mr_passfile.h"

/* Whether peers can log in as this role: rpc and streaming, both. */
static MrExit
can_be_peer(MrInit *init, const char *user, bool *can)
{
	const char *values[] = {user};
	PGresult *result = mr_init_query(
		init,
		"SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = $1 AND (rolsuper OR (rolreplication"
		" AND pg_catalog.pg_has_role(oid, 'multiregion_peer', 'MEMBER')))",
		1, values, false, NULL);

	if (result == NULL)
		return MR_EXIT_FAILED;
	*can = PQntuples(result) > 0;
	PQclear(result);
	return MR_EXIT_OK;
}

/* Builds one node's string, and takes its URL apart; the password stays only if peers use it. */
static MrExit
build_conninfo(MrInit *init, int index)
{
	const MrSettingsNode *node = &init->settings->nodes[index];
	MrConninfo *url = &init->urls[index];
	const char *passfile = init->settings->passfile;
	char *text = init->conninfos[index];
	bool keep_user = false;
	MrConninfo bare;

	/* The settings have read the same string before: it is well-formed. */
	if (mr_conninfo_read(node->url, 0, url) != NULL ||
		mr_conninfo_read(node->url, MR_CONNINFO_WITHOUT_USER | MR_CONNINFO_WITHOUT_DATABASE,
						 &bare) != NULL)
		return MR_EXIT_SETTINGS;
	snprintf(text, MR_CONNINFO_SIZE, "%s", bare.text);
	if (url->user[0] != '\0' && can_be_peer(init, url->user, &keep_user) != MR_EXIT_OK)
		return MR_EXIT_FAILED;
	if (!keep_user)
		url->password[0] = '\0';
	if (url->password[0] != '\0' && passfile == NULL)
	{
		mr_init_error("%s holds a password, which is not stored in a connection string",
					  node->variable);
		fputs("hint: set MULTIREGION_PASSFILE to the path of a file (the same on every node) that "
			  "the server's user may write: init moves the password there; or use certificates\n",
			  stderr);
		return MR_EXIT_SETTINGS;
	}
	if ((keep_user && !mr_conninfo_append(text, MR_CONNINFO_SIZE, "user", url->user)) ||
		(passfile != NULL && !mr_conninfo_append(text, MR_CONNINFO_SIZE, "passfile", passfile)))
	{
		mr_init_error("the connection string in %s is too long", node->variable);
		return MR_EXIT_SETTINGS;
	}
	return MR_EXIT_OK;
}

/* The passwords that peers use; how many. */
static size_t
list_passwords(MrInit *init, MrPassEntry entries[MR_MAX_MEMBERS])
{
	size_t count = 0;
	int i;

	for (i = 0; i < init->settings->node_count; i++)
	{
		const MrConninfo *url = &init->urls[i];
		MrPassEntry *entry = &entries[count];

		if (url->password[0] == '\0')
			continue;
		entry->host = url->host[0] != '\0' ? url->host : url->hostaddr;
		entry->port = url->port;
		entry->user = url->user;
		entry->password = url->password;
		count++;
	}
	return count;
}

static MrExit
refuse_passfile(const MrInit *init)
{
	mr_init_error("could not write %s: %s", init->settings->passfile, strerror(errno));
	return MR_EXIT_FAILED;
}

MrExit
mr_init_conninfos(MrInit *init)
{
	MrPassEntry entries[MR_MAX_MEMBERS];
	MrExit code = MR_EXIT_OK;
	size_t count;
	int i;

	for (i = 0; i < init->settings->node_count && code == MR_EXIT_OK; i++)
		code = build_conninfo(init, i);
	if (code != MR_EXIT_OK)
		return code;
	count = list_passwords(init, entries);
	if (count > 0 &&
		mr_passfile_look(init->settings->passfile, entries, count) == MR_PASSFILE_FAILED)
		return refuse_passfile(init);
	return MR_EXIT_OK;
}

MrExit
mr_init_passfile(MrInit *init)
{
	const char *path = init->settings->passfile;
	MrPassEntry entries[MR_MAX_MEMBERS];
	size_t count = list_passwords(init, entries);

	if (count == 0)
		return MR_EXIT_OK;
	if (init->check)
	{
		if (mr_passfile_look(path, entries, count) != MR_PASSFILE_UNCHANGED)
			mr_init_differs(init, "%s is not what init would make of it", path);
		return MR_EXIT_OK;
	}
	switch (mr_passfile_update(path, entries, count))
	{
		case MR_PASSFILE_UNCHANGED:
			return MR_EXIT_OK;
		case MR_PASSFILE_WRITTEN:
			mr_init_did(init, "wrote the passwords of %zu %s to %s", count,
						count == 1 ? "node" : "nodes", path);
			return MR_EXIT_OK;
		case MR_PASSFILE_FAILED:
			break;
	}
	return refuse_passfile(init);
}

/* A host that is still to be made has no address yet; that is no reason not to list it. */
static MrExit
add_node(MrInit *init, int index)
{
	const MrSettingsNode *node = &init->settings->nodes[index];
	const char *region = init->settings->regions[node->region].key;
	const char *values[] = {node->name, region, init->conninfos[index]};
	const char *function = node->witness ? "add_witness" : "add_node";
	const char *what = node->witness ? "witness" : "node";
	char strict[256];
	char lenient[256];
	char sqlstate[6];
	PGresult *result;

	snprintf(strict, sizeof(strict), "SELECT %s.%s($1, $2, $3)", init->schema, function);
	snprintf(lenient, sizeof(lenient), "SELECT %s.%s($1, $2, $3, allow_unreachable => true)",
			 init->schema, function);
	result = mr_init_query(init, strict, 3, values, true, sqlstate);
	if (result != NULL)
	{
		PQclear(result);
		mr_init_did(init, "added %s \"%s\" of region %s", what, node->name, region);
		return MR_EXIT_OK;
	}
	if (mr_init_execute(init, lenient, 3, values) != MR_EXIT_OK)
		return MR_EXIT_FAILED;
	mr_init_did(init, "added %s \"%s\" of region %s (its host has no address yet)", what,
				node->name, region);
	return MR_EXIT_OK;
}

/* Compares host and port only: the rest may have been improved by hand since. */
static bool
leads_elsewhere(const char *there, const char *wanted)
{
	MrConninfo a;
	MrConninfo b;

	return mr_conninfo_read(there, 0, &a) != NULL || mr_conninfo_read(wanted, 0, &b) != NULL ||
		   strcmp(a.host, b.host) != 0 || strcmp(a.hostaddr, b.hostaddr) != 0 ||
		   strcmp(a.port, b.port) != 0;
}

static MrExit
compare_node(MrInit *init, int index, const char *region)
{
	const MrSettingsNode *node = &init->settings->nodes[index];
	const char *wanted = init->settings->regions[node->region].key;
	const char *values[] = {node->name};
	PGresult *result;
	const char *there;

	if (strcmp(region, wanted) != 0)
		mr_init_differs(init,
						"node \"%s\" is in region %s, and %s says %s; to change it: drop_node() "
						"and add_node()",
						node->name, region, node->variable, wanted);
	/* Only the owner of the table may read connection strings; others cannot compare. */
	result = mr_init_query(init, "SELECT conninfo FROM multiregion.node WHERE node_name = $1", 1,
						   values, true, NULL);
	there = result != NULL ? mr_row_text(result, 0, "conninfo") : NULL;
	if (there != NULL && leads_elsewhere(there, init->conninfos[index]))
	{
		char *conninfo = mr_init_literal(init, init->conninfos[index]);

		mr_init_differs(init,
						"node \"%s\" is reached at another address than %s says; to change it: "
						"SELECT %s.alter_node('%s', %s);",
						node->name, node->variable, init->schema, node->name, conninfo);
		PQfreemem(conninfo);
	}
	PQclear(result);
	return MR_EXIT_OK;
}

MrExit
mr_init_nodes(MrInit *init)
{
	PGresult *rows = mr_init_query(init, "SELECT node_name, region_key FROM multiregion.nodes", 0,
								   NULL, false, NULL);
	MrExit code = rows != NULL ? MR_EXIT_OK : MR_EXIT_FAILED;
	int i;

	for (i = 0; i < init->settings->node_count && code == MR_EXIT_OK; i++)
	{
		const MrSettingsNode *node = &init->settings->nodes[i];
		const char *region = NULL;
		int row;

		for (row = 0; row < PQntuples(rows); row++)
			if (strcmp(PQgetvalue(rows, row, 0), node->name) == 0)
				region = PQgetvalue(rows, row, 1);
		if (region != NULL)
			code = compare_node(init, i, region);
		else if (init->read_only)
			mr_init_differs(init, "node \"%s\" is missing", node->name);
		else
			code = add_node(init, i);
	}
	PQclear(rows);
	return code;
}
