/*
 * GET and POST /api/regions/route: where a request of a client belongs. The question, the
 * answer, and how one becomes the other.
 */
#ifndef MR_WHERE_H
#define MR_WHERE_H

#include "core/mr_identifier.h"
#include "core/mr_replication_token.h"
#include "sidecar/mr_service.h"

#define MR_WHERE_TEXT 128 /* longest word of a question, with its NUL */

/* What is asked. An empty text is one that was not given. */
typedef struct MrWhere
{
	MrService *service;
	MrRequest *request;
	bool for_write;
	bool on_primary; /* a read that wants the primary: the token first-primary */
	bool explain;
	char tenant[MR_TENANT_SIZE];
	char max_lag[MR_WHERE_TEXT];
	char max_lag_bytes[MR_WHERE_TEXT];
	char token[MR_TOKEN_SIZE];
	bool token_is_claimed; /* by a header: when it is of no use it is forgotten */
	char from[MR_WHERE_TEXT];
	char country[MR_WHERE_TEXT];
	char latitude[MR_WHERE_TEXT];
	char longitude[MR_WHERE_TEXT];
	char *headers; /* of the client's request, a JSON object, from malloc; NULL: none */
	char peer[MR_WHERE_TEXT];
} MrWhere;

/* What is answered. Texts belong to somebody else, and NULL is null. */
typedef struct MrWhereAnswer
{
	const char *region; /* key */
	const char *node;
	const char *host;
	const char *port;
	const char *role;
	const char *reason;
	const char *sentence;
	int64_t lag_ms; /* MR_UNKNOWN, as the next three */
	int64_t lag_bytes;
	int64_t staleness_ms;
	int64_t node_age_ms;
	const char *home; /* of the tenant */
	bool pinned;
	bool confined;             /* to a strict zone: only its own fallbacks may serve it, too */
	const char *fallbacks;     /* of the tenant: keys with a comma between */
	const char *client_region; /* where the client's place leads; NULL: no place was looked at */
	const char *client_country;
	const char *client_source;
	bool client_trusted;
	const char *steps; /* JSON, of explain_route() */
	int64_t wall_ms;   /* when this was known */
	int64_t age_ms;
	bool stale;
} MrWhereAnswer;

/*
 * Reads the question out of the query and the headers of a GET, or out of the body of a
 * POST. False when the request was refused.
 */
extern bool mr_where_read(MrWhere *where);

/* Answers with 200. */
extern void mr_where_reply(const MrWhere *where, const MrWhereAnswer *answer);

#define MR_WHERE_HOST 256 /* longest host of a node, with its NUL */

/* The last that is known, while the database does not answer, with its texts. */
typedef struct MrWhereLast
{
	MrWhereAnswer answer;
	char host[MR_WHERE_HOST];
	char port[16];
} MrWhereLast;

/*
 * Answers by the last copy of the status and the last answer about the tenant (NULL: none,
 * or no tenant). The local node, whose database is dead, is never named. False when nothing
 * is known that may be said.
 */
extern bool mr_where_last(const MrWhere *where, const MrStatus *status,
						  const MrTenantAnswer *tenant, MrWhereLast *last);

/*
 * Regions to try after this one, nearest first, the tenant's own fallbacks before all: those
 * with a node that is not known to be down. Keys into out, at most max; how many.
 */
extern int mr_where_fallbacks(const MrStatus *status, const MrWhereAnswer *answer, bool for_write,
							  const char **out, int max);

#endif /* MR_WHERE_H */
