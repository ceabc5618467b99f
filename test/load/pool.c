/*
 * pool: many clients with a connection each, which reconnect only when they see an error.
 *
 *   pool CLIENTS PERIOD_MS ANSWER_MS CONNECT_MS PORT...
 *
 * What a connection pool of an application is to a database: every client sends a small
 * statement each PERIOD_MS, most of them an insert into load.written, each fourth only
 * reads. It knows all servers (host 127.0.0.1, the ports) and asks for one that takes
 * writes. An error of whatever kind makes it connect again; one that finds no primary tries
 * again after a moment. ANSWER_MS is how long it waits for an answer, CONNECT_MS for each
 * server when it connects, before it tries the next; 0 is for ever.
 *
 * As good pools do, they connect a few at a time, and share what one of them learns: which
 * server to try first (the one that worked, or the next after one that is silent), and that
 * no server takes writes, upon which only a few go on asking. A thousand that all connect
 * at once, and again when that takes too long, keep every server busy with sessions that
 * nobody waits for any more.
 *
 * It prints "ready" once everybody has been answered, and after each line "fault" on
 * standard input, when everybody has been answered on a connection begun since:
 *
 *   back PORT TAKEOVER_MS STUCK LATE LAST_MS
 *
 * the server of the first insert acknowledged on such a connection, how long after the
 * fault that was (the takeover), how many clients were stuck and how many late 2 s after
 * the takeover, and when the last one had an answer, counted from the takeover as well. Late
 * is who has none yet. Stuck is who waits for nothing that can come: it has had no error,
 * and has not asked a server anew since the takeover; one that connects, or whose turn to
 * connect comes, is late and not stuck. The stuck are named on standard error. Ends with
 * standard input. It must never decide anything. Called by test/tap/450_pool.pl and
 * test/load/pool.pl (MultiRegion::Pool).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "load/mr_load.h"

#define PATIENCE_NS (2000 * NS_PER_MS)
#define READS_EVERY 4
#define MAX_EVENTS 256

static const char *const state_names[] = {"away", "connecting", "idle", "busy"};

Pool pool;

static int64_t fault_ns;    /* 0: none that somebody is not back from */
static int64_t takeover_ns; /* 0: not yet */
static int takeover_port;
static int stuck; /* -1: not counted yet */
static int late;
static bool said_ready;

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

void
load_note_answer(Client *client, int64_t now)
{
	if (client->is_back || client->began_ns < fault_ns)
		return;
	client->is_back = true;
	if (fault_ns == 0 || takeover_ns != 0 || client->reads_only)
		return;
	takeover_ns = now;
	takeover_port = load_number_of(PQport(client->conn));
}

static int
count_missing(void)
{
	int count = 0;

	for (int i = 0; i < pool.nclients; i++)
		count += !pool.clients[i].is_back;
	return count;
}

/* See the head of the file. */
static bool
is_stuck(const Client *client)
{
	return !client->is_back && client->state != STATE_AWAY && client->tried_ns < takeover_ns;
}

static int
count_stuck(void)
{
	int count = 0;

	for (int i = 0; i < pool.nclients; i++)
		count += is_stuck(&pool.clients[i]);
	return count;
}

static void
name_stuck(void)
{
	for (int i = 0; i < pool.nclients; i++)
		if (is_stuck(&pool.clients[i]))
			fprintf(stderr, "client %d (%s) is %s, server %s\n", i,
					pool.clients[i].reads_only ? "reads" : "writes",
					state_names[pool.clients[i].state],
					pool.clients[i].conn != NULL ? PQport(pool.clients[i].conn) : "none");
}

static void
report(int64_t now)
{
	if (!said_ready && count_missing() == 0)
	{
		said_ready = true;
		puts("ready");
	}
	if (fault_ns == 0 || takeover_ns == 0)
		return;
	if (stuck < 0 && (now >= takeover_ns + PATIENCE_NS || count_missing() == 0))
	{
		stuck = count_stuck();
		late = count_missing();
		name_stuck();
	}
	if (stuck >= 0 && count_missing() == 0)
	{
		printf("back %d %" PRId64 " %d %d %" PRId64 "\n", takeover_port,
			   (takeover_ns - fault_ns) / NS_PER_MS, stuck, late, (now - takeover_ns) / NS_PER_MS);
		fault_ns = 0;
	}
}

static void
begin_fault(int64_t now)
{
	for (int i = 0; i < pool.nclients; i++)
		pool.clients[i].is_back = false;
	fault_ns = now;
	takeover_ns = 0;
	stuck = -1;
}

/* False at the end of standard input. */
static bool
take_commands(int64_t now)
{
	char data[64];
	ssize_t length = read(STDIN_FILENO, data, sizeof(data));

	if (length > 0 && memchr(data, '\n', (size_t) length) != NULL)
		begin_fault(now);
	return length != 0;
}

/* How long nothing is due, at most 100 ms. */
static int
idle_ms(int64_t now)
{
	int64_t due_ns = now + 100 * NS_PER_MS;

	for (int i = 0; i < pool.nclients; i++)
		if (pool.clients[i].due_ns < due_ns)
			due_ns = pool.clients[i].due_ns;
	return due_ns <= now ? 0 : (int) ((due_ns - now) / NS_PER_MS + 1);
}

static void
do_what_is_due(void)
{
	int64_t now = now_ns();

	for (int i = 0; i < pool.nclients; i++)
	{
		if (pool.clients[i].due_ns > now)
			continue;
		load_client_on_time(&pool.clients[i], now);
	}
}

/* An event of a socket that was closed since belongs to nobody. */
static void
take_event(const struct epoll_event *event)
{
	Client *client = event->data.ptr;

	if (client->conn == NULL)
		return;
	load_client_on_socket(client, now_ns());
}

static void
run(void)
{
	struct epoll_event command = {.events = EPOLLIN};
	struct epoll_event events[MAX_EVENTS];

	pool.epoll_fd = epoll_create1(0);
	if (pool.epoll_fd < 0 || epoll_ctl(pool.epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &command) != 0)
	{
		perror("pool: epoll");
		exit(1);
	}
	for (;;)
	{
		int count = epoll_wait(pool.epoll_fd, events, MAX_EVENTS, idle_ms(now_ns()));

		for (int i = 0; i < count; i++)
		{
			if (events[i].data.ptr != NULL)
				take_event(&events[i]);
			else if (!take_commands(now_ns()))
				return;
		}
		do_what_is_due();
		report(now_ns());
		fflush(stdout);
	}
}

int
main(int argc, char **argv)
{
	if (argc < 6 || argc > 5 + MAX_PORTS || (pool.nclients = load_number_of(argv[1])) < 1 ||
		pool.nclients > MAX_CLIENTS || (pool.period_ns = load_number_of(argv[2]) * NS_PER_MS) < 1 ||
		(pool.answer_ns = load_number_of(argv[3]) * NS_PER_MS) < 0 ||
		(pool.connect_ns = load_number_of(argv[4]) * NS_PER_MS) < 0)
	{
		fputs("usage: pool CLIENTS PERIOD_MS ANSWER_MS CONNECT_MS PORT...\n", stderr);
		return 2;
	}
	for (int i = 5; i < argc; i++)
		pool.ports[pool.nports++] = load_number_of(argv[i]);
	for (int i = 0; i < pool.nclients; i++)
		pool.clients[i].reads_only = i % READS_EVERY == READS_EVERY - 1;
	load_client_prepare();
	run();
	return 0;
}
