/*
 * What a request says about who sent it.
 */
#ifndef MR_REQUEST_CLIENT_H
#define MR_REQUEST_CLIENT_H

#include "sidecar/mr_server.h"

/*
 * The request's headers that may tell where a client is, as a JSON object for
 * resolve_geo(), from malloc; NULL when there is none. Never cookies, credentials or tokens.
 */
extern char *mr_request_client_headers(const MrRequest *request);

#endif /* MR_REQUEST_CLIENT_H */
