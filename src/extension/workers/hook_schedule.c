/*
 * Scheduled switchovers: on the primary, gives the order when one is due and writes down
 * what became of it.
 *
 * The order's number is in the row, committed, before the order is given: a row is never
 * executed twice. The successor of a switchover has every byte, so it has that row, and
 * its own worker finishes it when the failover of that order is recorded. Called by
 * hook_worker.c.
 */
#include "postgres.h"

#include "common/pg_prng.h"

#include "core/mr_names.h"
#include "extension/mr_catalog.h"
#include "extension/mr_order_call.h"
#include "extension/workers/mr_hooks.h"

#define MR_LOOK_EVERY_NS (MR_NS_PER_S / 2)
#define MR_ORDER_MS 30000

static void
tell(const MrHooks *hooks, int event, int64 id, int refusal, const char *detail)
{
	mr_event_push(event, hooks->lease->durable.term, mr_hooks_self(hooks), refusal, id, detail);
}

/* Refused before it was given, or since; rule: the refusal, or why there was none. */
static void
refuse(const MrHooks *hooks, int64 id, const MrOrderResult *result)
{
	const char *rule = result->refusal != MR_REFUSE_NONE ? mr_refusal_name(result->refusal)
														 : mr_outcome_name(result->outcome);

	mr_catalog_end_schedule(id, "refused", rule, 0);
	tell(hooks, MR_EVENT_SCHEDULE_FAILED, id, result->refusal, rule);
}

/* ---------- what is due ---------- */

static void
look(MrHooks *hooks, void *argument)
{
	bool *is_due = argument;

	if (!mr_catalog_start())
		return;
	*is_due = mr_catalog_is_schedule_due();
	mr_catalog_finish();
}

static void
miss(MrHooks *hooks, void *argument)
{
	int64 id;

	if (!mr_catalog_start())
		return;
	while ((id = mr_catalog_miss_schedule()) != 0)
		tell(hooks, MR_EVENT_SCHEDULE_FAILED, id, MR_REFUSE_NONE, "missed");
	mr_catalog_finish();
}

static void
take(MrHooks *hooks, void *argument)
{
	MrScheduleRow *row = argument;
	int64 order_id = (int64) (pg_prng_uint64(&pg_global_prng_state) >> 1) | 1;

	if (!mr_catalog_start())
		return;
	(void) mr_catalog_take_schedule(order_id, row);
	mr_catalog_finish();
}

/* An order on its way from its row to the lease worker. */
typedef struct Giving
{
	const MrScheduleRow *row;
	MrOrderWish wish;
	MrOrderResult result;
	bool chosen; /* it is to be sent */
	bool sent;
} Giving;

static void
choose(MrHooks *hooks, void *argument)
{
	Giving *giving = argument;

	if (!mr_catalog_start())
		return;
	MemoryContextSwitchTo(hooks->turn_context); /* the result outlives the transaction */
	giving->chosen = mr_order_choose(&giving->wish, &giving->result);
	if (!giving->chosen)
		refuse(hooks, giving->row->id, &giving->result);
	mr_catalog_finish();
}

/* Without a transaction: the lease worker may take its time. */
static void
send(MrHooks *hooks, void *argument)
{
	Giving *giving = argument;

	giving->sent = mr_order_send(&giving->wish, &giving->result);
}

static void
note_refusal(MrHooks *hooks, void *argument)
{
	Giving *giving = argument;

	if (!mr_catalog_start())
		return;
	refuse(hooks, giving->row->id, &giving->result);
	mr_catalog_finish();
}

static void
give(MrHooks *hooks, const MrScheduleRow *row)
{
	Giving giving = {.row = row,
					 .wish = {.target = row->target[0] != '\0' ? row->target : NULL,
							  .away = row->away,
							  .cause = MR_CAUSE_SWITCHOVER,
							  .timeout_ms = MR_ORDER_MS,
							  .id = row->order_id}};
	char problem[MR_EVENT_DETAIL];

	if (mr_hooks_try(choose, hooks, &giving, problem) && giving.chosen &&
		mr_hooks_try(send, hooks, &giving, problem) && !giving.sent)
		(void) mr_hooks_try(note_refusal, hooks, &giving, problem);
}

/* ---------- what was given ---------- */

static void
follow(MrHooks *hooks, void *argument)
{
	MrScheduleRow row;
	MrOrderResult result;

	if (!mr_catalog_start())
		return;
	if (mr_catalog_running_schedule(&row))
	{
		mr_order_look(row.order_id, &result);
		if (result.outcome == MR_OUTCOME_DONE)
			mr_catalog_end_schedule(row.id, "done", NULL, result.epoch);
		else if (result.outcome != MR_OUTCOME_PENDING && result.outcome != MR_OUTCOME_UNKNOWN)
			refuse(hooks, row.id, &result);
		else if (row.expired)
		{
			mr_catalog_end_schedule(row.id, "interrupted", NULL, 0);
			tell(hooks, MR_EVENT_SCHEDULE_FAILED, row.id, MR_REFUSE_NONE, "interrupted");
		}
	}
	mr_catalog_finish();
}

/* False after an error with the tables. *row is one to be ordered, or nothing is (id 0). */
static bool
find(MrHooks *hooks, MrScheduleRow *row)
{
	bool is_due = false;
	char problem[MR_EVENT_DETAIL];

	if (!mr_hooks_try(look, hooks, &is_due, problem))
		return false;
	return !is_due ||
		   (mr_hooks_try(follow, hooks, NULL, problem) &&
			mr_hooks_try(miss, hooks, NULL, problem) && mr_hooks_try(take, hooks, row, problem));
}

void
mr_hooks_schedule(MrHooks *hooks)
{
	MrScheduleRow row = {0};
	bool found;

	if (!hooks->leads || hooks->now_ns < hooks->next_schedule_ns)
		return;
	found = find(hooks, &row);
	hooks->next_schedule_ns = hooks->now_ns + (found ? MR_LOOK_EVERY_NS : MR_HOOKS_REST_NS);
	if (!found || row.id == 0)
		return; /* a row whose commit was refused waits as before */
	tell(hooks, MR_EVENT_SCHEDULE_STARTED, row.id, MR_REFUSE_NONE,
		 row.target[0] != '\0' ? row.target : NULL);
	give(hooks, &row);
}
