/*
 * The state directory: its lock and its one file.
 *
 * Writes are tmp + fsync + rename + fsync of the directory. Blocking by nature
 * (one small file); called by the lease worker, by the postmaster at start, and
 * by multiregion-join while the server is down. Knows no PostgreSQL.
 */
#ifndef MR_STATE_FILE_H
#define MR_STATE_FILE_H

#include "core/mr_durable.h"

typedef enum MrStateFileResult
{
	MR_STATE_OK,
	MR_STATE_ABSENT,  /* no such file; the directory itself is there */
	MR_STATE_DAMAGED, /* present, but no check of it holds */
	MR_STATE_IO_ERROR /* errno says why */
} MrStateFileResult;

/* Reads DIR/state. *problem gets a static sentence unless OK; *durable is defined only then. */
extern MrStateFileResult mr_state_file_read(const char *directory, MrDurable *durable,
											const char **problem);

/*
 * Adds one to durable->sequence and writes. False: errno says why, and the old file is
 * in place. One exception: when the new file was renamed into place and only the sync of
 * the directory failed, either may be there after a crash; durable->sequence then keeps
 * the new number, so that no number is ever used for two contents.
 */
extern bool mr_state_file_write(const char *directory, MrDurable *durable);

/*
 * Sets DIR/state aside as DIR/state.left, durably: its node has left the cluster, or never
 * came to be. True also when there is none. False: errno says why.
 */
extern bool mr_state_file_retire(const char *directory);

/*
 * Creates the directory (mode 0700) if absent and takes its exclusive lock.
 * Returns the descriptor that holds it (close-on-exec; close it to unlock), or
 * -1 with errno; EWOULDBLOCK means that another process holds it.
 */
extern int mr_state_directory_lock(const char *directory);

/* Draws a random (version 4) uuid. False if the system has no randomness. */
extern bool mr_uuid_generate(MrUuid *uuid);

#endif /* MR_STATE_FILE_H */
