/*
 * Statements for the confirmed leader; see mr_join_peers.h.
 *
 * They run one after the other on the connection that brought its answer, each with
 * a deadline: a leader that freezes must not hold this node up for ever.
 */
#include "join/mr_join_peers.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mr_bytes.h"
#include "core/mr_topology.h"
#include "join/mr_join_files.h"

#define STATEMENT_MS 10000
#define CHECKPOINT_MS 600000
#define SEGMENT_MS 120000
#define SLOT_WAIT_MS 3000
#define SLOT_POLL_MS 50

/* register_node() raises it for an identity that was replaced or discarded */
#define RETIRED_SQLSTATE "28000"

static const char history_sql[] =
	"SELECT f, pg_catalog.pg_read_binary_file('pg_wal/' || f, 0, 1048576, true)"
	" FROM pg_catalog.pg_ls_dir('pg_wal', true, false) AS f"
	" WHERE f ~ '^[0-9A-F]{8}[.]history$'";

static MrPgPeer *
connection_of(MrJoin *join)
{
	return &join->peers->list[join->facts.view.index].connection;
}

static const char *
result_field(const MrPgPeer *peer, int field)
{
	const char *text = peer->result != NULL ? PQresultErrorField(peer->result, field) : NULL;

	return text != NULL ? text : "";
}

/* The server's words, whole: they say what to do. */
static void
say_failure(MrJoin *join, const char *what)
{
	const MrPgPeer *peer = connection_of(join);
	const char *message = result_field(peer, PG_DIAG_MESSAGE_PRIMARY);

	mr_join_say("%s failed on the leader \"%s\": %s", what, join->facts.leader.node,
				message[0] != '\0' ? message : peer->error);
	if (result_field(peer, PG_DIAG_MESSAGE_DETAIL)[0] != '\0')
		mr_join_say("detail: %s", result_field(peer, PG_DIAG_MESSAGE_DETAIL));
	if (result_field(peer, PG_DIAG_MESSAGE_HINT)[0] != '\0')
		mr_join_hint("%s", result_field(peer, PG_DIAG_MESSAGE_HINT));
}

/* Runs one statement to its end. NULL unless it returned rows or succeeded without. */
static const PGresult *
run(MrJoin *join, const char *sql, int nparams, const char *const *values, int format,
	int64_t timeout_ms)
{
	MrPgPeer *peer = connection_of(join);

	if (peer->state != MR_PG_READY ||
		!mr_pg_peer_query(peer, sql, nparams, values, NULL, NULL, format, mr_join_now_ns(),
						  timeout_ms * MR_NS_PER_MS))
		return NULL;
	for (;;)
	{
		MrPgPeerNews news = mr_pg_peer_advance(peer, mr_join_now_ns());
		struct pollfd wanted;

		if (news == MR_PG_FAILED)
			return NULL;
		if (news == MR_PG_RESULT)
			break;
		wanted.fd = mr_pg_peer_socket(peer);
		wanted.events = peer->events;
		(void) poll(&wanted, 1, 100);
	}
	if (PQresultStatus(peer->result) == PGRES_TUPLES_OK ||
		PQresultStatus(peer->result) == PGRES_COMMAND_OK)
		return peer->result;
	return NULL;
}

bool
mr_join_leader_read_history(MrJoin *join)
{
	uint32_t timeline = join->facts.leader.timeline;
	const PGresult *result = run(join, history_sql, 0, NULL, 1, STATEMENT_MS);
	char name[32];
	int row;

	if (result == NULL)
	{
		say_failure(join, "reading the timeline histories");
		return false;
	}
	snprintf(name, sizeof(name), "%08X.history", timeline);
	join->leader_history.count = 0;
	if (timeline == 1)
		(void) mr_join_history_parse(NULL, 0, 1, &join->leader_history);
	for (row = 0; row < PQntuples(result); row++)
	{
		if (strcmp(PQgetvalue(result, row, 0), name) == 0 && !PQgetisnull(result, row, 1))
			(void) mr_join_history_parse(PQgetvalue(result, row, 1),
										 (size_t) PQgetlength(result, row, 1), timeline,
										 &join->leader_history);
	}
	join->facts.leader_history_known = true;
	return true;
}

bool
mr_join_leader_install_histories(MrJoin *join)
{
	const PGresult *result = run(join, history_sql, 0, NULL, 1, STATEMENT_MS);
	MrJoinHistoryFile *files;
	int count = 0;
	int row;
	bool installed;

	if (result == NULL)
	{
		say_failure(join, "reading the timeline histories");
		return false;
	}
	files = calloc((size_t) PQntuples(result) + 1, sizeof(*files));
	if (files == NULL)
		return false;
	for (row = 0; row < PQntuples(result); row++)
	{
		if (PQgetisnull(result, row, 1))
			continue;
		files[count].timeline = (uint32_t) strtoul(PQgetvalue(result, row, 0), NULL, 16);
		files[count].content = PQgetvalue(result, row, 1);
		files[count].size = (size_t) PQgetlength(result, row, 1);
		count++;
	}
	installed = mr_join_wal_install_histories(join, files, count);
	free(files);
	return installed;
}

/* The configuration in the first column of the only row. */
static bool
take_config(MrJoin *join, const PGresult *result)
{
	MrBytes bytes;

	if (PQntuples(result) != 1 || PQgetisnull(result, 0, 0))
		return false;
	mr_bytes_for_read(&bytes, (const uint8_t *) PQgetvalue(result, 0, 0),
					  (size_t) PQgetlength(result, 0, 0));
	return mr_config_read(&bytes, &join->config) && mr_config_problem(&join->config) == NULL;
}

/* Errors that asking again does not cure: the name or the uuid is not acceptable. */
static bool
is_final(const MrPgPeer *peer)
{
	const char *state = result_field(peer, PG_DIAG_SQLSTATE);

	/* connection, resources, shutdown, read-only and serialization failures pass */
	return state[0] != '\0' && strncmp(state, "08", 2) != 0 && strncmp(state, "25", 2) != 0 &&
		   strncmp(state, "40", 2) != 0 && strncmp(state, "53", 2) != 0 &&
		   strncmp(state, "57", 2) != 0;
}

static bool
read_region(MrJoin *join, const char *node, char *region, size_t size)
{
	const char *values[] = {node};
	const PGresult *result =
		run(join, "SELECT region_key FROM multiregion.nodes WHERE node_name = $1", 1, values, 0,
			STATEMENT_MS);

	if (result == NULL || PQntuples(result) != 1)
		return false;
	snprintf(region, size, "%s", PQgetvalue(result, 0, 0));
	return region[0] != '\0';
}

/* A witness is registered as one, and nothing else is. Unknown names are left to the leader. */
static bool
is_right_kind(MrJoin *join, const char *node)
{
	const char *values[] = {node};
	const PGresult *result = run(join, "SELECT witness FROM multiregion.nodes WHERE node_name = $1",
								 1, values, 0, STATEMENT_MS);

	if (result == NULL || PQntuples(result) != 1 ||
		(PQgetvalue(result, 0, 0)[0] == 't') == join->facts.witness)
		return true;
	mr_join_say("node \"%s\" is registered as %s", node,
				join->facts.witness ? "a node with data" : "a witness");
	mr_join_hint(join->facts.witness
					 ? "register it with add_witness(), or leave out --witness"
					 : "call multiregion-join with --witness (MULTIREGION_WITNESS=on)");
	return false;
}

bool
mr_join_leader_register(MrJoin *join, const MrUuid *uuid, char *region, size_t size, bool *refused)
{
	const char *node =
		join->facts.state == MR_JOIN_STATE_OK ? join->durable.name : join->options.node;
	char hex[33];
	const char *values[2] = {node, hex};
	const PGresult *result;

	mr_uuid_format(uuid, hex);
	*refused = !is_right_kind(join, node);
	if (*refused)
		return false;
	result = run(join, "SELECT multiregion.register_node($1::text, $2::uuid)", 2, values, 1,
				 STATEMENT_MS);
	if (result == NULL)
	{
		*refused = is_final(connection_of(join));
		if (strcmp(result_field(connection_of(join), PG_DIAG_SQLSTATE), RETIRED_SQLSTATE) == 0)
			join->facts.discarded = true;
		say_failure(join, "registering this node");
		return false;
	}
	join->config_known = take_config(join, result);
	if (!join->config_known)
	{
		mr_join_say("the leader \"%s\" sent a configuration that cannot be read",
					join->facts.leader.node);
		return false;
	}
	if (read_region(join, node, region, size))
		return true;
	say_failure(join, "looking up this node's region");
	return false;
}

bool
mr_join_leader_checkpoint(MrJoin *join)
{
	if (join->facts.leader.control_timeline == join->facts.leader.timeline)
		return true;
	mr_join_say("asking the leader for a checkpoint: its control file still shows timeline %u",
				join->facts.leader.control_timeline);
	if (run(join, "SELECT multiregion.request_checkpoint()", 0, NULL, 0, CHECKPOINT_MS) != NULL)
		return true;
	say_failure(join, "a checkpoint");
	return false;
}

static void
format_lsn(MrLsn lsn, char out[32])
{
	snprintf(out, 32, "%X/%X", (unsigned int) (lsn >> 32), (unsigned int) lsn);
}

void
mr_join_leader_record(MrJoin *join, MrLsn end, const char *kept)
{
	const MrJoinVerdict *verdict = &join->verdict;
	char term[32];
	char timeline[16];
	char fork[32];
	char last[32];
	const char *values[6] = {join->durable.name,           term, timeline, fork, last,
							 kept[0] != '\0' ? kept : NULL};

	snprintf(term, sizeof(term), "%llu", (unsigned long long) join->facts.log_term);
	snprintf(timeline, sizeof(timeline), "%u", join->facts.timeline);
	format_lsn(verdict->fork_lsn, fork);
	format_lsn(end > verdict->fork_lsn ? end : verdict->fork_lsn, last);
	if (run(join,
			"SELECT multiregion.record_divergence($1::text, $2::bigint, $3::bigint,"
			" $4::pg_lsn, $5::pg_lsn, $6::text)",
			6, values, 0, STATEMENT_MS) == NULL)
		say_failure(join, "recording the divergence");
}

uint64_t
mr_join_leader_size(MrJoin *join)
{
	const PGresult *result = run(join,
								 "SELECT pg_catalog.sum(pg_catalog.pg_database_size(oid))::bigint"
								 " FROM pg_catalog.pg_database",
								 0, NULL, 0, STATEMENT_MS);

	return result != NULL && PQntuples(result) == 1 ? strtoull(PQgetvalue(result, 0, 0), NULL, 10)
													: 0;
}

bool
mr_join_leader_has_slot(MrJoin *join)
{
	int64_t deadline_ns = mr_join_now_ns() + SLOT_WAIT_MS * MR_NS_PER_MS;
	char name[40] = "mr_";
	const char *values[] = {name};
	struct pollfd end = {.events = POLLIN};

	mr_uuid_format(&join->durable.node, name + 3);
	do
	{
		const PGresult *result = run(join,
									 "SELECT active FROM pg_catalog.pg_replication_slots"
									 " WHERE slot_name = $1 AND slot_type = 'physical'",
									 1, values, 0, STATEMENT_MS);

		if (result == NULL)
			return false;
		if (PQntuples(result) == 1)
			return PQgetvalue(result, 0, 0)[0] == 'f';
		/* The slot makes no sound when it comes; a leader that goes does. */
		end.fd = mr_pg_peer_socket(connection_of(join));
		(void) poll(&end, 1, SLOT_POLL_MS);
	} while (mr_join_now_ns() < deadline_ns);
	return false;
}

bool
mr_join_leader_oldest_segment(MrJoin *join, char name[32])
{
	/* the position counts, behind the timeline */
	const PGresult *result = run(join,
								 "SELECT f FROM pg_catalog.pg_ls_dir('pg_wal', true, false) AS f"
								 " WHERE f ~ '^[0-9A-F]{24}$'"
								 " ORDER BY pg_catalog.substr(f, 9) COLLATE \"C\" LIMIT 1",
								 0, NULL, 0, STATEMENT_MS);

	if (result == NULL)
		say_failure(join, "looking for the oldest WAL");
	if (result == NULL || PQntuples(result) != 1)
		return false;
	snprintf(name, 32, "%s", PQgetvalue(result, 0, 0));
	return true;
}

bool
mr_join_leader_read_segment(MrJoin *join, const char *name, const char *path)
{
	char size[16];
	const char *values[] = {name, size};
	const PGresult *result;

	snprintf(size, sizeof(size), "%u", join->control.segment_bytes);
	result = run(
		join, "SELECT pg_catalog.pg_read_binary_file('pg_wal/' || $1::text, 0, $2::bigint, true)",
		2, values, 1, SEGMENT_MS);
	if (result == NULL)
	{
		say_failure(join, "reading a WAL segment");
		errno = EIO;
		return false;
	}
	if (PQntuples(result) != 1 || PQgetisnull(result, 0, 0))
		return true;
	return mr_join_write_file(path, PQgetvalue(result, 0, 0), (size_t) PQgetlength(result, 0, 0),
							  0600);
}

/* With the address that was reached: PostgreSQL's programs need not look it up again. */
bool
mr_join_leader_conninfo(MrJoin *join, char *out, size_t size)
{
	const MrJoinPeer *peer = &join->peers->list[join->facts.view.index];
	const char *hostaddr = peer->connection.conn != NULL ? PQhostaddr(peer->connection.conn) : "";

	if (hostaddr == NULL)
		hostaddr = "";
	if (mr_pg_conninfo_build(peer->conninfo, hostaddr, join->options.user, join->options.database,
							 "multiregion-join", out, size) &&
		mr_pg_conninfo_add_options(out, size, join->options.peer_options))
		return true;
	mr_join_say("the connection string of %s is too long", peer->where);
	return false;
}
