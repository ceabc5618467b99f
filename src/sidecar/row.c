/*
 * Columns of a result by their names; see mr_row.h. It must never make a value up for one
 * that is not there. Called by the endpoints, watcher.c and the steps of init.
 */
#include "sidecar/mr_row.h"

#include <stdlib.h>

#include "sidecar/mr_status.h"

const char *
mr_row_text(const PGresult *result, int row, const char *column)
{
	int number = PQfnumber(result, column);

	if (number < 0 || row >= PQntuples(result) || PQgetisnull(result, row, number))
		return NULL;
	return PQgetvalue(result, row, number);
}

int64_t
mr_row_number(const PGresult *result, int row, const char *column)
{
	const char *text = mr_row_text(result, row, column);

	return text != NULL ? strtoll(text, NULL, 10) : MR_UNKNOWN;
}

bool
mr_row_is_true(const PGresult *result, int row, const char *column)
{
	const char *text = mr_row_text(result, row, column);

	return text != NULL && text[0] == 't';
}
