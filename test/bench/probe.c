/*
 * probe: a client of every node at once, which writes down what it was promised.
 *
 *   probe LOG NAME=CONNINFO ...
 *
 * One thread a node. Each inserts a unique id into bench.probe on a connection of
 * its own every 5 ms, waits for the answer, and reconnects (each try ends after
 * 1 s, the next one comes 10 ms later) when the connection breaks. It never gives
 * a statement up: an answer that comes late is what we want to see. LOG gets a line
 * for each event, with the instant in nanoseconds of CLOCK_MONOTONIC:
 *
 *   C NAME TIME              connected
 *   S NAME TIME ID           the insert of ID is about to be sent
 *   A NAME TIME ID WHERE     it was acknowledged; WHERE is TIMELINE/LSN of its WAL
 *   E NAME TIME ID SQLSTATE  it was refused
 *   D NAME TIME              the connection broke (an insert under way is in doubt)
 *
 * Prints "ready" once every node answered or refused, ends with standard input.
 * It must never decide anything: MultiRegion::ProbeLog reads the log. Called by
 * test/bench/failover.pl.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libpq-fe.h>

#define MAX_NODES 16
#define PERIOD_NS INT64_C(5000000)
#define RETRY_NS INT64_C(10000000)
#define CONNECT_LIMIT_NS INT64_C(1000000000)
/* Ids of a node: microseconds of the start times this, plus its index, and so on. */
#define ID_STEP MAX_NODES

/* The position is one in the transaction's WAL, before its commit. */
static const char *const insert_sql =
	"INSERT INTO bench.probe (id) VALUES ($1::bigint) RETURNING "
	"substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) || '/' || "
	"pg_current_wal_insert_lsn()";

typedef struct Node
{
	const char *name;
	const char *conninfo;
	int64_t next_id;
	PGconn *conn;
} Node;

static Node nodes[MAX_NODES];
static int nnodes;
static atomic_int settled; /* nodes whose first attempt has an outcome */
static FILE *log_file;

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void
wait_until(int64_t time_ns)
{
	struct timespec until = {time_ns / INT64_C(1000000000), time_ns % INT64_C(1000000000)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

/* One line; stdio's own lock keeps lines of different threads apart. */
static void
note(char kind, const Node *node, int64_t time_ns, int64_t id, const char *more)
{
	if (id < 0)
		fprintf(log_file, "%c %s %" PRId64 "\n", kind, node->name, time_ns);
	else if (more == NULL)
		fprintf(log_file, "%c %s %" PRId64 " %" PRId64 "\n", kind, node->name, time_ns, id);
	else
		fprintf(log_file, "%c %s %" PRId64 " %" PRId64 " %s\n", kind, node->name, time_ns, id,
				more);
}

/* Waits for the socket; false when limit_ns (0 = none) has passed. */
static bool
wait_for_socket(PGconn *conn, short events, int64_t limit_ns)
{
	struct pollfd wait = {.fd = PQsocket(conn), .events = events};
	int timeout_ms = -1;
	int found;

	do
	{
		if (limit_ns > 0)
		{
			int64_t left_ns = limit_ns - now_ns();

			if (left_ns <= 0)
				return false;
			timeout_ms = (int) (left_ns / 1000000 + 1);
		}
		found = poll(&wait, 1, timeout_ms);
	} while (found < 0 && errno == EINTR);
	return found > 0;
}

static bool
connect_node(Node *node)
{
	int64_t limit_ns = now_ns() + CONNECT_LIMIT_NS;
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	node->conn = PQconnectStart(node->conninfo);
	while (node->conn != NULL && PQstatus(node->conn) != CONNECTION_BAD &&
		   (status == PGRES_POLLING_WRITING || status == PGRES_POLLING_READING))
	{
		if (!wait_for_socket(node->conn, status == PGRES_POLLING_READING ? POLLIN : POLLOUT,
							 limit_ns))
			break;
		status = PQconnectPoll(node->conn);
	}
	if (status == PGRES_POLLING_OK)
	{
		note('C', node, now_ns(), -1, NULL);
		return true;
	}
	PQfinish(node->conn);
	node->conn = NULL;
	return false;
}

/*
 * The outcome of a statement that was sent: the result, or NULL when the
 * connection broke. *received_ns is when its last bytes had arrived. The server says that
 * the insert is complete before it commits: what it says last is what counts.
 */
static PGresult *
wait_for_result(PGconn *conn, int64_t *received_ns)
{
	PGresult *last = NULL;
	PGresult *next;

	for (;;)
	{
		while (PQisBusy(conn))
			if (!wait_for_socket(conn, POLLIN, 0) || !PQconsumeInput(conn))
			{
				PQclear(last);
				return NULL;
			}
		*received_ns = now_ns();
		next = PQgetResult(conn);
		if (next == NULL)
			return last;
		PQclear(last);
		last = next;
	}
}

/* One insert. False: the connection is of no more use. */
static bool
insert_once(Node *node)
{
	char text[32];
	const char *values[1] = {text};
	int64_t id = node->next_id;
	int64_t received_ns = 0;
	PGresult *result;

	node->next_id += ID_STEP;
	snprintf(text, sizeof(text), "%" PRId64, id);
	note('S', node, now_ns(), id, NULL);
	if (!PQsendQueryParams(node->conn, insert_sql, 1, NULL, values, NULL, NULL, 0))
		return false;
	result = wait_for_result(node->conn, &received_ns);
	if (result == NULL)
		return false;
	if (PQresultStatus(result) == PGRES_TUPLES_OK)
		note('A', node, received_ns, id, PQgetvalue(result, 0, 0));
	else
	{
		const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

		/* libpq reports a broken connection as a result without a code. */
		note('E', node, received_ns, id, sqlstate != NULL ? sqlstate : "-----");
	}
	PQclear(result);
	return PQstatus(node->conn) == CONNECTION_OK;
}

static void
probe_connection(Node *node)
{
	int64_t next_ns = now_ns();
	bool alive = true;

	while (alive)
	{
		int64_t now;

		wait_until(next_ns);
		alive = insert_once(node);
		now = now_ns();
		next_ns += PERIOD_NS;
		if (next_ns < now)
			next_ns = now;
	}
	note('D', node, now_ns(), -1, NULL);
	PQfinish(node->conn);
	node->conn = NULL;
}

static void *
probe_node(void *argument)
{
	Node *node = argument;
	bool first = true;

	for (;;)
	{
		bool connected = connect_node(node);

		if (first)
			atomic_fetch_add(&settled, 1);
		first = false;
		if (connected)
			probe_connection(node);
		wait_until(now_ns() + RETRY_NS);
	}
	return NULL;
}

static void
wait_for_end(void)
{
	char data[64];
	ssize_t length;

	do
		length = read(STDIN_FILENO, data, sizeof(data));
	while (length > 0 || (length < 0 && errno == EINTR));
}

int
main(int argc, char **argv)
{
	struct timespec start;
	int64_t start_us;

	clock_gettime(CLOCK_REALTIME, &start);
	start_us = start.tv_sec * INT64_C(1000000) + start.tv_nsec / 1000;
	if (argc < 3 || argc > MAX_NODES + 2 || (log_file = fopen(argv[1], "a")) == NULL)
	{
		fputs("usage: probe LOG NAME=CONNINFO ...\n", stderr);
		return 2;
	}
	setvbuf(log_file, NULL, _IOLBF, BUFSIZ);
	for (int i = 2; i < argc; i++)
	{
		Node *node = &nodes[nnodes];
		char *equals = strchr(argv[i], '=');
		pthread_t thread;

		if (equals == NULL)
		{
			fprintf(stderr, "probe: \"%s\" is not NAME=CONNINFO\n", argv[i]);
			return 2;
		}
		*equals = '\0';
		node->name = argv[i];
		node->conninfo = equals + 1;
		node->next_id = start_us * ID_STEP + nnodes;
		nnodes++;
		if (pthread_create(&thread, NULL, probe_node, node) != 0)
		{
			perror("probe: thread");
			return 1;
		}
	}
	while (atomic_load(&settled) < nnodes)
		wait_until(now_ns() + RETRY_NS);
	puts("ready");
	fflush(stdout);
	wait_for_end();
	fflush(log_file);
	_exit(0);
}
