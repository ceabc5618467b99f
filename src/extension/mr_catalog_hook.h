/*
 * The tables of hooks: what is run after a failover (multiregion.hook_run), and the
 * scheduled switchovers (multiregion.schedule). The rules of mr_catalog.h hold.
 */
#ifndef MR_CATALOG_HOOK_H
#define MR_CATALOG_HOOK_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "core/mr_limits.h"

/* What is run after a failover, in this order: X(symbol, word). */
#define MR_HOOK_LIST(X) \
	X(MR_HOOK_FENCE_COMMAND, "fence_command") \
	X(MR_HOOK_PROMOTION_COMMAND, "promotion_command") \
	X(MR_HOOK_PROMOTION_FUNCTION, "promotion_function")

typedef enum MrHook
{
#define MR_HOOK_ENUM(symbol, word) symbol,
	MR_HOOK_LIST(MR_HOOK_ENUM)
#undef MR_HOOK_ENUM
		MR_HOOK_COUNT
} MrHook;

/* The newest failover, and how far its hooks are. */
typedef struct MrHookRun
{
	int64 epoch; /* 0: there was none */
	char cause[MR_NAME_SIZE];
	char from_node[MR_NAME_SIZE]; /* empty: unknown */
	char from_region[MR_NAME_SIZE];
	char to_node[MR_NAME_SIZE];
	char to_region[MR_NAME_SIZE];
	bool open;                   /* writes are acknowledged since */
	bool recent;                 /* ... and not for so long that nobody expects a hook any more */
	bool waiting[MR_HOOK_COUNT]; /* to be run */
	bool running[MR_HOOK_COUNT];
	int known; /* hooks that have a row */
} MrHookRun;

/* A scheduled switchover. */
typedef struct MrScheduleRow
{
	int64 id;
	char target[MR_NAME_SIZE]; /* empty: the best successor */
	bool away;
	int64 order_id;
	bool expired; /* nothing was heard of its order for so long that nobody will */
} MrScheduleRow;

/* Word of a hook, as in the table and in events. */
extern const char *mr_hook_name(MrHook hook);

/* ---------- catalog_hook.c ---------- */

/* Fills in the newest failover and the rows of its hooks. */
extern void mr_catalog_read_hooks(MrHookRun *run);

/* Writes off what is not done of failovers before this one. */
extern void mr_catalog_leave_hooks(int64 epoch);

/* Makes the row of a hook, waiting or (nothing to be run) skipped; nothing if there is one. */
extern void mr_catalog_add_hook(int64 epoch, MrHook hook, bool wanted);

/*
 * One more attempt begins: the row goes from waiting to state (waiting or running). Returns
 * its number; 0, and nothing has changed, when somebody else has been faster.
 */
extern int mr_catalog_begin_hook(int64 epoch, MrHook hook, const char *state);

/* It has ended: state is done, failed, or waiting for another attempt. detail may be NULL. */
extern void mr_catalog_end_hook(int64 epoch, MrHook hook, const char *state, const char *detail);

/* What the veto function of a node said last, as recorded; in the caller's memory, or NULL. */
extern char *mr_catalog_veto_reason(const char *node);

/* ---------- catalog_schedule.c ---------- */

/* Whether there is something to do now; cheap, for a look twice a second. */
extern bool mr_catalog_is_schedule_due(void);

/* Adds one and returns its number; cancels one: true if it was still waiting. */
extern int64 mr_catalog_add_schedule(TimestampTz due, const char *target, bool away,
									 const char *reason);
extern bool mr_catalog_cancel_schedule(int64 id);

/* State of one, empty when there is no such number. */
extern void mr_catalog_schedule_state(int64 id, char state[MR_NAME_SIZE]);

/*
 * Takes the next one that is due and gives it the order's number: from now on nobody takes
 * it again. False if none is.
 */
extern bool mr_catalog_take_schedule(int64 order_id, MrScheduleRow *row);

/* Marks one that is overdue as missed and tells its number; 0 if there is none. */
extern int64 mr_catalog_miss_schedule(void);

/* The oldest one whose order was given, and is not known to have ended. False if none. */
extern bool mr_catalog_running_schedule(MrScheduleRow *row);

/* Ends one: state, the rule that stood against it (or NULL), the epoch it began (0: none). */
extern void mr_catalog_end_schedule(int64 id, const char *state, const char *rule, int64 epoch);

#endif /* MR_CATALOG_HOOK_H */
