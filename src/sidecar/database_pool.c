/*
 * Connections for single requests; see mr_database_pool.h. It must never keep a request
 * beyond its deadline, whatever the database does, and never send one twice, or after its
 * deadline: who asked has given up by then. Called by serve.c, primary.c and the endpoints.
 */
#include "sidecar/mr_database_pool.h"

#include <stdlib.h>
#include <string.h>

#include "core/mr_assert.h"
#include "sidecar/mr_loop.h"

#define APPLICATION "multiregiond request"
#define IDLE_MS 30000 /* an unused connection is closed after this */
#define TICK_MS 1000  /* how often idle connections are looked at */
#define RESET_SQL \
	"SELECT pg_catalog.set_config('role', 'none', false), " \
	"pg_catalog.set_config('request.jwt.claims', '', false)"
#define TOO_LATE "no connection was free in time"

static void dispatch(MrPool *pool);

static void
free_request(MrPoolRequest *request)
{
	PQclear(request->result);
	free(request->query);
	free(request);
}

/*
 * Answers a request and frees it. result is the last one; of two statements the first
 * one's has been kept, and then the second changes nothing about it.
 */
static void
finish(MrPool *pool, MrPoolRequest *request, const PGresult *result, const char *problem)
{
	MrPoolAnswer answer = {.result = result, .problem = problem, .sent = request->sent};

	pool->count--;
	if (request->result != NULL)
	{
		answer.result = request->result;
		answer.then = result;
	}
	request->callback(request->arg, &answer);
	free_request(request);
}

static bool
is_late(const MrPoolRequest *request)
{
	return request->deadline_ns <= mr_loop_now_ns();
}

/* Takes the first that is late, or the first that is not, out of the queue; NULL if none. */
static MrPoolRequest *
take(MrPool *pool, bool late)
{
	MrPoolRequest *before = NULL;
	MrPoolRequest *request = pool->first;

	while (request != NULL && is_late(request) != late)
	{
		before = request;
		request = request->next;
	}
	if (request == NULL)
		return NULL;
	if (before == NULL)
		pool->first = request->next;
	else
		before->next = request->next;
	if (pool->last == request)
		pool->last = before;
	request->next = NULL;
	return request;
}

static int64_t
left_ms(const MrPoolRequest *request)
{
	int64_t left = (request->deadline_ns - mr_loop_now_ns()) / MR_NS_PER_MS;

	return left > 1 ? left : 1;
}

static void
send_step(MrPoolLink *link, MrPoolStep step)
{
	MrPoolRequest *request = link->request;
	const MrPoolQuery *query = request->query;
	const char *whose[] = {query->role, query->claims};

	link->step = step;
	switch (step)
	{
		case MR_POOL_RESET:
			mr_link_query(&link->link, RESET_SQL, 0, NULL, left_ms(request));
			break;
		case MR_POOL_BECOME:
			link->changed = true;
			mr_link_query(&link->link, query->become, 2, whose, left_ms(request));
			break;
		case MR_POOL_QUERY:
			request->sent = true;
			link->sent_ns = mr_loop_now_ns();
			mr_link_query(&link->link, query->sql, query->count, query->values, left_ms(request));
			break;
	}
}

/*
 * Moves a link's request forward: connect, or send it. Nobody's query runs in a session that
 * still is somebody else's: each one that was is reset first.
 */
static void
work(MrPoolLink *link)
{
	const MrTarget *target = link->pool->target;
	MrPoolRequest *request = link->request;
	int64_t connect_ms = left_ms(request);

	if (mr_link_is_ready(&link->link))
	{
		send_step(link, link->changed                    ? MR_POOL_RESET
						: request->query->become != NULL ? MR_POOL_BECOME
														 : MR_POOL_QUERY);
		return;
	}
	if (link->pool->connect_ms > 0 && connect_ms > link->pool->connect_ms)
		connect_ms = link->pool->connect_ms;
	mr_link_connect(&link->link, target->conninfo, target->hostaddr, APPLICATION, connect_ms);
}

/*
 * Whether something more was sent for a request, since the last statement has succeeded.
 * Else its error is the request's; a session that was to become somebody stays to be reset.
 */
static bool
go_on(MrPoolLink *link)
{
	MrPoolRequest *request = link->request;
	PGresult **result = &link->link.peer.result;
	ExecStatusType status = PQresultStatus(*result);

	if (link->step != MR_POOL_QUERY)
	{
		if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
			return false;
		if (link->step == MR_POOL_RESET)
			link->changed = false;
		send_step(link, link->step == MR_POOL_RESET && request->query->become != NULL
							? MR_POOL_BECOME
							: MR_POOL_QUERY);
		return true;
	}
	if (request->query->then == NULL || request->result != NULL || status != PGRES_TUPLES_OK)
		return false;
	request->result = *result;
	*result = NULL;
	link->sent_ns = mr_loop_now_ns();
	mr_link_query(&link->link, request->query->then, 0, NULL, left_ms(request));
	return true;
}

/* Whether any link has a session. */
static bool
is_connected(const MrPool *pool)
{
	int i;

	for (i = 0; i < MR_POOL_LINKS; i++)
		if (pool->links[i].link.peer.state == MR_PG_READY ||
			pool->links[i].link.peer.state == MR_PG_BUSY)
			return true;
	return false;
}

static void
close_link(MrPoolLink *link)
{
	mr_link_close(&link->link);
	link->outdated = false;
}

/* Ends those that wait now; what their callbacks ask for is not among them. */
static void
fail_queue(MrPool *pool, const char *problem)
{
	MrPoolRequest *request = pool->first;

	pool->first = NULL;
	pool->last = NULL;
	while (request != NULL)
	{
		MrPoolRequest *next = request->next;

		finish(pool, request, NULL, problem);
		request = next;
	}
}

/* A statement has ended: with an answer, or with the connection. */
static void
observe(const MrPoolLink *link)
{
	const MrPoolRequest *request = link->request;

	if (request != NULL && request->sent)
		mr_metrics_observe_query(request->result != NULL ? MR_OPERATION_TOKEN
														 : request->query->operation,
								 link->pool->node, mr_loop_now_ns() - link->sent_ns);
}

static void
on_link(MrLink *link, MrLinkNews news, void *arg)
{
	MrPoolLink *pool_link = arg;
	MrPool *pool = pool_link->pool;
	MrPoolRequest *request = pool_link->request;

	if (news == MR_LINK_CONNECTED)
		pool_link->changed = false;
	else
		observe(pool_link);
	if (news == MR_LINK_CONNECTED && request != NULL && !is_late(request))
	{
		work(pool_link);
		return;
	}
	if (news == MR_LINK_RESULT && request != NULL && go_on(pool_link))
		return;
	pool_link->request = NULL;
	pool_link->idle_since_ns = mr_loop_now_ns();
	/* Who waits behind one that could not even connect would wait for nothing. */
	if (request != NULL && news == MR_LINK_LOST && !request->sent && !is_connected(pool))
		fail_queue(pool, link->peer.error);
	if (request != NULL && news == MR_LINK_RESULT)
		finish(pool, request, link->peer.result, NULL);
	else if (request != NULL)
		finish(pool, request, NULL, news == MR_LINK_LOST ? link->peer.error : TOO_LATE);
	if (pool_link->outdated)
		close_link(pool_link);
	dispatch(pool);
}

/* The best link without a request: a connected one before a closed one. NULL if none. */
static MrPoolLink *
free_link(MrPool *pool)
{
	MrPoolLink *found = NULL;
	int i;

	for (i = 0; i < MR_POOL_LINKS; i++)
	{
		MrPoolLink *link = &pool->links[i];

		if (link->request != NULL || link->outdated)
			continue;
		if (mr_link_is_ready(&link->link))
			return link;
		found = link;
	}
	return found;
}

/* When the timer is needed next: the next deadline in the queue, or idle connections. */
static void
arm(MrPool *pool)
{
	const MrPoolRequest *request;
	int64_t wait_ms = TICK_MS;
	bool needed = pool->first != NULL;
	int i;

	for (request = pool->first; request != NULL; request = request->next)
		if (left_ms(request) < wait_ms)
			wait_ms = left_ms(request);
	for (i = 0; i < MR_POOL_LINKS; i++)
		needed |= !mr_link_is_closed(&pool->links[i].link);
	if (needed)
		mr_loop_arm(pool->timer, wait_ms);
	else
		event_del(pool->timer);
}

/* Those that are late stay, for the timer: our caller may not expect their callbacks. */
static void
dispatch(MrPool *pool)
{
	MrPoolLink *link = free_link(pool);
	MrPoolRequest *request;

	while (link != NULL && (request = take(pool, false)) != NULL)
	{
		link->request = request;
		work(link);
		link = free_link(pool);
	}
	arm(pool);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	MrPool *pool = arg;
	int64_t now_ns = mr_loop_now_ns();
	MrPoolRequest *request;
	int i;

	(void) fd;
	(void) what;
	/* From the beginning each time: a callback may change the queue. */
	while ((request = take(pool, true)) != NULL)
		finish(pool, request, NULL, TOO_LATE);
	for (i = 0; i < MR_POOL_LINKS; i++)
	{
		MrPoolLink *link = &pool->links[i];

		if (link->request == NULL && mr_link_is_ready(&link->link) &&
			now_ns - link->idle_since_ns >= IDLE_MS * MR_NS_PER_MS)
			mr_link_close(&link->link);
	}
	arm(pool);
}

bool
mr_pool_open(MrPool *pool, struct event_base *base, const MrTarget *target)
{
	bool good = true;
	int i;

	memset(pool, 0, sizeof(*pool));
	pool->target = target;
	pool->timer = evtimer_new(base, on_timer, pool);
	for (i = 0; i < MR_POOL_LINKS; i++)
	{
		pool->links[i].pool = pool;
		good &= mr_link_init(&pool->links[i].link, base, on_link, &pool->links[i]);
	}
	return good && pool->timer != NULL;
}

static MrPoolRequest *
make_request(const MrPoolQuery *query)
{
	MrPoolRequest *request = calloc(1, sizeof(*request));

	if (request != NULL)
		request->query = mr_pool_query_copy(query);
	if (request != NULL && request->query != NULL)
		return request;
	free(request);
	return NULL;
}

bool
mr_pool_query(MrPool *pool, const MrPoolQuery *query, MrPoolCallback callback, void *arg)
{
	MrPoolRequest *request = pool->count < MR_POOL_QUEUE ? make_request(query) : NULL;

	if (request == NULL)
		return false;
	request->deadline_ns = mr_loop_now_ns() + query->timeout_ms * MR_NS_PER_MS;
	request->callback = callback;
	request->arg = arg;
	if (pool->last != NULL)
		pool->last->next = request;
	else
		pool->first = request;
	pool->last = request;
	pool->count++;
	dispatch(pool);
	return true;
}

void
mr_pool_shed(MrPool *pool, const char *problem)
{
	int i;

	fail_queue(pool, problem);
	for (i = 0; i < MR_POOL_LINKS; i++)
	{
		MrPoolRequest *request = pool->links[i].request;

		if (request == NULL || request->sent)
			continue;
		pool->links[i].request = NULL;
		close_link(&pool->links[i]);
		finish(pool, request, NULL, problem);
	}
	arm(pool);
}

void
mr_pool_renew(MrPool *pool)
{
	int i;

	for (i = 0; i < MR_POOL_LINKS; i++)
		if (pool->links[i].request != NULL)
			pool->links[i].outdated = true;
		else
			close_link(&pool->links[i]);
	arm(pool);
}

void
mr_pool_disconnect(MrPool *pool, const char *problem)
{
	MrPoolRequest *request;
	int i;

	for (i = 0; i < MR_POOL_LINKS; i++)
	{
		request = pool->links[i].request;
		pool->links[i].request = NULL;
		close_link(&pool->links[i]);
		if (request != NULL)
			finish(pool, request, NULL, problem);
	}
	while (pool->first != NULL)
		fail_queue(pool, problem);
	arm(pool);
}

void
mr_pool_close(MrPool *pool)
{
	int i;

	MR_ASSERT(pool->count == 0);
	for (i = 0; i < MR_POOL_LINKS; i++)
		mr_link_free(&pool->links[i].link);
	if (pool->timer != NULL)
		event_free(pool->timer);
	memset(pool, 0, sizeof(*pool));
}
