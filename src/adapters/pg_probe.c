/*
 * The monitor's questions to a member and the reading of its answers: see
 * mr_pg_probe.h.
 *
 * What arrives comes from a server that may be anything (another cluster, another
 * version, not PostgreSQL at all): nothing of it is trusted before it was checked,
 * and no text of it is passed on that could be longer than expected. Never blocks,
 * never prints, never raises. Called by monitor_probe.c, monitor_record.c and unit tests.
 */
#include "adapters/mr_pg_probe.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mr_names.h"

/* The columns of mr_pg_probe_sql, in its order. */
typedef enum ProbeColumn
{
	PROBE_SYSTEM_IDENTIFIER,
	PROBE_IN_RECOVERY,
	PROBE_RECEIVE_LSN,
	PROBE_REPLAY_LSN,
	PROBE_MANAGED,
	PROBE_NODE,
	PROBE_ROLE,
	PROBE_TERM,
	PROBE_TIMELINE,
	PROBE_FENCED,
	PROBE_STOPPING,
	PROBE_CLOCK_US,
	PROBE_COLUMNS
} ProbeColumn;

/*
 * A position is asked for as its distance from 0/0: a plain number. Should recovery
 * end between two of these calls, one of them fails, and the next check is right.
 */
const char *const mr_pg_probe_sql =
	"SELECT c.system_identifier, r.in_recovery,"
	" pg_catalog.pg_wal_lsn_diff(CASE WHEN r.in_recovery"
	" THEN GREATEST(pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn())"
	" ELSE pg_catalog.pg_current_wal_lsn() END, '0/0'),"
	" pg_catalog.pg_wal_lsn_diff(CASE WHEN r.in_recovery"
	" THEN pg_catalog.pg_last_wal_replay_lsn()"
	" ELSE pg_catalog.pg_current_wal_lsn() END, '0/0'),"
	" s.managed, s.node, s.role, s.term, s.timeline, s.fenced, s.stopping,"
	" pg_catalog.trunc(EXTRACT(epoch FROM pg_catalog.clock_timestamp())"
	" OPERATOR(pg_catalog.*) 1000000)"
	" FROM (SELECT pg_catalog.pg_is_in_recovery() AS in_recovery) AS r,"
	" pg_catalog.pg_control_system() AS c,"
	" multiregion.lease_status() AS s";

/* The columns of mr_pg_probe_events_sql, in its order. */
typedef enum EventColumn
{
	EVENT_BOOT,
	EVENT_SEQUENCE,
	EVENT_AT_US,
	EVENT_TERM,
	EVENT_VALUE,
	EVENT_KIND,
	EVENT_SEVERITY,
	EVENT_SUBJECT,
	EVENT_REASON,
	EVENT_DETAIL,
	EVENT_COLUMNS
} EventColumn;

const char *const mr_pg_probe_events_sql =
	"SELECT e.boot, e.sequence,"
	" pg_catalog.trunc(EXTRACT(epoch FROM e.at) OPERATOR(pg_catalog.*) 1000000),"
	" e.term, e.value, e.kind, e.severity, e.subject, e.reason, e.detail"
	" FROM multiregion.pending_events($1::pg_catalog.int8) AS e"
	" ORDER BY e.sequence";

const char *const mr_pg_probe_enlist_sql =
	"SELECT multiregion.enlist_node($1::pg_catalog.text, $2::pg_catalog.bytea)";

/* SQLSTATEs that mean: this server has no extension of ours to ask. */
static const char *const stranger_states[] = {
	"3F000", /* invalid_schema_name */
	"42883", /* undefined_function */
	"42703", /* undefined_column */
	"3D000", /* invalid_catalog_name */
	"58P01", /* undefined_file: the library is gone */
};

/* Reads a decimal number without sign. Null, garbage and overflow are false. */
static bool
read_unsigned(const PGresult *result, int row, int column, uint64_t *value)
{
	const char *text = PQgetvalue(result, row, column);
	char *end;

	if (PQgetisnull(result, row, column) || text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*value = strtoull(text, &end, 10);
	return *end == '\0' && errno == 0;
}

static bool
read_signed(const PGresult *result, int row, int column, int64_t *value)
{
	const char *text = PQgetvalue(result, row, column);
	char *end;

	if (PQgetisnull(result, row, column) || text[0] == '\0' || text[0] == ' ')
		return false;
	errno = 0;
	*value = strtoll(text, &end, 10);
	return *end == '\0' && errno == 0;
}

static bool
read_bool(const PGresult *result, int column, bool *value)
{
	const char *text = PQgetvalue(result, 0, column);

	if (PQgetisnull(result, 0, column) || (strcmp(text, "t") != 0 && strcmp(text, "f") != 0))
		return false;
	*value = text[0] == 't';
	return true;
}

/* Null is the empty string; a text that does not fit is not one of ours. */
static bool
read_text(const PGresult *result, int column, char *out, size_t size)
{
	const char *text = PQgetvalue(result, 0, column);
	size_t length = strlen(text);

	if (length >= size)
		return false;
	memcpy(out, text, length + 1);
	return true;
}

/* A number that may be null, which is 0: positions and terms nobody knows yet. */
static bool
read_known(const PGresult *result, int column, uint64_t *value)
{
	*value = 0;
	return PQgetisnull(result, 0, column) || read_unsigned(result, 0, column, value);
}

static bool
read_answer(const PGresult *result, MrProbeAnswer *answer)
{
	uint64_t timeline = 0;
	uint64_t clock_us = 0;

	if (PQntuples(result) != 1 || PQnfields(result) != PROBE_COLUMNS)
		return false;
	if (!read_unsigned(result, 0, PROBE_SYSTEM_IDENTIFIER, &answer->system_identifier) ||
		!read_bool(result, PROBE_IN_RECOVERY, &answer->in_recovery) ||
		!read_known(result, PROBE_RECEIVE_LSN, &answer->receive_lsn) ||
		!read_known(result, PROBE_REPLAY_LSN, &answer->replay_lsn) ||
		!read_bool(result, PROBE_MANAGED, &answer->managed) ||
		!read_text(result, PROBE_NODE, answer->node, sizeof(answer->node)) ||
		!read_text(result, PROBE_ROLE, answer->role, sizeof(answer->role)) ||
		!read_known(result, PROBE_TERM, &answer->term) ||
		!read_known(result, PROBE_TIMELINE, &timeline) || timeline > UINT32_MAX)
		return false;
	answer->timeline = (uint32_t) timeline;
	/* a clock before 1970, say, is no reason to call the server another one */
	if (read_unsigned(result, 0, PROBE_CLOCK_US, &clock_us) && clock_us <= INT64_MAX)
		answer->clock_us = (int64_t) clock_us;

	/* An unmanaged server has no opinion on these. */
	if (!read_bool(result, PROBE_FENCED, &answer->fenced) ||
		!read_bool(result, PROBE_STOPPING, &answer->stopping))
		return !answer->managed;
	return true;
}

/* The first line of what the server said. */
static void
describe_error(const PGresult *result, const char *word, char error[MR_PROBE_ERROR_SIZE])
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	snprintf(error, MR_PROBE_ERROR_SIZE, "%s: %.140s (%.5s)", word,
			 message != NULL ? message : "no message", state != NULL ? state : "-----");
}

static MrProbeVerdict
read_error(const PGresult *result, char error[MR_PROBE_ERROR_SIZE])
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	for (size_t i = 0; state != NULL && i < sizeof(stranger_states) / sizeof(char *); i++)
	{
		if (strcmp(state, stranger_states[i]) == 0)
		{
			describe_error(result, "wrong_server", error);
			return MR_PROBE_WRONG_SERVER;
		}
	}
	describe_error(result, "failed", error);
	return MR_PROBE_FAILED;
}

static MrProbeVerdict
judge(const MrProbeAnswer *answer, const MrProbeExpectation *expected,
	  char error[MR_PROBE_ERROR_SIZE])
{
	if (!answer->managed)
		snprintf(error, MR_PROBE_ERROR_SIZE, "wrong_server: an unmanaged server answers");
	else if (expected->system_identifier != 0 &&
			 answer->system_identifier != expected->system_identifier)
		snprintf(error, MR_PROBE_ERROR_SIZE,
				 "wrong_server: a server of another cluster answers (system identifier %" PRIu64
				 ")",
				 answer->system_identifier);
	else if (strcmp(answer->node, expected->node) != 0)
		snprintf(error, MR_PROBE_ERROR_SIZE, "wrong_server: node \"%s\" answers", answer->node);
	else if (expected->must_be_standby && !answer->in_recovery &&
			 strcmp(answer->role, mr_role_name(MR_ROLE_LEADER)) != 0)
	{
		snprintf(error, MR_PROBE_ERROR_SIZE,
				 "not_standby: the node does not follow the primary, it waits for its rejoin");
		return MR_PROBE_NOT_STANDBY;
	}
	else
		return MR_PROBE_OK;
	return MR_PROBE_WRONG_SERVER;
}

MrProbeVerdict
mr_pg_probe_read(const PGresult *result, const MrProbeExpectation *expected, MrProbeAnswer *answer,
				 char error[MR_PROBE_ERROR_SIZE])
{
	memset(answer, 0, sizeof(*answer));
	error[0] = '\0';
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		return read_error(result, error);
	if (!read_answer(result, answer))
	{
		memset(answer, 0, sizeof(*answer));
		snprintf(error, MR_PROBE_ERROR_SIZE, "wrong_server: the answer makes no sense");
		return MR_PROBE_WRONG_SERVER;
	}
	return judge(answer, expected, error);
}

int
mr_pg_probe_event_count(const PGresult *result)
{
	if (PQresultStatus(result) != PGRES_TUPLES_OK || PQnfields(result) != EVENT_COLUMNS)
		return -1;
	return PQntuples(result);
}

static const char *
text_or_null(const PGresult *result, int row, int column)
{
	return PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
}

bool
mr_pg_probe_event(const PGresult *result, int row, MrProbeEvent *event)
{
	memset(event, 0, sizeof(*event));
	if (!read_signed(result, row, EVENT_BOOT, &event->boot) ||
		!read_signed(result, row, EVENT_SEQUENCE, &event->sequence) || event->sequence <= 0 ||
		!read_signed(result, row, EVENT_AT_US, &event->at_us))
		return false;
	if (!PQgetisnull(result, row, EVENT_TERM) &&
		!read_signed(result, row, EVENT_TERM, &event->term))
		return false;
	if (!PQgetisnull(result, row, EVENT_VALUE) &&
		!read_signed(result, row, EVENT_VALUE, &event->value))
		return false;
	event->kind = text_or_null(result, row, EVENT_KIND);
	event->severity = text_or_null(result, row, EVENT_SEVERITY);
	event->subject = text_or_null(result, row, EVENT_SUBJECT);
	event->reason = text_or_null(result, row, EVENT_REASON);
	event->detail = text_or_null(result, row, EVENT_DETAIL);
	return event->kind != NULL && event->severity != NULL;
}
