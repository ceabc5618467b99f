/*
 * Finds the primary and has it make a change; see mr_primary.h. It must never send a change
 * to a second member while the first one may have made it, and never say "not done" of one
 * that may have been. Called by serve.c and the endpoints that change something.
 */
#include "sidecar/mr_primary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mr_assert.h"
#include "sidecar/mr_catalog_sql.h"
#include "sidecar/mr_log.h"
#include "sidecar/mr_loop.h"
#include "sidecar/mr_status_member.h"

#define PAUSE_MS 50   /* between two rounds: a failover is a matter of a few hundred */
#define SLOW_MS 200   /* to learn that a member does not answer: a closed port says so at once */
#define AVOID_MS 5000 /* then nobody waits for it, unless it is the primary or there is no other */

static void try_next(MrWrite *write);

/* ---------- members ---------- */

/*
 * The server itself gives up a little before the longest wait here, so that a change that
 * waits for a lock ends with "not done" instead of being made when nobody waits any more.
 */
static bool
add_timeout(const MrPrimary *primary, char *conninfo)
{
	char option[64];

	snprintf(option, sizeof(option), "-c statement_timeout=%" PRId64,
			 primary->settings->write_timeout_ms * 3 / 4);
	return mr_pg_conninfo_add_option(conninfo, MR_CONNINFO_SIZE, option);
}

static MrPrimaryMember *
member_of(MrPrimary *primary, const char *name)
{
	MrPrimaryMember *unused = NULL;
	int i;

	for (i = 0; i < MR_MAX_MEMBERS; i++)
	{
		MrPrimaryMember *member = &primary->members[i];

		if (member->used && strcmp(member->name, name) == 0)
			return member;
		if (!member->used && unused == NULL)
			unused = member;
	}
	return unused;
}

/* Takes a member over; one that is reached in another way now loses its connections. */
static void
take_member(MrPrimary *primary, const char *name, char *conninfo, const char *hostaddr,
			uint32_t *seen)
{
	MrPrimaryMember *member = member_of(primary, name);

	if (member == NULL || !add_timeout(primary, conninfo))
	{
		mr_log(MR_LOG_WARNING, "node \"%s\" cannot be reached: %s", name,
			   member == NULL ? "there are too many" : "its connection string is too long");
		return;
	}
	*seen |= UINT32_C(1) << (member - primary->members);
	member->pool.node = member->name;
	member->pool.connect_ms = primary->settings->database_timeout_ms;
	if (member->used && strcmp(member->target.conninfo, conninfo) == 0 &&
		strcmp(member->target.hostaddr, hostaddr) == 0)
		return;
	member->used = true;
	/* What was learnt of the one that was here before, or at another address. */
	member->avoid_until_ns = 0;
	member->problem[0] = '\0';
	snprintf(member->name, sizeof(member->name), "%s", name);
	snprintf(member->target.conninfo, sizeof(member->target.conninfo), "%s", conninfo);
	snprintf(member->target.hostaddr, sizeof(member->target.hostaddr), "%s", hostaddr);
	mr_pool_disconnect(&member->pool, "the node is reached in another way now");
}

/* The node beside us: by our own way to it, not by the one that others take. */
static void
take_local(MrPrimary *primary, const char *name, uint32_t *seen)
{
	char conninfo[MR_CONNINFO_SIZE];
	MrPrimaryMember *member;

	snprintf(conninfo, sizeof(conninfo), "%s", primary->settings->database.text);
	take_member(primary, name, conninfo, primary->local->hostaddr, seen);
	member = member_of(primary, name);
	if (member != NULL)
		member->pool.node = NULL;
}

/* Brings the members up to what status and settings say. */
static void
refresh(MrPrimary *primary)
{
	const MrStatus *status = primary->status;
	const char *self = status->managed && status->node != NULL ? status->node : "";
	char conninfo[MR_CONNINFO_SIZE];
	MrStatusMember row;
	uint32_t seen = 0;
	int i;

	if (primary->fresh && primary->member_reads == status->member_reads)
		return;
	primary->fresh = true;
	primary->member_reads = status->member_reads;
	take_local(primary, self, &seen);
	for (i = 0; mr_status_member(status, i, &row); i++)
	{
		if (strcmp(row.name, self) == 0)
			continue;
		if (mr_conninfo_of_member(row.conninfo, &primary->settings->database, conninfo,
								  sizeof(conninfo)))
			take_member(primary, row.name, conninfo, row.hostaddr, &seen);
		else
			mr_log(MR_LOG_WARNING, "the connection string of node \"%s\" cannot be used", row.name);
	}
	for (i = 0; i < MR_MAX_MEMBERS; i++)
		if (primary->members[i].used && (seen >> i & 1) == 0)
		{
			primary->members[i].used = false;
			mr_pool_disconnect(&primary->members[i].pool, "the node is no member any more");
		}
}

static bool
is_avoided(const MrPrimaryMember *member)
{
	return member->avoid_until_ns > mr_loop_now_ns();
}

/*
 * How promising a member is, 0 the most: the primary as far as is known here, the one that
 * made the last change, any other one.
 */
static int
rank_of(const MrPrimary *primary, int i)
{
	const char *known = primary->status->primary_node;

	if (known != NULL && strcmp(primary->members[i].name, known) == 0)
		return 0;
	return i == primary->last_good ? 1 : 2;
}

/*
 * Whom to try next; -1: nobody is left in this round. A frozen member costs each attempt the
 * time to connect, in which another one may become the primary.
 */
static int
choose(const MrPrimary *primary, uint32_t tried)
{
	bool all_avoided = true;
	int found = -1;
	int i;

	for (i = 0; i < MR_MAX_MEMBERS; i++)
		all_avoided &= !primary->members[i].used || is_avoided(&primary->members[i]);
	for (i = 0; i < MR_MAX_MEMBERS; i++)
	{
		if (!primary->members[i].used || (tried >> i & 1) != 0 ||
			(!all_avoided && is_avoided(&primary->members[i])))
			continue;
		if (found < 0 || rank_of(primary, i) < rank_of(primary, found))
			found = i;
	}
	return found;
}

/* ---------- writes ---------- */

static void
free_write(MrWrite *write)
{
	free(write->query);
	free(write);
}

static void
finish(MrWrite *write, MrWriteOutcome outcome, const PGresult *result, const char *token)
{
	MrPrimary *primary = write->primary;
	MrWriteAnswer answer = {.outcome = outcome, .result = result, .token = token};
	MrWrite **link;

	for (link = &primary->writes; *link != write; link = &(*link)->next)
		MR_ASSERT(*link != NULL);
	*link = write->next;
	primary->count--;
	write->callback(write->arg, &answer);
	free_write(write);
}

/* Why a member could not be asked, once: connection errors name no secret. */
static void
note_problem(MrPrimaryMember *member, const char *problem)
{
	if (strcmp(problem, member->problem) == 0)
		return;
	snprintf(member->problem, sizeof(member->problem), "%s", problem);
	mr_log(MR_LOG_INFO, "node \"%s\" could not be asked for a change: %s", member->name, problem);
}

/* What an answer says about the member that gave it, or did not. */
static void
judge_member(MrPrimary *primary, const MrWrite *write, const MrPoolAnswer *answer)
{
	MrPrimaryMember *member = &primary->members[write->member];
	int64_t now_ns = mr_loop_now_ns();

	member->avoid_until_ns = 0;
	if (answer->result != NULL)
		member->problem[0] = '\0';
	else
	{
		note_problem(member, answer->problem);
		if (now_ns - write->began_ns >= SLOW_MS * MR_NS_PER_MS)
			member->avoid_until_ns = now_ns + AVOID_MS * MR_NS_PER_MS;
	}
}

/* Whether an error means: not this node, or not now. Then nothing was changed. */
static bool
is_not_here(const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	return sqlstate != NULL && (strcmp(sqlstate, "25006") == 0 || strcmp(sqlstate, "57P03") == 0);
}

static const char *
token_of(const PGresult *result)
{
	if (result == NULL || PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1 ||
		PQgetisnull(result, 0, 0))
		return NULL;
	return PQgetvalue(result, 0, 0);
}

static void
on_answer(void *arg, const MrPoolAnswer *answer)
{
	MrWrite *write = arg;
	MrPrimary *primary = write->primary;

	judge_member(primary, write, answer);
	if (answer->result == NULL && answer->sent)
		finish(write, MR_WRITE_UNKNOWN, NULL, NULL);
	else if (answer->result != NULL && PQresultStatus(answer->result) == PGRES_TUPLES_OK)
	{
		primary->last_good = write->member;
		finish(write, MR_WRITE_DONE, answer->result, token_of(answer->then));
	}
	else if (answer->result != NULL && !is_not_here(answer->result))
		finish(write, MR_WRITE_REFUSED, answer->result, NULL);
	else
		try_next(write);
}

static int64_t
left_ms(const MrWrite *write)
{
	return (write->deadline_ns - mr_loop_now_ns()) / MR_NS_PER_MS;
}

static void
pause_write(MrWrite *write)
{
	write->pausing = true;
	write->tried = 0;
}

/* Has the next member try, or waits for the next round, or gives up. */
static void
try_next(MrWrite *write)
{
	MrPrimary *primary = write->primary;

	write->query->timeout_ms = left_ms(write);
	if (write->query->timeout_ms <= 0 || primary->stopping)
	{
		finish(write, MR_WRITE_NOT_DONE, NULL, NULL);
		return;
	}
	refresh(primary);
	write->member = choose(primary, write->tried);
	if (write->member < 0)
	{
		pause_write(write);
		return;
	}
	write->tried |= UINT32_C(1) << write->member;
	write->began_ns = mr_loop_now_ns();
	if (!mr_pool_query(&primary->members[write->member].pool, write->query, on_answer, write))
		pause_write(write);
}

/*
 * The primary is another one than before: what still waits for the old one, which may be
 * frozen, goes on to the new one.
 */
static void
follow_leader(MrPrimary *primary)
{
	const char *now = primary->status->primary_node != NULL ? primary->status->primary_node : "";
	int i;

	if (strcmp(now, primary->leader) == 0)
		return;
	snprintf(primary->leader, sizeof(primary->leader), "%s", now);
	for (i = 0; i < MR_MAX_MEMBERS; i++)
		if (strcmp(primary->members[i].name, now) == 0)
			primary->members[i].avoid_until_ns = 0;
		else if (primary->members[i].used)
			mr_pool_shed(&primary->members[i].pool, "another node is the primary now");
}

static MrWrite *
next_due(const MrPrimary *primary)
{
	MrWrite *write = primary->writes;

	while (write != NULL && !write->due)
		write = write->next;
	return write;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	MrPrimary *primary = arg;
	MrWrite *write;

	(void) fd;
	(void) what;
	follow_leader(primary);
	for (write = primary->writes; write != NULL; write = write->next)
		write->due = write->pausing;
	/* Each step may end any write. */
	while ((write = next_due(primary)) != NULL)
	{
		write->due = false;
		write->pausing = false;
		try_next(write);
	}
	if (primary->writes != NULL)
		mr_loop_arm(primary->timer, PAUSE_MS);
}

bool
mr_primary_write(MrPrimary *primary, const MrPoolQuery *query, MrWriteCallback callback, void *arg)
{
	MrPoolQuery with_token = *query;
	MrWrite *write;

	if (primary->count >= MR_PRIMARY_WRITES)
		return false;
	write = calloc(1, sizeof(*write));
	if (write == NULL)
		return false;
	with_token.then = MR_SQL_TOKEN;
	write->query = mr_pool_query_copy(&with_token);
	if (write->query == NULL)
	{
		free_write(write);
		return false;
	}
	write->primary = primary;
	write->deadline_ns = mr_loop_now_ns() + query->timeout_ms * MR_NS_PER_MS;
	write->callback = callback;
	write->arg = arg;
	write->next = primary->writes;
	primary->writes = write;
	primary->count++;
	if (!evtimer_pending(primary->timer, NULL))
		mr_loop_arm(primary->timer, PAUSE_MS);
	try_next(write);
	return true;
}

/* ---------- life ---------- */

bool
mr_primary_open(MrPrimary *primary, struct event_base *base, const MrStatus *status,
				const MrTarget *local)
{
	bool good = true;
	int i;

	memset(primary, 0, sizeof(*primary));
	primary->status = status;
	primary->local = local;
	primary->last_good = -1;
	primary->timer = evtimer_new(base, on_timer, primary);
	for (i = 0; i < MR_MAX_MEMBERS; i++)
		good &= mr_pool_open(&primary->members[i].pool, base, &primary->members[i].target);
	return good && primary->timer != NULL;
}

void
mr_primary_set(MrPrimary *primary, const MrSettings *settings)
{
	primary->settings = settings;
	primary->fresh = false;
}

void
mr_primary_close(MrPrimary *primary)
{
	int i;

	if (primary->timer == NULL)
		return;
	primary->stopping = true;
	for (i = 0; i < MR_MAX_MEMBERS; i++)
		mr_pool_disconnect(&primary->members[i].pool, "multiregiond stops");
	on_timer(-1, 0, primary);
	for (i = 0; i < MR_MAX_MEMBERS; i++)
		mr_pool_close(&primary->members[i].pool);
	event_free(primary->timer);
	memset(primary, 0, sizeof(*primary));
}
