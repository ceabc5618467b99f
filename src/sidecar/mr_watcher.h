/*
 * Keeps the last copy fresh: one connection to the local PostgreSQL that waits for
 * changes and reads the status after each, and every second for ages and lag.
 */
#ifndef MR_WATCHER_H
#define MR_WATCHER_H

#include "sidecar/mr_link.h"
#include "sidecar/mr_status.h"
#include "sidecar/mr_target.h"

/* What the watcher's connection is doing; one SQL statement or wait each. */
typedef enum MrWatcherStep
{
	MR_WATCH_PAUSE, /* disconnected, until the next attempt */
	MR_WATCH_RESOLVE,
	MR_WATCH_CONNECT,
	MR_WATCH_IDENTITY,
	MR_WATCH_LEASE,
	MR_WATCH_REGIONS,
	MR_WATCH_POLICIES,
	MR_WATCH_FAILOVER,
	MR_WATCH_PLANS,
	MR_WATCH_MEMBERS,
	MR_WATCH_SAMPLES,
	MR_WATCH_HISTORY,
	MR_WATCH_CHANGE /* in wait_for_change() */
} MrWatcherStep;

struct MrWatcher;

/* Called from the loop when the connection came (up) or went. */
typedef void (*MrWatcherCallback)(struct MrWatcher *watcher, bool up, void *arg);

typedef struct MrWatcher
{
	MrTarget target;
	MrLink link;
	struct event *pause;
	MrWatcherStep step;
	bool forecasts; /* the extension can say what a failover would cost */
	bool up;        /* the last cycle succeeded and nothing was lost since */
	int64_t pause_ms;
	int64_t timeout_ms;
	int64_t asked_ns; /* when the lease was asked for last */
	int64_t asked_wall_ms;
	int64_t details_ns; /* when policies and failover were read; 0 = never */
	int64_t sent_ns;    /* the statement under way */
	bool history_due;   /* the newest failover is another one than before */
	bool unsampled;     /* the samples could not be read, and the log says so */
	int64_t seen_generation;
	char schema[2 * MR_NAME_SIZE + 3]; /* quoted schema of the public functions */
	char problem[200];                 /* why it is not up; empty while it is */
	MrStatus status;
	MrWatcherCallback callback;
	void *arg;
} MrWatcher;

/* Begins to watch. False without memory. */
extern bool mr_watcher_start(MrWatcher *watcher, struct event_base *base,
							 const MrConninfo *database, int64_t timeout_ms,
							 MrWatcherCallback callback, void *arg);

/*
 * Goes on with this database and timeout. It connects anew, unless that is where it reads now;
 * the copy stays.
 */
extern void mr_watcher_retarget(MrWatcher *watcher, const MrConninfo *database, int64_t timeout_ms);

/* Closes the connection and frees everything. */
extern void mr_watcher_stop(MrWatcher *watcher);

/* Milliseconds since the copy was read; -1 if there is none. */
extern int64_t mr_watcher_age_ms(const MrWatcher *watcher);

#endif /* MR_WATCHER_H */
