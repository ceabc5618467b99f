/*
 * What the endpoints of Patroni's contract share: its words for the local node, its plain
 * texts, and the addresses of members.
 */
#ifndef MR_PATRONI_H
#define MR_PATRONI_H

#include "sidecar/mr_patroni_check.h"
#include "sidecar/mr_service.h"
#include "sidecar/mr_status_member.h"

#define MR_PATRONI_VERSION "4.1.4" /* whose contract this is */
#define MR_PATRONI_SCOPE "multiregion"

/* Adds Patroni's keys of the local node to an object. */
extern void mr_patroni_add_status(const MrService *service, MrJson *json, MrJsonNode *root);

/* A number of bytes from the text of a position, "1/A0"; MR_UNKNOWN if it is none. */
extern int64_t mr_patroni_position(const char *lsn);

/* Whether commits wait for a majority, of which the node is one. */
extern bool mr_patroni_is_in_quorum(const MrStatus *status, const MrStatusNode *node);

/* Answers with a line of text, as Patroni does to commands. */
extern void mr_patroni_say(MrRequest *request, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif /* MR_PATRONI_H */
