/*
 * What HAProxy's runtime socket is told and answers, as text. Pure functions.
 */
#ifndef MR_HAPROXY_TEXT_H
#define MR_HAPROXY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MR_HAPROXY_ENTRY_SIZE 1024 /* of "key value", the key with each byte escaped */
#define MR_HAPROXY_NAME_SIZE 128
#define MR_HAPROXY_NO_ROUTE "-" /* value of a tenant that has no region */

#define MR_HAPROXY_MAINT 0x03 /* srv_admin_state: put into maintenance by somebody */
#define MR_HAPROXY_DRAIN 0x08 /* drained over the socket */

/*
 * Whether a tenant id can be a key: neither blanks nor control characters. One that cannot
 * is not routed by HAProxy.
 */
extern bool mr_haproxy_is_key(const char *tenant);

/* Writes a word of a command with what HAProxy would take for its end escaped. */
extern bool mr_haproxy_escape(const char *word, char *out, size_t size);

/* A line of "show map": what the map with this file is at. False if it is another's line. */
typedef struct MrHaproxyMapState
{
	int64_t version;
	int64_t entries;
} MrHaproxyMapState;
extern bool mr_haproxy_map_line(const char *line, const char *file, MrHaproxyMapState *state);

/*
 * Adds the entry in a line of "show map FILE" to a digest that does not depend on the order
 * of entries. False if it is not such a line.
 */
extern bool mr_haproxy_digest_line(const char *line, uint64_t *digest);

/* The same of an entry that should be there. */
extern void mr_haproxy_digest(const char *key, const char *value, uint64_t *digest);

/* A server in a line of "show servers state". False if the line is none. */
typedef struct MrHaproxyServer
{
	char backend[MR_HAPROXY_NAME_SIZE];
	char name[MR_HAPROXY_NAME_SIZE];
	unsigned admin_state; /* MR_HAPROXY_MAINT, MR_HAPROXY_DRAIN, ... */
} MrHaproxyServer;
extern bool mr_haproxy_server_line(const char *line, MrHaproxyServer *server);

/* The number after a word and a blank ("Pid: ", "New version created: "), or -1. */
extern int64_t mr_haproxy_number(const char *line, const char *word);

#endif /* MR_HAPROXY_TEXT_H */
