/*
 * One asynchronous libpq connection to a peer: connect, one query at a time,
 * never blocking. The caller owns the wait (poll, epoll): it asks for socket and
 * direction, waits, calls mr_pg_peer_advance().
 *
 * Never resolves a name when a numeric address is given, never uses GSSAPI,
 * never prints: a failure is a code and a text without secrets. Used by the
 * workers, multiregion-join and the sidecar; each process has its own connections.
 */
#ifndef MR_PG_PEER_H
#define MR_PG_PEER_H

#include <libpq-fe.h>

#include "core/mr_limits.h"

typedef enum MrPgPeerState
{
	MR_PG_CLOSED,
	MR_PG_CONNECTING,
	MR_PG_READY, /* connected, no query under way */
	MR_PG_BUSY   /* a query is under way */
} MrPgPeerState;

typedef enum MrPgPeerNews
{
	MR_PG_NOTHING,
	MR_PG_CONNECTED,
	MR_PG_RESULT, /* peer->result, until the next query or close; if an error, peer->error too */
	MR_PG_FAILED  /* closed; peer->error says why */
} MrPgPeerNews;

#define MR_PG_STATEMENTS 12 /* statements of a connection that are prepared */

/* A statement that was asked before. */
typedef struct MrPgStatement
{
	char *sql; /* from malloc */
	bool prepared;
} MrPgStatement;

/* All zero before its first use. */
typedef struct MrPgPeer
{
	PGconn *conn;
	MrPgPeerState state;
	short events;       /* POLLIN / POLLOUT wanted */
	int64_t since_ns;   /* when connect or query began */
	int64_t timeout_ns; /* fail when it takes longer */
	PGresult *result;
	char error[160];                            /* one line, never a secret */
	MrPgStatement statements[MR_PG_STATEMENTS]; /* of mr_pg_peer_query_again() */
	MrPgStatement *preparing;                   /* together with the query under way, or NULL */
} MrPgPeer;

#define MR_PEER_OPTIONS_SIZE 1024 /* multiregion.peer_options, with its NUL */
#define MR_PG_PEER_SIZE_OF_COMPLETED (MR_CONNINFO_SIZE + MR_HOSTADDR_SIZE + 512)
#define MR_PG_PEER_SIZE_OF_CONNINFO (MR_PG_PEER_SIZE_OF_COMPLETED + MR_PEER_OPTIONS_SIZE)

/*
 * Starts connecting (what was open is closed). conninfo is the member's string; user
 * and dbname are used where it names none; hostaddr (may be empty) keeps libpq from
 * resolving. Without hostaddr the host must be numeric or a socket directory: a
 * resolver can block for half a minute, so a name is refused instead of looked up.
 * options are this node's own (mr_pg_conninfo_add_options) or NULL. A key file with a
 * passphrase is an error, not a question to a terminal. False when it failed at once
 * (state is CLOSED, error is set).
 */
extern bool mr_pg_peer_connect(MrPgPeer *peer, const char *conninfo, const char *hostaddr,
							   const char *options, const char *user, const char *dbname,
							   const char *application, int64_t now_ns, int64_t timeout_ns);

/* From now on libpq never asks a terminal for a passphrase, in this whole process. */
extern void mr_pg_peer_never_ask(void);

/*
 * Sends a query with nparams binary or text parameters (libpq's arrays; all may
 * be NULL when nparams is 0). State must be READY. False when it failed (CLOSED).
 */
extern bool mr_pg_peer_query(MrPgPeer *peer, const char *sql, int nparams,
							 const char *const *values, const int *lengths, const int *formats,
							 int result_format, int64_t now_ns, int64_t timeout_ns);

/*
 * The same for a text that the connection is asked often, with text parameters and results:
 * it is prepared when it is asked for the second time, in the same round trip, and from then
 * on only executed. It allocates, so it is for programs with a loop of their own.
 */
extern bool mr_pg_peer_query_again(MrPgPeer *peer, const char *sql, int nparams,
								   const char *const *values, int64_t now_ns, int64_t timeout_ns);

/*
 * Call when the socket is ready and at least every timeout: moves the state on. It may
 * be called at any time; calls too many only cost a system call. In state READY it
 * notices that the server has closed the connection.
 */
extern MrPgPeerNews mr_pg_peer_advance(MrPgPeer *peer, int64_t now_ns);

/* The socket to wait for, or -1; the direction is peer->events. */
extern int mr_pg_peer_socket(const MrPgPeer *peer);

/* Closes at once and frees everything; the struct may be used again. */
extern void mr_pg_peer_close(MrPgPeer *peer);

/*
 * Null when the conninfo can be used as a member's, else why not (a sentence;
 * no secrets): unparsable, holds a password, no host or more than one, a bad port, too
 * long, not one line, or a keyword that would take the choice of server away from us
 * (service, replication).
 */
extern const char *mr_pg_conninfo_problem(const char *conninfo);

/* Copies one keyword's value ("host", "port", ...) out of a conninfo; false if absent. */
extern bool mr_pg_conninfo_value(const char *conninfo, const char *keyword, char *out, size_t size);

/*
 * Builds the complete string used to connect, also for the walreceiver and for join:
 * the conninfo with hostaddr, port, user, dbname and keepalives where it names none, and
 * with application_name, gssencmode=disable and target_session_attrs=any whatever it
 * says. out may be MR_PG_PEER_SIZE_OF_CONNINFO. False if the conninfo has a problem
 * or the string does not fit; out is then empty.
 */
extern bool mr_pg_conninfo_build(const char *conninfo, const char *hostaddr, const char *user,
								 const char *dbname, const char *application, char *out,
								 size_t size);

/*
 * Null when these can be a node's own options for its connections to the others
 * (multiregion.peer_options, --peer-options), else why not: pairs keyword=value about TLS
 * and the passfile, with absolute paths and without a secret. A sentence, which never
 * repeats a part of them.
 */
extern const char *mr_pg_options_problem(const char *options);

/*
 * Adds such options to a built string, in place of what it says about the same keyword:
 * where its files are and whom it trusts is the connecting node's decision. NULL or empty
 * adds nothing. False, and the string as it was, if they have a problem or do not fit.
 */
extern bool mr_pg_conninfo_add_options(char *conninfo, size_t size, const char *options);

/*
 * Adds a command line option of the server ("-c name=value") to those a built string
 * has. False, and the string as it was, if that does not fit.
 */
extern bool mr_pg_conninfo_add_option(char *conninfo, size_t size, const char *option);

#endif /* MR_PG_PEER_H */
