/*
 * The steps of `multiregiond init`. Each says on standard output what it did, counts
 * it, and returns an exit code: MR_EXIT_OK to go on.
 *
 * All of it is idempotent: it looks first, writes only what is missing, and reports
 * what is there but differs. The first steps change nothing and find whatever is in the
 * way; where the extension is not there yet they look at one made in a transaction that is
 * rolled back. Connections block: init is a program of its own that does one thing after
 * another.
 */
#ifndef MR_INIT_STEPS_H
#define MR_INIT_STEPS_H

#include <libpq-fe.h>

#include "sidecar/mr_row.h"
#include "sidecar/mr_serve.h"

typedef struct MrInit
{
	MrSettings *settings;
	PGconn *conn;
	bool check;                        /* nothing is to be changed */
	bool standby;                      /* in recovery: tables are the primary's */
	bool read_only;                    /* either of these */
	bool tentative;                    /* the extension is there for this transaction only */
	bool managed;                      /* the server is a member of a cluster */
	char schema[2 * MR_NAME_SIZE + 3]; /* quoted, of the public functions */
	int changes;
	int differences;
	char conninfos[MR_MAX_MEMBERS][MR_CONNINFO_SIZE]; /* of settings->nodes, for peers */
	MrConninfo urls[MR_MAX_MEMBERS];                  /* taken apart; passwords of peers only */
} MrInit;

/* Prints a line about something done, and counts it. printf format. */
extern void mr_init_did(MrInit *init, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Prints a line about something that differs and is left alone, and counts it. */
extern void mr_init_differs(MrInit *init, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Prints "error: ..." on standard error. */
extern void mr_init_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Runs a statement with text parameters. NULL when it failed: *sqlstate (if given) gets
 * the code, and unless quiet the error was printed. Free the result with PQclear.
 */
extern PGresult *mr_init_query(MrInit *init, const char *sql, int nparams,
							   const char *const *values, bool quiet, char sqlstate[6]);

/* The same where no rows matter; an exit code. */
extern MrExit mr_init_execute(MrInit *init, const char *sql, int nparams,
							  const char *const *values);

/* The text as a literal of SQL; free it with PQfreemem(). */
extern char *mr_init_literal(const MrInit *init, const char *text);

/* init_server.c. The first two only look. */
extern MrExit mr_init_connect(MrInit *init);
extern MrExit mr_init_look(MrInit *init);
extern MrExit mr_init_extension(MrInit *init);
extern MrExit mr_init_roles(MrInit *init);
extern MrExit mr_init_membership(MrInit *init);
extern MrExit mr_init_report_checks(MrInit *init);

/*
 * init_ready.c: whether the server can become the first node. Both only look; the first, whether
 * other servers have a cluster: init_server.c asks that itself before it makes anything.
 */
extern MrExit mr_init_alone(MrInit *init);
extern MrExit mr_init_readiness(MrInit *init);

/* init_tables.c: regions and policy */
extern MrExit mr_init_regions(MrInit *init);
extern MrExit mr_init_policies(MrInit *init);

/* init_nodes.c: connection strings of peers (only looks), passwords, nodes */
extern MrExit mr_init_conninfos(MrInit *init);
extern MrExit mr_init_passfile(MrInit *init);
extern MrExit mr_init_nodes(MrInit *init);

/* init_server.c: a connection; dbname NULL keeps the URL's own. */
extern PGconn *mr_init_connect_to(const char *url, const char *dbname, const char *timeout);

#endif /* MR_INIT_STEPS_H */
