/*
 * Rows of SQL functions; see mr_row.h. Called by the other files of functions/.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/pg_lsn.h"
#include "utils/tuplestore.h"

#include "extension/mr_row.h"

void
mr_row_put(MrRow *row, Datum value, bool is_null)
{
	Assert(row->count < MR_ROW_COLUMNS);
	row->values[row->count] = is_null ? (Datum) 0 : value;
	row->nulls[row->count++] = is_null;
}

void
mr_row_put_text(MrRow *row, const char *text)
{
	bool is_null = text == NULL || text[0] == '\0';

	mr_row_put(row, is_null ? (Datum) 0 : CStringGetTextDatum(text), is_null);
}

void
mr_row_put_bool(MrRow *row, bool value)
{
	mr_row_put(row, BoolGetDatum(value), false);
}

void
mr_row_put_number(MrRow *row, int64 value, bool is_null)
{
	mr_row_put(row, Int64GetDatum(value), is_null);
}

void
mr_row_put_lsn(MrRow *row, MrLsn lsn)
{
	mr_row_put(row, LSNGetDatum((XLogRecPtr) lsn), lsn == 0);
}

void
mr_row_put_nulls(MrRow *row, int count)
{
	while (count-- > 0)
		mr_row_put(row, (Datum) 0, true);
}

Datum
mr_row_result(FunctionCallInfo fcinfo, MrRow *row)
{
	TupleDesc columns = (TupleDesc) fcinfo->flinfo->fn_extra;

	if (columns == NULL)
	{
		/* Kept for the next call in the statement: to find it out takes longer than the rest. */
		MemoryContext before = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		if (get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE)
			ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
							errmsg("the function must be declared to return a row")));
		columns = BlessTupleDesc(columns);
		MemoryContextSwitchTo(before);
		fcinfo->flinfo->fn_extra = columns;
	}
	mr_row_put_nulls(row, columns->natts - row->count);
	return HeapTupleGetDatum(heap_form_tuple(columns, row->values, row->nulls));
}

void
mr_row_store(FunctionCallInfo fcinfo, MrRow *row)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	tuplestore_putvalues(result->setResult, result->setDesc, row->values, row->nulls);
}
