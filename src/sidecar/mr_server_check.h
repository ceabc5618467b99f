/*
 * What evhttp lets through although it should not, told from a request it has parsed.
 * Only for server.c.
 */
#ifndef MR_SERVER_CHECK_H
#define MR_SERVER_CHECK_H

#include "sidecar/mr_http_error.h"
#include "sidecar/mr_server_guard.h"

#define MR_HEADER_BYTES (16 * 1024) /* request line and headers */
#define MR_BODY_BYTES (64 * 1024)
#define MR_EXPECT_TOO_LARGE "100-continue of a body that is too large"

struct evhttp_request;

/* Why a parsed request is refused (a sentence), or NULL. seen is what came in for it. */
extern const char *mr_server_check(struct evhttp_request *http, const MrGuardSeen *seen);

/*
 * The path to look up: of an absolute URI its path, "/" where a whole server is meant.
 * NULL if the request names none.
 */
extern const char *mr_server_path(struct evhttp_request *http);

/*
 * What to answer where evhttp wants to send an HTTP status of its own: it calls long
 * headers bad and bad chunks long. *details may become a sentence.
 */
extern MrHttpError mr_server_failure(struct evhttp_request *http, int status,
									 const MrGuardSeen *seen, const char **details);

#endif /* MR_SERVER_CHECK_H */
