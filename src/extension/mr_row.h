/*
 * A row that an SQL function returns, filled column by column from the left.
 */
#ifndef MR_ROW_H
#define MR_ROW_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/execnodes.h"

#include "core/mr_limits.h"

#define MR_ROW_COLUMNS 24

/* All zero to begin with. */
typedef struct MrRow
{
	int count;
	Datum values[MR_ROW_COLUMNS];
	bool nulls[MR_ROW_COLUMNS];
} MrRow;

/* One more column: of any type; the usual ones. An empty text, and an LSN of 0, are null. */
extern void mr_row_put(MrRow *row, Datum value, bool is_null);
extern void mr_row_put_text(MrRow *row, const char *text);
extern void mr_row_put_bool(MrRow *row, bool value);
extern void mr_row_put_number(MrRow *row, int64 value, bool is_null);
extern void mr_row_put_lsn(MrRow *row, MrLsn lsn);
extern void mr_row_put_nulls(MrRow *row, int count);

/* The result of a function that returns one row; what is missing at the end is null. */
extern Datum mr_row_result(FunctionCallInfo fcinfo, MrRow *row);

/* Adds it to the result of a function that returns many (InitMaterializedSRF). */
extern void mr_row_store(FunctionCallInfo fcinfo, MrRow *row);

#endif /* MR_ROW_H */
