/*
 * What happens to a request before its path is looked at, and to an answer after it was
 * given: CORS, the limit of changes, the access log.
 */
#ifndef MR_FRONT_H
#define MR_FRONT_H

#include "sidecar/mr_service.h"

/* The server's handler: then mr_service_handle(). */
extern void mr_front_handle(MrRequest *request, void *arg);

/* The server's observer. */
extern void mr_front_observe(const MrRequest *request, int status, size_t bytes, void *arg);

#endif /* MR_FRONT_H */
