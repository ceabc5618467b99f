/*
 * The network of the simulated world: one request, one reply, each delayed,
 * perhaps lost; a cut direction loses everything; a dead process refuses.
 */
#include "mr_world.h"

#include <string.h>

#define REQUEST_TIMEOUT_NS (3 * MR_NS_PER_S)

static MrSimMail *
new_mail(MrWorld *world, int from, int to)
{
	int i;

	for (i = 0; i < MR_SIM_QUEUE; i++)
		if (!world->queue[i].used)
		{
			MrSimMail *mail = &world->queue[i];

			memset(mail, 0, sizeof(*mail));
			mail->used = true;
			mail->from = from;
			mail->to = to;
			mail->at = world->now + world->delay / 2 +
					   (int64_t) mr_world_random(world, (uint64_t) world->delay + 1);
			return mail;
		}
	mr_world_fail(world, "the queue is full", from);
	return &world->queue[0];
}

static bool
lost(MrWorld *world, int from, int to)
{
	return world->cut[from][to] || (int) mr_world_random(world, 100) < world->loss_percent;
}

void
mr_network_send(MrWorld *world, int from, int to, const MrMessage *message)
{
	MrSimMail *mail = new_mail(world, from, to);

	mail->message = *message;
	mail->config = world->nodes[from].lease.durable.config;
	mail->sent_local = mr_node_clock(world, from);
	mail->requester_nonce = world->nodes[from].lease.nonce;
	if (lost(world, from, to))
	{
		mail->failed = true;
		mail->at = world->now + REQUEST_TIMEOUT_NS;
	}
}

void
mr_network_reply(MrWorld *world, const MrSimMail *request, const MrMessage *message)
{
	MrSimMail *mail = new_mail(world, request->to, request->from);

	mail->is_reply = true;
	mail->message = *message;
	mail->config = world->nodes[request->to].lease.durable.config;
	mail->sent_local = request->sent_local;
	mail->requester_nonce = request->requester_nonce;
	if (lost(world, request->to, request->from))
	{
		mail->failed = true;
		mail->from = request->from;
		mail->to = request->to;
		mail->is_reply = false;
		mail->at = world->now + REQUEST_TIMEOUT_NS;
	}
}

/* The requester learns that nothing came of it, if it still is the same process. */
static void
deliver_failure(MrWorld *world, const MrSimMail *mail)
{
	MrLeaseEvent event;

	if (!world->nodes[mail->from].worker ||
		world->nodes[mail->from].lease.nonce != mail->requester_nonce)
		return;
	memset(&event, 0, sizeof(event));
	event.kind = MR_EV_UNREACHABLE;
	event.slot = mail->to;
	mr_node_event(world, mail->from, &event, NULL);
}

void
mr_network_deliver(MrWorld *world, MrSimMail *queued)
{
	MrSimMail mail = *queued;
	MrSimNode *node = &world->nodes[mail.failed ? mail.from : mail.to];
	MrLeaseEvent event;

	if (node->frozen)
	{
		queued->at = world->now + 20 * MR_NS_PER_MS;
		return;
	}
	queued->used = false;
	if (mail.failed)
	{
		deliver_failure(world, &mail);
		return;
	}
	memset(&event, 0, sizeof(event));
	event.message = &mail.message;
	event.config = mail.message.has_config ? &mail.config : NULL;
	if (mail.is_reply)
	{
		if (!node->worker || node->lease.nonce != mail.requester_nonce)
			return;
		event.kind = MR_EV_REPLY;
		event.slot = mail.from;
		event.sent_ns = mail.sent_local;
		mr_node_event(world, mail.to, &event, NULL);
		return;
	}
	if (!node->running || !node->worker)
	{
		deliver_failure(world, &mail);
		return;
	}
	if (mail.received_local == 0)
		mail.received_local = mr_node_clock(world, mail.to);
	event.kind = MR_EV_REQUEST;
	event.received_ns = mail.received_local;
	mr_node_event(world, mail.to, &event, &mail);
}

MrSimMail *
mr_network_next(MrWorld *world)
{
	MrSimMail *next = NULL;
	int i;

	for (i = 0; i < MR_SIM_QUEUE; i++)
		if (world->queue[i].used && (next == NULL || world->queue[i].at < next->at))
			next = &world->queue[i];
	return next;
}
