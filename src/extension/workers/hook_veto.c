/*
 * Asks the veto function of a standby, once a second, and puts what it said into shared
 * memory: it is known before an election begins, so no election waits for it.
 *
 * A function that fails leaves what it said last as it is, until the third time in a row.
 * An objection is an event when it begins and when it ends, not each second; a failing
 * function is one once. Called by hook_worker.c.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "pgstat.h"

#include "extension/mr_catalog.h"
#include "extension/mr_settings.h"
#include "extension/workers/mr_hooks.h"

#define MR_VETO_EVERY_NS MR_NS_PER_S
#define MR_ERRORS_IN_A_ROW 3

typedef struct Verdict
{
	bool asked; /* false: the extension is not there */
	char *reason;
} Verdict;

static void
set_reason(const char *reason)
{
	LWLockAcquire(mr_shared->monitor_lock, LW_EXCLUSIVE);
	strlcpy(mr_shared->hooks.veto_reason, reason, sizeof(mr_shared->hooks.veto_reason));
	LWLockRelease(mr_shared->monitor_lock);
}

static void
tell(const MrHooks *hooks, int event, const char *detail)
{
	mr_event_push(event, hooks->lease->durable.term, mr_hooks_self(hooks),
				  event == MR_EVENT_VETO ? MR_REFUSE_VETO : MR_REFUSE_NONE, 0, detail);
}

static void
publish(MrHooks *hooks, MrVeto veto, const char *reason)
{
	bool objects = veto == MR_VETO_OBJECTION;
	char detail[MR_EVENT_DETAIL];

	mr_hooks_clip(reason, detail);
	set_reason(objects ? detail : "");
	pg_atomic_write_u64(&mr_shared->hooks.veto_ns, (uint64) mr_boottime_ns());
	pg_atomic_write_u32(&mr_shared->hooks.veto, veto);
	if (objects != hooks->objects)
		tell(hooks, objects ? MR_EVENT_VETO : MR_EVENT_VETO_LIFTED, objects ? detail : NULL);
	hooks->objects = objects;
}

static void
ask(MrHooks *hooks, void *argument)
{
	Verdict *verdict = argument;
	MemoryContext context = CurrentMemoryContext;
	char *reason;

	pgstat_report_activity(STATE_RUNNING, "multiregion hooks: veto function");
	if (!mr_catalog_start())
		return;
	reason = mr_hooks_call(mr_veto_function, NULL, mr_veto_timeout_ms);
	verdict->reason = reason != NULL ? MemoryContextStrdup(context, reason) : NULL;
	verdict->asked = true;
	mr_catalog_finish();
	MemoryContextSwitchTo(context);
}

/* An objection is given up only by a function that works, or does not for good. */
static void
note_error(MrHooks *hooks, const char *problem)
{
	if (++hooks->veto_errors != MR_ERRORS_IN_A_ROW)
		return;
	publish(hooks, MR_VETO_FAILED, "");
	tell(hooks, MR_EVENT_VETO_FAILED, problem);
}

void
mr_hooks_veto(MrHooks *hooks)
{
	Verdict verdict = {0};
	char problem[MR_EVENT_DETAIL];

	if (mr_veto_function[0] == '\0' || !RecoveryInProgress())
	{
		if (pg_atomic_read_u32(&mr_shared->hooks.veto) != MR_VETO_UNKNOWN)
			publish(hooks, MR_VETO_UNKNOWN, "");
		hooks->veto_errors = 0;
		return;
	}
	if (hooks->now_ns < hooks->next_veto_ns)
		return;
	hooks->next_veto_ns = hooks->now_ns + MR_VETO_EVERY_NS;
	hooks->quiet = hooks->veto_errors > 0;
	if (!mr_hooks_try(ask, hooks, &verdict, problem))
		note_error(hooks, problem);
	else if (verdict.asked)
	{
		hooks->veto_errors = 0;
		publish(hooks, verdict.reason != NULL ? MR_VETO_OBJECTION : MR_VETO_PASSED,
				verdict.reason != NULL ? verdict.reason : "");
	}
	hooks->quiet = false;
}
