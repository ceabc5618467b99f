/*
 * Which handler answers a request: one const table of method, path template and
 * handler, and the pure function that searches it.
 *
 * A template is literal segments and at most one parameter, ":name", which takes one
 * whole segment. Segments are split first and unescaped afterwards, so that an escaped
 * slash belongs to the parameter. One slash at the end is forgiven.
 */
#ifndef MR_ROUTER_H
#define MR_ROUTER_H

#include <stdbool.h>
#include <stddef.h>

#define MR_PARAMETER_SIZE 512 /* longest parameter, unescaped, with its NUL */

/* Methods a client may send; X(symbol, word). */
#define MR_METHOD_LIST(X) \
	X(MR_METHOD_GET, "GET") \
	X(MR_METHOD_HEAD, "HEAD") \
	X(MR_METHOD_OPTIONS, "OPTIONS") \
	X(MR_METHOD_POST, "POST") \
	X(MR_METHOD_PUT, "PUT") \
	X(MR_METHOD_PATCH, "PATCH") \
	X(MR_METHOD_DELETE, "DELETE") \
	X(MR_METHOD_TRACE, "TRACE") \
	X(MR_METHOD_CONNECT, "CONNECT")

#define MR_METHOD_ENUM(symbol, word) symbol,
typedef enum MrMethod
{
	MR_METHOD_LIST(MR_METHOD_ENUM) MR_METHOD_COUNT
} MrMethod;
#undef MR_METHOD_ENUM

struct MrService;
struct MrRequest;
struct MrRouteMatch;

/* Answers a request, now or later; exactly once. */
typedef void (*MrHandler)(struct MrService *service, struct MrRequest *request,
						  const struct MrRouteMatch *match);

/* A path's answer to OPTIONS is that to GET: HAProxy asks a health check this way. */
#define MR_ROUTE_CHECK 0x1
/* Anybody may ask, whatever Authorization there is, as with checks; see authorize.c. */
#define MR_ROUTE_OPEN 0x2
/* It changes nothing, whatever its method is. */
#define MR_ROUTE_READS 0x4

typedef struct MrRoute
{
	MrMethod method;
	const char *path;
	MrHandler handler;
	const char *what; /* one line for GET /api and the documentation */
	unsigned int flags;
} MrRoute;

typedef enum MrRouteResult
{
	MR_ROUTE_FOUND,
	MR_ROUTE_OPTIONS,       /* OPTIONS of a known path: allow says what it takes */
	MR_ROUTE_WRONG_METHOD,  /* known path; allow says what it takes */
	MR_ROUTE_UNKNOWN,       /* no such path */
	MR_ROUTE_BAD_PARAMETER, /* known path, but its parameter cannot be read */
	MR_ROUTE_LONG_PARAMETER
} MrRouteResult;

typedef struct MrRouteMatch
{
	const MrRoute *route;              /* FOUND */
	char parameter[MR_PARAMETER_SIZE]; /* FOUND: of the template's ":name", or empty */
	unsigned int allow;                /* bit per MrMethod */
} MrRouteMatch;

#define MR_ROUTE_ALLOW_SIZE 96

/* Searches routes for path (without its query). HEAD finds what GET does. */
extern MrRouteResult mr_router_find(const MrRoute *routes, size_t count, MrMethod method,
									const char *path, MrRouteMatch *match);

/* The value of an Allow header: words of the bits, "GET, HEAD, OPTIONS". */
extern void mr_router_allow(unsigned int allow, char *out, size_t size);

/* The word of a method; never NULL. */
extern const char *mr_method_name(MrMethod method);

/* The table of this program, in routes.c. */
extern const MrRoute mr_routes[];
extern const size_t mr_route_count;

#endif /* MR_ROUTER_H */
