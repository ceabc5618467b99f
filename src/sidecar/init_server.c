/*
 * Steps of `multiregiond init` about the server: reach it, see that the extension can
 * work and is there, let our roles log in, make the server a member. It must never commit
 * anything before everything that can be refused has been looked at. Called by init.c.
 */
#include "sidecar/mr_init_steps.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/mr_catalog_sql.h"
#include "sidecar/mr_loop.h"

#define CONNECT_TIMEOUT "10" /* s, to the local server */
#define LEASE_WAIT_MS 30000  /* a new leader has the lease within one lease */

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

PGconn *
mr_init_connect_to(const char *url, const char *dbname, const char *timeout)
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
	init->conn = mr_init_connect_to(init->settings->admin_url, NULL, CONNECT_TIMEOUT);
	if (PQstatus(init->conn) != CONNECTION_OK)
		return refuse_connection(init);
	result = mr_init_query(init,
						   "SELECT pg_catalog.current_setting('multiregion.database', true) AS"
						   " wanted, pg_catalog.current_database() AS current,"
						   " pg_catalog.pg_is_in_recovery() AS standby",
						   0, NULL, false, NULL);
	if (result == NULL)
		return MR_EXIT_FAILED;
	init->standby = mr_row_is_true(result, 0, "standby");
	init->read_only = init->check || init->standby;
	wanted = mr_row_text(result, 0, "wanted");
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
		init->conn = mr_init_connect_to(init->settings->admin_url, wanted, CONNECT_TIMEOUT);
	}
	PQclear(result);
	return PQstatus(init->conn) == CONNECTION_OK ? MR_EXIT_OK : refuse_connection(init);
}

/* Which schema the public functions are in; empty if the extension is not there. */
static MrExit
read_schema(MrInit *init)
{
	PGresult *result = mr_init_query(init, MR_SQL_IDENTITY, 0, NULL, false, NULL);

	if (result == NULL)
		return MR_EXIT_FAILED;
	init->schema[0] = '\0';
	if (PQntuples(result) > 0)
		snprintf(init->schema, sizeof(init->schema), "%s", mr_row_text(result, 0, "schema"));
	PQclear(result);
	return MR_EXIT_OK;
}

static void
ignore_notice(void *arg, const PGresult *result)
{
	(void) arg;
	(void) result;
}

/* Makes the extension in a transaction that will not be committed, to see what is said to it. */
static MrExit
try_extension(MrInit *init)
{
	MrExit code;

	(void) PQsetNoticeReceiver(init->conn, ignore_notice, NULL);
	code = mr_init_execute(init, "BEGIN", 0, NULL);
	if (code == MR_EXIT_OK)
		code = mr_init_execute(init, "CREATE EXTENSION multiregion", 0, NULL);
	(void) PQsetNoticeReceiver(init->conn, print_notice, NULL);
	init->tentative = true;
	return code == MR_EXIT_OK ? read_schema(init) : code;
}

MrExit
mr_init_look(MrInit *init)
{
	MrExit code = read_schema(init);
	PGresult *result;

	if (code != MR_EXIT_OK)
		return code;
	if (init->schema[0] == '\0' && init->standby)
	{
		mr_init_error("the extension is not installed, and this server is a standby: run init on "
					  "the primary");
		return MR_EXIT_PREREQUISITE;
	}
	if (init->schema[0] == '\0')
	{
		/* other servers may be silent: they are asked while nothing is locked here */
		code = mr_init_alone(init);
		if (code == MR_EXIT_OK)
			code = try_extension(init);
		if (code != MR_EXIT_OK)
			return code;
	}
	result =
		mr_init_query(init, "SELECT managed FROM multiregion.lease_status()", 0, NULL, false, NULL);
	if (result == NULL)
		return MR_EXIT_FAILED;
	init->managed = mr_row_is_true(result, 0, "managed");
	PQclear(result);
	return MR_EXIT_OK;
}

MrExit
mr_init_extension(MrInit *init)
{
	if (!init->tentative)
		return MR_EXIT_OK;
	if (init->check)
	{
		mr_init_differs(init, "the extension multiregion is not there; init creates it");
		return MR_EXIT_OK;
	}
	if (mr_init_execute(init, "ROLLBACK", 0, NULL) != MR_EXIT_OK ||
		mr_init_execute(init, "CREATE EXTENSION multiregion", 0, NULL) != MR_EXIT_OK)
		return MR_EXIT_FAILED;
	init->tentative = false;
	mr_init_did(init, "created the extension multiregion");
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
		if (init->read_only)
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
		writable = mr_row_is_true(result, 0, "writable");
		if (mr_row_text(result, 0, "generation") != NULL)
			snprintf(generation, sizeof(generation), "%s", mr_row_text(result, 0, "generation"));
		if (!writable && mr_loop_now_ns() > deadline_ns)
		{
			primary = mr_row_text(result, 0, "primary_node");
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
	const char *values[] = {settings->node, settings->region, init->conninfos[settings->self]};

	if (mr_init_execute(init, "SELECT multiregion.init($1, $2, $3)", 3, values) != MR_EXIT_OK)
		return MR_EXIT_FAILED;
	mr_init_did(init, "made this server \"%s\" of region %s, the first node of a cluster",
				settings->node, settings->region);
	return wait_for_lease(init);
}

/* Compares what a member is with what the settings call it. */
static MrExit
compare_self(MrInit *init)
{
	const MrSettings *settings = init->settings;
	PGresult *result = mr_init_query(init, "SELECT node, region FROM multiregion.lease_status()", 0,
									 NULL, false, NULL);
	const char *node;
	const char *region;

	if (result == NULL)
		return MR_EXIT_FAILED;
	node = mr_row_text(result, 0, "node");
	region = mr_row_text(result, 0, "region");
	if (node != NULL && settings->node[0] != '\0' && strcmp(node, settings->node) != 0)
		mr_init_differs(init, "this server is node \"%s\", not \"%s\"", node, settings->node);
	if (region != NULL && strcmp(region, settings->region) != 0)
		mr_init_differs(init, "this server is in region %s, not %s", region, settings->region);
	PQclear(result);
	return MR_EXIT_OK;
}

MrExit
mr_init_membership(MrInit *init)
{
	if (init->managed)
	{
		MrExit code = compare_self(init);

		return code != MR_EXIT_OK || init->read_only ? code : wait_for_lease(init);
	}
	if (init->standby)
		return MR_EXIT_OK;
	if (!init->check)
		return become_first(init);
	mr_init_differs(init,
					"this server is in no cluster; init makes it \"%s\" of region %s, the "
					"first node of one",
					init->settings->node, init->settings->region);
	return MR_EXIT_OK;
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
		const char *detail = mr_row_text(result, row, "detail");
		const char *hint = mr_row_text(result, row, "hint");

		printf("check: %s: %s: %s%s%s\n", mr_row_text(result, row, "severity"),
			   mr_row_text(result, row, "name"), detail != NULL ? detail : "",
			   hint != NULL ? " " : "", hint != NULL ? hint : "");
	}
	PQclear(result);
	return MR_EXIT_OK;
}
