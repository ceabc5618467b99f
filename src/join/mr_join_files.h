/*
 * Files of multiregion-join: small ones whole, directories, and making them durable.
 *
 * All return false (or -1) with errno and say nothing; the caller knows what it was for.
 */
#ifndef MR_JOIN_FILES_H
#define MR_JOIN_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* "directory/name" into out; false with ENAMETOOLONG if it does not fit. */
extern bool mr_join_path(char *out, size_t size, const char *directory, const char *name);

/* True if something of that name is there, whatever it is. */
extern bool mr_join_exists(const char *path);

/* True if the directory is there and holds nothing; *absent if it is not there. */
extern bool mr_join_is_empty(const char *directory, bool *absent);

/* Reads up to size - 1 bytes and ends them with a NUL. The length, or -1. */
extern ssize_t mr_join_read_file(const char *path, char *out, size_t size);

/*
 * Replaces a file as a whole, durably: the old or the new content is there at any
 * moment, also after a power loss. An existing file keeps its mode.
 */
extern bool mr_join_write_file(const char *path, const void *content, size_t size, mode_t mode);

/* A durable copy of a regular file; only its first `limit` bytes hold data, the rest is a hole. */
extern bool mr_join_copy_file(const char *from, const char *to, size_t limit);

/* mkdir -p of the last component only, durable; no error if it is there. */
extern bool mr_join_make_directory(const char *directory);

/* Removes a file or a whole directory; no error if it is not there. Follows no link. */
extern bool mr_join_remove_tree(const char *path);

/* Removes what is in the directory, not itself. */
extern bool mr_join_remove_contents(const char *directory);

/* Removes one file durably; no error if it is not there. */
extern bool mr_join_remove_file(const char *path);

/* Makes the entries of a directory durable; of the directory that holds `path`. */
extern bool mr_join_sync_directory(const char *directory);
extern bool mr_join_sync_parent(const char *path);

/* Bytes an ordinary user may still write where `path` is, less a reserve; 0 if unknown. */
extern unsigned long long mr_join_free_bytes(const char *path);

#endif /* MR_JOIN_FILES_H */
