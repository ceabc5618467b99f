/*
 * Which web pages of other origins a browser lets read our answers (CORS).
 *
 * Credentials that a browser sends by itself are not allowed, and none are needed: who
 * may change something says so in an Authorization header.
 */
#ifndef MR_CORS_H
#define MR_CORS_H

#include "sidecar/mr_server.h"

/* Why a list of origins cannot be one (a sentence), or NULL. */
extern const char *mr_cors_problem(const char *origins);

/* Whether an origin is in a list. */
extern bool mr_cors_is_listed(const char *origins, const char *origin);

/* Adds the headers for the origin of a request; origins is the list, "*" or empty. */
extern void mr_cors_apply(const char *origins, MrRequest *request);

#endif /* MR_CORS_H */
