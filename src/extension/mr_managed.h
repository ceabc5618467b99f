/*
 * Whether this server is managed, and where its identity lives.
 *
 * The marker inside the data directory says bound: writes are acknowledged by the lease
 * alone. pg_basebackup and pg_rewind copy it, so copies are born fenced. The state
 * directory outside holds identity and votes and is locked by the running server. A member
 * that only observes has no marker: a copy of its data directory is a plain server.
 */
#ifndef MR_MANAGED_H
#define MR_MANAGED_H

#include "postgres.h"

#include "core/mr_durable.h"

#define MR_MARKER_FILE "multiregion.managed"

/* The state directory: the setting, or "<data directory>.multiregion". Static storage. */
extern const char *mr_state_directory(void);

/* True if the marker is there and this server may act on it (not single-user, standalone ...). */
extern bool mr_marker_present(void);

/* True if the marker names this cluster. */
extern bool mr_marker_matches(const MrUuid *cluster);

/* Writes the marker durably / removes it durably. False: errno says why. */
extern bool mr_marker_write(const MrUuid *cluster);
extern bool mr_marker_remove(void);

/*
 * From now on the server is a member (bound: fenced until its lease worker holds a
 * majority; else an observer) / plain again. Flip the shared flag and wake the workers;
 * called at the commit of init() and leave(), by enlist_node(), and by the lease worker.
 */
extern void mr_managed_activate(bool bound);
extern void mr_managed_deactivate(void);

/* Whether the postmaster was told to stop, managed or not. Reads a small file. */
extern bool mr_server_is_stopping(void);

/*
 * init(): after a leave() just now, waits until the lease worker has put down the identity
 * and the lock of that life. False: it still has not after some seconds.
 */
extern bool mr_managed_await_end(void);

/*
 * Postmaster start: takes the lock of the state directory for this server and
 * all its children; FATAL if another server holds it. Nothing if unmanaged.
 */
extern void mr_state_directory_claim(void);

/* Lease worker: the same lock when the server became managed while running. */
extern bool mr_state_directory_claim_late(void);

/* Lease worker: gives that one up when the server is unmanaged again. */
extern void mr_state_directory_release_late(void);

#endif /* MR_MANAGED_H */
