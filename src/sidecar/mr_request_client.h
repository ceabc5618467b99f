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

/*
 * The address of who sent it, without the zone that one of IPv6 may have on this machine;
 * empty of a unix socket.
 */
extern void mr_request_client_address(const MrRequest *request, char *out, size_t size);

#endif /* MR_REQUEST_CLIENT_H */
