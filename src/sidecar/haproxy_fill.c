/*
 * Whole maps, each as a transaction of HAProxy: the tenants in parts of some thousand, so
 * that changes pass in between; the small map from memory; the countries. A strict zone that
 * changes makes a new big map due. It must never commit a map that is not whole. Called by
 * haproxy_look.c.
 */
#include "sidecar/mr_haproxy_feed.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sidecar/mr_haproxy_sql.h"
#include "sidecar/mr_log.h"
#include "sidecar/mr_loop.h"

#define COUNTRIES_MS 1000
#define REFILL_MS 3600000 /* rows that somebody changed by hand have no history */

static void
take_version(MrHaproxy *haproxy, const char *line)
{
	haproxy->fill.version = mr_haproxy_number(line, "New version created: ");
	if (haproxy->fill.version < 0)
		snprintf(haproxy->answer, sizeof(haproxy->answer), "%s", line);
}

/* A new version of a map; fill.version has its number then, or -1. */
static void
prepare(MrHaproxy *haproxy, MrHaproxyMap map, MrHaproxyStep then)
{
	memset(&haproxy->fill.content, 0, sizeof(haproxy->fill.content));
	haproxy->fill.version = -1;
	haproxy->on_line = take_version;
	mr_haproxy_command(haproxy, "prepare map %s\n", mr_haproxy_file(haproxy, map));
	mr_haproxy_run(haproxy, then);
}

static void
add(MrHaproxy *haproxy, MrHaproxyMap map, const char *key, const char *value)
{
	char head[MR_HAPROXY_FOLDER_MAX + 60];

	snprintf(head, sizeof(head), "add map @%" PRId64 " %s", haproxy->fill.version,
			 mr_haproxy_file(haproxy, map));
	mr_haproxy_add(haproxy, head, key, value);
	haproxy->fill.content.entries++;
	mr_haproxy_digest(key, value, &haproxy->fill.content.digest);
}

static void
commit(MrHaproxy *haproxy, MrHaproxyMap map, MrHaproxyStep then)
{
	mr_haproxy_add_end(haproxy);
	mr_haproxy_command(haproxy, "commit map @%" PRId64 " %s\n", haproxy->fill.version,
					   mr_haproxy_file(haproxy, map));
	mr_haproxy_run(haproxy, then);
}

/* After a commit: true, and what the map holds is remembered, unless it was refused. */
static bool
committed(MrHaproxy *haproxy, MrHaproxyMap map)
{
	if (haproxy->failed)
	{
		mr_haproxy_trouble(haproxy, "%s was refused: %s", mr_haproxy_file(haproxy, map),
						   haproxy->answer);
		haproxy->failed = false;
		return false;
	}
	haproxy->content[map] = haproxy->fill.content;
	haproxy->content[map].version = haproxy->fill.version;
	haproxy->changes++;
	return true;
}

/* ---------- the small map ---------- */

static void
add_recent(const MrHaproxyEntry *entry, void *arg)
{
	add(arg, MR_HAPROXY_RECENT, entry->key, entry->value);
}

static void
after_recent(MrHaproxy *haproxy)
{
	haproxy->recent_wanted = !committed(haproxy, MR_HAPROXY_RECENT);
	haproxy->maps_good = !haproxy->recent_wanted && !haproxy->fill_wanted && haproxy->fills > 0;
	mr_haproxy_end_turn(haproxy);
}

static void
fill_recent(MrHaproxy *haproxy)
{
	if (haproxy->fill.version < 0)
	{
		mr_haproxy_trouble(haproxy, "%s cannot be made: %s",
						   mr_haproxy_file(haproxy, MR_HAPROXY_RECENT), haproxy->answer);
		mr_haproxy_end_turn(haproxy);
		return;
	}
	mr_haproxy_recent_each(&haproxy->recent, add_recent, haproxy);
	commit(haproxy, MR_HAPROXY_RECENT, after_recent);
}

/* ---------- the big map ---------- */

static void
after_clear(MrHaproxy *haproxy)
{
	haproxy->failed = false;
	haproxy->fill.active = false;
	mr_haproxy_end_turn(haproxy);
}

/* Leaves HAProxy with the last whole map. */
static void
give_up(MrHaproxy *haproxy, const char *why)
{
	haproxy->full = true;
	haproxy->failed = false;
	haproxy->filled_ns = mr_loop_now_ns();
	mr_haproxy_forget(haproxy);
	mr_haproxy_trouble(haproxy, "%s is full, the last whole one stays: %s",
					   mr_haproxy_file(haproxy, MR_HAPROXY_TENANTS), why);
	mr_haproxy_slow_run(haproxy, after_clear, "clear map @%" PRId64 " %s\n", haproxy->fill.version,
						mr_haproxy_file(haproxy, MR_HAPROXY_TENANTS));
}

static void
after_tenants(MrHaproxy *haproxy)
{
	haproxy->fill.active = false;
	if (!committed(haproxy, MR_HAPROXY_TENANTS))
	{
		haproxy->fill_wanted = true;
		mr_haproxy_end_turn(haproxy);
		return;
	}
	haproxy->full = false;
	haproxy->skipped = haproxy->fill.skipped;
	haproxy->filled_ns = mr_loop_now_ns();
	haproxy->fills++;
	mr_log(MR_LOG_INFO, "HAProxy has a whole map of %" PRId64 " tenants",
		   haproxy->content[MR_HAPROXY_TENANTS].entries);
	if (haproxy->skipped > 0)
		mr_log(MR_LOG_WARNING,
			   "HAProxy: %" PRId64 " tenants are not in its map: their ids have blanks",
			   haproxy->skipped);
	/* What came before this map began is in it. */
	mr_haproxy_recent_forget(&haproxy->recent, haproxy->round);
	prepare(haproxy, MR_HAPROXY_RECENT, fill_recent);
}

static void
after_part(MrHaproxy *haproxy)
{
	if (haproxy->failed)
		give_up(haproxy, haproxy->answer);
	else
		mr_haproxy_end_turn(haproxy);
}

/* Column 0 tenant, 1 value. */
static void
take_part(MrHaproxy *haproxy)
{
	const PGresult *rows = haproxy->link.peer.result;
	MrHaproxyFill *fill = &haproxy->fill;
	int count = PQntuples(rows);
	int i;

	for (i = 0; i < count; i++)
	{
		const char *tenant = PQgetvalue(rows, i, 0);

		if (mr_haproxy_is_key(tenant))
			add(haproxy, MR_HAPROXY_TENANTS, tenant, PQgetvalue(rows, i, 1));
		else
			fill->skipped++;
	}
	if (fill->content.entries > haproxy->settings->haproxy_max_tenants)
	{
		give_up(haproxy, "there are more tenants than MULTIREGION_HAPROXY_MAX_TENANTS");
		return;
	}
	if (count == 0)
	{
		mr_haproxy_slow_run(haproxy, after_tenants, "commit map @%" PRId64 " %s\n", fill->version,
							mr_haproxy_file(haproxy, MR_HAPROXY_TENANTS));
		return;
	}
	snprintf(fill->cursor, sizeof(fill->cursor), "%s", PQgetvalue(rows, count - 1, 0));
	mr_haproxy_add_end(haproxy);
	mr_haproxy_run(haproxy, after_part);
}

static void
begin_fill(MrHaproxy *haproxy)
{
	if (haproxy->fill.version < 0)
	{
		mr_haproxy_trouble(haproxy, "%s cannot be made: %s",
						   mr_haproxy_file(haproxy, MR_HAPROXY_TENANTS), haproxy->answer);
		mr_haproxy_end_turn(haproxy);
		return;
	}
	haproxy->fill.active = true;
	haproxy->fill_wanted = false;
	mr_haproxy_ask(haproxy, MR_SQL_ROUTE_PART, haproxy->fill.cursor, take_part);
}

static bool
fill_is_due(const MrHaproxy *haproxy)
{
	int64_t age_ms = (mr_loop_now_ns() - haproxy->filled_ns) / MR_NS_PER_MS;

	if (haproxy->full)
		return age_ms >= haproxy->settings->haproxy_check_ms;
	return haproxy->fill_wanted || age_ms >= REFILL_MS;
}

void
mr_haproxy_fill(MrHaproxy *haproxy)
{
	if (mr_haproxy_slow_goes_on(haproxy))
		return;
	if (haproxy->fill.active)
		mr_haproxy_ask(haproxy, MR_SQL_ROUTE_PART, haproxy->fill.cursor, take_part);
	else if (fill_is_due(haproxy))
	{
		haproxy->round++;
		haproxy->fill.skipped = 0;
		haproxy->fill.cursor[0] = '\0';
		prepare(haproxy, MR_HAPROXY_TENANTS, begin_fill);
	}
	else if (haproxy->recent_wanted)
		prepare(haproxy, MR_HAPROXY_RECENT, fill_recent);
	else
		mr_haproxy_end_turn(haproxy);
}

/* ---------- the countries and zones ---------- */

/* Strict zones that changed may change the value of any tenant in them: all are read again. */
static void
take_zones(MrHaproxy *haproxy)
{
	const PGresult *rows = haproxy->link.peer.result;
	uint64_t digest = 0;
	int i;

	for (i = 0; i < PQntuples(rows); i++)
		mr_haproxy_digest(PQgetvalue(rows, i, 0), PQgetvalue(rows, i, 1), &digest);
	if (haproxy->zones != digest)
		haproxy->fill_wanted = true;
	haproxy->zones = digest;
	mr_haproxy_fill(haproxy);
}

static void
ask_zones(MrHaproxy *haproxy)
{
	mr_haproxy_ask(haproxy, MR_SQL_ROUTE_ZONES, NULL, take_zones);
}

static void
after_countries(MrHaproxy *haproxy)
{
	if (!committed(haproxy, MR_HAPROXY_COUNTRIES))
		haproxy->content[MR_HAPROXY_COUNTRIES].entries = -1;
	ask_zones(haproxy);
}

/* They are few: they are read when they changed, and once more for the new version. */
static void
send_countries(MrHaproxy *haproxy)
{
	const PGresult *rows = haproxy->link.peer.result;
	int i;

	if (haproxy->fill.version < 0)
	{
		mr_haproxy_trouble(haproxy, "%s cannot be made: %s",
						   mr_haproxy_file(haproxy, MR_HAPROXY_COUNTRIES), haproxy->answer);
		ask_zones(haproxy);
		return;
	}
	for (i = 0; i < PQntuples(rows); i++)
		add(haproxy, MR_HAPROXY_COUNTRIES, PQgetvalue(rows, i, 0), PQgetvalue(rows, i, 1));
	commit(haproxy, MR_HAPROXY_COUNTRIES, after_countries);
}

static void
take_countries(MrHaproxy *haproxy)
{
	const PGresult *rows = haproxy->link.peer.result;
	const MrHaproxyContent *has = &haproxy->content[MR_HAPROXY_COUNTRIES];
	uint64_t digest = 0;
	int i;

	for (i = 0; i < PQntuples(rows); i++)
		mr_haproxy_digest(PQgetvalue(rows, i, 0), PQgetvalue(rows, i, 1), &digest);
	if (has->entries == PQntuples(rows) && has->digest == digest)
		ask_zones(haproxy);
	else
		prepare(haproxy, MR_HAPROXY_COUNTRIES, send_countries);
}

void
mr_haproxy_countries(MrHaproxy *haproxy)
{
	int64_t now_ns = mr_loop_now_ns();

	if (haproxy->fill.active || now_ns - haproxy->countries_ns < COUNTRIES_MS * MR_NS_PER_MS)
	{
		mr_haproxy_fill(haproxy);
		return;
	}
	haproxy->countries_ns = now_ns;
	mr_haproxy_ask(haproxy, MR_SQL_ROUTE_COUNTRIES, NULL, take_countries);
}
