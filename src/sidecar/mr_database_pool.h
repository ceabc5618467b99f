/*
 * A few connections to the local database for requests that need an answer of their
 * own (tenants). Opened when needed, closed when idle; every request has a deadline
 * that counts its time in the queue.
 */
#ifndef MR_DATABASE_POOL_H
#define MR_DATABASE_POOL_H

#include "sidecar/mr_link.h"
#include "sidecar/mr_target.h"

#define MR_POOL_LINKS 4
#define MR_POOL_QUEUE 256 /* requests waiting or under way */

/*
 * The answer, from the loop, exactly once: a result (rows or an SQL error) that lives
 * until the callback returns, or NULL and a reason.
 */
typedef void (*MrPoolCallback)(void *arg, const PGresult *result, const char *problem);

typedef struct MrPoolRequest
{
	struct MrPoolRequest *next;
	char *sql;
	char *parameter;
	int64_t deadline_ns;
	MrPoolCallback callback;
	void *arg;
} MrPoolRequest;

struct MrPool;

typedef struct MrPoolLink
{
	MrLink link;
	struct MrPool *pool;
	MrPoolRequest *request; /* under way, or waiting for the connection */
	int64_t idle_since_ns;
} MrPoolLink;

typedef struct MrPool
{
	const MrTarget *target;
	MrPoolLink links[MR_POOL_LINKS];
	MrPoolRequest *first; /* queue; all have the same timeout, so the first is due first */
	MrPoolRequest *last;
	int count; /* queued or under way */
	struct event *timer;
} MrPool;

/* The target must outlive the pool and be resolved whenever a query is made. */
extern bool mr_pool_open(MrPool *pool, struct event_base *base, const MrTarget *target);

/*
 * Runs a query with one text parameter. False, and no callback will come, when too many
 * wait already or memory is out.
 */
extern bool mr_pool_query(MrPool *pool, const char *sql, const char *parameter, int64_t timeout_ms,
						  MrPoolCallback callback, void *arg);

/* Closes all connections; requests end with the problem given. The pool stays usable. */
extern void mr_pool_disconnect(MrPool *pool, const char *problem);

/* Frees everything. Requests must have ended (mr_pool_disconnect). */
extern void mr_pool_close(MrPool *pool);

#endif /* MR_DATABASE_POOL_H */
