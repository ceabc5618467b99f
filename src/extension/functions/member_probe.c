/*
 * Who answers at a connection string: asked once when a node is added, so that a typing
 * error is noticed then and not when the node is needed.
 *
 * Obeys interrupts and a deadline. The string and what the other side says about it are
 * never repeated to the user beyond libpq's own reason. Called by membership.c and init.c.
 */
#include "postgres.h"

#include <poll.h>

#include "access/xlog.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/timestamp.h"

#include "adapters/mr_pg_peer.h"
#include "adapters/mr_resolver.h"
#include "extension/mr_functions.h"
#include "extension/mr_settings.h"
#include "extension/mr_shared_state.h"

/* Plain PostgreSQL only: the other server need not have the extension yet. */
static const char *const identity_sql =
	"SELECT (SELECT c.system_identifier FROM pg_catalog.pg_control_system() AS c),"
	" (1000000 * extract(epoch FROM pg_catalog.pg_postmaster_start_time()))::pg_catalog.int8,"
	" coalesce(pg_catalog.has_function_privilege("
	"pg_catalog.to_regprocedure('multiregion.rpc(pg_catalog.bytea)')::pg_catalog.oid, 'EXECUTE'),"
	" false),"
	" (SELECT r.rolreplication OR r.rolsuper FROM pg_catalog.pg_roles AS r"
	" WHERE r.rolname OPERATOR(pg_catalog.=) session_user)";

/* Waits for the connection to move on; false when it has failed. */
static bool
wait_for(MrPgPeer *peer, MrPgPeerNews wanted)
{
	for (;;)
	{
		int events = WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH;
		MrPgPeerNews news = mr_pg_peer_advance(peer, mr_boottime_ns());

		if (news == wanted)
			return true;
		if (news == MR_PG_FAILED)
			return false;
		if (peer->events & POLLIN)
			events |= WL_SOCKET_READABLE;
		if (peer->events & POLLOUT)
			events |= WL_SOCKET_WRITEABLE;
		(void) WaitLatchOrSocket(MyLatch, events, mr_pg_peer_socket(peer), 100L, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

static bool
is_true(const PGresult *result, int column)
{
	return PQgetvalue(result, 0, column)[0] == 't';
}

static void
take_answer(const PGresult *result, MrMemberProbe *probe)
{
	int64 started_us = PgStartTime + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;

	if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1)
	{
		strlcpy(probe->error, PQresultErrorMessage(result), sizeof(probe->error));
		return;
	}
	probe->answered = true;
	probe->is_same_cluster = strtou64(PQgetvalue(result, 0, 0), NULL, 10) == GetSystemIdentifier();
	probe->is_this_server =
		probe->is_same_cluster && strtoi64(PQgetvalue(result, 0, 1), NULL, 10) == started_us;
	probe->may_call = is_true(result, 2);
	probe->may_replicate = is_true(result, 3);
}

/* Asks a server that has the extension for its name; none if it is no member. */
static void
ask_name(MrPgPeer *peer, MrMemberProbe *probe)
{
	if (!probe->may_call ||
		!mr_pg_peer_query(peer, "SELECT node FROM multiregion.lease_status()", 0, NULL, NULL, NULL,
						  0, mr_boottime_ns(), (int64_t) mr_connect_timeout_ms * MR_NS_PER_MS) ||
		!wait_for(peer, MR_PG_RESULT))
		return;
	if (PQresultStatus(peer->result) == PGRES_TUPLES_OK && PQntuples(peer->result) == 1)
		strlcpy(probe->node, PQgetvalue(peer->result, 0, 0), sizeof(probe->node));
}

static void
ask(MrPgPeer *peer, const char *conninfo, const char *hostaddr, MrMemberProbe *probe)
{
	int64 patience_ns = (int64) mr_connect_timeout_ms * MR_NS_PER_MS;

	if (mr_pg_peer_connect(peer, conninfo, hostaddr, mr_peer_options, MR_PEER_USER,
						   mr_database != NULL ? mr_database : "postgres", "multiregion",
						   mr_boottime_ns(), patience_ns) &&
		wait_for(peer, MR_PG_CONNECTED) &&
		mr_pg_peer_query(peer, identity_sql, 0, NULL, NULL, NULL, 0, mr_boottime_ns(),
						 patience_ns) &&
		wait_for(peer, MR_PG_RESULT))
	{
		take_answer(peer->result, probe);
		ask_name(peer, probe);
	}
	else
		strlcpy(probe->error, peer->error, sizeof(probe->error));
}

void
mr_probe_member(const char *conninfo, const char *hostaddr, MrMemberProbe *probe)
{
	MrPgPeer peer;

	memset(probe, 0, sizeof(*probe));
	memset(&peer, 0, sizeof(peer));
	PG_TRY();
	{
		ask(&peer, conninfo, hostaddr, probe);
	}
	PG_CATCH();
	{
		mr_pg_peer_close(&peer);
		PG_RE_THROW();
	}
	PG_END_TRY();
	mr_pg_peer_close(&peer);
}

bool
mr_resolve_conninfo(const char *conninfo, char hostaddr[MR_HOSTADDR_SIZE], const char **problem)
{
	char host[MR_CONNINFO_SIZE];

	*problem = mr_pg_conninfo_problem(conninfo);
	if (*problem != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid connection string"), errdetail("%s", *problem),
						errhint("It names one server, like \"host=10.0.1.5 port=5432\"; passwords "
								"belong into a passfile, or use certificates.")));
	hostaddr[0] = '\0';
	if (mr_pg_conninfo_value(conninfo, "hostaddr", hostaddr, MR_HOSTADDR_SIZE))
		return true;
	if (!mr_pg_conninfo_value(conninfo, "host", host, sizeof(host)) || host[0] == '/' ||
		host[0] == '@')
		return true;
	*problem = mr_resolver_look_up(host, "", hostaddr);
	if (*problem != NULL)
		hostaddr[0] = '\0';
	return *problem == NULL;
}
