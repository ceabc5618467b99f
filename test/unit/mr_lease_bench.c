/*
 * A lease on the bench: see mr_lease_bench.h. Linked into every unit test.
 */
#include "unit/mr_lease_bench.h"

#include <stdio.h>
#include <string.h>

#define START_MS INT64_C(1000000)

static int64_t
clock_ns(const MrBench *bench)
{
	return (START_MS + bench->now_ms) * MR_NS_PER_MS;
}

static MrUuid
uuid_of(int slot)
{
	MrUuid uuid;

	memset(uuid.bytes, slot + 1, sizeof(uuid.bytes));
	return uuid;
}

static void
make_config(MrConfig *config, int nodes)
{
	int i;

	mr_config_init(config);
	memset(config->cluster.bytes, 9, sizeof(config->cluster.bytes));
	config->version = 1;
	config->voters = (UINT32_C(1) << nodes) - 1;
	for (i = 0; i < nodes; i++)
	{
		config->members[i].used = true;
		config->members[i].uuid = uuid_of(i);
		config->members[i].priority = i + 1;
		snprintf(config->members[i].name, MR_NAME_SIZE, "n%d", i);
		snprintf(config->members[i].region, MR_NAME_SIZE, "R%d", i);
		snprintf(config->members[i].conninfo, MR_CONNINFO_SIZE, "host=127.0.0.%d", i + 1);
	}
}

void
mr_bench_start(MrBench *bench, int nodes)
{
	memset(bench, 0, sizeof(*bench));
	make_config(&bench->disk.config, nodes);
	bench->disk.cluster = bench->disk.config.cluster;
	bench->disk.node = uuid_of(0);
	bench->disk.sequence = 10;
	bench->disk.reserved_timeline = 1;
	bench->gate = MR_NO_SLOT;
	bench->local.manage = true;
	bench->local.in_recovery = true;
	bench->local.standby = true;
	bench->local.wal_end_known = true;
	bench->local.severed = true;
	bench->local.wal_end = 1000;
	bench->local.replay_lsn = 1000;
	bench->local.timeline = 1;
	bench->local.newest_timeline = 1;
	mr_lease_start(&bench->lease, &bench->disk, MR_BENCH_NONCE, clock_ns(bench));
}

void
mr_bench_restart(MrBench *bench)
{
	memset(bench->sent, 0, sizeof(bench->sent));
	bench->deadline_ms = 0;
	bench->gate = MR_NO_SLOT;
	bench->local.severed = true;
	mr_lease_start(&bench->lease, &bench->disk, bench->lease.nonce + 1000, clock_ns(bench));
}

static void
perform_one(MrBench *bench, const MrAction *action)
{
	switch (action->kind)
	{
		case MR_ACT_PERSIST:
			bench->lease.durable.sequence++;
			bench->disk = bench->lease.durable;
			break;
		case MR_ACT_DEADLINE:
			bench->deadline_ms =
				action->time_ns == 0 ? 0 : action->time_ns / MR_NS_PER_MS - START_MS;
			break;
		case MR_ACT_SEND:
			bench->sent[action->slot] = bench->actions.messages[action->message];
			bench->sent_ms[action->slot] = bench->now_ms;
			break;
		case MR_ACT_SEVER:
		case MR_ACT_CLOSE_GATE:
			bench->gate = MR_NO_SLOT;
			bench->local.severed = true;
			break;
		case MR_ACT_OPEN_GATE:
			bench->gate = action->slot;
			bench->local.severed = false;
			break;
		case MR_ACT_PROMOTE:
			bench->promotions++;
			bench->promoted_to = action->timeline;
			break;
		case MR_ACT_STOP_SERVER:
			bench->stops++;
			break;
		case MR_ACT_EXIT:
			bench->exits++;
			break;
		case MR_ACT_REPLY:
		case MR_ACT_DEFER:
		case MR_ACT_EVENT:
			break;
	}
}

static void
step(MrBench *bench, MrLeaseEvent *event)
{
	bool again = true;
	int attempt;

	event->now_ns = clock_ns(bench);
	for (attempt = 0; again && attempt < 3; attempt++)
	{
		int i;

		mr_lease_step(&bench->lease, &bench->local, event, &bench->actions);
		bench->persisted = -1;
		bench->replied = -1;
		again = false;
		for (i = 0; i < bench->actions.count; i++)
		{
			const MrAction *action = &bench->actions.list[i];

			if (action->kind == MR_ACT_PERSIST)
				bench->persisted = i;
			if (action->kind == MR_ACT_REPLY)
				bench->replied = i;
			again = again || action->kind == MR_ACT_SEVER;
			perform_one(bench, action);
		}
	}
}

void
mr_bench_tick(MrBench *bench, int64_t ms)
{
	MrLeaseEvent event = {.kind = MR_EV_TICK};

	bench->now_ms += ms;
	step(bench, &event);
}

/* What a healthy standby of slot `from` says of itself: as much WAL as the node under test. */
static void
sign(MrBench *bench, MrMessage *message, int from)
{
	const MrDurable *durable = &bench->lease.durable;

	message->cluster = durable->cluster;
	message->sender = uuid_of(from);
	message->nonce = 100 + (uint64_t) from;
	message->sequence = 50;
	message->config_term = durable->config.term;
	message->config_version = durable->config.version;
	message->reserved_timeline = 1;
	message->lease_ms = MR_BENCH_LEASE_MS;
	message->report.log_term = durable->log_term;
	message->report.wal_end = bench->local.wal_end;
	message->report.replay_lsn = bench->local.wal_end;
	message->report.timeline = bench->local.timeline;
	message->report.flags = MR_REPORT_IN_RECOVERY | MR_REPORT_STANDBY | MR_REPORT_WAL_END_KNOWN |
							MR_REPORT_STREAMING | MR_REPORT_ELIGIBLE;
}

MrMessage *
mr_bench_request(MrBench *bench, MrMessageKind kind, int from, uint64_t term)
{
	MrMessage *message = &bench->message;

	memset(message, 0, sizeof(*message));
	message->kind = (uint8_t) kind;
	message->id = 1000 + (uint64_t) bench->now_ms;
	message->term = term;
	sign(bench, message, from);
	return message;
}

void
mr_bench_deliver(MrBench *bench)
{
	MrLeaseEvent event = {.kind = MR_EV_REQUEST, .message = &bench->message};

	event.received_ns = clock_ns(bench);
	event.config = bench->message.has_config ? &bench->config : NULL;
	step(bench, &event);
}

MrMessage *
mr_bench_answer(MrBench *bench, int from, MrRefusal refusal)
{
	const MrMessage *request = &bench->sent[from];
	MrMessage *message = &bench->message;

	memset(message, 0, sizeof(*message));
	message->kind = request->kind;
	message->id = request->id;
	message->is_reply = true;
	message->ok = refusal == MR_REFUSE_NONE;
	message->refusal = (uint8_t) refusal;
	message->term = request->kind == MR_MSG_VOTE || request->kind == MR_MSG_GRANT
						? request->term
						: bench->lease.durable.term;
	sign(bench, message, from);
	message->lease_ms = request->lease_ms;
	return message;
}

void
mr_bench_deliver_answer(MrBench *bench, int64_t ms)
{
	MrLeaseEvent event = {.kind = MR_EV_REPLY, .message = &bench->message};

	bench->now_ms += ms;
	event.slot = mr_config_slot_of(&bench->lease.durable.config, &bench->message.sender);
	event.sent_ns = (START_MS + bench->sent_ms[event.slot]) * MR_NS_PER_MS;
	event.config = bench->message.has_config ? &bench->config : NULL;
	if (bench->sent[event.slot].id == bench->message.id)
		bench->sent[event.slot].kind = MR_MSG_NONE;
	step(bench, &event);
}

void
mr_bench_unreachable(MrBench *bench, int slot)
{
	MrLeaseEvent event = {.kind = MR_EV_UNREACHABLE, .slot = slot};

	bench->sent[slot].kind = MR_MSG_NONE;
	step(bench, &event);
}

void
mr_bench_propose(MrBench *bench, const MrConfig *config)
{
	MrLeaseEvent event = {.kind = MR_EV_PROPOSE, .config = config};

	step(bench, &event);
}

void
mr_bench_follow(MrBench *bench, int from, uint64_t term)
{
	MrMessage *grant = mr_bench_request(bench, MR_MSG_GRANT, from, term);

	grant->leader = grant->sender;
	grant->stamp.term = term;
	grant->stamp.node = grant->sender;
	grant->stamp.timeline = bench->local.timeline;
	grant->stamp.lsn = bench->local.wal_end;
	mr_bench_deliver(bench);
}

void
mr_bench_lead(MrBench *bench)
{
	int slot;
	int kind;

	for (kind = 0; kind < 60 && bench->lease.role == MR_ROLE_FOLLOWER; kind++)
		mr_bench_tick(bench, 100);
	for (kind = MR_MSG_PREVOTE; kind <= MR_MSG_VOTE; kind++)
		for (slot = 1; slot < MR_MAX_MEMBERS; slot++)
			if (mr_bench_asked(bench, slot) == kind)
			{
				(void) mr_bench_answer(bench, slot, MR_REFUSE_NONE);
				mr_bench_deliver_answer(bench, 0);
			}
	if (bench->local.in_recovery)
	{
		bench->local.timeline = bench->promoted_to;
		bench->local.fork_lsn = bench->local.wal_end;
		bench->local.wal_end += 100;
	}
	bench->local.in_recovery = false;
	bench->local.standby = false;
	mr_bench_tick(bench, 0); /* stamps */
	mr_bench_tick(bench, 1); /* its WAL is past the stamp */
}

const MrMessage *
mr_bench_reply(const MrBench *bench)
{
	const MrAction *action = mr_bench_did(bench, MR_ACT_REPLY);

	return action != NULL ? &bench->actions.messages[action->message] : NULL;
}

int
mr_bench_refusal(const MrBench *bench)
{
	const MrMessage *reply = mr_bench_reply(bench);

	if (reply == NULL)
		return -1;
	return reply->ok ? MR_REFUSE_NONE : reply->refusal;
}

const MrAction *
mr_bench_did(const MrBench *bench, MrActionKind kind)
{
	int i;

	for (i = 0; i < bench->actions.count; i++)
		if (bench->actions.list[i].kind == kind)
			return &bench->actions.list[i];
	return NULL;
}

const MrAction *
mr_bench_event(const MrBench *bench, MrEventKind kind)
{
	int i;

	for (i = 0; i < bench->actions.count; i++)
		if (bench->actions.list[i].kind == MR_ACT_EVENT &&
			bench->actions.list[i].event == (int) kind)
			return &bench->actions.list[i];
	return NULL;
}

int
mr_bench_asked(const MrBench *bench, int slot)
{
	return bench->sent[slot].kind;
}
