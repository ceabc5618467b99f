/*
 * What the files of the hook worker share. Nobody else includes this.
 *
 * The operator's own code runs here, in a process of its own, so that it can hang, fail or
 * be slow and neither heartbeats nor health checks nor an election waits for it. Functions
 * run as their owner, in a security-restricted operation, as PostgreSQL runs the functions
 * of an index: whoever may replace such a function gains no more than he has.
 */
#ifndef MR_HOOKS_H
#define MR_HOOKS_H

#include "postgres.h"

#include <sys/types.h>

#include "core/mr_lease.h"
#include "extension/mr_catalog_hook.h"
#include "extension/mr_shared_state.h"

/* How often the worker looks whether there is something to do. */
#define MR_HOOKS_TICK_NS (MR_NS_PER_S / 2)

/* How long something rests that failed for no fault of the operator's. */
#define MR_HOOKS_REST_NS (10 * MR_NS_PER_S)

/* A command under way. */
typedef struct MrHookCommand
{
	pid_t pid; /* of its process group; 0: none */
	int64 epoch;
	int64 begun_ns;
	int64 until_ns;
	int64 kill_ns; /* it was told to end and is killed then; 0 = not yet told */
} MrHookCommand;

typedef struct MrHooks
{
	MemoryContext turn_context; /* current in every step, emptied after each turn */
	MrLease *lease;             /* this turn's copy of the published state */
	int64 now_ns;               /* of this turn */
	bool leads;                 /* this node is the primary: tables can be written */
	bool quiet;                 /* the next error is in the log already */

	/* hook_veto.c */
	int64 next_veto_ns;
	int veto_errors; /* in a row */
	bool objects;    /* as last said */

	/* hook_run.c */
	int64 settled_epoch; /* newest failover for which nothing is left to do */
	int64 next_look_ns;  /* after an error with the tables */
	int64 retry_ns;      /* the promotion function is not called again before */
	MrHookRun run;       /* the failover that hooks are run for */
	MrHookCommand commands[MR_HOOK_COUNT];

	/* hook_schedule.c */
	int64 next_schedule_ns;
} MrHooks;

/*
 * hook_worker.c: runs body with an error caught: then what it did is undone, the message is
 * in problem and in the log (unless hooks->quiet), and false is returned.
 */
extern bool mr_hooks_try(void (*body)(MrHooks *hooks, void *argument), MrHooks *hooks,
						 void *argument, char problem[MR_EVENT_DETAIL]);

/* hook_worker.c: as much of a text as an event holds, no character cut in two. */
extern void mr_hooks_clip(const char *text, char out[MR_EVENT_DETAIL]);

/* hook_worker.c: name of this node. */
extern const char *mr_hooks_self(const MrHooks *hooks);

/* hook_veto.c: asks the veto function, if it is time. */
extern void mr_hooks_veto(MrHooks *hooks);

/* hook_run.c: what is to be done after a failover to this node. */
extern void mr_hooks_run(MrHooks *hooks);

/* hook_schedule.c: switchovers that are due, and what became of those given. */
extern void mr_hooks_schedule(MrHooks *hooks);

/*
 * hook_function.c: calls a function of the operator, named as in the setting, with the
 * run's epoch, cause and nodes (run NULL: without arguments, and it must return text). At most
 * timeout_ms; errors are raised. Returns its answer in the caller's memory, NULL for null.
 * Needs an open transaction.
 */
extern char *mr_hooks_call(const char *name, const MrHookRun *run, int timeout_ms);

/* hook_command.c: begins a command; false with errno when no process can be made. */
extern bool mr_hooks_command_begin(const MrHooks *hooks, MrHookCommand *command, const char *text,
								   int timeout_ms);

/* True when it has ended: then *ok, and how it ended in words, in outcome. */
extern bool mr_hooks_command_ended(MrHookCommand *command, int64 now_ns, bool *ok,
								   char outcome[MR_EVENT_DETAIL]);

/* Tells it to end: nobody is there any more to watch it. */
extern void mr_hooks_command_cancel(MrHookCommand *command);

#endif /* MR_HOOKS_H */
