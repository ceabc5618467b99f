/*
 * Keeps the last copy fresh; see mr_watcher.h.
 *
 *     pause -> resolve -> connect -> identity -> lease -> regions
 *       ^                                          ^         |
 *       |  anything lost, refused, late, or the    |         v
 *       +- server stopping                         |  [policies -> failover -> plans -> members
 *                                                  |    -> samples -> history, if it has changed]
 *                                                  |         |
 *                                                  +- change <
 *
 * The wait ends at a change of the shared generation or after a second (of a primary: after
 * a quarter of what its lease has left, if that is less), so an idle
 * sidecar costs three short statements a second, which are prepared: planning them would be
 * most of what they cost. A server that stops is left at once: a
 * smart shutdown waits for us, and a session that answers nothing is no use.
 *
 * It must never block, and never throw the copy away: it only grows old. Called by
 * serve.c.
 */
#include "sidecar/mr_watcher.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sidecar/mr_catalog_sql.h"
#include "sidecar/mr_log.h"
#include "sidecar/mr_loop.h"
#include "sidecar/mr_metrics_record.h"
#include "sidecar/mr_row.h"
#include "sidecar/mr_sample_sql.h"

#define APPLICATION "multiregiond"
#define WAIT_MS 1000 /* longest wait for a change: the age of lag figures */
#define WAIT_MIN_MS 50
#define WAITS_OF_LEASE 4  /* of a primary: no wait is longer than this part of its lease */
#define DETAILS_MS 5000   /* how often policies and failovers are read without a change */
#define PAUSE_MIN_MS 100  /* between attempts to connect: doubles from here ... */
#define PAUSE_MAX_MS 2000 /* ... to here */
#define NO_GENERATION -1  /* no generation is negative */

static void begin(MrWatcher *watcher, MrWatcherStep step);

static void
set_up(MrWatcher *watcher, bool up)
{
	if (watcher->up == up)
		return;
	watcher->up = up;
	if (up)
	{
		watcher->problem[0] = '\0';
		mr_log(MR_LOG_INFO, "reading the status of the local database");
	}
	watcher->callback(watcher, up, watcher->arg);
}

/* Disconnects and tries again after a pause. A reason is logged once, not each time. */
static void
disconnect(MrWatcher *watcher, const char *reason)
{
	bool news = watcher->up || strcmp(watcher->problem, reason) != 0;

	mr_target_cancel(&watcher->target);
	mr_link_close(&watcher->link);
	snprintf(watcher->problem, sizeof(watcher->problem), "%s", reason);
	if (news)
		mr_log(MR_LOG_WARNING, "no status from the local database: %s", reason);
	set_up(watcher, false);
	begin(watcher, MR_WATCH_PAUSE);
}

static void
on_resolved(void *arg, const char *problem)
{
	MrWatcher *watcher = arg;
	char text[160];

	if (problem == NULL)
	{
		begin(watcher, MR_WATCH_CONNECT);
		return;
	}
	snprintf(text, sizeof(text), "could not resolve the database's host: %s", problem);
	disconnect(watcher, text);
}

static void
send_query(MrWatcher *watcher, const char *sql)
{
	watcher->sent_ns = mr_loop_now_ns();
	mr_link_query_again(&watcher->link, sql, 0, NULL, watcher->timeout_ms);
}

/* A lease must not run out, by what the copy says of it, before the copy is renewed. */
static int64_t
wait_ms(const MrStatus *status)
{
	int64_t wait = status->lease_remaining_ms / WAITS_OF_LEASE;

	if (!status->is_primary || wait <= 0 || wait > WAIT_MS)
		return WAIT_MS;
	return wait < WAIT_MIN_MS ? WAIT_MIN_MS : wait;
}

static void
send_wait(MrWatcher *watcher)
{
	int64_t wait = wait_ms(&watcher->status);
	char generation[24];
	char timeout[24];
	const char *values[] = {generation, timeout};

	snprintf(generation, sizeof(generation), "%" PRId64, watcher->status.generation);
	snprintf(timeout, sizeof(timeout), "%" PRId64, wait);
	mr_link_query(&watcher->link, MR_SQL_WAIT, 2, values, wait + watcher->timeout_ms);
}

static void
begin(MrWatcher *watcher, MrWatcherStep step)
{
	watcher->step = step;
	switch (step)
	{
		case MR_WATCH_PAUSE:
			mr_loop_arm(watcher->pause, watcher->pause_ms);
			watcher->pause_ms *= 2;
			if (watcher->pause_ms > PAUSE_MAX_MS)
				watcher->pause_ms = PAUSE_MAX_MS;
			break;
		case MR_WATCH_RESOLVE:
			if (mr_target_resolve(&watcher->target, on_resolved, watcher))
				begin(watcher, MR_WATCH_CONNECT);
			break;
		case MR_WATCH_CONNECT:
			mr_link_connect(&watcher->link, watcher->target.conninfo, watcher->target.hostaddr,
							APPLICATION, watcher->timeout_ms);
			break;
		case MR_WATCH_IDENTITY:
			send_query(watcher, MR_SQL_IDENTITY);
			break;
		case MR_WATCH_LEASE:
			watcher->asked_ns = mr_loop_now_ns();
			watcher->asked_wall_ms = mr_loop_wall_ms();
			send_query(watcher, watcher->forecasts ? MR_SQL_LEASE(MR_SQL_FORECAST)
												   : MR_SQL_LEASE(MR_SQL_NO_FORECAST));
			break;
		case MR_WATCH_REGIONS:
			send_query(watcher, MR_SQL_REGIONS);
			break;
		case MR_WATCH_POLICIES:
			send_query(watcher, MR_SQL_POLICIES);
			break;
		case MR_WATCH_FAILOVER:
			send_query(watcher, MR_SQL_FAILOVER);
			break;
		case MR_WATCH_PLANS:
			send_query(watcher, MR_SQL_PLANS);
			break;
		case MR_WATCH_MEMBERS:
			send_query(watcher, MR_SQL_MEMBERS);
			break;
		case MR_WATCH_SAMPLES:
			send_query(watcher, MR_SQL_SAMPLES);
			break;
		case MR_WATCH_HISTORY:
			send_query(watcher, MR_SQL_HISTORY);
			break;
		case MR_WATCH_CHANGE:
			send_wait(watcher);
			break;
	}
}

/* A cycle is complete: everything read that was to be read. */
static void
end_cycle(MrWatcher *watcher)
{
	watcher->pause_ms = PAUSE_MIN_MS;
	set_up(watcher, true);
	begin(watcher, MR_WATCH_CHANGE);
}

static bool
details_are_due(const MrWatcher *watcher)
{
	return watcher->status.generation != watcher->seen_generation ||
		   mr_loop_now_ns() - watcher->details_ns >= DETAILS_MS * MR_NS_PER_MS;
}

/* The extension can be updated while we are connected. */
static void
take_forecasts(MrWatcher *watcher, const PGresult *result)
{
	watcher->forecasts = mr_row_is_true(result, 0, "forecasts");
}

static void
take_identity(MrWatcher *watcher, const PGresult *result)
{
	if (PQntuples(result) == 0)
	{
		disconnect(watcher, "the extension multiregion is not installed in this database");
		return;
	}
	snprintf(watcher->schema, sizeof(watcher->schema), "%s", PQgetvalue(result, 0, 0));
	take_forecasts(watcher, result);
	/* Perhaps another server: nothing that was read of the one before may pass as new. */
	watcher->history_due = true;
	watcher->seen_generation = NO_GENERATION;
	begin(watcher, MR_WATCH_LEASE);
}

/* Reads the result of a status query; false (and disconnected) when it is not one. */
static bool
take_part(MrWatcher *watcher, MrStatusPart part)
{
	PGresult *result = watcher->link.peer.result;

	watcher->link.peer.result = NULL;
	/* As old as the question: the answer may have waited for us while we were frozen. */
	if (mr_status_take(&watcher->status, part, result, watcher->asked_ns, watcher->asked_wall_ms))
		return true;
	disconnect(watcher, "the extension has another version than this program");
	return false;
}

/*
 * Where writes are taken off the sidecar's role, it may not know the members either: no
 * reason to go without a status.
 */
static bool
take_members(MrWatcher *watcher)
{
	if (PQresultStatus(watcher->link.peer.result) == PGRES_TUPLES_OK)
		return take_part(watcher, MR_STATUS_MEMBER);
	return true;
}

/* Whether the newest failover, as just read, differs from the one read before. */
static bool
is_news(const MrWatcher *watcher)
{
	const PGresult *old = watcher->status.results[MR_STATUS_FAILOVER];
	const PGresult *fresh = watcher->link.peer.result;
	int column;

	if (old == NULL || PQntuples(old) != PQntuples(fresh) || PQnfields(old) != PQnfields(fresh))
		return true;
	for (column = 0; PQntuples(old) > 0 && column < PQnfields(old); column++)
		if (strcmp(PQgetvalue(old, 0, column), PQgetvalue(fresh, 0, column)) != 0)
			return true;
	return false;
}

/* Where the role may not read them, there are fewer metrics: again no reason to go without. */
static bool
take_samples(MrWatcher *watcher)
{
	bool good = PQresultStatus(watcher->link.peer.result) == PGRES_TUPLES_OK;

	if (!good)
	{
		PQclear(watcher->status.results[MR_STATUS_SAMPLES]);
		watcher->status.results[MR_STATUS_SAMPLES] = NULL;
		if (!watcher->unsampled)
			mr_log(MR_LOG_WARNING, "some metrics cannot be read: %s", watcher->link.peer.error);
	}
	watcher->unsampled = !good;
	return !good || take_part(watcher, MR_STATUS_SAMPLES);
}

static void
end_details(MrWatcher *watcher)
{
	watcher->details_ns = mr_loop_now_ns();
	watcher->seen_generation = watcher->status.generation;
	end_cycle(watcher);
}

/* The samples are read, or there are none: in a server with version 0.1 of the extension. */
static void
after_samples(MrWatcher *watcher)
{
	if (watcher->history_due)
		begin(watcher, MR_WATCH_HISTORY);
	else
		end_details(watcher);
}

/* A part of the details has come: what comes next. */
static void
go_on_with_details(MrWatcher *watcher)
{
	if (watcher->step == MR_WATCH_POLICIES)
	{
		if (take_part(watcher, MR_STATUS_POLICY))
			begin(watcher, MR_WATCH_FAILOVER);
	}
	else if (watcher->step == MR_WATCH_FAILOVER)
	{
		watcher->history_due |= is_news(watcher);
		if (take_part(watcher, MR_STATUS_FAILOVER))
			begin(watcher, watcher->forecasts ? MR_WATCH_PLANS : MR_WATCH_MEMBERS);
	}
	else if (watcher->step == MR_WATCH_PLANS)
	{
		if (take_part(watcher, MR_STATUS_PLANS))
			begin(watcher, MR_WATCH_MEMBERS);
	}
	else if (watcher->step == MR_WATCH_MEMBERS)
	{
		if (!take_members(watcher))
			return;
		if (watcher->forecasts)
			begin(watcher, MR_WATCH_SAMPLES);
		else
			after_samples(watcher);
	}
	else if (watcher->step == MR_WATCH_SAMPLES)
	{
		if (take_samples(watcher))
			after_samples(watcher);
	}
	else if (take_part(watcher, MR_STATUS_HISTORY))
	{
		watcher->history_due = false;
		end_details(watcher);
	}
}

/* A statement succeeded: what comes next. */
static void
go_on(MrWatcher *watcher)
{
	switch (watcher->step)
	{
		case MR_WATCH_PAUSE:
		case MR_WATCH_RESOLVE:
		case MR_WATCH_CONNECT:
			break;
		case MR_WATCH_IDENTITY:
			take_identity(watcher, watcher->link.peer.result);
			break;
		case MR_WATCH_LEASE:
			take_forecasts(watcher, watcher->link.peer.result);
			if (!take_part(watcher, MR_STATUS_LEASE))
				break;
			if (watcher->status.stopping)
				disconnect(watcher, "the server is shutting down");
			else
				begin(watcher, MR_WATCH_REGIONS);
			break;
		case MR_WATCH_REGIONS:
			if (!take_part(watcher, MR_STATUS_REGION))
				break;
			if (details_are_due(watcher))
				begin(watcher, MR_WATCH_POLICIES);
			else
				end_cycle(watcher);
			break;
		case MR_WATCH_POLICIES:
		case MR_WATCH_FAILOVER:
		case MR_WATCH_PLANS:
		case MR_WATCH_MEMBERS:
		case MR_WATCH_SAMPLES:
		case MR_WATCH_HISTORY:
			go_on_with_details(watcher);
			break;
		case MR_WATCH_CHANGE:
			begin(watcher, MR_WATCH_LEASE);
			break;
	}
}

/* What the statement under way is for; OTHER: it is none that says how fast the database is. */
static MrOperation
operation_of(MrWatcherStep step)
{
	switch (step)
	{
		case MR_WATCH_IDENTITY:
			return MR_OPERATION_IDENTITY;
		case MR_WATCH_LEASE:
			return MR_OPERATION_STATUS;
		case MR_WATCH_REGIONS:
			return MR_OPERATION_REGIONS;
		case MR_WATCH_POLICIES:
			return MR_OPERATION_POLICIES;
		case MR_WATCH_FAILOVER:
			return MR_OPERATION_FAILOVER;
		case MR_WATCH_PLANS:
			return MR_OPERATION_DETAILS;
		case MR_WATCH_MEMBERS:
			return MR_OPERATION_MEMBERS;
		case MR_WATCH_SAMPLES:
			return MR_OPERATION_DETAILS;
		case MR_WATCH_HISTORY:
			return MR_OPERATION_HISTORY;
		case MR_WATCH_PAUSE:
		case MR_WATCH_RESOLVE:
		case MR_WATCH_CONNECT:
		case MR_WATCH_CHANGE:
			break;
	}
	return MR_OPERATION_OTHER;
}

static void
on_link(MrLink *link, MrLinkNews news, void *arg)
{
	MrWatcher *watcher = arg;
	MrOperation operation = operation_of(watcher->step);

	if (news != MR_LINK_CONNECTED && operation != MR_OPERATION_OTHER)
		mr_metrics_observe_query(operation, NULL, mr_loop_now_ns() - watcher->sent_ns);
	switch (news)
	{
		case MR_LINK_CONNECTED:
			begin(watcher, MR_WATCH_IDENTITY);
			break;
		case MR_LINK_RESULT:
			if (PQresultStatus(link->peer.result) == PGRES_TUPLES_OK ||
				watcher->step == MR_WATCH_MEMBERS || watcher->step == MR_WATCH_SAMPLES)
				go_on(watcher);
			else
				disconnect(watcher, link->peer.error);
			break;
		case MR_LINK_LOST:
			disconnect(watcher, link->peer.error);
			break;
	}
}

static void
on_pause(evutil_socket_t fd, short what, void *arg)
{
	(void) fd;
	(void) what;
	begin(arg, MR_WATCH_RESOLVE);
}

bool
mr_watcher_start(MrWatcher *watcher, struct event_base *base, const MrConninfo *database,
				 int64_t timeout_ms, MrWatcherCallback callback, void *arg)
{
	memset(watcher, 0, sizeof(*watcher));
	watcher->callback = callback;
	watcher->arg = arg;
	watcher->timeout_ms = timeout_ms;
	watcher->pause_ms = PAUSE_MIN_MS;
	watcher->seen_generation = NO_GENERATION;
	watcher->pause = evtimer_new(base, on_pause, watcher);
	if (!mr_link_init(&watcher->link, base, on_link, watcher) || watcher->pause == NULL)
		return false;
	mr_target_set(&watcher->target, base, database);
	begin(watcher, MR_WATCH_RESOLVE);
	return true;
}

void
mr_watcher_retarget(MrWatcher *watcher, const MrConninfo *database, int64_t timeout_ms)
{
	bool same = mr_target_is(&watcher->target, database);

	watcher->timeout_ms = timeout_ms;
	if (same && watcher->up)
		return;
	mr_link_close(&watcher->link);
	mr_target_set(&watcher->target, watcher->link.base, database);
	watcher->pause_ms = PAUSE_MIN_MS;
	snprintf(watcher->problem, sizeof(watcher->problem), "connecting again after a reload");
	set_up(watcher, false);
	event_del(watcher->pause);
	begin(watcher, MR_WATCH_RESOLVE);
}

void
mr_watcher_stop(MrWatcher *watcher)
{
	mr_target_free(&watcher->target);
	mr_link_free(&watcher->link);
	if (watcher->pause != NULL)
		event_free(watcher->pause);
	mr_status_free(&watcher->status);
	memset(watcher, 0, sizeof(*watcher));
}

int64_t
mr_watcher_age_ms(const MrWatcher *watcher)
{
	if (!watcher->status.valid)
		return -1;
	return (mr_loop_now_ns() - watcher->status.refreshed_ns) / MR_NS_PER_MS;
}
