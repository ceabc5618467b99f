/*
 * A database of addresses and places in MaxMind's format.
 *
 * The operator's file may be replaced or overwritten while it is in use; a map of a file
 * that shrinks ends the process with SIGBUS. So nobody maps that file: it is copied
 * first, once for all processes, and checked.
 */
#ifndef MR_MMDB_H
#define MR_MMDB_H

#include "core/mr_cidr.h"
#include "core/mr_client_place.h"

#define MR_MMDB_PROBLEM_SIZE 160

typedef struct MrMmdb MrMmdb;

/* What tells one version of a file from another; all zero: there is no file. */
typedef struct MrMmdbVersion
{
	uint64_t device;
	uint64_t inode;
	uint64_t size;
	uint64_t changed_ns;
} MrMmdbVersion;

typedef enum MrMmdbResult
{
	MR_MMDB_OPENED,
	MR_MMDB_REFUSED,      /* not usable; *problem says why, if nobody has been told yet */
	MR_MMDB_KEPT_PREVIOUS /* the same, but a copy of an earlier version was opened */
} MrMmdbResult;

/* The version of the file now. False, with errno, when it cannot be looked at; ENOENT too. */
extern bool mr_mmdb_look(const char *path, MrMmdbVersion *version);

/* Whether two looks saw the same version. */
extern bool mr_mmdb_same(const MrMmdbVersion *a, const MrMmdbVersion *b);

/*
 * Opens this version of the file at path by a copy in folder, which is made unless it is
 * there. When the file is not usable, the copy of an earlier one is opened, if there is
 * one. problem is filled for the first process only that finds this version not usable; it
 * is empty for the others.
 */
extern MrMmdbResult mr_mmdb_open(const char *path, const char *folder, const MrMmdbVersion *version,
								 MrMmdb **mmdb, char problem[MR_MMDB_PROBLEM_SIZE]);

/* Removes the copies: the file is gone, and nothing of it is to come back. */
extern void mr_mmdb_forget_copies(const char *folder);

/* Ends the use of a database; NULL is none. */
extern void mr_mmdb_close(MrMmdb *mmdb);

/* Where an address is; false when the database does not know. */
extern bool mr_mmdb_find(MrMmdb *mmdb, const MrAddress *address, MrClientPlace *place);

#endif /* MR_MMDB_H */
