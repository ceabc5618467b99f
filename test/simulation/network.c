/*
 * The network of the simulated world, seen as the server's connections use it: one
 * request at a time to each peer and one message waiting, a time limit, after which
 * the connection is given up while the request may still be performed. In a wild world
 * messages overtake each other freely. A cut loses everything; a server that is
 * down, or does not accept connections yet, refuses.
 */
#include "mr_world.h"

#include <string.h>

static MrSimMail *
new_mail(MrWorld *world, int from, int to, int64_t at)
{
	int i;

	for (i = 0; i < MR_SIM_QUEUE; i++)
		if (i >= world->queue_end || !world->queue[i].used)
		{
			MrSimMail *mail = &world->queue[i];

			memset(mail, 0, offsetof(MrSimMail, config));
			mail->used = true;
			mail->from = from;
			mail->to = to;
			mail->at = at;
			world->queue_at[i] = at;
			if (i >= world->queue_end)
				world->queue_end = i + 1;
			return mail;
		}
	mr_world_fail(world, from, "the queue is full");
	return &world->queue[0];
}

static void
drop(MrWorld *world, MrSimMail *mail)
{
	mail->used = false;
	world->queue_at[mail - world->queue] = INT64_MAX;
}

static bool
lost(MrWorld *world, int from, int to)
{
	return world->cut[from][to] || mr_quorum_keeps_apart(world, from, to) ||
		   (int) mr_world_random(world, 100) < world->loss_percent;
}

static int64_t
arrival(MrWorld *world, int from, int to)
{
	int64_t delay = world->delay[from][to];

	return world->now + delay / 2 + (int64_t) mr_world_random(world, (uint64_t) delay + 1);
}

/* The requester is told that nothing came of its request, unless an answer came before. */
static void
fail_later(MrWorld *world, int from, int to, uint64_t id, const MrMessage *message, int64_t in_ns)
{
	MrSimMail *mail = new_mail(world, from, to, world->now + in_ns);

	mail->failed = true;
	mail->id = id;
	mail->message.id = message->id;
	mail->from_nonce = world->nodes[from].lease.nonce;
}

static int64_t
time_limit(const MrWorld *world, int from)
{
	int64_t limit = world->nodes[from].lease.durable.config.policy.lease_ms * MR_NS_PER_MS;

	return limit > MR_NS_PER_S ? limit : MR_NS_PER_S;
}

static void
transmit(MrWorld *world, int from, int to, const MrMessage *message, const MrConfig *config)
{
	uint64_t id = ++world->next_id;
	MrSimMail *mail;

	world->links[from][to].busy = id;
	fail_later(world, from, to, id, message, time_limit(world, from));
	if (lost(world, from, to))
		return;
	mail = new_mail(world, from, to, arrival(world, from, to));
	mail->id = id;
	mail->message = *message;
	if (message->has_config)
		mail->config = *config;
	mail->sent_local = mr_node_clock(world, from);
	mail->from_nonce = world->nodes[from].lease.nonce;
	mail->to_boot = world->nodes[to].running ? world->nodes[to].boot : 0;
	mail->to_nonce = world->nodes[to].lease.nonce;
}

void
mr_network_send(MrWorld *world, int from, int to, const MrMessage *message)
{
	MrSimLink *link = &world->links[from][to];

	if (to >= world->nnodes)
		return;
	if (world->wild || link->busy == 0)
	{
		transmit(world, from, to, message, &world->nodes[from].lease.durable.config);
		return;
	}
	link->waiting = true;
	link->message = *message;
	link->config = world->nodes[from].lease.durable.config;
}

/* The connection is free again; what waited is sent now. */
static void
release_link(MrWorld *world, int from, int to)
{
	MrSimLink *link = &world->links[from][to];

	link->busy = 0;
	if (!link->waiting)
		return;
	link->waiting = false;
	transmit(world, from, to, &link->message, &link->config);
}

void
mr_network_forget(MrWorld *world, int n)
{
	int i;

	for (i = 0; i < MR_SIM_NODES; i++)
	{
		world->links[n][i].busy = 0;
		world->links[n][i].waiting = false;
	}
}

void
mr_network_reply(MrWorld *world, const MrSimMail *request, const MrMessage *message)
{
	MrSimMail *mail;

	if (lost(world, request->to, request->from))
		return;
	mail = new_mail(world, request->to, request->from, arrival(world, request->to, request->from));
	mail->is_reply = true;
	mail->id = request->id;
	mail->message = *message;
	if (message->has_config)
		mail->config = world->nodes[request->to].lease.durable.config;
	mail->sent_local = request->sent_local;
	mail->from_nonce = request->from_nonce;
}

void
mr_network_defer(MrWorld *world, const MrSimMail *request)
{
	MrSimMail *mail = new_mail(world, request->from, request->to, 0);

	*mail = *request;
	mail->used = true;
	mail->at = world->now + 3 * MR_NS_PER_MS;
	world->queue_at[mail - world->queue] = mail->at;
}

/* Does the requester still wait for the answer to this request? */
static bool
is_awaited(const MrWorld *world, const MrSimMail *mail)
{
	const MrLease *lease = &world->nodes[mail->from].lease;

	if (!world->nodes[mail->from].worker || lease->nonce != mail->from_nonce)
		return false;
	if (world->wild)
		return lease->peers[mail->to].in_flight &&
			   lease->peers[mail->to].in_flight_id == mail->message.id;
	return world->links[mail->from][mail->to].busy == mail->id;
}

static void
deliver_failure(MrWorld *world, const MrSimMail *mail)
{
	MrLeaseEvent event;

	if (!is_awaited(world, mail))
		return;
	/* the connection is closed: what waited to use it is lost with it */
	world->links[mail->from][mail->to].busy = 0;
	world->links[mail->from][mail->to].waiting = false;
	memset(&event, 0, sizeof(event));
	event.kind = MR_EV_UNREACHABLE;
	event.slot = mail->to;
	mr_worker_event(world, mail->from, &event, NULL);
}

static void
deliver_reply(MrWorld *world, MrSimMail *mail)
{
	MrSimNode *node = &world->nodes[mail->to];
	MrLeaseEvent event;

	if (!node->worker || node->lease.nonce != mail->from_nonce)
		return;
	if (!world->wild && world->links[mail->to][mail->from].busy != mail->id)
		return;
	memset(&event, 0, sizeof(event));
	event.kind = MR_EV_REPLY;
	event.slot = mail->from;
	event.sent_ns = mail->sent_local;
	event.message = &mail->message;
	event.config = mail->message.has_config ? &mail->config : NULL;
	mr_worker_event(world, mail->to, &event, NULL);
	if (!world->wild && world->links[mail->to][mail->from].busy == mail->id)
		release_link(world, mail->to, mail->from);
}

/* A connection does not outlive the server at its other end; in a wild world nor its worker. */
static bool
is_refused(const MrWorld *world, const MrSimMail *mail)
{
	const MrSimNode *node = &world->nodes[mail->to];

	return !node->running || !node->worker || world->now < node->accepts_at ||
		   (mail->to_boot != 0 && mail->to_boot != node->boot) ||
		   (world->wild && mail->to_nonce != node->lease.nonce);
}

static void
deliver_request(MrWorld *world, MrSimMail *mail)
{
	MrLeaseEvent event;

	if (is_refused(world, mail))
	{
		fail_later(world, mail->from, mail->to, mail->id, &mail->message,
				   world->delay[mail->to][mail->from] / 2);
		return;
	}
	if (mail->received_local == 0)
		mail->received_local = mr_node_clock(world, mail->to);
	memset(&event, 0, sizeof(event));
	event.kind = MR_EV_REQUEST;
	event.received_ns = mail->received_local;
	event.message = &mail->message;
	event.config = mail->message.has_config ? &mail->config : NULL;
	mr_worker_event(world, mail->to, &event, mail);
}

static MrSimMail *
next_mail(MrWorld *world, int64_t until)
{
	int64_t first = until;
	int best = -1;
	int i;

	for (i = 0; i < world->queue_end; i++)
		if (world->queue_at[i] <= first)
		{
			first = world->queue_at[i];
			best = i;
		}
	return best < 0 ? NULL : &world->queue[best];
}

void
mr_network_deliver(MrWorld *world, int64_t until)
{
	static MrSimMail mail;
	MrSimMail *queued;

	while (!world->failed && (queued = next_mail(world, until)) != NULL)
	{
		MrSimNode *node = &world->nodes[queued->failed ? queued->from : queued->to];

		if (queued->at > world->now)
			world->now = queued->at;
		if (node->worker && (node->frozen || world->now < node->worker_frozen))
		{
			queued->at = world->now + 20 * MR_NS_PER_MS;
			world->queue_at[queued - world->queue] = queued->at;
			continue;
		}
		mail = *queued;
		drop(world, queued);
		if (mail.failed)
			deliver_failure(world, &mail);
		else if (mail.is_reply)
			deliver_reply(world, &mail);
		else
			deliver_request(world, &mail);
	}
}
