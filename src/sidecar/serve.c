/*
 * `multiregiond serve`: makes the parts, runs the loop, stops in order.
 *
 * SIGTERM: /api/health says 503 for the drain time while everything else is still
 * answered, so that load balancers turn away first; then no connection is accepted, what
 * is being answered is answered, and the program ends. SIGINT, or a second signal,
 * skips the waiting. SIGHUP reads the settings again; wrong ones change nothing.
 *
 * Called by main.c.
 */
#include "sidecar/mr_serve.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sidecar/mr_access_log.h"
#include "sidecar/mr_front.h"
#include "sidecar/mr_loop.h"
#include "sidecar/mr_metrics_record.h"
#include "sidecar/mr_notify.h"
#include "sidecar/mr_signals.h"

#define FINISH_MS 2000 /* longest wait for answers under way, after the drain */
#define POLL_MS 20     /* how often to look whether they are given */

typedef struct Daemon
{
	MrService service;
	const char *path;
	struct event *timer;
	int64_t finish_ns; /* when to stop waiting; 0 = not finishing yet */
	bool finished;     /* nothing is under way any more */
} Daemon;

void
mr_serve_log_problems(const MrProblems *problems)
{
	const char *line = problems->text;

	while (*line != '\0')
	{
		size_t length = strcspn(line, "\n");
		MrLogLevel level = strncmp(line, "error", 5) == 0 ? MR_LOG_ERROR : MR_LOG_WARNING;
		const char *text = strchr(line, ' ');

		if (text != NULL && text < line + length)
			mr_log(level, "%.*s", (int) (line + length - text - 1), text + 1);
		line += length;
		if (*line == '\n')
			line++;
	}
}

/*
 * The watcher's connection came or went. A database that is gone has no sessions; but a
 * server that stops lets those end that wait for an order.
 */
static void
on_watcher(MrWatcher *watcher, bool up, void *arg)
{
	Daemon *daemon = arg;

	if (!up)
		mr_pool_disconnect(&daemon->service.pool, "the local database does not answer");
	else if (!daemon->service.settings->enabled && watcher->status.managed)
		mr_log(MR_LOG_WARNING, "ENABLE_MULTI_REGION is not true, but the local server is a member "
							   "of a cluster, with its fence and lease; multiregion.leave() ends "
							   "that");
}

/* Another way to the database. Whether there is one at all is decided at the start. */
static void
change_database(MrService *service, MrSettings *fresh, const MrSettings *old)
{
	if (service->watched != fresh->has_database)
		mr_log(MR_LOG_WARNING, "whether a local database is watched changes at a restart");
	if (service->watched && !fresh->has_database)
		fresh->database = old->database;
	fresh->has_database = service->watched;
	if (!service->watched)
		return;
	mr_watcher_retarget(&service->watcher, &fresh->database, fresh->database_timeout_ms);
	mr_pool_renew(&service->pool);
	mr_pool_renew(&service->orders);
}

static void
set_limits(MrService *service)
{
	const MrSettings *settings = service->settings;
	MrServerLimits limits = {
		.max_connections = settings->max_connections,
		.request_timeout_ms = settings->request_timeout_ms,
		.idle_timeout_ms = settings->idle_timeout_ms,
	};

	mr_server_set_limits(service->server, &limits);
	mr_access_log_set(settings->access_log);
	/* A line of the access log shows more than what a remembered request is known by. */
	mr_server_forget(service->server, settings->access_log == MR_ACCESS_OFF);
}

/* The files may be others under the same names. */
static void
read_tls_again(const MrService *service)
{
	char problem[256];

	if (!mr_server_set_tls(service->server, &service->settings->tls, problem, sizeof(problem)))
		mr_log(MR_LOG_ERROR, "the last certificate stays in use: %s", problem);
}

static void
on_reload(void *arg)
{
	Daemon *daemon = arg;
	MrService *service = &daemon->service;
	MrSettings *old = service->settings;
	MrSettings *fresh = calloc(1, sizeof(*fresh));
	MrProblems *problems = calloc(1, sizeof(*problems));

	if (fresh == NULL || problems == NULL ||
		!mr_settings_load(fresh, daemon->path, environ, problems))
	{
		if (problems != NULL)
			mr_serve_log_problems(problems);
		mr_log(MR_LOG_ERROR, "the settings were not reloaded: they are wrong");
		if (fresh != NULL)
			mr_settings_free(fresh);
		free(fresh);
		free(problems);
		return;
	}
	mr_serve_log_problems(problems);
	free(problems);
	if (fresh->enabled != old->enabled || strcmp(fresh->listen, old->listen) != 0)
		mr_log(MR_LOG_WARNING,
			   "ENABLE_MULTI_REGION and MULTIREGION_HTTP_LISTEN take effect at a restart");
	fresh->enabled = old->enabled;
	service->settings = fresh;
	service->reloads++;
	mr_log_set_level(fresh->log_level);
	set_limits(service);
	read_tls_again(service);
	mr_primary_set(&service->primary, fresh);
	if (service->haproxy != NULL)
		mr_haproxy_set(service->haproxy, fresh);
	mr_service_seed_regions(service);
	change_database(service, fresh, old);
	mr_settings_free(old);
	free(old);
	mr_log(MR_LOG_INFO, "reloaded the settings");
}

/* Whether answers under way are waited for: changes have their own time. */
static bool
may_wait(const Daemon *daemon)
{
	const MrService *service = &daemon->service;
	int64_t more_ms = service->primary.count > 0 ? service->settings->write_timeout_ms : 0;

	return mr_server_pending(service->server) > 0 &&
		   mr_loop_now_ns() < daemon->finish_ns + more_ms * MR_NS_PER_MS;
}

/* After the drain: stop accepting, wait for the answers under way, leave the loop. */
static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	Daemon *daemon = arg;

	(void) fd;
	(void) what;
	if (daemon->finish_ns == 0)
	{
		daemon->finish_ns = mr_loop_now_ns() + FINISH_MS * MR_NS_PER_MS;
		mr_server_stop_listening(daemon->service.server);
	}
	if (may_wait(daemon))
		mr_loop_arm(daemon->timer, POLL_MS);
	else if (!daemon->finished)
	{
		/* the last answer may have been given in this very turn of the loop: the next sends it */
		daemon->finished = true;
		mr_loop_arm(daemon->timer, POLL_MS);
	}
	else
		event_base_loopbreak(daemon->service.base);
}

static void
on_stop(void *arg, bool patiently)
{
	Daemon *daemon = arg;
	bool again = daemon->service.draining;

	mr_log(MR_LOG_INFO, again ? "stopping now" : "stopping");
	daemon->service.draining = true;
	mr_notify_stopping();
	mr_server_drain(daemon->service.server);
	mr_loop_arm(daemon->timer,
				patiently && !again ? daemon->service.settings->drain_timeout_ms : 0);
}

/* Makes everything; false (and said why) when a part cannot be made. */
static bool
start(Daemon *daemon)
{
	MrService *service = &daemon->service;
	const MrSettings *settings = service->settings;
	MrSignalHandlers handlers = {.stop = on_stop, .reload = on_reload, .arg = daemon};
	char problem[256] = "out of memory";
	bool good;

	service->started_wall_ms = mr_loop_wall_ms();
	service->base = mr_loop_open();
	if (service->base == NULL)
		return false;
	daemon->timer = evtimer_new(service->base, on_timer, daemon);
	service->tenants = mr_tenant_cache_open((int) settings->tenant_cache);
	service->server = mr_server_open(service->base, mr_front_handle, service);
	service->rate_limit = mr_rate_limit_open();
	good = daemon->timer != NULL && service->tenants != NULL && service->server != NULL &&
		   service->rate_limit != NULL && mr_access_log_open(service->base) &&
		   mr_signals_open(service->base, &handlers);
	if (good)
	{
		mr_server_set_recall(service->server, mr_service_recall, service);
		mr_server_observe(service->server, mr_front_observe, service);
		set_limits(service);
		good = mr_server_set_tls(service->server, &settings->tls, problem, sizeof(problem)) &&
			   mr_server_listen(service->server, settings->listen, problem, sizeof(problem));
	}
	service->watched = good && settings->has_database;
	if (service->watched)
		good = mr_pool_open(&service->pool, service->base, &service->watcher.target) &&
			   mr_pool_open(&service->orders, service->base, &service->watcher.target) &&
			   mr_primary_open(&service->primary, service->base, &service->watcher.status,
							   &service->watcher.target) &&
			   mr_watcher_start(&service->watcher, service->base, &settings->database,
								settings->database_timeout_ms, on_watcher, daemon);
	if (service->watched && good)
	{
		service->haproxy = mr_haproxy_open(service->base, settings, &service->watcher);
		good = service->haproxy != NULL;
	}
	mr_primary_set(&service->primary, settings);
	mr_service_seed_regions(service);
	good = good && mr_notify_ready(service->base);
	if (!good)
		mr_log(MR_LOG_ERROR, "could not start: %s", problem);
	else if (!settings->enabled)
		mr_log(MR_LOG_INFO, "ENABLE_MULTI_REGION is not true: %s",
			   service->watched ? "the sidecar of one server without a cluster"
								: "answering, but doing nothing");
	return good;
}

static void
stop(Daemon *daemon)
{
	MrService *service = &daemon->service;

	if (daemon->timer != NULL)
		event_free(daemon->timer);
	if (service->pool.timer != NULL)
		mr_pool_disconnect(&service->pool, "multiregiond stops");
	if (service->orders.timer != NULL)
		mr_pool_disconnect(&service->orders, "multiregiond stops");
	mr_haproxy_close(service->haproxy);
	mr_primary_close(&service->primary);
	mr_signals_close();
	if (service->server != NULL)
		mr_server_close(service->server);
	if (service->pool.timer != NULL)
		mr_pool_close(&service->pool);
	if (service->orders.timer != NULL)
		mr_pool_close(&service->orders);
	mr_watcher_stop(&service->watcher);
	mr_tenant_cache_close(service->tenants);
	mr_hot_free(&service->hot);
	mr_rate_limit_close(service->rate_limit);
	mr_access_log_close();
	mr_metrics_record_reset();
	mr_notify_close();
	if (service->base != NULL)
		event_base_free(service->base);
	mr_settings_free(service->settings);
	free(service->settings);
}

MrExit
mr_serve(MrSettings *settings, const char *path)
{
	Daemon *daemon = calloc(1, sizeof(*daemon));
	bool good;

	if (daemon == NULL)
		return MR_EXIT_FAILED;
	daemon->service.settings = settings;
	daemon->path = path;
	good = start(daemon);
	if (good)
	{
		event_base_dispatch(daemon->service.base);
		mr_log(MR_LOG_INFO, "stopped");
	}
	stop(daemon);
	free(daemon);
	return good ? MR_EXIT_OK : MR_EXIT_FAILED;
}
