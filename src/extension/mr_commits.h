/*
 * Commits of this server on their way to their clients.
 *
 * Between the fence's first look (PRE_COMMIT) and its last one a commit is under way; a
 * hand-over by plan waits for these. Its answer then waits for the client's socket: when
 * it leaves, the lease is looked at once more, so that a machine that stood still in
 * between does not send it late.
 */
#ifndef MR_COMMITS_H
#define MR_COMMITS_H

#include "postgres.h"

#include "access/xlogdefs.h"

/* Shared memory: size, and creation at postmaster start. */
extern Size mr_commits_size(void);
extern void mr_commits_initialize(void);

/* A client has been authenticated: its answers are looked after from now on. */
extern void mr_commits_guard_client(void);

/*
 * Calls say() once, when the next message to the client of this session begins: what follows
 * from a commit is said after its transaction has let go of its locks. say() may send messages,
 * and may not raise an error. Nothing without a client.
 */
extern void mr_commits_say_before_next(void (*say)(void));

/*
 * This backend commits; entered before the fence is looked at, so that who closes the
 * fence and then finds nobody here knows that nobody is past it.
 */
extern void mr_commits_enter(void);

/* The commit may be acknowledged: its answer may leave while the lease is valid. */
extern void mr_commits_decided(void);

/* The commit was refused, or has ended without one. */
extern void mr_commits_leave(void);

/*
 * Lease worker, often: notes how many commits were acknowledged so far, and where the last
 * one ends. Anybody: about how many were acknowledged whose WAL ends past lsn (too many
 * rather than too few); -1: that is longer ago than is remembered.
 */
extern void mr_commits_note(void);
extern int64 mr_commits_past(XLogRecPtr lsn);

/*
 * Lease worker, fenced: keeps WAL from reaching the disk and the standbys, once nothing is
 * left that has been inserted but not flushed. Asked again and again until it is held;
 * false: lets it go. Backends that must write a dirty page wait meanwhile.
 */
extern void mr_commits_hold_wal(bool hold);
extern bool mr_commits_wal_is_held(void);

/* Lease worker: commits under way; and decided ones whose answer has not left yet. */
extern void mr_commits_look(bool *committing, bool *replying);

#endif /* MR_COMMITS_H */
