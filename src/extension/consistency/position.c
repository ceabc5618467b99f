/*
 * Where this server is in the history of its cluster; see mr_position.h.
 *
 * The history of a timeline never changes, so it is read once from its file. Called by
 * whoever makes a token, or judges one.
 */
#include "postgres.h"

#include "access/timeline.h"
#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "utils/memutils.h"

#include "extension/consistency/mr_position.h"
#include "extension/consistency/mr_waiters.h"
#include "extension/mr_shared_state.h"

/* Kept for the timeline it was read for. */
static MrTimelineSpan *spans = NULL;
static int span_count = 0;

static void
read_history(TimeLineID timeline)
{
	List *entries = readTimeLineHistory(timeline);
	MrTimelineSpan *fresh;
	ListCell *cell;
	int count = 0;

	/* What is missing is taken for a first timeline: every older token would look lost. */
	if (list_length(entries) < 2 && timeline > 1)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FILE),
				 errmsg("the history of timeline %u is not known here", timeline),
				 errhint("Copy the file %08X.history of the primary into pg_wal.", timeline)));
	fresh =
		MemoryContextAlloc(TopMemoryContext, sizeof(MrTimelineSpan) * Max(list_length(entries), 1));
	foreach(cell, entries)
	{
		const TimeLineHistoryEntry *entry = lfirst(cell);

		fresh[count].timeline = entry->tli;
		fresh[count++].end = entry->end;
	}
	list_free_deep(entries);
	if (spans != NULL)
		pfree(spans);
	spans = fresh;
	span_count = count;
}

MrLsn
mr_position_before_header(MrLsn lsn)
{
	bool starts_segment = lsn % wal_segment_size < XLOG_BLCKSZ;
	uint64 header = starts_segment ? SizeOfXLogLongPHD : SizeOfXLogShortPHD;

	return lsn % XLOG_BLCKSZ == header ? lsn - header : lsn;
}

MrLsn
mr_position_written(void)
{
	return mr_position_before_header(GetXLogInsertRecPtr());
}

void
mr_position_look(MrPosition *position)
{
	TimeLineID timeline;

	if (RecoveryInProgress())
		position->lsn = mr_waiters_replayed(&timeline);
	else
	{
		position->lsn = mr_position_written();
		timeline = GetWALInsertionTimeLine();
	}
	if (span_count == 0 || spans[0].timeline != timeline)
		read_history(timeline);
	position->spans = spans;
	position->count = span_count;
}

MrTokenPlace
mr_position_place(const MrToken *token)
{
	MrPosition position;

	if (token->system != GetSystemIdentifier())
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the token is of another database system"),
						errhint("Tokens are good only within the cluster that gave them.")));
	mr_position_look(&position);
	return mr_token_place(token, position.spans, position.count, position.lsn);
}

void
mr_position_token(MrLsn commit_end, MrToken *token)
{
	bool is_member = pg_atomic_read_u32(&mr_shared->managed) != 0;

	token->system = GetSystemIdentifier();
	token->term = is_member ? pg_atomic_read_u64(&mr_shared->lease_term) : 0;
	token->timeline = GetWALInsertionTimeLine();
	token->lsn = commit_end;
}
