/*
 * The answers of the database, a column by its name.
 */
#ifndef MR_ROW_H
#define MR_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include <libpq-fe.h>

/* The text of a column; NULL for null, and where there is no such row or column. */
extern const char *mr_row_text(const PGresult *result, int row, const char *column);

/* The whole number of a column, or MR_UNKNOWN. */
extern int64_t mr_row_number(const PGresult *result, int row, const char *column);

/* Whether a column is there and true. */
extern bool mr_row_is_true(const PGresult *result, int row, const char *column);

#endif /* MR_ROW_H */
