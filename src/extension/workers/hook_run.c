/*
 * What is to be done after a failover, by the new primary: the fence command (only if
 * nobody had planned it), the promotion command, the promotion function.
 *
 * The lease is open by then, and nobody waits for any of it. Rows of multiregion.hook_run
 * say what was begun, so that a hook is not run again by another start of this worker or
 * of the server: a command is begun at most once; the function's work and "done" are one
 * transaction, and a failing one is tried MR_ATTEMPTS times. Attempts are counted before
 * they are made: a function that takes the server down does not do so for ever.
 *
 * Hooks belong to the newest failover. What an earlier one still had to do is left: the
 * primary it was about is none any more. Called by hook_worker.c.
 */
#include "postgres.h"

#include "pgstat.h"

#include "core/mr_governor.h"
#include "core/mr_names.h"
#include "extension/mr_catalog.h"
#include "extension/mr_settings.h"
#include "extension/workers/mr_hooks.h"

#define MR_ATTEMPTS 5
#define MR_HEAD_START_NS MR_NS_PER_S

/* An attempt at the promotion function; or how a hook has ended. */
typedef struct Ending
{
	MrHook hook;
	const char *state;
	const char *detail;
	int attempt;
} Ending;

static const char *
setting_of(MrHook hook)
{
	switch (hook)
	{
		case MR_HOOK_FENCE_COMMAND:
			return mr_fence_command;
		case MR_HOOK_PROMOTION_COMMAND:
			return mr_promotion_command;
		case MR_HOOK_PROMOTION_FUNCTION:
			return mr_promotion_function;
		case MR_HOOK_COUNT:
			break;
	}
	return "";
}

static bool
is_wanted(const MrHookRun *run, MrHook hook)
{
	int cause = mr_cause_from_name(run->cause);

	return run->recent && setting_of(hook)[0] != '\0' && cause != MR_CAUSE_OBSERVED &&
		   (hook != MR_HOOK_FENCE_COMMAND || mr_governor_is_unsure(cause));
}

static bool
is_any_set(void)
{
	for (int hook = 0; hook < MR_HOOK_COUNT; hook++)
		if (setting_of(hook)[0] != '\0')
			return true;
	return false;
}

static void
tell(const MrHooks *hooks, MrHook hook, bool ok, const char *detail)
{
	char text[MR_EVENT_DETAIL];

	mr_hooks_clip(psprintf("%s: %s", mr_hook_name(hook), detail), text);
	mr_event_push(ok ? MR_EVENT_HOOK_DONE : MR_EVENT_HOOK_FAILED, (uint64) hooks->run.epoch,
				  hooks->run.to_node, MR_REFUSE_NONE, 0, text);
}

/* ---------- what there is to do ---------- */

/* Without any hook set there is no row: what is seen now is remembered as settled. */
static void
look(MrHooks *hooks, void *argument)
{
	MrHookRun *run = &hooks->run;

	memset(run, 0, sizeof(*run));
	if (!mr_catalog_start())
		return;
	mr_catalog_read_hooks(run);
	if (run->open && run->known == 0 && is_any_set() && run->epoch != hooks->settled_epoch &&
		strcmp(run->to_node, mr_hooks_self(hooks)) == 0)
	{
		mr_catalog_leave_hooks(run->epoch);
		for (int hook = 0; hook < MR_HOOK_COUNT; hook++)
		{
			run->waiting[hook] = is_wanted(run, hook);
			mr_catalog_add_hook(run->epoch, hook, run->waiting[hook]);
		}
		run->known = MR_HOOK_COUNT;
	}
	mr_catalog_finish();
}

static void
note_end(MrHooks *hooks, void *argument)
{
	const Ending *ending = argument;

	if (!mr_catalog_start())
		return;
	mr_catalog_end_hook(hooks->run.epoch, ending->hook, ending->state, ending->detail);
	mr_catalog_finish();
}

static void
end(MrHooks *hooks, MrHook hook, const char *state, const char *detail)
{
	Ending ending = {.hook = hook, .state = state, .detail = detail};
	char problem[MR_EVENT_DETAIL];

	(void) mr_hooks_try(note_end, hooks, &ending, problem);
}

/* ---------- commands ---------- */

static void
claim(MrHooks *hooks, void *argument)
{
	Ending *ending = argument;

	if (!mr_catalog_start())
		return;
	ending->attempt = mr_catalog_begin_hook(hooks->run.epoch, ending->hook, ending->state);
	mr_catalog_finish();
}

static void
begin_command(MrHooks *hooks, MrHook hook)
{
	Ending ending = {.hook = hook, .state = "running"};
	char problem[MR_EVENT_DETAIL];

	if (setting_of(hook)[0] == '\0')
	{
		end(hooks, hook, "skipped", "the setting was emptied");
		return;
	}
	if (!mr_hooks_try(claim, hooks, &ending, problem) || ending.attempt == 0)
		return;
	if (mr_hooks_command_begin(hooks, &hooks->commands[hook], setting_of(hook), mr_hook_timeout_ms))
		return;
	snprintf(problem, sizeof(problem), "it could not be started: %m");
	end(hooks, hook, "failed", problem);
	tell(hooks, hook, false, problem);
}

/* The one under way, whether this node still leads or not. */
static void
watch_command(MrHooks *hooks, MrHook hook)
{
	MrHookCommand *command = &hooks->commands[hook];
	int64 epoch = command->epoch;
	char outcome[MR_EVENT_DETAIL];
	bool ok;

	if (command->pid == 0 || !mr_hooks_command_ended(command, hooks->now_ns, &ok, outcome))
		return;
	tell(hooks, hook, ok, outcome);
	if (hooks->leads && epoch == hooks->run.epoch)
		end(hooks, hook, ok ? "done" : "failed", outcome);
}

/*
 * Nobody watches it: an earlier start of this worker has begun it and is gone, or what
 * became of it could not be written down. It is not begun again.
 */
static void
write_off(MrHooks *hooks)
{
	for (int hook = 0; hook < MR_HOOK_COUNT; hook++)
	{
		if (!hooks->run.running[hook] || hooks->commands[hook].pid != 0)
			continue;
		end(hooks, hook, "failed",
			"how it ended is not known: its worker ended before it, or could not write");
		tell(hooks, hook, false, "how it ended is not known");
	}
}

/* ---------- the function ---------- */

/* Its work and the row that says so: both, or neither. */
static void
call(MrHooks *hooks, void *argument)
{
	pgstat_report_activity(STATE_RUNNING, "multiregion hooks: promotion function");
	if (!mr_catalog_start())
		return;
	mr_catalog_end_hook(hooks->run.epoch, MR_HOOK_PROMOTION_FUNCTION, "done", NULL);
	(void) mr_hooks_call(mr_promotion_function, &hooks->run, mr_hook_timeout_ms);
	mr_catalog_finish();
}

/*
 * Nobody watches the commands while the function runs, so they get a moment to end before:
 * what became of them is known then, even if the function takes long or the server dies.
 */
static bool
has_fresh_command(const MrHooks *hooks)
{
	for (int hook = 0; hook < MR_HOOK_COUNT; hook++)
		if (hooks->commands[hook].pid != 0 &&
			hooks->now_ns < hooks->commands[hook].begun_ns + MR_HEAD_START_NS)
			return true;
	return false;
}

static void
call_function(MrHooks *hooks)
{
	Ending ending = {.hook = MR_HOOK_PROMOTION_FUNCTION, .state = "waiting"};
	char problem[MR_EVENT_DETAIL];
	bool last;

	if (hooks->now_ns < hooks->retry_ns || has_fresh_command(hooks))
		return;
	if (mr_promotion_function[0] == '\0')
	{
		end(hooks, MR_HOOK_PROMOTION_FUNCTION, "skipped", "the setting was emptied");
		return;
	}
	if (!mr_hooks_try(claim, hooks, &ending, problem) || ending.attempt == 0)
		return;
	if (ending.attempt > MR_ATTEMPTS)
	{
		end(hooks, MR_HOOK_PROMOTION_FUNCTION, "failed", "it has never ended");
		return;
	}
	if (mr_hooks_try(call, hooks, NULL, problem))
	{
		tell(hooks, MR_HOOK_PROMOTION_FUNCTION, true, "done");
		return;
	}
	/* a node that leads no more has nothing to write down */
	if (!mr_fence_is_open())
		return;
	last = ending.attempt == MR_ATTEMPTS;
	hooks->retry_ns = mr_boottime_ns() + (INT64CONST(1) << (ending.attempt - 1)) * MR_NS_PER_S;
	tell(hooks, MR_HOOK_PROMOTION_FUNCTION, false, problem);
	end(hooks, MR_HOOK_PROMOTION_FUNCTION, last ? "failed" : "waiting", problem);
}

/* ---------- the step ---------- */

static bool
is_settled(const MrHooks *hooks)
{
	for (int hook = 0; hook < MR_HOOK_COUNT; hook++)
		if (hooks->run.waiting[hook] || hooks->run.running[hook] || hooks->commands[hook].pid != 0)
			return false;
	return true; /* what is set from now on is for the next failover */
}

static void
run_newest(MrHooks *hooks)
{
	static const MrHook commands[] = {MR_HOOK_FENCE_COMMAND, MR_HOOK_PROMOTION_COMMAND};
	MrHookRun *run = &hooks->run;
	int64 before = run->epoch;
	char problem[MR_EVENT_DETAIL];

	if (hooks->now_ns < hooks->next_look_ns)
		return;
	if (!mr_hooks_try(look, hooks, NULL, problem))
	{
		hooks->next_look_ns = hooks->now_ns + MR_HOOKS_REST_NS;
		return;
	}
	if (run->epoch != before)
		hooks->retry_ns = 0;
	if (!run->open || strcmp(run->to_node, mr_hooks_self(hooks)) != 0 ||
		run->epoch == hooks->settled_epoch)
		return;
	write_off(hooks);
	for (int i = 0; i < lengthof(commands); i++)
		if (run->waiting[commands[i]] && hooks->commands[commands[i]].pid == 0)
			begin_command(hooks, commands[i]);
	if (run->waiting[MR_HOOK_PROMOTION_FUNCTION])
		call_function(hooks);
	if (is_settled(hooks))
		hooks->settled_epoch = run->epoch;
}

void
mr_hooks_run(MrHooks *hooks)
{
	for (int hook = 0; hook < MR_HOOK_COUNT; hook++)
		watch_command(hooks, hook);
	if (!hooks->leads)
		return;
	/* what has changed since is known by the term: the table need not be asked */
	if (hooks->settled_epoch != 0 && hooks->settled_epoch == (int64) hooks->lease->durable.term)
		return;
	run_newest(hooks);
}
