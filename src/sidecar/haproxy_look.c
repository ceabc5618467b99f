/*
 * Looks at HAProxy once a second: whether it is the one it was, whether its maps have the
 * versions and sizes that they were given, and which servers are to be drained or used
 * again. It must never undo what an operator has put into maintenance. Called by
 * haproxy_change.c and haproxy_feed.c.
 */
#include "sidecar/mr_haproxy_feed.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "sidecar/mr_log.h"
#include "sidecar/mr_loop.h"

#define LOOK_MS 1000
#define BACKENDS "region_" /* what our configuration calls those whose servers are ours */

/* ---------- servers ---------- */

/* The regions that no request should go to, as bits; none while nothing certain is known. */
static uint64_t
regions_down(const MrHaproxy *haproxy)
{
	const MrStatus *status = &haproxy->watcher->status;
	uint64_t down = 0;
	int others = 0;
	int i;

	if (!haproxy->watcher->up ||
		mr_watcher_age_ms(haproxy->watcher) > haproxy->settings->stale_after_ms)
		return 0;
	for (i = 0; i < status->region_count && i < 64; i++)
	{
		MrRegionSummary summary;

		mr_status_summarize(status, status->regions[i].key, &summary);
		if (summary.best != NULL && summary.health == MR_HEALTH_DOWN)
			down |= UINT64_C(1) << i;
		else
			others++;
	}
	return others > 0 ? down : 0;
}

/* US_EAST and US_EAST_2 are servers of US_EAST. */
static bool
is_of_region(const char *server, const char *region)
{
	size_t length = strlen(region);

	return strncmp(server, region, length) == 0 &&
		   (server[length] == '\0' ||
			(server[length] == '_' && isdigit((unsigned char) server[length + 1])));
}

static void
take_server(MrHaproxy *haproxy, const char *line)
{
	const MrStatus *status = &haproxy->watcher->status;
	MrHaproxyServer server;
	bool drained;
	int i;

	if (!mr_haproxy_server_line(line, &server) ||
		strncmp(server.backend, BACKENDS, strlen(BACKENDS)) != 0 ||
		(server.admin_state & MR_HAPROXY_MAINT) != 0)
		return;
	drained = (server.admin_state & MR_HAPROXY_DRAIN) != 0;
	for (i = 0; i < status->region_count && i < 64; i++)
	{
		bool down = (haproxy->drained >> i & 1) != 0;

		if (is_of_region(server.name, status->regions[i].key) && down != drained)
			mr_haproxy_command(haproxy, "set server %s/%s state %s\n", server.backend, server.name,
							   down ? "drain" : "ready");
	}
}

static void
after_servers(MrHaproxy *haproxy)
{
	if (haproxy->failed)
		mr_haproxy_trouble(haproxy, "a server's state was refused: %s", haproxy->answer);
	haproxy->failed = false;
	if (mr_link_is_ready(&haproxy->link))
		mr_haproxy_countries(haproxy);
	else
		mr_haproxy_end_turn(haproxy);
}

static void
set_servers(MrHaproxy *haproxy)
{
	mr_haproxy_run(haproxy, after_servers);
}

/* ---------- maps ---------- */

static void
take_map(MrHaproxy *haproxy, const char *line)
{
	MrHaproxyMapState state;
	int i;

	for (i = 0; i < MR_HAPROXY_MAPS; i++)
	{
		MrHaproxyContent *content = &haproxy->content[i];
		int64_t entries =
			i == MR_HAPROXY_RECENT ? (int64_t) haproxy->recent.count : content->entries;

		if (!mr_haproxy_map_line(line, mr_haproxy_file(haproxy, (MrHaproxyMap) i), &state))
			continue;
		haproxy->missing[i] = false;
		/* What is on its way is counted with the rest. */
		if (!haproxy->maps_good || haproxy->fill.active)
			continue;
		if (state.version == content->version && (state.entries == entries || state.entries < 0))
			continue;
		mr_haproxy_trouble(haproxy, "%s is not what it was made: it is made anew",
						   mr_haproxy_file(haproxy, (MrHaproxyMap) i));
		if (i == MR_HAPROXY_TENANTS)
			haproxy->fill_wanted = true;
		else if (i == MR_HAPROXY_RECENT)
			haproxy->recent_wanted = true;
		else
			content->entries = -1;
		haproxy->maps_good = i == MR_HAPROXY_COUNTRIES;
	}
}

static void
after_maps(MrHaproxy *haproxy)
{
	int i;

	for (i = 0; i < MR_HAPROXY_MAPS; i++)
		if (haproxy->missing[i])
		{
			haproxy->maps_good = false;
			mr_haproxy_trouble(haproxy, "its configuration has no map %s",
							   mr_haproxy_file(haproxy, (MrHaproxyMap) i));
		}
	haproxy->drained = regions_down(haproxy);
	haproxy->on_line = take_server;
	mr_haproxy_command(haproxy, "show servers state\n");
	/* Commands that the lines add are sent after it, with lines that are refusals. */
	mr_haproxy_run(haproxy, set_servers);
}

/* ---------- the process ---------- */

static void
take_info(MrHaproxy *haproxy, const char *line)
{
	int64_t pid = mr_haproxy_number(line, "Pid: ");

	if (pid < 0)
		return;
	if (haproxy->pid >= 0 && haproxy->pid != pid)
	{
		mr_log(MR_LOG_INFO, "HAProxy is another process now");
		haproxy->fill_wanted = true;
		haproxy->recent_wanted = true;
		haproxy->maps_good = false;
		haproxy->content[MR_HAPROXY_COUNTRIES].entries = -1;
	}
	haproxy->pid = pid;
}

static void
after_info(MrHaproxy *haproxy)
{
	int i;

	for (i = 0; i < MR_HAPROXY_MAPS; i++)
		haproxy->missing[i] = true;
	haproxy->on_line = take_map;
	mr_haproxy_command(haproxy, "show map\n");
	mr_haproxy_run(haproxy, after_maps);
}

void
mr_haproxy_look(MrHaproxy *haproxy)
{
	int64_t now_ns = mr_loop_now_ns();

	if (now_ns - haproxy->looked_ns < LOOK_MS * MR_NS_PER_MS)
	{
		after_servers(haproxy);
		return;
	}
	haproxy->looked_ns = now_ns;
	haproxy->on_line = take_info;
	mr_haproxy_command(haproxy, "show info\n");
	mr_haproxy_run(haproxy, after_info);
}
