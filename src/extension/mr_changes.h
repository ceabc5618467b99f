/*
 * The number that grows with every change worth telling, and who waits for it to grow.
 *
 * Waiters are woken by their latches. There are few (a sidecar has one session here); who
 * finds no place looks again and again instead. Without locks: a process that is frozen
 * anywhere in here holds up nobody.
 */
#ifndef MR_CHANGES_H
#define MR_CHANGES_H

#include "postgres.h"

#include "port/atomics.h"

#define MR_CHANGE_WAITERS 8

/* Part of MrShared. */
typedef struct MrChanges
{
	pg_atomic_uint64 generation;
	pg_atomic_uint32 waiters[MR_CHANGE_WAITERS]; /* by pgprocno; PG_UINT32_MAX: none */
} MrChanges;

/* At the (re)initialisation of shared memory. */
extern void mr_changes_initialize(MrChanges *changes);

/* The number now. */
extern uint64 mr_changes_generation(void);

/* Something has changed: the number grows, and whoever waits is woken. From any process. */
extern void mr_changes_note(void);

/*
 * This session wants to be woken, from before it looks at the number until it leaves. False:
 * there is no place, nobody will wake it. An end of the session in between is looked after.
 */
extern bool mr_changes_enter(void);
extern void mr_changes_leave(void);

#endif /* MR_CHANGES_H */
