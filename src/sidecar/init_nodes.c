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

/* Builds one node's string; *url gets the whole URL's parts. */
static MrExit
build_conninfo(MrInit *init, int index, MrConninfo *url)
{
	const MrSettingsNode *node = &init->settings->nodes[index];
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

static MrExit
write_passfile(MrInit *init, const MrPassEntry *entries, size_t count)
{
	const char *path = init->settings->passfile;

	if (count == 0)
		return MR_EXIT_OK;
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
	mr_init_error("could not write %s: %s", path, strerror(errno));
	return MR_EXIT_FAILED;
}

MrExit
mr_init_conninfos(MrInit *init)
{
	int count = init->settings->node_count;
	MrConninfo *urls = calloc((size_t) count + 1, sizeof(*urls));
	MrPassEntry entries[MR_MAX_MEMBERS];
	size_t entry_count = 0;
	MrExit code = urls != NULL ? MR_EXIT_OK : MR_EXIT_FAILED;
	int i;

	for (i = 0; i < count && code == MR_EXIT_OK; i++)
	{
		code = build_conninfo(init, i, &urls[i]);
		if (code == MR_EXIT_OK && urls[i].password[0] != '\0')
		{
			MrPassEntry *entry = &entries[entry_count++];

			entry->host = urls[i].host[0] != '\0' ? urls[i].host : urls[i].hostaddr;
			entry->port = urls[i].port;
			entry->user = urls[i].user;
			entry->password = urls[i].password;
		}
	}
	if (code == MR_EXIT_OK)
		code = write_passfile(init, entries, entry_count);
	free(urls);
	return code;
}

/* A host that is still to be made has no address yet; that is no reason not to list it. */
static MrExit
add_node(MrInit *init, int index)
{
	const MrSettingsNode *node = &init->settings->nodes[index];
	const char *region = init->settings->regions[node->region].key;
	const char *values[] = {node->name, region, init->conninfos[index]};
	char strict[256];
	char lenient[256];
	char sqlstate[6];
	PGresult *result;

	snprintf(strict, sizeof(strict), "SELECT %s.add_node($1, $2, $3)", init->schema);
	snprintf(lenient, sizeof(lenient), "SELECT %s.add_node($1, $2, $3, allow_unreachable => true)",
			 init->schema);
	result = mr_init_query(init, strict, 3, values, true, sqlstate);
	if (result != NULL)
	{
		PQclear(result);
		mr_init_did(init, "added node \"%s\" of region %s", node->name, region);
		return MR_EXIT_OK;
	}
	if (mr_init_execute(init, lenient, 3, values) != MR_EXIT_OK)
		return MR_EXIT_FAILED;
	mr_init_did(init, "added node \"%s\" of region %s (its host has no address yet)", node->name,
				region);
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
		mr_init_differs(init, "node \"%s\" is in region %s, not %s", node->name, region, wanted);
	/* Only the owner of the table may read connection strings; others cannot compare. */
	result = mr_init_query(init, "SELECT conninfo FROM multiregion.node WHERE node_name = $1", 1,
						   values, true, NULL);
	there = result != NULL ? mr_init_value(result, 0, "conninfo") : NULL;
	if (there != NULL && leads_elsewhere(there, init->conninfos[index]))
		mr_init_differs(init, "node \"%s\" is reached at another address than in %s", node->name,
						node->variable);
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
		else if (init->standby)
			mr_init_differs(init, "node \"%s\" is missing", node->name);
		else
			code = add_node(init, i);
	}
	PQclear(rows);
	return code;
}
