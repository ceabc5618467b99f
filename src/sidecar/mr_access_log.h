/*
 * The access log: a line of JSON on standard output for each answer, or for those that
 * tell of an error.
 */
#ifndef MR_ACCESS_LOG_H
#define MR_ACCESS_LOG_H

#include <event2/event.h>

#include "sidecar/mr_server.h"

/* X(symbol, word) */
#define MR_ACCESS_LIST(X) \
	X(MR_ACCESS_OFF, "off") \
	X(MR_ACCESS_ERRORS, "errors") /* status 400 and above */ \
	X(MR_ACCESS_ALL, "all")

#define MR_ACCESS_ENUM(symbol, word) symbol,
typedef enum MrAccessLevel
{
	MR_ACCESS_LIST(MR_ACCESS_ENUM) MR_ACCESS_COUNT
} MrAccessLevel;
#undef MR_ACCESS_ENUM

/* The level of a word; false for an unknown one. In settings_http.c. */
extern bool mr_access_level_from_name(const char *word, MrAccessLevel *level);

/* Begins with level off. False without memory. */
extern bool mr_access_log_open(struct event_base *base);

/* From now on. */
extern void mr_access_log_set(MrAccessLevel level);

/* Takes an answer. Lines are written a moment later, many at a time. */
extern void mr_access_log_add(const MrRequest *request, int status, size_t bytes);

/* Writes what is left, as far as the reader takes it. */
extern void mr_access_log_close(void);

#endif /* MR_ACCESS_LOG_H */
