/*
 * Compares each map in HAProxy, entry by entry, with what it was given: somebody may have
 * edited one, which neither its version nor its size shows. On a connection of its own, as a
 * large map takes a while to read. It must never keep a map in memory. Called by
 * haproxy_feed.c.
 */
#include "sidecar/mr_haproxy_feed.h"

#include <stdio.h>
#include <string.h>

#include "sidecar/mr_log.h"
#include "sidecar/mr_loop.h"

#define ANSWER_MS 60000

static void
again(MrHaproxy *haproxy)
{
	mr_loop_arm(haproxy->check.timer, haproxy->settings->haproxy_check_ms);
}

static void
digest_recent(const MrHaproxyEntry *entry, void *arg)
{
	MrHaproxyContent *content = arg;

	content->entries++;
	mr_haproxy_digest(entry->key, entry->value, &content->digest);
}

static void
read_map(MrHaproxy *haproxy, MrHaproxyMap map)
{
	MrHaproxyCheck *check = &haproxy->check;
	char command[MR_HAPROXY_FOLDER_MAX + 40];
	int length = snprintf(command, sizeof(command), "show map %s\n", mr_haproxy_file(haproxy, map));

	memset(&check->seen, 0, sizeof(check->seen));
	check->map = map;
	check->changes = haproxy->changes;
	mr_haproxy_socket_send(&check->socket, command, (size_t) length, ANSWER_MS);
}

/* What the map should hold against what it does. */
static void
compare(MrHaproxy *haproxy)
{
	MrHaproxyCheck *check = &haproxy->check;
	MrHaproxyContent expected = haproxy->content[check->map];

	if (!haproxy->maps_good || haproxy->fill.active)
		return;
	if (check->map == MR_HAPROXY_RECENT)
	{
		/* Changes may have come in while it was read. */
		if (check->changes != haproxy->changes)
			return;
		memset(&expected, 0, sizeof(expected));
		mr_haproxy_recent_each(&haproxy->recent, digest_recent, &expected);
	}
	if (expected.entries == check->seen.entries && expected.digest == check->seen.digest)
		return;
	mr_log(MR_LOG_WARNING, "HAProxy: %s was changed by somebody else: it is made anew",
		   mr_haproxy_file(haproxy, check->map));
	haproxy->fill_wanted = haproxy->fill_wanted || check->map == MR_HAPROXY_TENANTS;
	haproxy->recent_wanted = haproxy->recent_wanted || check->map == MR_HAPROXY_RECENT;
	if (check->map == MR_HAPROXY_COUNTRIES)
		haproxy->content[check->map].entries = -1;
	else
		haproxy->maps_good = false;
}

static void
on_socket(void *arg, MrHaproxyNews news, const char *text)
{
	MrHaproxy *haproxy = arg;
	MrHaproxyCheck *check = &haproxy->check;

	switch (news)
	{
		case MR_HAPROXY_CONNECTED:
			read_map(haproxy, MR_HAPROXY_TENANTS);
			break;
		case MR_HAPROXY_LINE:
			if (mr_haproxy_digest_line(text, &check->seen.digest))
				check->seen.entries++;
			break;
		case MR_HAPROXY_DONE:
			compare(haproxy);
			if (check->map + 1 < MR_HAPROXY_MAPS)
			{
				read_map(haproxy, (MrHaproxyMap) (check->map + 1));
				break;
			}
			mr_haproxy_socket_close(&check->socket);
			again(haproxy);
			break;
		case MR_HAPROXY_LOST:
			again(haproxy);
			break;
	}
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	MrHaproxy *haproxy = arg;

	(void) fd;
	(void) what;
	if (haproxy->ready && haproxy->maps_good && !haproxy->fill.active)
		mr_haproxy_socket_connect(&haproxy->check.socket, haproxy->settings->haproxy, ANSWER_MS);
	else
		again(haproxy);
}

bool
mr_haproxy_check_open(MrHaproxy *haproxy)
{
	haproxy->check.timer = evtimer_new(haproxy->base, on_timer, haproxy);
	if (haproxy->check.timer == NULL ||
		!mr_haproxy_socket_init(&haproxy->check.socket, haproxy->base, on_socket, haproxy))
		return false;
	again(haproxy);
	return true;
}

void
mr_haproxy_check_stop(MrHaproxy *haproxy)
{
	mr_haproxy_socket_close(&haproxy->check.socket);
	again(haproxy);
}

void
mr_haproxy_check_close(MrHaproxy *haproxy)
{
	mr_haproxy_socket_free(&haproxy->check.socket);
	if (haproxy->check.timer != NULL)
		event_free(haproxy->check.timer);
	haproxy->check.timer = NULL;
}
