/*
 * A scratch directory for a unit test: empty at the beginning, gone at the end, with
 * whatever the test has put into it.
 */
#ifndef MR_SCRATCH_H
#define MR_SCRATCH_H

#include <stdbool.h>

/* Makes one (in $TMPDIR, else /tmp) and returns its path; one at a time. */
extern const char *mr_scratch_begin(void);

/* Removes it with all that is in it, down to one level of empty directories. */
extern void mr_scratch_end(void);

/* Path of a file in it. Good until the next but one call. */
extern const char *mr_scratch_path(const char *name);

/* Whether there is anything of that name in it, be it a broken link. */
extern bool mr_scratch_has(const char *name);

#endif /* MR_SCRATCH_H */
