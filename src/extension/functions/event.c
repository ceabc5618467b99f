/*
 * SQL functions for events of this node and for what multiregion-join reports.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "fmgr.h"
#include "funcapi.h"
#include "postmaster/bgwriter.h"
#include "utils/builtins.h"
#include "utils/pg_lsn.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "extension/mr_catalog.h"
#include "extension/mr_functions.h"
#include "extension/mr_shared_state.h"

#define PATH_MAX_BYTES 1023

PG_FUNCTION_INFO_V1(multiregion_pending_events);
PG_FUNCTION_INFO_V1(multiregion_record_divergence);
PG_FUNCTION_INFO_V1(multiregion_request_checkpoint);

static Datum
text_or_null(const char *text, bool *is_null)
{
	*is_null = text == NULL;
	return text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

Datum
multiregion_pending_events(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int64 after = Max(PG_GETARG_INT64(0), 0);
	MrEventRecord *records = palloc(MR_EVENT_RING * sizeof(MrEventRecord));
	int count;

	mr_require_preloaded();
	InitMaterializedSRF(fcinfo, 0);
	/* A number from an earlier start of this node means nothing now: give all there is. */
	if ((uint64) after > mr_shared->event_sequence)
		after = 0;
	count = mr_event_read((uint64) after, records, MR_EVENT_RING);
	for (int i = 0; i < count; i++)
	{
		Datum values[10];
		bool nulls[10] = {false};
		MrCatalogEvent event;

		mr_catalog_event_of_record(&records[i], "", &event);
		values[0] = Int64GetDatum(event.boot);
		values[1] = Int64GetDatum(event.sequence);
		values[2] = TimestampTzGetDatum(event.at);
		values[3] = CStringGetTextDatum(event.kind);
		values[4] = CStringGetTextDatum(event.severity);
		values[5] = Int64GetDatum(event.term);
		values[6] = text_or_null(event.subject, &nulls[6]);
		values[7] = text_or_null(event.reason, &nulls[7]);
		values[8] = Int64GetDatum(event.value);
		values[9] = text_or_null(event.detail, &nulls[9]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

Datum
multiregion_record_divergence(PG_FUNCTION_ARGS)
{
	MrCatalogDivergence divergence;
	char *node = mr_text_argument(fcinfo, 0, "node name");

	mr_refuse_name("node name", node, mr_node_name_problem(node));
	for (int i = 1; i <= 4; i++)
	{
		if (PG_ARGISNULL(i))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("term, timeline, fork_lsn and end_lsn must not be null")));
	}
	memset(&divergence, 0, sizeof(divergence));
	divergence.node = node;
	divergence.term = PG_GETARG_INT64(1);
	divergence.timeline = PG_GETARG_INT64(2);
	divergence.fork_lsn = PG_GETARG_LSN(3);
	divergence.end_lsn = PG_GETARG_LSN(4);
	divergence.kept_path = mr_optional_text(fcinfo, 5);
	if (divergence.fork_lsn == 0 || divergence.end_lsn < divergence.fork_lsn)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("diverged WAL must end after the point where it begins")));
	if (divergence.kept_path != NULL && strlen(divergence.kept_path) > PATH_MAX_BYTES)
		ereport(ERROR, (errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
						errmsg("a path has at most %d bytes", PATH_MAX_BYTES)));
	mr_require_writable("multiregion.record_divergence()");
	PG_RETURN_BOOL(mr_catalog_record_divergence(&divergence));
}

Datum
multiregion_request_checkpoint(PG_FUNCTION_ARGS)
{
	mr_require_writable("multiregion.request_checkpoint()");
	RequestCheckpoint(CHECKPOINT_IMMEDIATE | CHECKPOINT_FORCE | CHECKPOINT_WAIT);
	PG_RETURN_VOID();
}
