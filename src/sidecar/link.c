/*
 * Drives one MrPgPeer by the event loop; see mr_link.h. It must never block, and never
 * call back while its caller still runs. Called by watcher.c and database_pool.c.
 */
#include "sidecar/mr_link.h"

#include <poll.h>
#include <string.h>

#include "sidecar/mr_loop.h"

static void advance(MrLink *link);

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	(void) fd;
	(void) what;
	advance(arg);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void) fd;
	(void) what;
	advance(arg);
}

static void
forget_socket(MrLink *link)
{
	if (link->socket != NULL)
		event_free(link->socket);
	link->socket = NULL;
	link->socket_fd = -1;
	link->socket_events = 0;
}

/* Waits for what the peer wants; libpq may change its socket while it connects. */
static void
watch(MrLink *link)
{
	int fd = mr_pg_peer_socket(&link->peer);
	short events = 0;

	if (link->peer.events & POLLIN)
		events |= EV_READ;
	if (link->peer.events & POLLOUT)
		events |= EV_WRITE;
	if (fd < 0 || events == 0)
	{
		forget_socket(link);
		return;
	}
	/* A closed and reopened number is the same number: anew in each step of connecting. */
	if (link->socket != NULL && link->socket_fd == fd && link->socket_events == events &&
		link->peer.state != MR_PG_CONNECTING)
		return;
	forget_socket(link);
	link->socket = event_new(link->base, fd, events | EV_PERSIST, on_socket, link);
	link->socket_fd = fd;
	link->socket_events = events;
	/* Without memory nothing is waited for, and the deadline ends the step. */
	if (link->socket != NULL)
		(void) event_add(link->socket, NULL);
}

/* Has the failure that closed the peer reported from the loop. */
static void
report_later(MrLink *link)
{
	forget_socket(link);
	mr_loop_arm(link->timer, 0);
}

/* Timers of libevent may be early by a tick; the peer's own clock decides. */
static void
keep_deadline(MrLink *link)
{
	int64_t left_ns = link->peer.since_ns + link->peer.timeout_ns - mr_loop_now_ns();

	if (link->peer.state != MR_PG_READY && !evtimer_pending(link->timer, NULL))
		mr_loop_arm(link->timer, left_ns / MR_NS_PER_MS + 1);
}

static void
advance(MrLink *link)
{
	MrPgPeerNews news = MR_PG_FAILED; /* as reported later */

	if (link->peer.state != MR_PG_CLOSED)
		news = mr_pg_peer_advance(&link->peer, mr_loop_now_ns());
	switch (news)
	{
		case MR_PG_NOTHING:
			watch(link);
			keep_deadline(link);
			break;
		case MR_PG_CONNECTED:
			event_del(link->timer);
			watch(link);
			link->callback(link, MR_LINK_CONNECTED, link->arg);
			break;
		case MR_PG_RESULT:
			event_del(link->timer);
			watch(link);
			link->callback(link, MR_LINK_RESULT, link->arg);
			break;
		case MR_PG_FAILED:
			event_del(link->timer);
			forget_socket(link);
			link->callback(link, MR_LINK_LOST, link->arg);
			break;
	}
}

bool
mr_link_init(MrLink *link, struct event_base *base, MrLinkCallback callback, void *arg)
{
	memset(link, 0, sizeof(*link));
	link->base = base;
	link->socket_fd = -1;
	link->callback = callback;
	link->arg = arg;
	link->timer = evtimer_new(base, on_timer, link);
	return link->timer != NULL;
}

void
mr_link_connect(MrLink *link, const char *conninfo, const char *hostaddr, const char *application,
				int64_t timeout_ms)
{
	mr_link_close(link);
	if (!mr_pg_peer_connect(&link->peer, conninfo, hostaddr, NULL, "", "", application,
							mr_loop_now_ns(), timeout_ms * MR_NS_PER_MS))
	{
		report_later(link);
		return;
	}
	watch(link);
	mr_loop_arm(link->timer, timeout_ms);
}

/* A query was sent, or the peer is closed. */
static void
await_answer(MrLink *link, bool sent, int64_t timeout_ms)
{
	if (!sent)
	{
		report_later(link);
		return;
	}
	watch(link);
	mr_loop_arm(link->timer, timeout_ms);
}

void
mr_link_query(MrLink *link, const char *sql, int nparams, const char *const *values,
			  int64_t timeout_ms)
{
	int64_t now_ns = mr_loop_now_ns();
	int64_t timeout_ns = timeout_ms * MR_NS_PER_MS;

	/* Whoever has parameters asks the same again with others. */
	if (nparams > 0)
		mr_link_query_again(link, sql, nparams, values, timeout_ms);
	else
		await_answer(link,
					 mr_pg_peer_query(&link->peer, sql, 0, NULL, NULL, NULL, 0, now_ns, timeout_ns),
					 timeout_ms);
}

void
mr_link_query_again(MrLink *link, const char *sql, int nparams, const char *const *values,
					int64_t timeout_ms)
{
	await_answer(link,
				 mr_pg_peer_query_again(&link->peer, sql, nparams, values, mr_loop_now_ns(),
										timeout_ms * MR_NS_PER_MS),
				 timeout_ms);
}

void
mr_link_close(MrLink *link)
{
	forget_socket(link);
	if (link->timer != NULL)
		event_del(link->timer);
	mr_pg_peer_close(&link->peer);
}

void
mr_link_free(MrLink *link)
{
	mr_link_close(link);
	if (link->timer != NULL)
		event_free(link->timer);
	link->timer = NULL;
}

bool
mr_link_is_ready(const MrLink *link)
{
	return link->peer.state == MR_PG_READY;
}

bool
mr_link_is_closed(const MrLink *link)
{
	return link->peer.state == MR_PG_CLOSED;
}
