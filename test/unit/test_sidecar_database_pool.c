/*
 * The queue of a pool: requests with different times end when each is due, and none that is
 * late is sent. The connections are the test's own, and so is the time.
 */
#include "sidecar/mr_database_pool.h"
#include "unit/mr_unit.h"

#include <stdio.h>
#include <string.h>

#include "sidecar/database_pool.c"
#include "sidecar/pool_query.c"

static int64_t now_ms;
static int64_t armed_ms; /* what the timer waits for; -1 = nothing yet */
static bool closed;      /* the connections of a new pool are not open yet */
static char sent[128];   /* statements, in the order of sending */
static char ended[128];  /* ... and of those that ended without having been sent */

void
mr_metrics_observe_query(MrOperation operation, const char *node, int64_t ns)
{
	(void) operation;
	(void) node;
	(void) ns;
}

int64_t
mr_loop_now_ns(void)
{
	return now_ms * MR_NS_PER_MS;
}

void
mr_loop_arm(struct event *timer, int64_t delay_ms)
{
	(void) timer;
	armed_ms = delay_ms;
}

bool
mr_link_init(MrLink *link, struct event_base *base, MrLinkCallback callback, void *arg)
{
	link->base = base;
	link->callback = callback;
	link->arg = arg;
	link->peer.state = closed ? MR_PG_CLOSED : MR_PG_READY;
	return true;
}

void
mr_link_connect(MrLink *link, const char *conninfo, const char *hostaddr, const char *application,
				int64_t timeout_ms)
{
	(void) conninfo;
	(void) hostaddr;
	(void) application;
	(void) timeout_ms;
	link->peer.state = MR_PG_CONNECTING;
}

void
mr_link_query(MrLink *link, const char *sql, int nparams, const char *const *values,
			  int64_t timeout_ms)
{
	size_t length = strlen(sent);

	(void) nparams;
	(void) values;
	(void) timeout_ms;
	link->peer.state = MR_PG_BUSY;
	snprintf(sent + length, sizeof(sent) - length, "%s ", sql);
}

void
mr_link_close(MrLink *link)
{
	link->peer.state = MR_PG_CLOSED;
}

void
mr_link_free(MrLink *link)
{
	(void) link;
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

static MrPool pool;
static MrTarget target;
static struct event_base *base;

/* arg: the statement of a request. */
static void
on_end(void *arg, const MrPoolAnswer *answer)
{
	size_t length = strlen(ended);

	if (!answer->sent)
		snprintf(ended + length, sizeof(ended) - length, "%s ", (char *) arg);
}

static bool
ask(const char *sql, int64_t timeout_ms)
{
	MrPoolQuery query = {.sql = sql, .timeout_ms = timeout_ms};

	return mr_pool_query(&pool, &query, on_end, (char *) sql);
}

/* A pool whose connections are open, or are not. */
static bool
begin(bool open)
{
	now_ms = 1000;
	armed_ms = -1;
	closed = !open;
	sent[0] = '\0';
	ended[0] = '\0';
	base = event_base_new();
	return base != NULL && mr_pool_open(&pool, base, &target);
}

/* ... and all are busy for a minute. */
static bool
begin_busy(void)
{
	bool good = begin(true);
	int i;

	for (i = 0; i < MR_POOL_LINKS; i++)
		good = good && ask("busy", 60000);
	sent[0] = '\0';
	return good;
}

static void
end(void)
{
	mr_pool_disconnect(&pool, "the end");
	mr_pool_close(&pool);
	event_base_free(base);
}

static void
on_news(int link, MrPgPeerState state, MrLinkNews news)
{
	pool.links[link].link.peer.state = state;
	on_link(&pool.links[link].link, news, &pool.links[link]);
}

MR_TEST(each_in_the_queue_ends_when_it_is_due)
{
	MR_REQUIRE(begin_busy());
	MR_REQUIRE(ask("long", 5000) && ask("short", 100) && ask("middle", 700));
	MR_CHECK_INT(armed_ms, 100);
	now_ms += 100;
	on_timer(-1, 0, &pool);
	MR_CHECK_STRING(ended, "short ");
	MR_CHECK_INT(armed_ms, 600);
	now_ms += 600;
	on_timer(-1, 0, &pool);
	MR_CHECK_STRING(ended, "short middle ");
	MR_CHECK_INT(armed_ms, TICK_MS);
	/* The ends of the queue are still those of the list. */
	MR_REQUIRE(ask("last", 5000));
	on_news(0, MR_PG_READY, MR_LINK_RESULT);
	on_news(1, MR_PG_READY, MR_LINK_RESULT);
	MR_CHECK_STRING(sent, "long last ");
	MR_CHECK_STRING(ended, "short middle ");
	end();
}

MR_TEST(a_late_one_is_not_sent)
{
	MR_REQUIRE(begin_busy());
	MR_REQUIRE(ask("late", 100) && ask("good", 5000));
	now_ms += 100;
	on_news(0, MR_PG_READY, MR_LINK_RESULT);
	MR_CHECK_STRING(sent, "good ");
	on_news(1, MR_PG_READY, MR_LINK_RESULT);
	MR_CHECK_STRING(sent, "good ");
	MR_CHECK_INT(armed_ms, 1);
	on_timer(-1, 0, &pool);
	MR_CHECK_STRING(ended, "late ");
	end();
}

/* As when this program itself was frozen meanwhile. */
MR_TEST(one_whose_connection_comes_late_is_not_sent)
{
	MR_REQUIRE(begin(false));
	MR_REQUIRE(ask("late", 100));
	now_ms += 100;
	on_news(MR_POOL_LINKS - 1, MR_PG_READY, MR_LINK_CONNECTED);
	MR_CHECK_STRING(sent, "");
	MR_CHECK_STRING(ended, "late ");
	MR_REQUIRE(ask("good", 100));
	MR_CHECK_STRING(sent, "good ");
	end();
}

/* As after a reload that names another database. */
MR_TEST(connections_that_are_renewed_are_not_asked_again)
{
	int i;

	MR_REQUIRE(begin(true));
	MR_REQUIRE(ask("busy", 60000)); /* by the first link */
	sent[0] = '\0';
	mr_pool_renew(&pool);
	MR_CHECK_INT(pool.links[0].link.peer.state, MR_PG_BUSY);
	for (i = 1; i < MR_POOL_LINKS; i++)
		MR_CHECK_INT(pool.links[i].link.peer.state, MR_PG_CLOSED);
	on_news(0, MR_PG_READY, MR_LINK_RESULT);
	MR_CHECK_INT(pool.links[0].link.peer.state, MR_PG_CLOSED);
	MR_REQUIRE(ask("next", 5000));
	MR_CHECK_STRING(sent, "");
	on_news(MR_POOL_LINKS - 1, MR_PG_READY, MR_LINK_CONNECTED);
	MR_CHECK_STRING(sent, "next ");
	MR_CHECK(!pool.links[0].outdated);
	end();
}
