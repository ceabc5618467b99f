/*
 * What the monitor asks a member over libpq, and what it makes of the answer:
 * the SQL text, the reading of the result, and whether it is the right server.
 *
 * Pure functions over a PGresult: no connection, no clock. The connection is
 * mr_pg_peer.h's business.
 */
#ifndef MR_PG_PROBE_H
#define MR_PG_PROBE_H

#include <libpq-fe.h>

#include "core/mr_limits.h"

#define MR_PROBE_ROLE_SIZE 16
#define MR_PROBE_ERROR_SIZE 200

/*
 * The probe: one row, no parameters. It must be run in multiregion.database by a role
 * that may call multiregion.lease_status(). No part of it takes a lock that anybody
 * holds for long, nor writes.
 */
extern const char *const mr_pg_probe_sql;

/* A member's answer to the probe. */
typedef struct MrProbeAnswer
{
	uint64_t system_identifier;
	bool in_recovery;
	bool managed;
	bool fenced;
	bool stopping;
	uint32_t timeline;
	uint64_t term;
	MrLsn receive_lsn; /* newest WAL it has; its own write position on a primary */
	MrLsn replay_lsn;  /* the same as receive_lsn on a primary */
	int64_t clock_us;  /* its clock when it answered, in microseconds since 1970; 0 unknown */
	char node[MR_NAME_SIZE];
	char role[MR_PROBE_ROLE_SIZE]; /* word of MrRole, or what a newer version calls it */
} MrProbeAnswer;

/* Whom the monitor meant to ask. */
typedef struct MrProbeExpectation
{
	const char *node;
	uint64_t system_identifier; /* 0: a cluster of its own (witness), not compared */
	bool must_be_standby;       /* another node leads as far as we know, and this one holds data */
} MrProbeExpectation;

typedef enum MrProbeVerdict
{
	MR_PROBE_OK,
	MR_PROBE_FAILED,       /* the server refused the query */
	MR_PROBE_WRONG_SERVER, /* somebody else answers on this address */
	MR_PROBE_NOT_STANDBY   /* the right node, but it follows nobody and leads nobody */
} MrProbeVerdict;

/*
 * Reads the result of mr_pg_probe_sql and judges it. Unless OK, error holds a line
 * that begins with the word of the verdict. *answer is filled as far as the result
 * was readable, else zero. The result stays the caller's; it may be an error result.
 */
extern MrProbeVerdict mr_pg_probe_read(const PGresult *result, const MrProbeExpectation *expected,
									   MrProbeAnswer *answer, char error[MR_PROBE_ERROR_SIZE]);

/* Asks for the events of a member's ring after a sequence number ($1, text). */
extern const char *const mr_pg_probe_events_sql;

/* Makes the server asked a member that observes ($1 its name, $2 the configuration). */
extern const char *const mr_pg_probe_enlist_sql;

/* One event as a member reports it; strings live as long as the result, NULL is null. */
typedef struct MrProbeEvent
{
	int64_t boot;
	int64_t sequence;
	int64_t at_us; /* microseconds since 1970 */
	int64_t term;
	int64_t value;
	const char *kind;
	const char *severity;
	const char *subject;
	const char *reason;
	const char *detail;
} MrProbeEvent;

/* The number of events in the result of mr_pg_probe_events_sql; -1 if it is something else. */
extern int mr_pg_probe_event_count(const PGresult *result);

/* Reads one event, 0 <= row < count. False when the row makes no sense. */
extern bool mr_pg_probe_event(const PGresult *result, int row, MrProbeEvent *event);

#endif /* MR_PG_PROBE_H */
