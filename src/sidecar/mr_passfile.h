/*
 * A libpq password file: host:port:database:user:password, a line each.
 */
#ifndef MR_PASSFILE_H
#define MR_PASSFILE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct MrPassEntry
{
	const char *host;
	const char *port;
	const char *user;
	const char *password;
} MrPassEntry;

typedef enum MrPassfileResult
{
	MR_PASSFILE_UNCHANGED,
	MR_PASSFILE_WRITTEN,
	MR_PASSFILE_FAILED /* errno says why; the file is as it was */
} MrPassfileResult;

/*
 * Puts the entries (for any database) into the text of a password file, in place of what
 * it says about the same host, port and user, or at its beginning; all other lines stay.
 * Returns the new text, to be freed; NULL without memory.
 */
extern char *mr_passfile_merge(const char *text, const MrPassEntry *entries, size_t count);

/* The same with a file, written anew (mode 0600, renamed into place) if it changes. */
extern MrPassfileResult mr_passfile_update(const char *path, const MrPassEntry *entries,
										   size_t count);

/* What mr_passfile_update() would return, without doing it; whether a folder can be written. */
extern MrPassfileResult mr_passfile_look(const char *path, const MrPassEntry *entries,
										 size_t count);

#endif /* MR_PASSFILE_H */
