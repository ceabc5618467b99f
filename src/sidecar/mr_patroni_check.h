/*
 * Health checks in Patroni's words: path, query and the last copy in, status code out.
 * Pure. What implies that a write would be acknowledged here is judged by the lease that
 * the copy tells of, counted from the moment the copy was asked for.
 */
#ifndef MR_PATRONI_CHECK_H
#define MR_PATRONI_CHECK_H

#include "sidecar/mr_http_text.h"
#include "sidecar/mr_serving.h"

/* What a path asks. */
typedef enum MrPatroniCheck
{
	MR_CHECK_NONE, /* the path is no check */
	MR_CHECK_WRITER,
	MR_CHECK_NEVER, /* the leader of a standby cluster: there is none */
	MR_CHECK_REPLICA,
	MR_CHECK_READ_ONLY,
	MR_CHECK_SYNC,
	MR_CHECK_QUORUM,
	MR_CHECK_ASYNC,
	MR_CHECK_READ_ONLY_SYNC,
	MR_CHECK_READ_ONLY_QUORUM,
	MR_CHECK_RUNNING,
	MR_CHECK_LIVE,
	MR_CHECK_READY,
	MR_CHECK_ALWAYS /* status for people and monitoring */
} MrPatroniCheck;

/* Tags of the local node, which ?tag_NAME=VALUE compares. */
typedef struct MrPatroniTag
{
	const char *name;
	const char *value;
} MrPatroniTag;

#define MR_PATRONI_TAGS 2

/* The conditions of a query string. */
typedef struct MrPatroniQuery
{
	int64_t lag_bytes; /* MR_UNKNOWN: none is given */
	int64_t lag_ms;
	bool by_write;       /* lag counts to what was received, not to what was replayed */
	bool state_differs;  /* ?replication_state= is not what the node does */
	bool tags_differ;    /* a ?tag_ is not that of the node */
	bool region_differs; /* ?region= names another region */
	bool has_tenant;     /* ?tenant=, for who can ask the database */
	char tenant[4 * 255 + 1];
} MrPatroniQuery;

/* What the check of a path is. */
extern MrPatroniCheck mr_patroni_check_of(const char *path);

/* The tags of the node; their count, at most MR_PATRONI_TAGS. */
extern int mr_patroni_tags(const MrStatus *status, MrPatroniTag *tags);

/*
 * Reads a query string (NULL if there is none). NULL when well, else the name of the
 * parameter that cannot be read. What a check does not look at is not read.
 */
extern const char *mr_patroni_query_read(MrPatroniCheck check, const char *query,
										 const MrStatus *status, MrPatroniQuery *out);

/* Bytes of "1048576", "10MB", "1.5 GB"; false if it is none, negative or too large. */
extern bool mr_patroni_bytes(const char *text, int64_t *bytes);

/* Milliseconds of "2" or "0.5" seconds. */
extern bool mr_patroni_seconds(const char *text, int64_t *ms);

/*
 * Whether a write is acknowledged here and nowhere else: the copy says so, and the lease
 * it tells of cannot have run out since. NULL if so, else the word that says why not.
 */
extern const char *mr_patroni_no_writer(const MrServingInput *input, const MrStatus *status);

/* Whether this is a standby that can be read from. */
extern bool mr_patroni_is_replica(const MrServingInput *input, const MrStatus *status);

/* Whether the local PostgreSQL answers, whatever it is. */
extern bool mr_patroni_is_running(const MrServingInput *input, const MrStatus *status);

/* Whether commits wait for a majority, of which this standby is one. */
extern bool mr_patroni_is_quorum(const MrStatus *status);

/* The verdict: 200 or 503. */
extern int mr_patroni_code(MrPatroniCheck check, const MrServingInput *input,
						   const MrStatus *status, const MrPatroniQuery *query);

#endif /* MR_PATRONI_CHECK_H */
