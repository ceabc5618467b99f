/*
 * Turns of the feed; see mr_haproxy.h. A turn, five times a second:
 *
 *     changes -> look (at HAProxy, once a second) -> countries -> fill (a part) -> pause
 *
 * At any time one question is under way, to the database or to HAProxy, each with a
 * deadline. It must never block, never trust HAProxy to be the one it was, and never keep
 * the sidecar from anything else. Called by serve.c.
 */
#include "sidecar/mr_haproxy_feed.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/mr_log.h"
#include "sidecar/mr_loop.h"

#define TURN_MS 200
#define AGAIN_MS 500 /* before connecting anew */
#define ANSWER_MS 5000
#define PAYLOAD_MAX (MR_HAPROXY_COMMAND_MAX - MR_HAPROXY_FOLDER_MAX - 80)

const char *
mr_haproxy_state_name(MrHaproxyState state)
{
	static const char *const names[] = {"disabled", "waiting", "filling", "current", "full"};

	return names[state];
}

const char *
mr_haproxy_file(const MrHaproxy *haproxy, MrHaproxyMap map)
{
	static const char *const names[] = {"tenants.map", "recent.map", "countries.map"};
	static char path[MR_HAPROXY_FOLDER_MAX + 20];

	snprintf(path, sizeof(path), "%s/%s", haproxy->settings->haproxy_maps, names[map]);
	return path;
}

void
mr_haproxy_trouble(MrHaproxy *haproxy, const char *format, ...)
{
	char text[sizeof(haproxy->problem)];
	va_list arguments;

	if (format == NULL)
	{
		haproxy->problem[0] = '\0';
		return;
	}
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (strcmp(text, haproxy->problem) != 0)
		mr_log(MR_LOG_WARNING, "HAProxy: %s", text);
	memcpy(haproxy->problem, text, sizeof(text));
}

/* ---------- commands ---------- */

void
mr_haproxy_forget(MrHaproxy *haproxy)
{
	while (haproxy->first != NULL)
	{
		MrHaproxyCommand *command = haproxy->first;

		haproxy->first = command->next;
		free(command);
	}
	haproxy->last = &haproxy->first;
	haproxy->batch_length = 0;
}

static void
append(MrHaproxy *haproxy, const char *head, const char *rest)
{
	size_t length = strlen(head) + strlen(rest);
	MrHaproxyCommand *command = malloc(sizeof(*command) + length + 1);

	if (command == NULL)
	{
		haproxy->failed = true;
		return;
	}
	snprintf(command->text, length + 1, "%s%s", head, rest);
	command->length = length;
	command->next = NULL;
	*haproxy->last = command;
	haproxy->last = &command->next;
}

void
mr_haproxy_command(MrHaproxy *haproxy, const char *format, ...)
{
	char text[MR_HAPROXY_ENTRY_SIZE + MR_HAPROXY_FOLDER_MAX + 80];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	append(haproxy, text, "");
}

void
mr_haproxy_add(MrHaproxy *haproxy, const char *head, const char *key, const char *value)
{
	size_t length = strlen(key) + strlen(value) + 2;

	if (haproxy->batch_length + length + 2 > PAYLOAD_MAX)
		mr_haproxy_add_end(haproxy);
	snprintf(haproxy->batch_head, sizeof(haproxy->batch_head), "%s <<\n", head);
	haproxy->batch_length +=
		(size_t) snprintf(haproxy->batch + haproxy->batch_length,
						  PAYLOAD_MAX - haproxy->batch_length, "%s %s\n", key, value);
}

void
mr_haproxy_add_end(MrHaproxy *haproxy)
{
	if (haproxy->batch_length == 0)
		return;
	haproxy->batch[haproxy->batch_length++] = '\n';
	haproxy->batch[haproxy->batch_length] = '\0';
	append(haproxy, haproxy->batch_head, haproxy->batch);
	haproxy->batch_length = 0;
}

/* Sends the next command, or goes on after the last one. */
static void
send_next(MrHaproxy *haproxy)
{
	MrHaproxyStep then = haproxy->then;

	if (haproxy->first != NULL && !haproxy->failed)
	{
		mr_haproxy_socket_send(&haproxy->socket, haproxy->first->text, haproxy->first->length,
							   ANSWER_MS);
		return;
	}
	mr_haproxy_forget(haproxy);
	haproxy->on_line = NULL;
	haproxy->then = NULL;
	if (then != NULL)
		then(haproxy);
}

void
mr_haproxy_run(MrHaproxy *haproxy, MrHaproxyStep then)
{
	haproxy->then = then;
	send_next(haproxy);
}

static void
take_answer(MrHaproxy *haproxy)
{
	MrHaproxyCommand *command = haproxy->first;

	if (command == NULL)
		return;
	haproxy->first = command->next;
	if (haproxy->first == NULL)
		haproxy->last = &haproxy->first;
	free(command);
	send_next(haproxy);
}

void
mr_haproxy_drop(MrHaproxy *haproxy, const char *why)
{
	mr_haproxy_trouble(haproxy, "%s", why);
	mr_haproxy_socket_close(&haproxy->socket);
	mr_haproxy_check_stop(haproxy);
	mr_haproxy_slow_stop(haproxy);
	haproxy->ready = false;
	haproxy->maps_good = false;
	haproxy->fill.active = false;
	mr_haproxy_forget(haproxy);
	haproxy->then = NULL;
	haproxy->on_line = NULL;
	mr_loop_arm(haproxy->timer, AGAIN_MS);
}

/* Another HAProxy may be behind the socket now: nothing is known of it. */
static void
take_connection(MrHaproxy *haproxy)
{
	haproxy->ready = true;
	haproxy->fill_wanted = true;
	haproxy->recent_wanted = true;
	haproxy->pid = -1;
	haproxy->looked_ns = 0;
	haproxy->countries_ns = 0;
	memset(haproxy->content, 0, sizeof(haproxy->content));
	haproxy->content[MR_HAPROXY_COUNTRIES].entries = -1;
	mr_loop_arm(haproxy->timer, 0);
}

static void
on_socket(void *arg, MrHaproxyNews news, const char *text)
{
	MrHaproxy *haproxy = arg;

	switch (news)
	{
		case MR_HAPROXY_CONNECTED:
			take_connection(haproxy);
			break;
		case MR_HAPROXY_LINE:
			if (haproxy->on_line != NULL)
				haproxy->on_line(haproxy, text);
			else if (!haproxy->failed)
			{
				haproxy->failed = true;
				snprintf(haproxy->answer, sizeof(haproxy->answer), "%s", text);
			}
			break;
		case MR_HAPROXY_DONE:
			take_answer(haproxy);
			break;
		case MR_HAPROXY_LOST:
			mr_haproxy_drop(haproxy, text);
			break;
	}
}

/* ---------- the database ---------- */

void
mr_haproxy_ask(MrHaproxy *haproxy, const char *sql, const char *value, MrHaproxyStep then)
{
	const char *values[] = {value, haproxy->settings->region};

	haproxy->then = then;
	mr_link_query(&haproxy->link, sql, value != NULL ? 2 : 0, values,
				  haproxy->settings->database_timeout_ms);
}

/* What was missed while it was away is found by reading all. */
static void
drop_database(MrHaproxy *haproxy, const char *why)
{
	mr_haproxy_trouble(haproxy, "the tenants could not be read: %s", why);
	mr_link_close(&haproxy->link);
	/* An answer that is still to come would be taken for that of the next command. */
	if (haproxy->first != NULL)
		mr_haproxy_drop(haproxy, why);
	mr_haproxy_slow_stop(haproxy);
	haproxy->horizon[0] = '\0';
	haproxy->fill.active = false;
	haproxy->fill_wanted = true;
	haproxy->then = NULL;
	mr_haproxy_forget(haproxy);
	mr_loop_arm(haproxy->timer, AGAIN_MS);
}

static void
on_link(MrLink *link, MrLinkNews news, void *arg)
{
	MrHaproxy *haproxy = arg;
	MrHaproxyStep then = haproxy->then;

	switch (news)
	{
		case MR_LINK_CONNECTED:
			mr_loop_arm(haproxy->timer, 0);
			break;
		case MR_LINK_RESULT:
			haproxy->then = NULL;
			if (PQresultStatus(link->peer.result) != PGRES_TUPLES_OK)
				drop_database(haproxy, link->peer.error);
			else if (then != NULL)
				then(haproxy);
			break;
		case MR_LINK_LOST:
			drop_database(haproxy, link->peer.error);
			break;
	}
}

/* ---------- turns ---------- */

void
mr_haproxy_end_turn(MrHaproxy *haproxy)
{
	if (haproxy->maps_good && !haproxy->full)
		mr_haproxy_trouble(haproxy, NULL);
	mr_loop_arm(haproxy->timer, haproxy->fill.active && haproxy->slow.then == NULL ? 0 : TURN_MS);
}

/* Begins a turn, or what it needs first. */
static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	MrHaproxy *haproxy = arg;
	const MrSettings *settings = haproxy->settings;

	(void) fd;
	(void) what;
	haproxy->failed = false;
	if (settings->haproxy == NULL || !settings->proxies)
		return;
	if (!haproxy->ready)
		mr_haproxy_socket_connect(&haproxy->socket, settings->haproxy, ANSWER_MS);
	else if (mr_link_is_ready(&haproxy->link))
		mr_haproxy_changes(haproxy);
	else if (haproxy->watcher->up)
	{
		haproxy->horizon[0] = '\0';
		haproxy->fill_wanted = true;
		mr_link_connect(&haproxy->link, haproxy->watcher->target.conninfo,
						haproxy->watcher->target.hostaddr, "multiregiond haproxy",
						settings->database_timeout_ms);
	}
	else
		mr_haproxy_look(haproxy);
}

MrHaproxy *
mr_haproxy_open(struct event_base *base, const MrSettings *settings, const MrWatcher *watcher)
{
	MrHaproxy *haproxy = calloc(1, sizeof(*haproxy));

	if (haproxy == NULL)
		return NULL;
	haproxy->base = base;
	haproxy->settings = settings;
	haproxy->watcher = watcher;
	haproxy->last = &haproxy->first;
	haproxy->pid = -1;
	mr_haproxy_recent_init(&haproxy->recent);
	haproxy->batch = malloc(PAYLOAD_MAX);
	haproxy->timer = evtimer_new(base, on_timer, haproxy);
	if (haproxy->batch == NULL || haproxy->timer == NULL ||
		!mr_link_init(&haproxy->link, base, on_link, haproxy) ||
		!mr_haproxy_socket_init(&haproxy->socket, base, on_socket, haproxy) ||
		!mr_haproxy_slow_open(haproxy) || !mr_haproxy_check_open(haproxy))
	{
		mr_haproxy_close(haproxy);
		return NULL;
	}
	mr_loop_arm(haproxy->timer, 0);
	return haproxy;
}

void
mr_haproxy_set(MrHaproxy *haproxy, const MrSettings *settings)
{
	haproxy->settings = settings;
	mr_link_close(&haproxy->link);
	mr_haproxy_drop(haproxy, "the settings were reloaded");
}

void
mr_haproxy_report(const MrHaproxy *haproxy, MrHaproxyReport *report)
{
	memset(report, 0, sizeof(*report));
	if (haproxy == NULL || haproxy->settings->haproxy == NULL || !haproxy->settings->proxies)
		return;
	report->tenants = haproxy->content[MR_HAPROXY_TENANTS].entries;
	report->recent = (int64_t) haproxy->recent.count;
	report->skipped = haproxy->skipped;
	report->fills = haproxy->fills;
	if (!haproxy->ready || haproxy->horizon[0] == '\0')
		report->state = MR_HAPROXY_WAITING;
	else if (haproxy->full)
		report->state = MR_HAPROXY_FULL;
	else if (!haproxy->maps_good || haproxy->fill.active)
		report->state = MR_HAPROXY_FILLING;
	else
		report->state = MR_HAPROXY_CURRENT;
}

void
mr_haproxy_close(MrHaproxy *haproxy)
{
	if (haproxy == NULL)
		return;
	mr_haproxy_check_close(haproxy);
	mr_haproxy_slow_close(haproxy);
	mr_haproxy_socket_free(&haproxy->socket);
	mr_link_free(&haproxy->link);
	if (haproxy->timer != NULL)
		event_free(haproxy->timer);
	mr_haproxy_forget(haproxy);
	mr_haproxy_recent_forget(&haproxy->recent, UINT64_MAX);
	free(haproxy->batch);
	free(haproxy);
}
