/*
 * The short way of requests that came before (server_fast.c): what the server must be told
 * for it.
 */
#ifndef MR_SERVER_FAST_H
#define MR_SERVER_FAST_H

#include "sidecar/mr_server.h"

#define MR_FAST_BYTES 16384 /* longest answer that is recalled, with its headers */

/* What was recalled. */
typedef struct MrRecalled
{
	int status;
	size_t length; /* of all of it */
	size_t body;   /* of the body */
} MrRecalled;

/*
 * Writes the answer to a GET of the route that was remembered, headers and all. False if
 * it is not known any more: the request goes its long way.
 */
typedef bool (*MrServerRecall)(const struct MrRoute *route, const char *id, char *out, size_t size,
							   MrRecalled *recalled, void *arg);

/* Who knows the answers to requests that were remembered (server_fast.c). */
extern void mr_server_set_recall(MrServer *server, MrServerRecall recall, void *arg);

/* Forgets all requests. fast: whether any are remembered from now on. */
extern void mr_server_forget(MrServer *server, bool fast);

/*
 * Before the answer: it depends on nothing in the request but its path, and the recall
 * function will know it. Whether the request is one to remember is looked at here.
 */
extern void mr_request_remember(const MrRequest *request);

#endif /* MR_SERVER_FAST_H */
