/*
 * Step of `multiregiond init`: whether this server can become the first node of a cluster.
 * It only looks; what it refuses here has changed nothing. Called by init.c.
 */
#include "sidecar/mr_init_steps.h"

#include <stdio.h>
#include <string.h>

#include "adapters/mr_pg_peer.h"

#define PEER_CONNECT_TIMEOUT "2" /* s, to see whether a cluster exists elsewhere */

/* How another node would connect to url; false if that cannot be written down. */
static bool
build_conninfo(const char *url, const char *peer_options, char *out, size_t size)
{
	MrConninfo parts;

	if (mr_conninfo_read(url, 0, &parts) != NULL)
		return false;
	snprintf(out, size, "%s", parts.text);
	return (parts.user[0] != '\0' || mr_conninfo_append(out, size, "user", "multiregion_peer")) &&
		   (parts.password[0] == '\0' ||
			mr_conninfo_append(out, size, "password", parts.password)) &&
		   mr_pg_conninfo_add_options(out, size, peer_options);
}

/* Whether the server at url is managed already. One that does not answer is not asked twice. */
static bool
is_managed_elsewhere(const char *url, const char *peer_options)
{
	char conninfo[MR_PG_PEER_SIZE_OF_CONNINFO];
	PGconn *conn;
	bool managed = false;

	if (!build_conninfo(url, peer_options, conninfo, sizeof(conninfo)))
		return false;
	conn = mr_init_connect_to(conninfo, NULL, PEER_CONNECT_TIMEOUT);
	if (PQstatus(conn) == CONNECTION_OK)
	{
		PGresult *result = PQexec(conn, "SELECT managed FROM multiregion.lease_status()");

		managed = PQntuples(result) == 1 && strcmp(PQgetvalue(result, 0, 0), "t") == 0;
		PQclear(result);
	}
	PQfinish(conn);
	return managed;
}

/* A second cluster beside the one that this server should join would be a split for ever. */
static MrExit
look_for_cluster(const MrSettings *settings)
{
	int i;

	for (i = 0; i < settings->node_count; i++)
	{
		const MrSettingsNode *node = &settings->nodes[i];

		if (i == settings->self || !is_managed_elsewhere(node->url, settings->peer_options))
			continue;
		mr_init_error("node \"%s\" of region %s belongs to a cluster already", node->name,
					  settings->regions[node->region].key);
		fputs("hint: make this server a member of it with multiregion-join\n", stderr);
		return MR_EXIT_PREREQUISITE;
	}
	return MR_EXIT_OK;
}

/* What multiregion.init() would refuse, all of it. */
static MrExit
look_at_settings(MrInit *init)
{
	PGresult *result = mr_init_query(init,
									 "SELECT name, detail, hint FROM multiregion.check()"
									 " WHERE NOT ok AND severity = 'error'",
									 0, NULL, false, NULL);
	int count = PQntuples(result);
	int row;

	if (result == NULL)
		return MR_EXIT_FAILED;
	for (row = 0; row < count; row++)
	{
		const char *detail = mr_row_text(result, row, "detail");
		const char *hint = mr_row_text(result, row, "hint");

		mr_init_error("%s: %s", mr_row_text(result, row, "name"), detail != NULL ? detail : "");
		if (hint != NULL)
			fprintf(stderr, "hint: %s\n", hint);
	}
	PQclear(result);
	return count == 0 ? MR_EXIT_OK : MR_EXIT_PREREQUISITE;
}

MrExit
mr_init_alone(MrInit *init)
{
	const MrSettings *settings = init->settings;

	if (settings->self >= 0)
		return look_for_cluster(settings);
	mr_init_error("no DATABASE_URL_%s_PRIMARY says how other nodes reach this one",
				  settings->region);
	return MR_EXIT_SETTINGS;
}

MrExit
mr_init_readiness(MrInit *init)
{
	MrExit code = MR_EXIT_OK;

	if (init->managed || init->standby)
		return MR_EXIT_OK;
	if (!init->tentative)
		code = mr_init_alone(init);
	return code == MR_EXIT_OK ? look_at_settings(init) : code;
}
