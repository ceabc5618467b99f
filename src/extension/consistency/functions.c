/*
 * SQL functions on tokens and staleness. All of them may be called on any node.
 *
 * On a standby wait_for_token() gives its statement's snapshot back if it can, and gives up at
 * once when replay waits for this very session; the statement SET multiregion.wait_for has no
 * snapshot to begin with.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/pg_lsn.h"
#include "utils/timestamp.h"

#include "extension/consistency/mr_ask_primary.h"
#include "extension/consistency/mr_consistency.h"
#include "extension/consistency/mr_position.h"
#include "extension/mr_commits.h"
#include "extension/mr_functions.h"
#include "extension/mr_settings.h"
#include "extension/mr_shared_state.h"
#include "extension/mr_snapshots.h"

#define MAX_WAIT_MS (3600 * 1000)
#define ASK_EVERY_NS (100 * MR_NS_PER_MS) /* a bound younger than this is good enough */

PG_FUNCTION_INFO_V1(multiregion_session_token);
PG_FUNCTION_INFO_V1(multiregion_last_commit_lsn);
PG_FUNCTION_INFO_V1(multiregion_wait_for_token);
PG_FUNCTION_INFO_V1(multiregion_token_reached);
PG_FUNCTION_INFO_V1(multiregion_replication_staleness);
PG_FUNCTION_INFO_V1(multiregion_assert_max_staleness);
PG_FUNCTION_INFO_V1(multiregion_newest_commit);

/* ---------- this session ---------- */

Datum
multiregion_session_token(PG_FUNCTION_ARGS)
{
	char given[MR_TOKEN_SIZE];
	const char *token;

	mr_require_preloaded();
	token = mr_session_commit_token();
	if (token == NULL && mr_wait_for_token() != NULL)
	{
		mr_token_format(mr_wait_for_token(), given);
		token = given;
	}
	if (token == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(token));
}

Datum
multiregion_last_commit_lsn(PG_FUNCTION_ARGS)
{
	mr_require_preloaded();
	if (mr_session_commit() == 0)
		PG_RETURN_NULL();
	PG_RETURN_LSN(mr_session_commit());
}

/* ---------- tokens ---------- */

static void
token_argument(FunctionCallInfo fcinfo, int number, MrToken *token)
{
	const char *word = text_to_cstring(PG_GETARG_TEXT_PP(number));

	mr_require_preloaded();
	if (!mr_token_parse(word, token))
		ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION), errmsg("invalid token"),
						errdetail("It is not a token as session_token() gives it, or it was cut "
								  "short.")));
}

/* Milliseconds of an interval; error 22023 if it is negative, or too long. */
static int64
interval_argument(FunctionCallInfo fcinfo, int number, const char *name)
{
	const Interval *interval = PG_GETARG_INTERVAL_P(number);
	double seconds = (double) interval->time / USECS_PER_SEC +
					 (interval->day + interval->month * 30.0) * SECS_PER_DAY;

	if (seconds < 0 || seconds * 1000 > MAX_WAIT_MS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s must not be negative, nor longer than an hour", name)));
	return (int64) (seconds * 1000);
}

static const char *
word_of(MrWaitResult result)
{
	switch (result)
	{
		case MR_WAIT_REACHED:
			return RecoveryInProgress() ? "success" : "not in recovery";
		case MR_WAIT_DIVERGED:
			return "diverged";
		case MR_WAIT_TIMEOUT:
		case MR_WAIT_CONFLICT:
			break;
	}
	return "timeout";
}

Datum
multiregion_wait_for_token(PG_FUNCTION_ARGS)
{
	int64 began_ns = mr_boottime_ns();
	MrSnapshots snapshots;
	MrWaitResult result;
	int64 timeout_ms;
	MrToken token;

	token_argument(fcinfo, 0, &token);
	timeout_ms = interval_argument(fcinfo, 1, "timeout");
	mr_snapshots_give_of_call(fcinfo->flinfo->fn_oid, &snapshots);
	result = mr_waiters_wait(&token, began_ns + timeout_ms * MR_NS_PER_MS);
	if (result == MR_WAIT_CONFLICT)
		mr_raise_unless_reached(result, &token, 0);
	if (result == MR_WAIT_REACHED)
		mr_read_note_reached(&token);
	mr_snapshots_take_anew(&snapshots);
	PG_RETURN_TEXT_P(cstring_to_text(word_of(result)));
}

Datum
multiregion_token_reached(PG_FUNCTION_ARGS)
{
	MrToken token;

	token_argument(fcinfo, 0, &token);
	PG_RETURN_BOOL(mr_position_place(&token) == MR_TOKEN_REACHED);
}

/* ---------- staleness ---------- */

/*
 * The bound as good as it can be had for one question. When the primary does not answer, what
 * was known before counts, and grows.
 */
static int64
look_at_bound(Oid function)
{
	int64 now_ns = mr_boottime_ns();
	MrSnapshots snapshots;
	const char *problem;
	MrToken newest;

	if (RecoveryInProgress() && mr_is_managed() && now_ns - mr_ask_newest() > ASK_EVERY_NS)
	{
		mr_snapshots_give_of_call(function, &snapshots);
		(void) mr_ask_primary(&newest, now_ns + mr_connect_timeout_ms * MR_NS_PER_MS, &problem);
		mr_snapshots_take_anew(&snapshots);
	}
	return mr_ask_bound();
}

static Interval *
interval_of(int64 ns)
{
	Interval *interval = palloc0(sizeof(Interval));

	interval->time = ns / 1000;
	return interval;
}

Datum
multiregion_replication_staleness(PG_FUNCTION_ARGS)
{
	int64 bound_ns;

	mr_require_preloaded();
	bound_ns = look_at_bound(fcinfo->flinfo->fn_oid);
	if (bound_ns == MR_STALENESS_UNKNOWN)
		PG_RETURN_NULL();
	PG_RETURN_INTERVAL_P(interval_of(bound_ns));
}

Datum
multiregion_assert_max_staleness(PG_FUNCTION_ARGS)
{
	int64 max_ms = interval_argument(fcinfo, 0, "max_staleness");
	int64 bound_ns;
	const char *primary;

	mr_require_preloaded();
	bound_ns = mr_ask_bound();
	if (bound_ns == MR_STALENESS_UNKNOWN || bound_ns > max_ms * MR_NS_PER_MS)
		bound_ns = look_at_bound(fcinfo->flinfo->fn_oid);
	if (bound_ns != MR_STALENESS_UNKNOWN && bound_ns <= max_ms * MR_NS_PER_MS)
		PG_RETURN_VOID();
	primary = mr_primary_region();
	ereport(ERROR,
			(errcode(MR_ERRCODE_STALE),
			 errmsg("this standby may be more than %lld ms behind the primary", (long long) max_ms),
			 bound_ns != MR_STALENESS_UNKNOWN
				 ? errdetail("It is at most %lld ms behind.", (long long) (bound_ns / MR_NS_PER_MS))
				 : errdetail("How far it is behind is not known."),
			 primary[0] != '\0' ? errhint("Read from the primary, which is in region %s.", primary)
								: errhint("Read from the primary.")));
	PG_RETURN_VOID();
}

/* ---------- for peers ---------- */

/*
 * The newest commit that may have been acknowledged anywhere. First the position, then the
 * fence: while that is open nobody else has acknowledged anything. What is not flushed yet
 * (synchronous_commit = off) is, or no standby could reach it soon.
 */
Datum
multiregion_newest_commit(PG_FUNCTION_ARGS)
{
	char text[MR_TOKEN_SIZE];
	MrToken token;
	MrLsn end;

	mr_require_preloaded();
	if (RecoveryInProgress())
		PG_RETURN_NULL();
	end = mr_is_managed() ? pg_atomic_read_u64(&mr_shared->last_commit_end) : 0;
	/* none since the start of this server, or nobody keeps count */
	if (end == 0)
		end = mr_position_written();
	end = mr_position_before_header(end);
	if (GetFlushRecPtr(NULL) < end && !mr_commits_wal_is_held())
		XLogFlush(end);
	pg_read_barrier();
	if (!mr_fence_is_open())
		PG_RETURN_NULL();
	mr_position_token(end, &token);
	mr_token_format(&token, text);
	PG_RETURN_TEXT_P(cstring_to_text(text));
}
