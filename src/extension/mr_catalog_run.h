/*
 * How the catalog's own files, and those of routing/ that keep tables, run SQL. Nobody else
 * includes this.
 *
 * A session is SPI plus the identity of the schema's owner plus a search_path that
 * nobody can put objects into. On an error PostgreSQL's abort undoes all three.
 */
#ifndef MR_CATALOG_RUN_H
#define MR_CATALOG_RUN_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "core/mr_limits.h"

#define MR_CATALOG_MAX_ARGUMENTS 16

typedef struct MrCatalogSession
{
	Oid user; /* the caller's identity, to be restored */
	int security_context;
	int guc_level;
	char caller[NAMEDATALEN]; /* name of that role */
} MrCatalogSession;

/* Arguments of one statement, filled by the mr_add_*() below in the order $1, $2 ... */
typedef struct MrArguments
{
	int count;
	Oid types[MR_CATALOG_MAX_ARGUMENTS];
	Datum values[MR_CATALOG_MAX_ARGUMENTS];
	char nulls[MR_CATALOG_MAX_ARGUMENTS];
} MrArguments;

/* Opens a session; an error when the schema is not there. Sessions may nest. */
extern void mr_catalog_open(MrCatalogSession *session);

/* Ends it: what SPI returned is gone. */
extern void mr_catalog_close(MrCatalogSession *session);

/*
 * Whether the tables have this column (or, NULL, this table): those of an older version of
 * the extension, which waits for ALTER EXTENSION UPDATE, may lack it.
 */
extern bool mr_catalog_has(const char *table, const char *column);

/* Append an argument. A NULL pointer is null, as is a time or LSN of 0. */
extern void mr_add_text(MrArguments *arguments, const char *value);
extern void mr_add_int64(MrArguments *arguments, int64 value);
extern void mr_add_int32(MrArguments *arguments, int32 value);
extern void mr_add_bool(MrArguments *arguments, bool value);
extern void mr_add_degrees(MrArguments *arguments, double value); /* NaN is null */
extern void mr_add_time(MrArguments *arguments, TimestampTz value);
extern void mr_add_lsn(MrArguments *arguments, MrLsn value);
extern void mr_add_uuid(MrArguments *arguments, const MrUuid *value); /* all zero is null */

/* One argument that is an array: of text, in which a NULL pointer is null; of bigint. */
extern void mr_add_texts(MrArguments *arguments, const char *const *values, int count);
extern void mr_add_int64s(MrArguments *arguments, const int64 *values, int count);

/*
 * Runs one statement in the open session; arguments may be NULL. Returns the number of
 * rows; those of a SELECT or RETURNING are in SPI_tuptable. read: the statement only
 * reads, with the caller's snapshot; mr_write() also sees what this command has written.
 */
extern uint64 mr_read(const char *sql, MrArguments *arguments);
extern uint64 mr_write(const char *sql, MrArguments *arguments);

/* The same as mr_write() for one of a few constant texts, whose plan is kept. */
extern uint64 mr_write_kept(const char *sql, MrArguments *arguments);

/* A column (from 1) of a row of the last result. Text is copied out, null is empty, 0, false. */
extern void mr_column_text(uint64 row, int column, char *out, size_t size);
extern int64 mr_column_int64(uint64 row, int column);
extern int32 mr_column_int32(uint64 row, int column);
extern bool mr_column_bool(uint64 row, int column);
extern double mr_column_degrees(uint64 row, int column); /* null is NaN */
extern void mr_column_uuid(uint64 row, int column, MrUuid *out);

#endif /* MR_CATALOG_RUN_H */
