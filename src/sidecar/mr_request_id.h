/*
 * Ids of requests: what a client calls its request, or else a name of ours, so that an
 * answer, a line of the access log and the client's own log can be brought together.
 */
#ifndef MR_REQUEST_ID_H
#define MR_REQUEST_ID_H

#include <stdbool.h>
#include <stddef.h>

#define MR_REQUEST_ID_HEADER "X-Request-Id"

/* Whether a client's id is taken over: letters, digits and . _ ~ + / = : - only. */
extern bool mr_request_id_is_valid(const char *id, size_t size);

/* Writes a new id: 32 hexadecimal digits, none twice on this machine. */
extern void mr_request_id_make(char *out, size_t size);

#endif /* MR_REQUEST_ID_H */
