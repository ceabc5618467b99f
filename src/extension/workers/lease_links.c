/*
 * The lease worker's connections to its peers: one a member, one request at a
 * time, one message waiting (a newer one replaces it: it says more).
 *
 * A connection is opened when there is something to say, and kept; those to voters are
 * opened ahead, so that an election costs no more round trips than its questions. Whatever
 * goes wrong ends in MR_EV_UNREACHABLE for the core, if it had something to say. Never
 * resolves a name.
 */
#include "postgres.h"

#include <poll.h>

#include "extension/mr_peer_sessions.h"
#include "extension/mr_settings.h"
#include "extension/mr_shared_state.h"
#include "extension/workers/mr_lease_worker.h"

#define MR_RPC_SQL "SELECT multiregion.rpc($1)"
#define MR_RETRY_MIN_NS (20 * MR_NS_PER_MS)
#define MR_RETRY_MAX_NS MR_NS_PER_S
#define MR_REQUEST_TIMEOUT_MIN_NS (500 * MR_NS_PER_MS)
#define MR_STOPPING_PAUSE_NS (3 * MR_NS_PER_S)
#define MR_AHEAD_EVERY_NS (2 * MR_NS_PER_S)
#define MR_AHEAD_PATIENCE_NS (200 * MR_NS_PER_MS)

/*
 * A connection may be dead without a word (a firewall forgot it). A third of the lease
 * leaves time to make a new one before it runs out.
 */
static int64
request_timeout_ns(const MrLeaseWorker *worker)
{
	int64 lease_ns = worker->lease.durable.config.policy.lease_ms * MR_NS_PER_MS;

	return Max(lease_ns / 3, MR_REQUEST_TIMEOUT_MIN_NS);
}

static void
report_unreachable(MrLeaseWorker *worker, int slot)
{
	MrLeaseEvent event;

	memset(&event, 0, sizeof(event));
	event.kind = MR_EV_UNREACHABLE;
	event.slot = slot;
	mr_lease_handle(worker, &event, -1);
}

/* The peer cannot be used now; the next attempt waits, longer each time. */
static void
link_failed(MrLeaseWorker *worker, int slot)
{
	MrLink *link = &worker->links[slot];
	int64 pause_ns = MR_RETRY_MIN_NS << Min(link->failures, 6);
	bool reported = link->outbox_length > 0 || link->sent_ns != 0;
	bool ahead = link->ahead;

	mr_pg_peer_close(&link->peer);
	link->ahead = false;
	/* nobody had waited for it: a message finds its way as if it had never been tried */
	if (ahead)
		return;
	link->outbox_length = 0;
	link->sent_ns = 0;
	link->failures++;
	link->retry_ns = mr_boottime_ns() + Min(pause_ns, MR_RETRY_MAX_NS);
	if (reported)
		report_unreachable(worker, slot);
}

static void
start_connecting(MrLeaseWorker *worker, int slot)
{
	MrLink *link = &worker->links[slot];
	const MrMember *member = &worker->lease.durable.config.members[slot];

	if (!mr_pg_peer_connect(&link->peer, member->conninfo, member->hostaddr, mr_peer_options,
							MR_PEER_USER, mr_database, MR_LEASE_APPLICATION, mr_boottime_ns(),
							mr_connect_timeout_ms * MR_NS_PER_MS))
		link_failed(worker, slot);
	else
		link->uuid = member->uuid;
}

/* Might this node have to ask that one for its vote? */
static bool
may_be_needed(const MrLeaseWorker *worker, int slot)
{
	const MrConfig *config = &worker->lease.durable.config;
	int self = worker->lease.self;

	return ((config->voters | config->voters_old) & (1u << slot)) != 0 && self != MR_NO_SLOT &&
		   !config->members[self].no_promote && !worker->server_dead && !worker->server_stopping &&
		   !worker->told_to_end;
}

static void
connect_ahead(MrLeaseWorker *worker, int slot)
{
	MrLink *link = &worker->links[slot];
	int64 now_ns = mr_boottime_ns();

	if (now_ns < link->ahead_ns || now_ns < link->retry_ns || !may_be_needed(worker, slot))
		return;
	link->ahead_ns = now_ns + MR_AHEAD_EVERY_NS;
	link->ahead = true;
	start_connecting(worker, slot);
}

/* There is something to say. An attempt from before may be waiting for a lost packet. */
static void
end_ahead(MrLink *link)
{
	if (link->ahead && link->peer.state == MR_PG_CONNECTING &&
		mr_boottime_ns() - link->peer.since_ns > MR_AHEAD_PATIENCE_NS)
		mr_pg_peer_close(&link->peer);
	link->ahead = false;
}

static void
send_outbox(MrLeaseWorker *worker, int slot)
{
	MrLink *link = &worker->links[slot];
	const char *values[1];
	int lengths[1];
	int formats[1] = {1};

	values[0] = (const char *) link->outbox;
	lengths[0] = (int) link->outbox_length;
	/* the lease counts from here: the instant the message may leave */
	link->sent_ns = mr_boottime_ns();
	link->outbox_length = 0;
	if (!mr_pg_peer_query(&link->peer, MR_RPC_SQL, 1, values, lengths, formats, 1, link->sent_ns,
						  request_timeout_ns(worker)))
		link_failed(worker, slot);
}

void
mr_links_queue(MrLeaseWorker *worker, int slot, const MrMessage *message)
{
	MrLink *link = &worker->links[slot];

	link->outbox_length = mr_message_encode(message, &worker->lease.durable.config, link->outbox,
											sizeof(link->outbox));
	link->queued_ns = mr_boottime_ns();
}

/* An answer has come: give it to the core with the instant its request was sent. */
static void
take_result(MrLeaseWorker *worker, int slot)
{
	static MrMessage message;
	static MrConfig config;
	MrLink *link = &worker->links[slot];
	PGresult *result = link->peer.result;
	MrLeaseEvent event;
	bool stopping;

	if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1 ||
		!mr_message_decode((const uint8 *) PQgetvalue(result, 0, 0),
						   (size_t) PQgetlength(result, 0, 0), &message, &config) ||
		!message.is_reply)
	{
		elog(DEBUG1, "multiregion: no usable answer from slot %d: %s", slot,
			 PQresultErrorMessage(result));
		link_failed(worker, slot);
		return;
	}
	memset(&event, 0, sizeof(event));
	event.kind = MR_EV_REPLY;
	event.slot = slot;
	event.sent_ns = link->sent_ns;
	event.message = &message;
	event.config = message.has_config ? &config : NULL;
	link->sent_ns = 0;
	link->failures = 0;
	stopping = (message.report.flags & MR_REPORT_STOPPING) != 0;
	mr_lease_handle(worker, &event, -1);
	if (stopping)
	{
		/* a smart shutdown waits for our session */
		mr_pg_peer_close(&link->peer);
		link->retry_ns = mr_boottime_ns() + MR_STOPPING_PAUSE_NS;
	}
}

static void
close_link(MrLeaseWorker *worker, int slot)
{
	MrLink *link = &worker->links[slot];

	mr_pg_peer_close(&link->peer);
	link->sent_ns = 0;
	link->ahead = false;
	link->failures = 0;
	link->retry_ns = 0;
}

static void
pump(MrLeaseWorker *worker, int slot)
{
	MrLink *link = &worker->links[slot];
	const MrMember *member = &worker->lease.durable.config.members[slot];

	if (!member->used || slot == worker->lease.self)
	{
		if (link->peer.state != MR_PG_CLOSED)
			close_link(worker, slot);
		link->outbox_length = 0;
		return;
	}
	if (link->peer.state != MR_PG_CLOSED && !mr_uuid_equal(&link->uuid, &member->uuid))
		close_link(worker, slot);
	if (link->peer.state != MR_PG_CLOSED)
		switch (mr_pg_peer_advance(&link->peer, mr_boottime_ns()))
		{
			case MR_PG_RESULT:
				take_result(worker, slot);
				break;
			case MR_PG_FAILED:
				elog(DEBUG1, "multiregion: slot %d: %s", slot, link->peer.error);
				link_failed(worker, slot);
				break;
			case MR_PG_CONNECTED:
				link->ahead = false;
				break;
			case MR_PG_NOTHING:
				break;
		}
	if (link->outbox_length == 0)
	{
		if (link->peer.state == MR_PG_CLOSED)
			connect_ahead(worker, slot);
		return;
	}
	end_ahead(link);
	if (link->peer.state == MR_PG_READY)
		send_outbox(worker, slot);
	else if (link->peer.state == MR_PG_CLOSED)
	{
		if (mr_boottime_ns() >= link->retry_ns)
			start_connecting(worker, slot);
		else
		{
			link->outbox_length = 0;
			report_unreachable(worker, slot);
		}
	}
}

void
mr_links_pump(MrLeaseWorker *worker)
{
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
		pump(worker, slot);
}

int
mr_links_add_to_set(MrLeaseWorker *worker, WaitEventSet *set)
{
	int added = 0;
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		MrPgPeer *peer = &worker->links[slot].peer;
		int socket = mr_pg_peer_socket(peer);
		uint32 events = 0;

		if (socket < 0)
			continue;
		if (peer->state == MR_PG_READY || (peer->events & POLLIN))
			events |= WL_SOCKET_READABLE;
		if (peer->state != MR_PG_READY && (peer->events & POLLOUT))
			events |= WL_SOCKET_WRITEABLE;
		AddWaitEventToSet(set, events != 0 ? events : WL_SOCKET_READABLE, socket, NULL, peer);
		added++;
	}
	return added;
}

void
mr_links_close_all(MrLeaseWorker *worker)
{
	int slot;

	for (slot = 0; slot < MR_MAX_MEMBERS; slot++)
		close_link(worker, slot);
}
