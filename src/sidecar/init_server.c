/*
 * Steps of `multiregiond init` about the server: reach it, see that the extension can
 * work and is there, let our roles log in, make the server a member. Called by init.c.
 */
#include "sidecar/mr_init_steps.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/mr_catalog_sql.h"
#include "sidecar/mr_loop.h"

#define CONNECT_TIMEOUT "10"     /* s, to the local server */
#define PEER_CONNECT_TIMEOUT "2" /* s, to see whether a cluster exists elsewhere */
#define LEASE_WAIT_MS 30000      /* a new leader has the lease within one lease */

static const char unprepared[] =
	"the server has not loaded the library \"multiregion\"\n"
	"hint: put these lines into postgresql.conf, restart the server, and try again:\n"
	"    shared_preload_libraries = 'multiregion'\n"
	"    wal_level = replica\n"
	"    wal_log_hints = on\n"
	"    hot_standby = on\n"
	"    multiregion.state_directory = '/path/outside/the/data/directory'";

static void
print_notice(void *arg, const PGresult *result)
{
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);

	(void) arg;
	if (message != NULL)
		printf("note: %s%s%s\n", message, hint != NULL ? ". " : "", hint != NULL ? hint : "");
}

/* Connects to url; dbname NULL keeps the URL's own. */
static PGconn *
connect_to(const char *url, const char *dbname, const char *timeout)
{
	const char *keywords[] = {"dbname",          "application_name", "client_encoding",
							  "connect_timeout", "dbname",           NULL};
	const char *values[] = {url, "multiregiond init", "UTF8", timeout, dbname, NULL};
	PGconn *conn;

	if (dbname == NULL)
		keywords[4] = NULL;
	conn = PQconnectdbParams(keywords, values, 1);
	(void) PQsetNoticeReceiver(conn, print_notice, NULL);
	return conn;
}

static MrExit
refuse_connection(MrInit *init)
{
	const char *message = PQerrorMessage(init->conn);

	mr_init_error("could not connect to the local database: %.*s", (int) strcspn(message, "\n"),
				  message);
	return MR_EXIT_FAILED;
}

MrExit
mr_init_connect(MrInit *init)
{
	PGresult *result;
	const char *wanted;

	if (init->settings->admin_url == NULL)
	{
		mr_init_error("no way to the local database: set MULTIREGION_ADMIN_DATABASE_URL, or "
					  "DATABASE_URL_%s_PRIMARY",
					  init->settings->region);
		return MR_EXIT_SETTINGS;
	}
	init->conn = connect_to(init->settings->admin_url, NULL, CONNECT_TIMEOUT);
	if (PQstatus(init->conn) != CONNECTION_OK)
		return refuse_connection(init);
	result = mr_init_query(init,
						   "SELECT pg_catalog.current_setting('multiregion.database', true) AS"
						   " wanted, pg_catalog.current_database() AS current,"
						   " pg_catalog.pg_is_in_recovery() AS standby",
						   0, NULL, false, NULL);
	if (result == NULL)
		return MR_EXIT_FAILED;
	init->standby = mr_init_is_true(result, 0, "standby");
	wanted = mr_init_value(result, 0, "wanted");
	if (wanted == NULL || wanted[0] == '\0')
	{
		mr_init_error("%s", unprepared);
		PQclear(result);
		return MR_EXIT_PREREQUISITE;
	}
	if (strcmp(wanted, PQgetvalue(result, 0, PQfnumber(result, "current"))) != 0)
	{
		printf("the extension lives in database \"%s\" (setting multiregion.database)\n", wanted);
		PQfinish(init->conn);
		init->conn = connect_to(init->settings->admin_url, wanted, CONNECT_TIMEOUT);
	}
	PQclear(result);
	return PQstatus(init->conn) == CONNECTION_OK ? MR_EXIT_OK : refuse_connection(init);
}

MrExit
mr_init_extension(MrInit *init)
{
	PGresult *result = mr_init_query(init, MR_SQL_IDENTITY, 0, NULL, false, NULL);

	if (result == NULL)
		return MR_EXIT_FAILED;
	if (PQntuples(result) == 0)
	{
		PQclear(result);
		if (init->standby)
		{
			mr_init_error("the extension is not installed, and this server is a standby: run "
						  "init on the primary");
			return MR_EXIT_PREREQUISITE;
		}
		if (mr_init_execute(init, "CREATE EXTENSION multiregion", 0, NULL) != MR_EXIT_OK)
			return MR_EXIT_FAILED;
		mr_init_did(init, "created the extension multiregion");
		result = mr_init_query(init, MR_SQL_IDENTITY, 0, NULL, false, NULL);
		if (result == NULL || PQntuples(result) == 0)
		{
			PQclear(result);
			return MR_EXIT_FAILED;
		}
	}
	snprintf(init->schema, sizeof(init->schema), "%s", mr_init_value(result, 0, "schema"));
	PQclear(result);
	return MR_EXIT_OK;
}

/* The extension's roles log in only if somebody lets them. */
MrExit
mr_init_roles(MrInit *init)
{
	static const struct
	{
		const char *role;
		const char *query;
		const char *statement;
		const char *did;
	} roles[] = {
		{"multiregion_peer",
		 "SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = 'multiregion_peer'"
		 " AND rolcanlogin AND rolreplication",
		 "ALTER ROLE multiregion_peer LOGIN REPLICATION",
		 "let the role multiregion_peer log in, also for replication"},
		{"multiregion_api",
		 "SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = 'multiregion_api' AND rolcanlogin",
		 "ALTER ROLE multiregion_api LOGIN", "let the role multiregion_api log in"},
	};
	size_t i;

	for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
	{
		PGresult *result = mr_init_query(init, roles[i].query, 0, NULL, false, NULL);
		bool good = PQntuples(result) > 0;

		if (result == NULL)
			return MR_EXIT_FAILED;
		PQclear(result);
		if (good)
			continue;
		if (init->standby)
		{
			mr_init_differs(init, "the role %s may not log in as it must", roles[i].role);
			continue;
		}
		if (mr_init_execute(init, roles[i].statement, 0, NULL) != MR_EXIT_OK)
			return MR_EXIT_FAILED;
		mr_init_did(init, "%s", roles[i].did);
	}
	return MR_EXIT_OK;
}

/* Whether the server at url is managed already. One that does not answer is not asked twice. */
static bool
is_managed_elsewhere(const char *url)
{
	PGconn *conn = connect_to(url, NULL, PEER_CONNECT_TIMEOUT);
	bool managed = false;

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

		if (i == settings->self || !is_managed_elsewhere(node->url))
			continue;
		mr_init_error("node \"%s\" of region %s belongs to a cluster already", node->name,
					  settings->regions[node->region].key);
		fputs("hint: make this server a member of it with multiregion-join\n", stderr);
		return MR_EXIT_PREREQUISITE;
	}
	return MR_EXIT_OK;
}

/* Waits until this server may write: tables can be changed only then. */
static MrExit
wait_for_lease(MrInit *init)
{
	int64_t deadline_ns = mr_loop_now_ns() + LEASE_WAIT_MS * MR_NS_PER_MS;
	char generation[24] = "0";
	const char *values[] = {generation};

	for (;;)
	{
		PGresult *result = mr_init_query(
			init, "SELECT writable, generation, primary_node FROM multiregion.lease_status()", 0,
			NULL, false, NULL);
		const char *primary;
		bool writable;

		if (result == NULL)
			return MR_EXIT_FAILED;
		writable = mr_init_is_true(result, 0, "writable");
		if (mr_init_value(result, 0, "generation") != NULL)
			snprintf(generation, sizeof(generation), "%s", mr_init_value(result, 0, "generation"));
		if (!writable && mr_loop_now_ns() > deadline_ns)
		{
			primary = mr_init_value(result, 0, "primary_node");
			mr_init_error("this server may not write: %s%s",
						  primary != NULL ? "the primary is " : "",
						  primary != NULL ? primary : "it has no lease");
			PQclear(result);
			return MR_EXIT_FAILED;
		}
		PQclear(result);
		if (writable)
			return MR_EXIT_OK;
		if (mr_init_execute(init, "SELECT multiregion.wait_for_change($1, 500)", 1, values) !=
			MR_EXIT_OK)
			return MR_EXIT_FAILED;
	}
}

static MrExit
become_first(MrInit *init)
{
	const MrSettings *settings = init->settings;
	const char *values[] = {settings->node, settings->region,
							settings->self >= 0 ? init->conninfos[settings->self] : NULL};
	MrExit code = look_for_cluster(settings);

	if (code != MR_EXIT_OK)
		return code;
	if (settings->self < 0)
	{
		mr_init_error("no DATABASE_URL_%s_PRIMARY says how other nodes reach this one",
					  settings->region);
		return MR_EXIT_SETTINGS;
	}
	if (mr_init_execute(init, "SELECT multiregion.init($1, $2, $3)", 3, values) != MR_EXIT_OK)
		return MR_EXIT_FAILED;
	mr_init_did(init, "made this server \"%s\" of region %s, the first node of a cluster",
				settings->node, settings->region);
	return wait_for_lease(init);
}

MrExit
mr_init_membership(MrInit *init)
{
	const MrSettings *settings = init->settings;
	PGresult *result = mr_init_query(
		init, "SELECT managed, node, region FROM multiregion.lease_status()", 0, NULL, false, NULL);
	const char *node;
	const char *region;
	bool managed;

	if (result == NULL)
		return MR_EXIT_FAILED;
	managed = mr_init_is_true(result, 0, "managed");
	node = mr_init_value(result, 0, "node");
	region = mr_init_value(result, 0, "region");
	if (managed && node != NULL && settings->node[0] != '\0' && strcmp(node, settings->node) != 0)
		mr_init_differs(init, "this server is node \"%s\", not \"%s\"", node, settings->node);
	if (managed && region != NULL && strcmp(region, settings->region) != 0)
		mr_init_differs(init, "this server is in region %s, not %s", region, settings->region);
	PQclear(result);
	if (managed && !init->standby)
		return wait_for_lease(init);
	if (managed || init->standby)
		return MR_EXIT_OK;
	return become_first(init);
}

MrExit
mr_init_report_checks(MrInit *init)
{
	PGresult *result = mr_init_query(
		init, "SELECT name, severity, detail, hint FROM multiregion.check() WHERE NOT ok", 0, NULL,
		false, NULL);
	int row;

	if (result == NULL)
		return MR_EXIT_FAILED;
	for (row = 0; row < PQntuples(result); row++)
	{
		const char *detail = mr_init_value(result, row, "detail");
		const char *hint = mr_init_value(result, row, "hint");

		printf("check: %s: %s: %s%s%s\n", mr_init_value(result, row, "severity"),
			   mr_init_value(result, row, "name"), detail != NULL ? detail : "",
			   hint != NULL ? " " : "", hint != NULL ? hint : "");
	}
	PQclear(result);
	return MR_EXIT_OK;
}
