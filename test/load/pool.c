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
 * As good pools do, they connect a few at a time, and share which server to try first: the
 * one that worked, or the next after one that is silent. A thousand that all connect at
 * once, and again when that takes too long, keep every server busy with sessions that
 * nobody waits for any more.
 *
 * It prints "ready" once everybody has been answered, and after each line "fault" on
 * standard input, when everybody has been answered on a connection begun since:
 *
 *   back PORT TAKEOVER_MS STUCK LAST_MS
 *
 * the server of the first insert acknowledged on such a connection, how long after the
 * fault that was (the takeover), how many clients had no answer 2 s after the takeover,
 * and when the last one had it, counted from the takeover as well. Whoever is late is
 * named on standard error. Ends with standard input. It must never decide anything. Called
 * by test/tap/450_pool.pl and test/load/pool.pl (MultiRegion::Pool).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libpq-fe.h>

#define MAX_CLIENTS 5000
#define MAX_PORTS 16
#define NS_PER_MS INT64_C(1000000)
#define PATIENCE_NS (2000 * NS_PER_MS)
#define RETRY_MS 50 /* and up to as much again, so that they do not all come at once */
#define READS_EVERY 4
#define MAX_CONNECTING 32

typedef enum State
{
	STATE_AWAY, /* until due_ns, then it connects */
	STATE_CONNECTING,
	STATE_IDLE, /* until due_ns, then it sends */
	STATE_BUSY
} State;

static const char *const state_names[] = {"away", "connecting", "idle", "busy"};

typedef struct Client
{
	PGconn *conn;
	State state;
	PostgresPollingStatusType wants;
	int tried_port;   /* PQport() of the one being tried */
	int64_t due_ns;   /* INT64_MAX: never */
	int64_t began_ns; /* this connection */
	bool is_back;     /* answered on a connection begun since the fault */
} Client;

static Client clients[MAX_CLIENTS];
static struct pollfd polls[MAX_CLIENTS + 1];
static int nclients;
static int ports[MAX_PORTS];
static int nports;
static char conninfo[MAX_PORTS][512]; /* by the server that is tried first */
static int64_t period_ns;
static int64_t answer_ns;
static int64_t connect_ns;

static int64_t fault_ns;    /* 0: none that somebody is not back from */
static int64_t takeover_ns; /* 0: not yet */
static int takeover_port;
static int stuck; /* -1: not counted yet */
static bool said_ready;
static int first_port; /* index of the server that is tried first */
static int connecting; /* how many are */

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* A port, or a number of the command line; -1: it is none. */
static int
number_of(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	return end == text || *end != '\0' || number < 0 || number > 1000000 ? -1 : (int) number;
}

static int64_t
after(int64_t now, int64_t wait_ns)
{
	return wait_ns == 0 ? INT64_MAX : now + wait_ns;
}

static bool
reads_only(const Client *client)
{
	return (client - clients) % READS_EVERY == READS_EVERY - 1;
}

/* ---------- a client ---------- */

/* Something went wrong: from anew, in a moment. */
static void
start_over(Client *client, int64_t now)
{
	PQfinish(client->conn);
	client->conn = NULL;
	connecting -= client->state == STATE_CONNECTING;
	client->state = STATE_AWAY;
	client->due_ns = now + (RETRY_MS + rand() % RETRY_MS) * NS_PER_MS;
}

static void
ignore_notice(void *argument, const char *message)
{
	(void) argument;
	(void) message;
}

static void
begin_connection(Client *client, int64_t now)
{
	client->conn = PQconnectStart(conninfo[first_port]);
	if (client->conn == NULL || PQstatus(client->conn) == CONNECTION_BAD)
	{
		start_over(client, now);
		return;
	}
	PQsetNoticeProcessor(client->conn, ignore_notice, NULL);
	client->state = STATE_CONNECTING;
	connecting++;
	client->wants = PGRES_POLLING_WRITING;
	client->tried_port = number_of(PQport(client->conn));
	client->began_ns = now;
	client->due_ns = after(now, connect_ns);
}

/* From now on this server is tried first, or the one so many after it. */
static void
prefer(int port, int next)
{
	for (int i = 0; i < nports; i++)
		if (ports[i] == port)
			first_port = (i + next) % nports;
}

static void
go_on_connecting(Client *client, int64_t now)
{
	client->wants = PQconnectPoll(client->conn);
	if (client->wants == PGRES_POLLING_FAILED)
		start_over(client, now);
	else if (client->wants == PGRES_POLLING_OK)
	{
		connecting--;
		client->state = STATE_IDLE;
		client->due_ns = now;
		prefer(number_of(PQport(client->conn)), 0);
	}
	else if (number_of(PQport(client->conn)) != client->tried_port)
	{
		client->tried_port = number_of(PQport(client->conn));
		client->due_ns = after(now, connect_ns);
	}
}

/* The server that is being tried says nothing: the next one first. */
static void
give_server_up(Client *client, int64_t now)
{
	prefer(client->tried_port, 1);
	start_over(client, now);
	client->due_ns = now;
}

static void
send_statement(Client *client, int64_t now)
{
	char text[16];
	const char *values[1] = {text};
	int sent;

	snprintf(text, sizeof(text), "%d", (int) (client - clients));
	if (reads_only(client))
		sent = PQsendQuery(client->conn, "SELECT 1 FROM load.written LIMIT 1");
	else
		sent = PQsendQueryParams(client->conn, "INSERT INTO load.written VALUES ($1::int)", 1, NULL,
								 values, NULL, NULL, 0);
	if (!sent)
	{
		start_over(client, now);
		return;
	}
	client->state = STATE_BUSY;
	client->due_ns = after(now, answer_ns);
}

static void
note_answer(Client *client, int64_t now)
{
	if (client->is_back || client->began_ns < fault_ns)
		return;
	client->is_back = true;
	if (fault_ns == 0 || takeover_ns != 0 || reads_only(client))
		return;
	takeover_ns = now;
	takeover_port = number_of(PQport(client->conn));
}

static void
take_answer(Client *client, int64_t now)
{
	PGresult *result;
	bool failed = PQconsumeInput(client->conn) == 0;

	while (!failed && !PQisBusy(client->conn))
	{
		result = PQgetResult(client->conn);
		if (result == NULL)
		{
			note_answer(client, now);
			client->state = STATE_IDLE;
			client->due_ns = now + period_ns / 2 + rand() % period_ns;
			return;
		}
		failed =
			PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK;
		PQclear(result);
	}
	if (failed || PQstatus(client->conn) != CONNECTION_OK)
		start_over(client, now);
}

/* An idle connection has something to read: an error and its end, or a notice. */
static void
look_at_idle(Client *client, int64_t now)
{
	if (PQconsumeInput(client->conn) == 0 || PQstatus(client->conn) != CONNECTION_OK)
		start_over(client, now);
}

static void
on_socket(Client *client, int64_t now)
{
	switch (client->state)
	{
		case STATE_CONNECTING:
			go_on_connecting(client, now);
			break;
		case STATE_BUSY:
			take_answer(client, now);
			break;
		case STATE_IDLE:
			look_at_idle(client, now);
			break;
		case STATE_AWAY:
			break;
	}
}

static void
on_time(Client *client, int64_t now)
{
	switch (client->state)
	{
		case STATE_AWAY:
			if (connecting < MAX_CONNECTING)
				begin_connection(client, now);
			else
				client->due_ns = now + 5 * NS_PER_MS;
			break;
		case STATE_CONNECTING:
			give_server_up(client, now);
			break;
		case STATE_IDLE:
			send_statement(client, now);
			break;
		case STATE_BUSY:
			start_over(client, now);
			break;
	}
}

/* ---------- all of them ---------- */

static int
count_missing(void)
{
	int count = 0;

	for (int i = 0; i < nclients; i++)
		count += !clients[i].is_back;
	return count;
}

static void
name_missing(void)
{
	for (int i = 0; i < nclients; i++)
		if (!clients[i].is_back)
			fprintf(stderr, "client %d (%s) is %s, server %s\n", i,
					reads_only(&clients[i]) ? "reads" : "writes", state_names[clients[i].state],
					clients[i].conn != NULL ? PQport(clients[i].conn) : "none");
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
		stuck = count_missing();
		name_missing();
	}
	if (stuck >= 0 && count_missing() == 0)
	{
		printf("back %d %" PRId64 " %d %" PRId64 "\n", takeover_port,
			   (takeover_ns - fault_ns) / NS_PER_MS, stuck, (now - takeover_ns) / NS_PER_MS);
		fault_ns = 0;
	}
}

static void
begin_fault(int64_t now)
{
	for (int i = 0; i < nclients; i++)
		clients[i].is_back = false;
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

static int
prepare_polls(int64_t now)
{
	int64_t due_ns = now + 100 * NS_PER_MS;

	polls[nclients].fd = STDIN_FILENO;
	polls[nclients].events = POLLIN;
	for (int i = 0; i < nclients; i++)
	{
		const Client *client = &clients[i];

		polls[i].fd = client->conn != NULL ? PQsocket(client->conn) : -1;
		polls[i].events =
			client->state == STATE_CONNECTING && client->wants == PGRES_POLLING_WRITING ? POLLOUT
																						: POLLIN;
		polls[i].revents = 0;
		if (client->due_ns < due_ns)
			due_ns = client->due_ns;
	}
	return due_ns <= now ? 0 : (int) ((due_ns - now) / NS_PER_MS + 1);
}

static void
run(void)
{
	for (;;)
	{
		int timeout_ms = prepare_polls(now_ns());

		if (poll(polls, (nfds_t) nclients + 1, timeout_ms) < 0 && errno != EINTR)
		{
			perror("pool: poll");
			exit(1);
		}
		if (polls[nclients].revents != 0 && !take_commands(now_ns()))
			return;
		for (int i = 0; i < nclients; i++)
		{
			int64_t now = now_ns();

			if (polls[i].fd >= 0 && polls[i].revents != 0)
				on_socket(&clients[i], now);
			else if (clients[i].due_ns <= now)
				on_time(&clients[i], now);
		}
		report(now_ns());
		fflush(stdout);
	}
}

/*
 * What a pool needs: all servers, the wish for one that writes, and limits for a server
 * that is gone without a word.
 */
static void
make_conninfo(int first)
{
	char hosts[MAX_PORTS * 10 + 1] = "";
	char numbers[MAX_PORTS * 8 + 1] = "";

	for (int i = 0; i < nports; i++)
	{
		size_t hosts_end = strlen(hosts);
		size_t numbers_end = strlen(numbers);
		const char *comma = i > 0 ? "," : "";

		snprintf(hosts + hosts_end, sizeof(hosts) - hosts_end, "%s127.0.0.1", comma);
		snprintf(numbers + numbers_end, sizeof(numbers) - numbers_end, "%s%d", comma,
				 ports[(first + i) % nports]);
	}
	snprintf(conninfo[first], sizeof(conninfo[first]),
			 "host=%s port=%s user=postgres dbname=postgres application_name=pool"
			 " target_session_attrs=read-write tcp_user_timeout=2000 keepalives_idle=1"
			 " keepalives_interval=1 keepalives_count=2 gssencmode=disable sslmode=disable",
			 hosts, numbers);
}

int
main(int argc, char **argv)
{
	if (argc < 6 || argc > 5 + MAX_PORTS || (nclients = number_of(argv[1])) < 1 ||
		nclients > MAX_CLIENTS || (period_ns = number_of(argv[2]) * NS_PER_MS) < 1 ||
		(answer_ns = number_of(argv[3]) * NS_PER_MS) < 0 ||
		(connect_ns = number_of(argv[4]) * NS_PER_MS) < 0)
	{
		fputs("usage: pool CLIENTS PERIOD_MS ANSWER_MS CONNECT_MS PORT...\n", stderr);
		return 2;
	}
	for (int i = 5; i < argc; i++)
		ports[nports++] = number_of(argv[i]);
	for (int i = 0; i < nports; i++)
		make_conninfo(i);
	run();
	return 0;
}
