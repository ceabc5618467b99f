/*
 * Gives an order to the cluster and waits for its end; see mr_order_call.h.
 *
 * The order goes to the lease worker of this server like a message of a peer; that one
 * executes it or passes it on. What became of it shows in the published lease state.
 * Called by functions/failover.c and the hook worker.
 */
#include "postgres.h"

#include "common/pg_prng.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/latch.h"

#include "core/mr_candidate.h"
#include "core/mr_message.h"
#include "extension/mr_catalog.h"
#include "extension/mr_catalog_edit.h"
#include "extension/mr_fence.h"
#include "extension/mr_functions.h"
#include "extension/mr_mailbox.h"
#include "extension/mr_order_call.h"
#include "extension/mr_shared_state.h"
#include "extension/mr_snapshots.h"
#include "extension/pg_compat.h"

#define MR_LOOK_EVERY_MS 5
#define MR_ACCEPT_MS 5000
#define MR_ROW_MS 1000 /* for the record of the failover to arrive here */

int
mr_order_refusal_of(const MrLease *lease, int slot, bool allow_loss)
{
	const MrPeer *peer = &lease->peers[slot];
	uint32 down_mask = pg_atomic_read_u32(&mr_shared->down_mask);
	int64 fresh_ns = 2 * lease->durable.config.policy.lease_ms * MR_NS_PER_MS;
	int refusal = mr_candidate_refusal_of(lease, slot, down_mask,
										  allow_loss ? MR_FIT_ORDERED_LOSSY : MR_FIT_ORDERED);

	if (slot != lease->self && mr_boottime_ns() - peer->reported_ns > fresh_ns)
		return MR_REFUSE_UNREACHABLE;
	return refusal;
}

/* Whom the promise of this node still belongs to. */
static int
present_leader(const MrLease *lease)
{
	if (lease->role != MR_ROLE_LEADER && mr_boottime_ns() >= lease->promise_until_ns)
		return MR_NO_SLOT;
	return mr_leader_slot(lease);
}

uint32
mr_members_named(const MrLease *lease, const char *word, bool *is_region)
{
	const MrConfig *config = &lease->durable.config;
	MrRegionRow region;
	uint32 found = 0;

	*is_region = mr_catalog_find_region(word, &region);
	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
		if (config->members[slot].used &&
			strcmp(*is_region ? config->members[slot].region : config->members[slot].name,
				   *is_region ? region.key : word) == 0)
			found |= UINT32_C(1) << slot;
	return found;
}

/* All members but the leader, and, if it is to be away, but those of the leader's region. */
static uint32
others(const MrConfig *config, int leader, bool away)
{
	uint32 found = 0;

	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
	{
		const MrMember *member = &config->members[slot];

		if (member->used && slot != leader &&
			!(away && leader != MR_NO_SLOT &&
			  strcmp(member->region, config->members[leader].region) == 0))
			found |= UINT32_C(1) << slot;
	}
	return found;
}

/* Members of the wanted region, or the wanted node; false if there is none such. */
static bool
find_wanted(const MrLease *lease, const MrOrderWish *wish, int leader, uint32 *wanted)
{
	bool is_region = false;

	*wanted = wish->target != NULL ? mr_members_named(lease, wish->target, &is_region)
								   : others(&lease->durable.config, leader, wish->away);
	return is_region || *wanted != 0;
}

/* The best of them; one that is refused if all are, so that there is a reason to show. */
static int
choose_target(const MrLease *lease, const MrOrderWish *wish, int leader, uint32 wanted)
{
	const MrConfig *config = &lease->durable.config;
	const char *region = leader != MR_NO_SLOT ? config->members[leader].region : "";
	uint32 refused = 0;
	int best;

	for (int slot = 0; slot < MR_MAX_MEMBERS; slot++)
		if ((wanted & (UINT32_C(1) << slot)) != 0 &&
			mr_order_refusal_of(lease, slot, wish->allow_loss) != MR_REFUSE_NONE)
			refused |= UINT32_C(1) << slot;
	best = mr_candidate_first(config, region, wanted & ~refused);
	return best != MR_NO_SLOT ? best : mr_candidate_first(config, region, wanted);
}

/* ---------- giving it ---------- */

/* Returns why the lease worker does not take it. */
static int
give_order(const MrLease *lease, const MrOrderWish *wish, MrOrderResult *result)
{
	MrMessage *message = palloc0(sizeof(MrMessage));
	uint8 *buffer = palloc(MR_MESSAGE_SIZE);
	size_t length;

	message->kind = MR_MSG_ORDER;
	message->cluster = lease->durable.cluster;
	message->sender = lease->durable.node;
	message->nonce = lease->nonce;
	message->sequence = lease->durable.sequence;
	message->order_id = (uint64) result->id;
	message->cause = (uint8) wish->cause;
	message->successor = lease->durable.config.members[result->to].uuid;
	message->allow_loss = wish->allow_loss;
	message->wait_ms = (uint32) wish->timeout_ms;
	length = mr_message_encode(message, NULL, buffer, MR_MESSAGE_SIZE);
	length = mr_mailbox_call(buffer, length, buffer, MR_MESSAGE_SIZE, MR_ACCEPT_MS);
	if (length == 0 || !mr_message_decode(buffer, length, message, NULL))
		return MR_REFUSE_TIMED_OUT;
	return message->ok ? MR_REFUSE_NONE : message->refusal;
}

static void
forget_waiter(int code, Datum argument)
{
	pg_atomic_fetch_sub_u32(&mr_shared->order_waiters, 1);
	mr_mailbox_wake_lease_worker();
}

static void
look_until_end(MrOrderResult *result, int64 until_ns)
{
	MrLease *lease = result->lease;
	bool published = false; /* the answer comes before the state is */
	bool is_it;

	for (;;)
	{
		(void) mr_shared_read_lease(lease);
		is_it = lease->order.id == (uint64) result->id;
		if ((is_it && lease->order.state != MR_ORDER_ACTIVE) || (published && !is_it) ||
			mr_boottime_ns() >= until_ns)
			return;
		published |= is_it;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, MR_LOOK_EVERY_MS,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/* Until the order has ended here, or its time is over. The old primary stops after us. */
static void
wait_for_end(MrOrderResult *result, int64 until_ns)
{
	pg_atomic_fetch_add_u32(&mr_shared->order_waiters, 1);
	PG_ENSURE_ERROR_CLEANUP(forget_waiter, (Datum) 0);
	{
		look_until_end(result, until_ns);
	}
	PG_END_ENSURE_ERROR_CLEANUP(forget_waiter, (Datum) 0);
	forget_waiter(0, (Datum) 0);
}

/* ---------- what became of it ---------- */

static MrOutcome
outcome_of_refusal(int refusal)
{
	if (refusal == MR_REFUSE_ALREADY_LEADING)
		return MR_OUTCOME_ALREADY_PRIMARY;
	return refusal == MR_REFUSE_IN_PROGRESS ? MR_OUTCOME_IN_PROGRESS : MR_OUTCOME_REFUSED;
}

/* The row of the failover table, once it is here. */
static bool
take_row(MrOrderResult *result)
{
	MrCatalogFailover row;

	if (!mr_catalog_find_failover(result->id, &row))
		return false;
	result->outcome = MR_OUTCOME_DONE;
	result->kind = row.cause;
	result->epoch = row.epoch;
	result->lost_bytes = row.lag_bytes;
	result->from = row.from_node != NULL
					   ? mr_config_slot_of_name(&result->lease->durable.config, row.from_node)
					   : MR_NO_SLOT;
	result->to = mr_config_slot_of_name(&result->lease->durable.config, row.to_node);
	return true;
}

static void
take_state(MrOrderResult *result)
{
	const MrLease *lease = result->lease;
	const MrTransition *transition = &lease->transition;

	switch (lease->order.state)
	{
		case MR_ORDER_DONE:
			result->outcome = MR_OUTCOME_DONE;
			result->epoch = (int64) lease->durable.term;
			if (transition->order_id == lease->order.id && transition->to_slot == lease->self)
				result->lost_bytes = transition->lag_bytes;
			break;
		case MR_ORDER_REFUSED:
			result->outcome = lease->order.refusal == MR_REFUSE_TIMED_OUT
								  ? MR_OUTCOME_PENDING
								  : outcome_of_refusal(lease->order.refusal);
			result->refusal = lease->order.refusal;
			break;
		case MR_ORDER_ACTIVE:
		case MR_ORDER_NONE:
			result->outcome = MR_OUTCOME_PENDING;
			break;
	}
}

/*
 * With the old primary gone, only the new one knows what was lost; its record arrives
 * with the WAL.
 */
static void
wait_for_row(MrOrderResult *result)
{
	int64 until_ns = mr_boottime_ns() + MR_ROW_MS * MR_NS_PER_MS;

	while (!take_row(result) && mr_boottime_ns() < until_ns)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 4 * MR_LOOK_EVERY_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/* Fills in the target and everything known before the order is given. True: give it. */
static bool
prepare(const MrOrderWish *wish, MrOrderResult *result)
{
	MrLease *lease = result->lease;
	int leader = present_leader(lease);
	uint32 wanted;

	result->from = leader;
	result->kind =
		leader != MR_NO_SLOT ? mr_cause_name(MR_CAUSE_SWITCHOVER) : mr_cause_name(MR_CAUSE_MANUAL);
	result->outcome = MR_OUTCOME_UNKNOWN_REGION;
	if (!find_wanted(lease, wish, leader, &wanted))
		return false;
	if (leader != MR_NO_SLOT && (wanted & (UINT32_C(1) << leader)) != 0)
	{
		result->to = leader;
		result->outcome = MR_OUTCOME_ALREADY_PRIMARY;
		result->refusal = MR_REFUSE_ALREADY_LEADING;
		return false;
	}
	result->to = choose_target(lease, wish, leader, wanted);
	result->outcome = MR_OUTCOME_REFUSED;
	if (result->to == MR_NO_SLOT)
		result->refusal = MR_REFUSE_UNKNOWN_MEMBER;
	else if (wish->cause == MR_CAUSE_SWITCHOVER && leader == MR_NO_SLOT)
	{
		result->refusal = mr_lease_is_passing(lease, mr_boottime_ns()) ? MR_REFUSE_IN_PROGRESS
																	   : MR_REFUSE_NO_LEADER;
		result->outcome = outcome_of_refusal(result->refusal);
	}
	else if (wish->dry_run || leader == MR_NO_SLOT)
		result->refusal = mr_order_refusal_of(lease, result->to, wish->allow_loss);
	return result->refusal == MR_REFUSE_NONE;
}

bool
mr_order_choose(const MrOrderWish *wish, MrOrderResult *result)
{
	memset(result, 0, sizeof(*result));
	result->lease = mr_require_lease();
	result->to = MR_NO_SLOT;
	result->epoch = result->duration_ms = result->lost_bytes = -1;
	if (!prepare(wish, result))
		return false;
	if (wish->dry_run)
	{
		result->outcome = MR_OUTCOME_DRY_RUN;
		return false;
	}
	result->id =
		wish->id != 0 ? wish->id : (int64) (pg_prng_uint64(&pg_global_prng_state) >> 1) | 1;
	return true;
}

bool
mr_order_send(const MrOrderWish *wish, MrOrderResult *result)
{
	int refusal = give_order(result->lease, wish, result);

	if (refusal == MR_REFUSE_NONE)
		return true;
	result->outcome = outcome_of_refusal(refusal);
	result->refusal = refusal;
	return false;
}

/*
 * True: the order is under way, and the snapshots of whoever gave it are given back: the
 * successor must replay all there is, and this may be the successor.
 */
static bool
begin_order(const MrOrderWish *wish, MrOrderResult *result, MrSnapshots *given)
{
	/* before anything is read: another's order may end sessions in the meantime */
	if (!wish->dry_run)
		mr_fence_excuse_session();
	if (!mr_order_choose(wish, result))
		return false;
	mr_snapshots_give_of_call(wish->function, given);
	if (mr_order_send(wish, result))
		return true;
	mr_snapshots_take_anew(given);
	return false;
}

void
mr_order_call(const MrOrderWish *wish, MrOrderResult *result)
{
	int64 began_ns = mr_boottime_ns();
	MrSnapshots given;

	if (!begin_order(wish, result, &given))
		return;
	wait_for_end(result, began_ns + (wish->timeout_ms + 1000) * MR_NS_PER_MS);
	take_state(result);
	if (result->outcome == MR_OUTCOME_DONE)
		result->duration_ms = (mr_boottime_ns() - began_ns) / MR_NS_PER_MS;
	if (result->outcome == MR_OUTCOME_DONE && result->from != MR_NO_SLOT)
		result->lost_bytes = 0; /* a hand-over loses nothing, or is none */
	else if (result->outcome == MR_OUTCOME_DONE && result->lost_bytes < 0)
		wait_for_row(result);
	mr_snapshots_take_anew(&given);
}

void
mr_order_look(int64 id, MrOrderResult *result)
{
	memset(result, 0, sizeof(*result));
	result->lease = mr_require_lease();
	result->id = id;
	result->from = result->to = MR_NO_SLOT;
	result->epoch = result->duration_ms = result->lost_bytes = -1;
	result->outcome = MR_OUTCOME_UNKNOWN;
	if (take_row(result) || result->lease->order.id != (uint64) id)
		return;
	result->to = result->lease->order.target;
	result->kind = mr_cause_name(result->lease->order.cause);
	take_state(result);
}
