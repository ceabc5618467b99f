/*
 * Connections for single requests; see mr_database_pool.h. It must never keep a request
 * beyond its deadline, whatever the database does. Called by service.c and
 * endpoint_tenant.c.
 */
#include "sidecar/mr_database_pool.h"

#include <stdlib.h>
#include <string.h>

#include "core/mr_assert.h"
#include "sidecar/mr_loop.h"

#define APPLICATION "multiregiond request"
#define IDLE_MS 30000 /* an unused connection is closed after this */
#define TICK_MS 1000  /* how often idle connections are looked at */

static void dispatch(MrPool *pool);

/* Answers a request and frees it. */
static void
finish(MrPool *pool, MrPoolRequest *request, const PGresult *result, const char *problem)
{
	pool->count--;
	request->callback(request->arg, result, problem);
	free(request->sql);
	free(request->parameter);
	free(request);
}

static MrPoolRequest *
take_first(MrPool *pool)
{
	MrPoolRequest *request = pool->first;

	if (request != NULL)
	{
		pool->first = request->next;
		if (pool->first == NULL)
			pool->last = NULL;
	}
	return request;
}

static int64_t
left_ms(const MrPoolRequest *request)
{
	int64_t left = (request->deadline_ns - mr_loop_now_ns()) / MR_NS_PER_MS;

	return left > 1 ? left : 1;
}

/* Moves a link's request forward: connect, or send it. */
static void
work(MrPoolLink *link)
{
	const MrTarget *target = link->pool->target;
	const char *values[] = {link->request->parameter};

	if (mr_link_is_ready(&link->link))
		mr_link_query(&link->link, link->request->sql, 1, values, left_ms(link->request));
	else
		mr_link_connect(&link->link, target->conninfo, target->hostaddr, APPLICATION,
						left_ms(link->request));
}

static void
on_link(MrLink *link, MrLinkNews news, void *arg)
{
	MrPoolLink *pool_link = arg;
	MrPool *pool = pool_link->pool;
	MrPoolRequest *request = pool_link->request;

	if (news == MR_LINK_CONNECTED && request != NULL)
	{
		work(pool_link);
		return;
	}
	pool_link->request = NULL;
	pool_link->idle_since_ns = mr_loop_now_ns();
	if (request != NULL && news == MR_LINK_RESULT)
		finish(pool, request, link->peer.result, NULL);
	else if (request != NULL)
		finish(pool, request, NULL, link->peer.error);
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

		if (link->request != NULL)
			continue;
		if (mr_link_is_ready(&link->link))
			return link;
		found = link;
	}
	return found;
}

/* When the timer is needed next: the first deadline in the queue, or idle connections. */
static void
arm(MrPool *pool)
{
	bool open = false;
	int i;

	for (i = 0; i < MR_POOL_LINKS; i++)
		open |= !mr_link_is_closed(&pool->links[i].link);
	if (pool->first != NULL && left_ms(pool->first) < TICK_MS)
		mr_loop_arm(pool->timer, left_ms(pool->first));
	else if (pool->first != NULL || open)
		mr_loop_arm(pool->timer, TICK_MS);
	else
		event_del(pool->timer);
}

static void
dispatch(MrPool *pool)
{
	while (pool->first != NULL)
	{
		MrPoolLink *link = free_link(pool);

		if (link == NULL)
			break;
		link->request = take_first(pool);
		work(link);
	}
	arm(pool);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	MrPool *pool = arg;
	int64_t now_ns = mr_loop_now_ns();
	int i;

	(void) fd;
	(void) what;
	while (pool->first != NULL && pool->first->deadline_ns <= now_ns)
		finish(pool, take_first(pool), NULL, "no connection was free in time");
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

bool
mr_pool_query(MrPool *pool, const char *sql, const char *parameter, int64_t timeout_ms,
			  MrPoolCallback callback, void *arg)
{
	MrPoolRequest *request;

	if (pool->count >= MR_POOL_QUEUE)
		return false;
	request = calloc(1, sizeof(*request));
	if (request == NULL)
		return false;
	request->sql = strdup(sql);
	request->parameter = strdup(parameter);
	request->deadline_ns = mr_loop_now_ns() + timeout_ms * MR_NS_PER_MS;
	request->callback = callback;
	request->arg = arg;
	if (request->sql == NULL || request->parameter == NULL)
	{
		free(request->sql);
		free(request->parameter);
		free(request);
		return false;
	}
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
mr_pool_disconnect(MrPool *pool, const char *problem)
{
	MrPoolRequest *request;
	int i;

	for (i = 0; i < MR_POOL_LINKS; i++)
	{
		request = pool->links[i].request;
		pool->links[i].request = NULL;
		mr_link_close(&pool->links[i].link);
		if (request != NULL)
			finish(pool, request, NULL, problem);
	}
	while ((request = take_first(pool)) != NULL)
		finish(pool, request, NULL, problem);
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
