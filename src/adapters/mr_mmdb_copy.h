/*
 * Copies of the operator's database of addresses, one for all processes of a server. Their
 * names in the folder say of which version they are:
 *
 *     multiregion-DEVICE-INODE-SIZE-TIME.mmdb      a copy that has been opened
 *     multiregion-DEVICE-INODE-SIZE-TIME.refused   empty: that version is not usable
 *     multiregion-PID.new                          being copied by that process
 *
 * Only mmdb.c includes this.
 */
#ifndef MR_MMDB_COPY_H
#define MR_MMDB_COPY_H

#include "adapters/mr_mmdb.h"

#define MR_MMDB_PATH_SIZE 1024

/*
 * Copies this version under a name that only this process uses. False, with *problem, when
 * it cannot be read, or is being written to.
 */
extern bool mr_mmdb_copy(const char *path, const char *folder, const MrMmdbVersion *version,
						 char made[MR_MMDB_PATH_SIZE], char problem[MR_MMDB_PROBLEM_SIZE]);

/* Gives it its name and removes all that is of other versions, or of processes that are gone. */
extern void mr_mmdb_copy_keep(const char *folder, const MrMmdbVersion *version, const char *made);

/* The path of the copy of a version, or (NULL) of any; false if there is none. */
extern bool mr_mmdb_copy_find(const char *folder, const MrMmdbVersion *version,
							  char found[MR_MMDB_PATH_SIZE]);

/* Whether a version has been marked as not usable. */
extern bool mr_mmdb_copy_is_refused(const char *folder, const MrMmdbVersion *version);

/* Marks a version as not usable; true for the first process that does. */
extern bool mr_mmdb_copy_refuse(const char *folder, const MrMmdbVersion *version);

#endif /* MR_MMDB_COPY_H */
