/*
 * A client: it connects, asks now and then, and starts over upon an error. See mr_load.h and
 * the head of pool.c. Must never reconnect without one: its limits of time are errors, too.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "load/mr_load.h"

#define RETRY_MS 50       /* and up to as much again, so that they do not all come at once */
#define MAX_CONNECTING 32 /* at a time; */
#define MAX_LOOKING 4     /* while no server takes writes */

static char conninfo[MAX_PORTS][512]; /* by the server that is tried first */
static int first_port;                /* index of the server that is tried first */
static int connecting;                /* how many are */
static bool looking; /* the last one that tried found no server that takes writes */

int
load_number_of(const char *text)
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

/*
 * Tells the kernel what a client waits for. While it connects, libpq may have closed its
 * socket and opened another one of the same number.
 */
static void
watch(Client *client)
{
	bool writes = client->state == STATE_CONNECTING && client->wants == PGRES_POLLING_WRITING;
	struct epoll_event event = {.events = writes ? EPOLLOUT : EPOLLIN, .data.ptr = client};
	int fd = client->conn != NULL ? PQsocket(client->conn) : -1;

	if (fd >= 0 &&
		(fd != client->watched || event.events != client->events ||
		 client->state == STATE_CONNECTING) &&
		epoll_ctl(pool.epoll_fd, EPOLL_CTL_MOD, fd, &event) != 0 &&
		epoll_ctl(pool.epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
	{
		perror("pool: epoll_ctl");
		exit(1);
	}
	client->watched = fd;
	client->events = event.events;
}

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

/* The server that is asked from now on. */
static void
note_server(Client *client, int64_t now)
{
	client->tried_port = load_number_of(PQport(client->conn));
	client->tried_ns = now;
	client->due_ns = after(now, pool.connect_ns);
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
	client->began_ns = now;
	note_server(client, now);
}

/* From now on this server is tried first, or the one so many after it. */
static void
prefer(int port, int next)
{
	for (int i = 0; i < pool.nports; i++)
		if (pool.ports[i] == port)
			first_port = (i + next) % pool.nports;
}

static void
go_on_connecting(Client *client, int64_t now)
{
	client->wants = PQconnectPoll(client->conn);
	if (client->wants == PGRES_POLLING_FAILED)
	{
		looking = true;
		start_over(client, now);
	}
	else if (client->wants == PGRES_POLLING_OK)
	{
		connecting--;
		looking = false;
		client->state = STATE_IDLE;
		client->due_ns = now;
		prefer(load_number_of(PQport(client->conn)), 0);
	}
	else if (load_number_of(PQport(client->conn)) != client->tried_port)
		note_server(client, now);
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

	snprintf(text, sizeof(text), "%d", (int) (client - pool.clients));
	if (client->reads_only)
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
	client->due_ns = after(now, pool.answer_ns);
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
			load_note_answer(client, now);
			client->state = STATE_IDLE;
			client->due_ns = now + pool.period_ns / 2 + rand() % pool.period_ns;
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

void
load_client_on_socket(Client *client, int64_t now)
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
	watch(client);
}

void
load_client_on_time(Client *client, int64_t now)
{
	switch (client->state)
	{
		case STATE_AWAY:
			if (connecting < (looking ? MAX_LOOKING : MAX_CONNECTING))
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
	watch(client);
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

	for (int i = 0; i < pool.nports; i++)
	{
		size_t hosts_end = strlen(hosts);
		size_t numbers_end = strlen(numbers);
		const char *comma = i > 0 ? "," : "";

		snprintf(hosts + hosts_end, sizeof(hosts) - hosts_end, "%s127.0.0.1", comma);
		snprintf(numbers + numbers_end, sizeof(numbers) - numbers_end, "%s%d", comma,
				 pool.ports[(first + i) % pool.nports]);
	}
	snprintf(conninfo[first], sizeof(conninfo[first]),
			 "hostaddr=%s port=%s user=postgres dbname=postgres application_name=pool"
			 " target_session_attrs=read-write tcp_user_timeout=2000 keepalives_idle=1"
			 " keepalives_interval=1 keepalives_count=2 gssencmode=disable sslmode=disable",
			 hosts, numbers);
}

void
load_client_prepare(void)
{
	for (int i = 0; i < pool.nports; i++)
		make_conninfo(i);
}
