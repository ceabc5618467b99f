/*
 * Asks the other members who leads; see mr_join_peers.h.
 *
 * One loop over all connections; nothing in it blocks. A connection that answered is
 * kept for the next round and for what is asked of the leader afterwards.
 * Must never print a connection string.
 */
#include "join/mr_join_peers.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mr_forced.h"
#include "join/mr_join_hosts.h"

#define APPLICATION "multiregion-join"

/* A server that is not managed has no row worth reading, but it does answer. */
static const char status_sql[] =
	"SELECT s.*, c.timeline_id AS control_timeline, y.system_identifier"
	" FROM multiregion.lease_status() AS s, pg_catalog.pg_control_checkpoint() AS c,"
	" pg_catalog.pg_control_system() AS y";

/* ---------- whom to ask ---------- */

static void
describe(MrJoinPeer *peer)
{
	char host[64] = "";
	char port[16] = "5432";

	if (!mr_pg_conninfo_value(peer->conninfo, "host", host, sizeof(host)))
		(void) mr_pg_conninfo_value(peer->conninfo, "hostaddr", host, sizeof(host));
	(void) mr_pg_conninfo_value(peer->conninfo, "port", port, sizeof(port));
	snprintf(peer->where, sizeof(peer->where), "%s:%s", host, port);
}

static void
add_peer(MrJoinPeers *peers, const char *conninfo, const char *hostaddr)
{
	MrJoinPeer *peer = &peers->list[peers->count];
	int i;

	if (peers->count >= MR_JOIN_MAX_PEERS)
		return;
	memset(peer, 0, sizeof(*peer));
	snprintf(peer->conninfo, sizeof(peer->conninfo), "%s", conninfo);
	snprintf(peer->hostaddr, sizeof(peer->hostaddr), "%s", hostaddr);
	describe(peer);
	for (i = 0; i < peers->count; i++)
	{
		if (strcmp(peers->list[i].where, peer->where) == 0)
			return;
	}
	peers->count++;
}

/* Each host of one entry of --peers. */
static bool
add_given(MrJoinPeers *peers, const char *given, int number)
{
	char hosts[MR_MAX_MEMBERS][MR_CONNINFO_SIZE];
	int count = mr_join_hosts_split(given, hosts, MR_MAX_MEMBERS);
	const char *problem = count == 0 ? mr_pg_conninfo_problem(given) : NULL;
	int i;

	if (count == 0 && problem == NULL)
		problem = "The connection string names no host.";
	for (i = 0; i < count && problem == NULL; i++)
	{
		problem = mr_pg_conninfo_problem(hosts[i]);
		if (problem == NULL)
			add_peer(peers, hosts[i], "");
	}
	if (problem != NULL)
		mr_join_say("number %d of --peers cannot be used: %s", number, problem);
	return problem == NULL;
}

bool
mr_join_peers_collect(MrJoin *join)
{
	MrJoinPeers *peers = join->peers;
	const MrConfig *config = &join->durable.config;
	int i;

	peers->count = 0;
	for (i = 0; join->facts.state == MR_JOIN_STATE_OK && i < MR_MAX_MEMBERS; i++)
	{
		const MrMember *member = &config->members[i];

		if (member->used && !mr_uuid_equal(&member->uuid, &join->durable.node))
			add_peer(peers, member->conninfo, member->hostaddr);
	}
	for (i = 0; i < join->options.npeers; i++)
	{
		if (!add_given(peers, join->options.peers[i], i + 1))
			return false;
	}
	join->facts.peers = peers->count > 0;
	return true;
}

/* ---------- one peer ---------- */

static void
fail(MrJoinPeer *peer, const char *why)
{
	if (why != NULL)
		snprintf(peer->connection.error, sizeof(peer->connection.error), "%s", why);
	peer->stage = MR_JOIN_PEER_FAILED;
}

static void
connect_to(const MrJoin *join, MrJoinPeer *peer, const char *hostaddr)
{
	if (mr_pg_peer_connect(&peer->connection, peer->conninfo, hostaddr, join->options.peer_options,
						   join->options.user, join->options.database, APPLICATION,
						   mr_join_now_ns(), join->peers->round_ms * MR_NS_PER_MS))
		peer->stage = MR_JOIN_PEER_CONNECTING;
	else
		fail(peer, NULL);
}

/* The next address of a name; the end of the peer when there are no more. */
static void
connect_next(const MrJoin *join, MrJoinPeer *peer)
{
	char address[MR_HOSTADDR_SIZE];

	if (mr_join_resolve_address(&peer->resolver, peer->next_address, address))
	{
		peer->next_address++;
		connect_to(join, peer, address);
	}
	else
		fail(peer, peer->next_address == 0 && peer->connection.error[0] == '\0'
					   ? "the host name has no address"
					   : NULL);
}

/*
 * A known address may be out of date: then the name is looked up after all. If that does
 * not help, the reason stays why the known address failed.
 */
static void
look_up(MrJoinPeer *peer)
{
	char host[256];

	peer->hostaddr[0] = '\0';
	if (mr_pg_conninfo_value(peer->conninfo, "hostaddr", host, sizeof(host)) ||
		!mr_pg_conninfo_value(peer->conninfo, "host", host, sizeof(host)) ||
		!mr_join_resolve_is_needed(host))
		fail(peer, NULL);
	else if (mr_join_resolve_start(&peer->resolver, host))
	{
		peer->stage = MR_JOIN_PEER_RESOLVING;
		peer->next_address = 0;
	}
	else
		fail(peer, "the host name cannot be looked up");
}

static void
send_question(const MrJoin *join, MrJoinPeer *peer)
{
	if (mr_pg_peer_query(&peer->connection, status_sql, 0, NULL, NULL, NULL, 0, mr_join_now_ns(),
						 join->peers->round_ms * MR_NS_PER_MS))
		peer->stage = MR_JOIN_PEER_ASKED;
	else
		fail(peer, NULL);
}

static void
begin_round(const MrJoin *join, MrJoinPeer *peer)
{
	char host[256];

	peer->connection.error[0] = '\0';
	if (peer->connection.state == MR_PG_READY)
		send_question(join, peer);
	else if (peer->hostaddr[0] != '\0' ||
			 mr_pg_conninfo_value(peer->conninfo, "hostaddr", host, sizeof(host)) ||
			 !mr_pg_conninfo_value(peer->conninfo, "host", host, sizeof(host)) ||
			 !mr_join_resolve_is_needed(host))
		connect_to(join, peer, peer->hostaddr);
	else
		look_up(peer);
}

/* ---------- its answer ---------- */

static const char *
column(const PGresult *result, const char *name)
{
	int number = PQfnumber(result, name);

	return number >= 0 && !PQgetisnull(result, 0, number) ? PQgetvalue(result, 0, number) : "";
}

static uint64_t
number(const PGresult *result, const char *name)
{
	return strtoull(column(result, name), NULL, 10);
}

static bool
truth(const PGresult *result, const char *name)
{
	return column(result, name)[0] == 't';
}

static void
read_answer(const PGresult *result, MrJoinAnswer *answer)
{
	unsigned int high;
	unsigned int low;

	memset(answer, 0, sizeof(*answer));
	answer->answered = true;
	answer->managed = truth(result, "managed");
	answer->is_primary = truth(result, "is_primary");
	answer->writable = truth(result, "writable");
	answer->term = number(result, "term");
	answer->timeline = (uint32_t) number(result, "timeline");
	answer->control_timeline = (uint32_t) number(result, "control_timeline");
	answer->stamp_term = number(result, "stamp_term");
	answer->stamp_timeline = (uint32_t) number(result, "stamp_timeline");
	if (sscanf(column(result, "stamp_lsn"), "%X/%X", &high, &low) == 2)
		answer->stamp_lsn = (uint64_t) high << 32 | low;
	answer->system_identifier = number(result, "system_identifier");
	snprintf(answer->node, sizeof(answer->node), "%s", column(result, "node"));
	snprintf(answer->primary_node, sizeof(answer->primary_node), "%s",
			 column(result, "primary_node"));
}

static void
take_answer(MrJoinPeer *peer, MrJoinAnswer *answer)
{
	const PGresult *result = peer->connection.result;

	if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1)
	{
		read_answer(result, answer);
		peer->stage = MR_JOIN_PEER_IDLE;
	}
	else
		fail(peer, NULL);
}

static void
advance_connection(const MrJoin *join, MrJoinPeer *peer, MrJoinAnswer *answer)
{
	switch (mr_pg_peer_advance(&peer->connection, mr_join_now_ns()))
	{
		case MR_PG_NOTHING:
			break;
		case MR_PG_CONNECTED:
			send_question(join, peer);
			break;
		case MR_PG_RESULT:
			take_answer(peer, answer);
			break;
		case MR_PG_FAILED:
			if (peer->stage == MR_JOIN_PEER_CONNECTING && peer->next_address > 0)
				connect_next(join, peer);
			else if (peer->stage == MR_JOIN_PEER_CONNECTING && peer->hostaddr[0] != '\0')
				look_up(peer);
			else
				fail(peer, NULL);
			break;
	}
}

/* ---------- the round ---------- */

static bool
is_busy(const MrJoinPeer *peer)
{
	return peer->stage == MR_JOIN_PEER_RESOLVING || peer->stage == MR_JOIN_PEER_CONNECTING ||
		   peer->stage == MR_JOIN_PEER_ASKED;
}

/* Waits for the first news of anybody. */
static void
wait_for_news(const MrJoinPeers *peers, int64_t deadline_ns)
{
	struct pollfd wanted[MR_JOIN_MAX_PEERS];
	int64_t left_ms = (deadline_ns - mr_join_now_ns()) / MR_NS_PER_MS + 1;
	nfds_t count = 0;
	int i;

	for (i = 0; i < peers->count; i++)
	{
		const MrJoinPeer *peer = &peers->list[i];

		if (!is_busy(peer))
			continue;
		wanted[count].fd = peer->stage == MR_JOIN_PEER_RESOLVING
							   ? peer->resolver.fd
							   : mr_pg_peer_socket(&peer->connection);
		wanted[count].events =
			peer->stage == MR_JOIN_PEER_RESOLVING ? POLLIN : peer->connection.events;
		count++;
	}
	(void) poll(wanted, count, left_ms > 0 ? (int) left_ms : 0);
}

static int
advance_all(MrJoin *join)
{
	MrJoinPeers *peers = join->peers;
	int busy = 0;
	int i;

	for (i = 0; i < peers->count; i++)
	{
		MrJoinPeer *peer = &peers->list[i];

		if (peer->stage == MR_JOIN_PEER_RESOLVING && mr_join_resolve_advance(&peer->resolver))
			connect_next(join, peer);
		else if (is_busy(peer) && peer->stage != MR_JOIN_PEER_RESOLVING)
			advance_connection(join, peer, &peers->answers[i]);
		busy += is_busy(peer);
	}
	return busy;
}

/* Who is too slow is not waited for; its connection is of no use. */
static void
end_round(MrJoinPeers *peers)
{
	int i;

	for (i = 0; i < peers->count; i++)
	{
		MrJoinPeer *peer = &peers->list[i];

		if (!is_busy(peer))
			continue;
		mr_join_resolve_stop(&peer->resolver);
		mr_pg_peer_close(&peer->connection);
		fail(peer, "no answer in time");
	}
}

/* Was the stamp whose WAL we hold left by the leader that answered? */
static bool
stamp_is_of(const MrJoin *join, const MrJoinAnswer *leader)
{
	const MrStamp *stamp = &join->durable.stamp;
	int slot = mr_config_slot_of(&join->durable.config, &stamp->node);

	if (leader->stamp_term == stamp->term)
		return true;
	/* a node that has left the configuration cannot be compared by name */
	return slot == MR_NO_SLOT || strcmp(join->durable.config.members[slot].name, leader->node) == 0;
}

static void
take_view(MrJoin *join)
{
	MrJoinFacts *facts = &join->facts;
	const char *self = facts->state == MR_JOIN_STATE_OK ? join->durable.name : join->options.node;
	int i;

	for (i = 0; i < join->peers->count; i++)
		join->peers->answers[i].outdated =
			mr_generation(join->peers->answers[i].term) < facts->generation;
	mr_join_view(join->peers->answers, join->peers->count, self, &facts->view);
	if (facts->view.leader != MR_JOIN_LEADER_CONFIRMED)
		return;
	facts->leader = join->peers->answers[facts->view.index];
	facts->held_stamp_is_leaders =
		facts->held_stamp_timeline != 0 && stamp_is_of(join, &facts->leader);
}

void
mr_join_peers_ask(MrJoin *join, int64_t round_ms, bool everybody)
{
	MrJoinPeers *peers = join->peers;
	int64_t deadline_ns = mr_join_now_ns() + round_ms * MR_NS_PER_MS;
	int busy;
	int i;

	peers->round_ms = round_ms;
	memset(peers->answers, 0, sizeof(peers->answers));
	for (i = 0; i < peers->count; i++)
		begin_round(join, &peers->list[i]);
	for (;;)
	{
		busy = advance_all(join);
		take_view(join);
		if (busy == 0 || mr_join_now_ns() >= deadline_ns ||
			(!everybody && mr_join_view_is_enough(&join->facts.view, join->facts.term)))
			break;
		wait_for_news(peers, deadline_ns);
	}
	join->facts.asked = true;
	end_round(peers);
}

void
mr_join_peers_wait(const MrJoin *join, int ms)
{
	struct pollfd wanted[MR_JOIN_MAX_PEERS];
	nfds_t count = 0;
	int i;

	/* Nobody is asked anything: what comes in is the end, or read with the next answer. */
	for (i = 0; i < join->peers->count; i++)
	{
		const MrJoinPeer *peer = &join->peers->list[i];

		if (peer->stage != MR_JOIN_PEER_IDLE || peer->connection.state != MR_PG_READY)
			continue;
		wanted[count].fd = mr_pg_peer_socket(&peer->connection);
		wanted[count].events = POLLIN;
		count++;
	}
	(void) poll(wanted, count, ms);
}

void
mr_join_peers_explain(const MrJoin *join)
{
	int i;

	for (i = 0; i < join->peers->count; i++)
	{
		const MrJoinPeer *peer = &join->peers->list[i];
		const MrJoinAnswer *answer = &join->peers->answers[i];

		if (!answer->answered)
			mr_join_say("%s does not answer: %s", peer->where, peer->connection.error);
		else if (!answer->managed)
			mr_join_say("%s answers, but is not managed", peer->where);
		else
			mr_join_say("%s is \"%s\" in term %llu and knows %s%s as the leader", peer->where,
						answer->node, (unsigned long long) answer->term,
						answer->primary_node[0] != '\0' ? answer->primary_node : "nobody",
						answer->is_primary && !answer->writable ? " (itself, without a lease)"
																: "");
	}
}

void
mr_join_peers_close(MrJoin *join)
{
	int i;

	for (i = 0; i < join->peers->count; i++)
	{
		mr_join_resolve_stop(&join->peers->list[i].resolver);
		mr_pg_peer_close(&join->peers->list[i].connection);
	}
}
