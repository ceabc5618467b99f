/*
 * Tenants that changed, from the history of tenants into HAProxy's small map: the first step
 * of a turn. It must never take a change for known before HAProxy has it. Called by
 * haproxy_feed.c.
 */
#include "sidecar/mr_haproxy_feed.h"

#include <stdio.h>
#include <string.h>

#include "sidecar/mr_haproxy_sql.h"

#define NO_TRANSACTION "18446744073709551615" /* later than any */

/* Column 1 tenant, 2 value. False if there is no room for it. */
static bool
put(MrHaproxy *haproxy, const PGresult *rows, int row)
{
	const char *tenant = PQgetvalue(rows, row, 1);
	const char *value = PQgetisnull(rows, row, 2) ? MR_HAPROXY_NO_ROUTE : PQgetvalue(rows, row, 2);
	const char *file = mr_haproxy_file(haproxy, MR_HAPROXY_RECENT);
	char head[MR_HAPROXY_FOLDER_MAX + 40];
	char key[2 * 256];

	if (!mr_haproxy_is_key(tenant) || !mr_haproxy_escape(tenant, key, sizeof(key)))
		return true;
	switch (mr_haproxy_recent_put(&haproxy->recent, tenant, value, haproxy->round))
	{
		case MR_HAPROXY_PUT_SAME:
			break;
		case MR_HAPROXY_PUT_NEW:
			snprintf(head, sizeof(head), "add map %s", file);
			mr_haproxy_add(haproxy, head, tenant, value);
			haproxy->changes++;
			break;
		case MR_HAPROXY_PUT_CHANGED:
			mr_haproxy_command(haproxy, "set map %s %s %s\n", file, key, value);
			haproxy->changes++;
			break;
		case MR_HAPROXY_PUT_FULL:
			return false;
	}
	return true;
}

/* The small map is as it is in memory, or it is made anew. */
static void
after_sent(MrHaproxy *haproxy)
{
	if (haproxy->failed)
	{
		mr_haproxy_trouble(haproxy, "a change was refused: %s", haproxy->answer);
		haproxy->failed = false;
		haproxy->recent_wanted = true;
		haproxy->maps_good = false;
	}
	mr_haproxy_look(haproxy);
}

static void
take(MrHaproxy *haproxy)
{
	const PGresult *rows = haproxy->link.peer.result;
	int count = PQntuples(rows);
	int i;

	if (count > MR_HAPROXY_RECENT_MANY)
		haproxy->fill_wanted = true;
	for (i = 0; i < count && count <= MR_HAPROXY_RECENT_MANY; i++)
		if (!PQgetisnull(rows, i, 1) && !put(haproxy, rows, i))
		{
			/* The next whole map, which begins after this, has them. */
			haproxy->fill_wanted = true;
			break;
		}
	/* Soon, so that those that come meanwhile find room; what it is made of forgets many. */
	if (haproxy->recent.count >= MR_HAPROXY_RECENT_MANY && !haproxy->fill.active)
		haproxy->fill_wanted = true;
	if (count > 0)
		snprintf(haproxy->horizon, sizeof(haproxy->horizon), "%s", PQgetvalue(rows, 0, 0));
	mr_haproxy_add_end(haproxy);
	mr_haproxy_run(haproxy, after_sent);
}

void
mr_haproxy_changes(MrHaproxy *haproxy)
{
	mr_haproxy_ask(haproxy, MR_SQL_ROUTE_CHANGES,
				   haproxy->horizon[0] != '\0' ? haproxy->horizon : NO_TRANSACTION, take);
}
