/*
 * One asynchronous libpq connection: see mr_pg_peer.h.
 *
 * Runs in background workers whose lease would run out while they wait, and in plain
 * programs: no call here blocks, no globals, no signals (libpq keeps SIGPIPE away
 * itself), no memory but libpq's (and, for mr_pg_peer_query_again(), texts of statements).
 * What libpq wants to print is dropped; what it says about a failure is kept as one line
 * without the password it may have used.
 */
#include "adapters/mr_pg_peer.h"

#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/mr_assert.h"

static void
drop_notice(void *arg, const char *message)
{
	(void) arg;
	(void) message;
}

/* Copies text into peer->error: one line, single spaces, secret replaced, cut to fit. */
static void
set_error(MrPgPeer *peer, const char *text, const char *secret)
{
	size_t secret_length = secret != NULL ? strlen(secret) : 0;
	size_t length = 0;
	char line[sizeof(peer->error) + 4];

	/* Goes on past what fits, so that the cut below sees what it cuts. */
	while (*text != '\0' && length <= sizeof(peer->error))
	{
		if (secret_length > 0 && strncmp(text, secret, secret_length) == 0)
		{
			memcpy(line + length, "***", 3);
			length += 3;
			text += secret_length;
		}
		else if ((unsigned char) *text > ' ' && *text != 0x7F)
			line[length++] = *text++;
		else
		{
			if (length > 0 && line[length - 1] != ' ')
				line[length++] = ' ';
			text++;
		}
	}
	if (length >= sizeof(peer->error))
	{
		length = sizeof(peer->error) - 1;
		/* Not within a character of UTF-8. */
		while (length > 0 && ((unsigned char) line[length] & 0xC0) == 0x80)
			length--;
	}
	while (length > 0 && line[length - 1] == ' ')
		length--;
	memcpy(peer->error, line, length);
	peer->error[length] = '\0';
}

/* Whom it concerns, the caller knows; the reason is what there is room for. */
static const char *
reason_in(const char *text)
{
	static const char begin[] = "connection to server ";
	static const char end[] = " failed: ";
	const char *found = strncmp(text, begin, strlen(begin)) == 0 ? strstr(text, end) : NULL;

	return found != NULL ? found + strlen(end) : text;
}

/* Closes with a reason. The text may belong to what is about to be freed. */
static MrPgPeerNews
fail(MrPgPeer *peer, const char *text)
{
	set_error(peer, reason_in(text), peer->conn != NULL ? PQpass(peer->conn) : NULL);
	mr_pg_peer_close(peer);
	return MR_PG_FAILED;
}

static MrPgPeerNews
fail_late(MrPgPeer *peer, const char *what)
{
	char text[64];

	snprintf(text, sizeof(text), "%s within %lld ms", what,
			 (long long) (peer->timeout_ns / MR_NS_PER_MS));
	return fail(peer, text);
}

static bool
is_late(const MrPgPeer *peer, int64_t now_ns)
{
	return now_ns - peer->since_ns >= peer->timeout_ns;
}

/* Numeric addresses are the only hosts for which getaddrinfo() asks nobody. */
static bool
is_numeric(const char *host)
{
	struct addrinfo hints;
	struct addrinfo *found = NULL;

	memset(&hints, 0, sizeof(hints));
	hints.ai_flags = AI_NUMERICHOST;
	hints.ai_socktype = SOCK_STREAM;
	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		return false;
	freeaddrinfo(found);
	return true;
}

static bool
needs_resolver(const char *complete)
{
	char host[MR_PG_PEER_SIZE_OF_CONNINFO];

	if (mr_pg_conninfo_value(complete, "hostaddr", host, sizeof(host)))
		return false;
	return mr_pg_conninfo_value(complete, "host", host, sizeof(host)) && host[0] != '/' &&
		   host[0] != '@' && !is_numeric(host);
}

/*
 * OpenSSL would ask the terminal, or standard input, for the passphrase of a key, and
 * wait. libpq's own hook takes sslpassword or gives an empty answer.
 */
void
mr_pg_peer_never_ask(void)
{
	if (PQgetSSLKeyPassHook_OpenSSL() == NULL)
		PQsetSSLKeyPassHook_OpenSSL(PQdefaultSSLKeyPassHook_OpenSSL);
}

bool
mr_pg_peer_connect(MrPgPeer *peer, const char *conninfo, const char *hostaddr, const char *options,
				   const char *user, const char *dbname, const char *application, int64_t now_ns,
				   int64_t timeout_ns)
{
	char complete[MR_PG_PEER_SIZE_OF_CONNINFO];
	const char *problem = mr_pg_conninfo_problem(conninfo);

	mr_pg_peer_never_ask();
	mr_pg_peer_close(peer);
	peer->error[0] = '\0';
	if (problem == NULL && !mr_pg_conninfo_build(conninfo, hostaddr, user, dbname, application,
												 complete, sizeof(complete)))
		problem = "The complete connection string is too long.";
	if (problem == NULL && options != NULL)
		problem = mr_pg_options_problem(options);
	if (problem == NULL && !mr_pg_conninfo_add_options(complete, sizeof(complete), options))
		problem = "The complete connection string is too long.";
	if (problem == NULL && needs_resolver(complete))
		problem = "The address of the host is not known yet, only its name.";
	if (problem != NULL)
	{
		(void) fail(peer, problem);
		return false;
	}

	peer->conn = PQconnectStart(complete);
	if (peer->conn == NULL || PQstatus(peer->conn) == CONNECTION_BAD)
	{
		(void) fail(peer, peer->conn == NULL ? "out of memory" : PQerrorMessage(peer->conn));
		return false;
	}
	(void) PQsetNoticeProcessor(peer->conn, drop_notice, NULL);
	peer->state = MR_PG_CONNECTING;
	peer->events = POLLOUT;
	peer->since_ns = now_ns;
	peer->timeout_ns = timeout_ns;
	return true;
}

/* Makes room for the answer to a query; false when none can be asked now. */
static bool
begin_query(MrPgPeer *peer)
{
	MR_ASSERT(peer->state == MR_PG_READY);
	if (peer->state != MR_PG_READY)
	{
		(void) fail(peer, "the connection is not ready for a query");
		return false;
	}
	PQclear(peer->result);
	peer->result = NULL;
	peer->error[0] = '\0';
	return true;
}

/* A query was handed to libpq, or was not: waits for the answer. */
static bool
await_answer(MrPgPeer *peer, bool sent, int64_t now_ns, int64_t timeout_ns)
{
	int unsent = sent ? PQflush(peer->conn) : -1;

	if (unsent < 0)
	{
		(void) fail(peer, PQerrorMessage(peer->conn));
		return false;
	}
	peer->state = MR_PG_BUSY;
	peer->events = unsent > 0 ? POLLIN | POLLOUT : POLLIN;
	peer->since_ns = now_ns;
	peer->timeout_ns = timeout_ns;
	return true;
}

bool
mr_pg_peer_query(MrPgPeer *peer, const char *sql, int nparams, const char *const *values,
				 const int *lengths, const int *formats, int result_format, int64_t now_ns,
				 int64_t timeout_ns)
{
	return begin_query(peer) &&
		   await_answer(peer,
						PQsendQueryParams(peer->conn, sql, nparams, NULL, values, lengths, formats,
										  result_format) == 1,
						now_ns, timeout_ns);
}

/* The statement with this text; NULL when it is not there, and then *room is where it may go. */
static MrPgStatement *
find_statement(MrPgPeer *peer, const char *sql, MrPgStatement **room)
{
	int i;

	for (i = 0; i < MR_PG_STATEMENTS && peer->statements[i].sql != NULL; i++)
		if (strcmp(peer->statements[i].sql, sql) == 0)
			return &peer->statements[i];
	*room = i < MR_PG_STATEMENTS ? &peer->statements[i] : NULL;
	return NULL;
}

static void
name_statement(const MrPgPeer *peer, const MrPgStatement *statement, char name[16])
{
	snprintf(name, 16, "mr_%d", (int) (statement - peer->statements));
}

/* Prepares and executes it in one round trip; the answers are told apart in take_result(). */
static bool
send_preparing(MrPgPeer *peer, MrPgStatement *statement, const char *name, int nparams,
			   const char *const *values)
{
	peer->preparing = statement;
	return PQenterPipelineMode(peer->conn) == 1 &&
		   PQsendPrepare(peer->conn, name, statement->sql, 0, NULL) == 1 &&
		   PQsendQueryPrepared(peer->conn, name, nparams, values, NULL, NULL, 0) == 1 &&
		   PQpipelineSync(peer->conn) == 1;
}

bool
mr_pg_peer_query_again(MrPgPeer *peer, const char *sql, int nparams, const char *const *values,
					   int64_t now_ns, int64_t timeout_ns)
{
	MrPgStatement *room = NULL;
	MrPgStatement *statement = find_statement(peer, sql, &room);
	char name[16];
	bool sent;

	if (!begin_query(peer))
		return false;
	if (statement == NULL)
	{
		if (room != NULL)
			room->sql = strdup(sql);
		sent = PQsendQueryParams(peer->conn, sql, nparams, NULL, values, NULL, NULL, 0) == 1;
		return await_answer(peer, sent, now_ns, timeout_ns);
	}
	name_statement(peer, statement, name);
	if (statement->prepared)
		sent = PQsendQueryPrepared(peer->conn, name, nparams, values, NULL, NULL, 0) == 1;
	else
		sent = send_preparing(peer, statement, name, nparams, values);
	return await_answer(peer, sent, now_ns, timeout_ns);
}

/*
 * libpq must not be called before the socket is ready: it would take a connection
 * still being made for a made one.
 */
static bool
is_ready(const MrPgPeer *peer)
{
	struct pollfd wanted = {.fd = PQsocket(peer->conn), .events = peer->events};

	return poll(&wanted, 1, 0) > 0;
}

static MrPgPeerNews
advance_connecting(MrPgPeer *peer, int64_t now_ns)
{
	if (is_ready(peer))
	{
		switch (PQconnectPoll(peer->conn))
		{
			case PGRES_POLLING_READING:
				peer->events = POLLIN;
				break;
			case PGRES_POLLING_WRITING:
				peer->events = POLLOUT;
				break;
			case PGRES_POLLING_OK:
				if (PQsetnonblocking(peer->conn, 1) != 0)
					return fail(peer, PQerrorMessage(peer->conn));
				peer->state = MR_PG_READY;
				peer->events = POLLIN;
				return MR_PG_CONNECTED;
			case PGRES_POLLING_FAILED:
			case PGRES_POLLING_ACTIVE:
				return fail(peer, PQerrorMessage(peer->conn));
		}
	}
	return is_late(peer, now_ns) ? fail_late(peer, "no connection") : MR_PG_NOTHING;
}

static MrPgPeerNews
advance_ready(MrPgPeer *peer)
{
	PGnotify *notify;

	if (PQconsumeInput(peer->conn) == 0 || PQstatus(peer->conn) == CONNECTION_BAD)
		return fail(peer, PQerrorMessage(peer->conn));
	while ((notify = PQnotifies(peer->conn)) != NULL)
		PQfreemem(notify);
	return MR_PG_NOTHING;
}

static bool
is_copy(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

/* The query has ended: READY, unless it took the connection with it. */
static MrPgPeerNews
end_query(MrPgPeer *peer)
{
	const char *message = PQresultErrorMessage(peer->result);

	if (PQstatus(peer->conn) == CONNECTION_BAD)
		return fail(peer, message[0] != '\0' ? message : PQerrorMessage(peer->conn));
	if (peer->result == NULL)
		return fail(peer, "the query ended without a result");
	set_error(peer, message, PQpass(peer->conn));
	peer->state = MR_PG_READY;
	peer->events = POLLIN;
	return MR_PG_RESULT;
}

/*
 * Takes one of the results of a pipeline: that of the preparation, that of the query, and a
 * last one that ends it. NULL stands after each of the first two. True at the end.
 */
static bool
take_of_pipeline(MrPgPeer *peer, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	if (status == PGRES_PIPELINE_SYNC)
	{
		PQclear(result);
		peer->preparing = NULL;
		return PQexitPipelineMode(peer->conn) == 1;
	}
	if (!peer->preparing->prepared && status == PGRES_COMMAND_OK)
	{
		peer->preparing->prepared = true;
		PQclear(result);
		return false;
	}
	/* What was not tried, for it could not be prepared: that error is kept. */
	if (status == PGRES_PIPELINE_ABORTED)
	{
		PQclear(result);
		return false;
	}
	PQclear(peer->result);
	peer->result = result;
	return false;
}

/* A pipeline's results as they come; false while its end is to be waited for. */
static bool
read_pipeline(MrPgPeer *peer)
{
	int nothing = 0;

	while (!PQisBusy(peer->conn) && nothing < 2)
	{
		PGresult *result = PQgetResult(peer->conn);

		nothing = result == NULL ? nothing + 1 : 0;
		if (result != NULL && take_of_pipeline(peer, result))
			return true;
	}
	return nothing == 2; /* nothing more will come: the connection is gone */
}

static MrPgPeerNews
advance_busy(MrPgPeer *peer, int64_t now_ns)
{
	int unsent;

	if (PQconsumeInput(peer->conn) == 0)
		return fail(peer, PQerrorMessage(peer->conn));
	unsent = PQflush(peer->conn);
	if (unsent < 0)
		return fail(peer, PQerrorMessage(peer->conn));
	peer->events = unsent > 0 ? POLLIN | POLLOUT : POLLIN;
	if (peer->preparing != NULL && read_pipeline(peer))
		return end_query(peer);

	while (peer->preparing == NULL && !PQisBusy(peer->conn))
	{
		PGresult *result = PQgetResult(peer->conn);

		if (result == NULL)
			return end_query(peer);
		PQclear(peer->result);
		peer->result = result;
		/* A COPY would go on for ever; nothing of ours starts one. */
		if (is_copy(result))
			return fail(peer, "the query is a COPY");
	}
	return is_late(peer, now_ns) ? fail_late(peer, "no answer") : MR_PG_NOTHING;
}

MrPgPeerNews
mr_pg_peer_advance(MrPgPeer *peer, int64_t now_ns)
{
	switch (peer->state)
	{
		case MR_PG_CLOSED:
			return MR_PG_NOTHING;
		case MR_PG_CONNECTING:
			return advance_connecting(peer, now_ns);
		case MR_PG_READY:
			return advance_ready(peer);
		case MR_PG_BUSY:
			return advance_busy(peer, now_ns);
	}
	return MR_PG_NOTHING;
}

int
mr_pg_peer_socket(const MrPgPeer *peer)
{
	return peer->conn != NULL ? PQsocket(peer->conn) : -1;
}

void
mr_pg_peer_close(MrPgPeer *peer)
{
	int i;

	PQclear(peer->result);
	PQfinish(peer->conn);
	peer->result = NULL;
	peer->conn = NULL;
	peer->state = MR_PG_CLOSED;
	peer->events = 0;
	peer->preparing = NULL;
	for (i = 0; i < MR_PG_STATEMENTS; i++)
		free(peer->statements[i].sql);
	memset(peer->statements, 0, sizeof(peer->statements));
}
