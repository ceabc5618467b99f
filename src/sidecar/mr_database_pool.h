/*
 * A few connections to one database for requests that need an answer of their own.
 * Opened when needed, closed when idle; every request has a deadline that counts its
 * time in the queue.
 */
#ifndef MR_DATABASE_POOL_H
#define MR_DATABASE_POOL_H

#include "sidecar/mr_link.h"
#include "sidecar/mr_metrics_record.h"
#include "sidecar/mr_target.h"

#define MR_POOL_LINKS 4
#define MR_POOL_QUEUE 256 /* requests waiting or under way */

#define MR_POOL_VALUES 8

typedef struct MrPoolQuery
{
	const char *sql;
	int count;                          /* of values, at most MR_POOL_VALUES */
	const char *values[MR_POOL_VALUES]; /* text; NULL is null */
	const char *then; /* statement for the same session once the first succeeded, or NULL */
	int64_t timeout_ms;
	/*
	 * Whose query it is: a statement that makes the session act as role $1 with the claims
	 * $2, or NULL for the role that the pool logs in as. Its error is the query's.
	 */
	const char *become;
	const char *role;
	const char *claims;
	MrOperation operation; /* for the metric */
} MrPoolQuery;

/* A copy with texts of its own, to be freed with free(); NULL without memory. */
extern MrPoolQuery *mr_pool_query_copy(const MrPoolQuery *query);

/* All of it lives until the callback returns. */
typedef struct MrPoolAnswer
{
	const PGresult *result; /* rows or an SQL error; NULL: none, and problem says why */
	const PGresult *then;   /* rows or an SQL error; NULL: none */
	const char *problem;
	bool sent; /* the statement may have been received: without a result, nobody knows */
} MrPoolAnswer;

/*
 * The answer, from the loop, exactly once. One that is late ends there, too: it is never sent.
 */
typedef void (*MrPoolCallback)(void *arg, const MrPoolAnswer *answer);

typedef struct MrPoolRequest
{
	struct MrPoolRequest *next;
	MrPoolQuery *query;
	PGresult *result; /* of the first statement, while the second runs */
	int64_t deadline_ns;
	bool sent;
	MrPoolCallback callback;
	void *arg;
} MrPoolRequest;

struct MrPool;

typedef enum MrPoolStep
{
	MR_POOL_RESET,  /* the session becomes nobody in particular ... */
	MR_POOL_BECOME, /* ... and then whose query it is */
	MR_POOL_QUERY
} MrPoolStep;

typedef struct MrPoolLink
{
	MrLink link;
	struct MrPool *pool;
	MrPoolRequest *request; /* under way, or waiting for the connection */
	MrPoolStep step;        /* of it, once connected */
	bool changed;           /* the session may not act as the role that it logged in as */
	bool outdated;          /* its connection ends with the request under way */
	int64_t idle_since_ns;
	int64_t sent_ns; /* the statement under way */
} MrPoolLink;

typedef struct MrPool
{
	const MrTarget *target;
	const char *node;   /* whose connections they are, for the metric; NULL: the local node's */
	int64_t connect_ms; /* longest time to connect; 0 = as long as the request may wait */
	MrPoolLink links[MR_POOL_LINKS];
	MrPoolRequest *first; /* queue, in the order of asking: any of them may be due first */
	MrPoolRequest *last;
	int count; /* queued or under way */
	struct event *timer;
} MrPool;

/* The target must outlive the pool and be resolved whenever a query is made. */
extern bool mr_pool_open(MrPool *pool, struct event_base *base, const MrTarget *target);

/*
 * Runs a query. False, and no callback will come, when too many wait already or memory is
 * out.
 */
extern bool mr_pool_query(MrPool *pool, const MrPoolQuery *query, MrPoolCallback callback,
						  void *arg);

/* Ends the requests that have not been sent, with the problem given. */
extern void mr_pool_shed(MrPool *pool, const char *problem);

/* What is asked from now on is asked by new connections; those in use end with their request. */
extern void mr_pool_renew(MrPool *pool);

/* Closes all connections; requests end with the problem given. The pool stays usable. */
extern void mr_pool_disconnect(MrPool *pool, const char *problem);

/* Frees everything. Requests must have ended (mr_pool_disconnect). */
extern void mr_pool_close(MrPool *pool);

#endif /* MR_DATABASE_POOL_H */
