/*
 * Sessions of other nodes' lease workers on this server.
 *
 * Each node keeps a connection to every voter before it has anything to say, so that an
 * election need not wait for connections. A smart shutdown waits for every session, and
 * nobody tells a peer that is silent: so here the idle ones are ended.
 */
#ifndef MR_PEER_SESSIONS_H
#define MR_PEER_SESSIONS_H

#include "postgres.h"

#include "libpq/libpq-be.h"

/* What a lease worker calls itself (application_name). */
#define MR_LEASE_APPLICATION "multiregion lease"

/* Shared memory: size, and creation at postmaster start. */
extern Size mr_peer_sessions_size(void);
extern void mr_peer_sessions_initialize(void);

/* A session that has authenticated, before its first statement. */
extern void mr_peer_sessions_enter(const Port *port);

/* This session says something: a message of the protocol has arrived. */
extern void mr_peer_sessions_note(void);

/* Lease worker: ends those that have said nothing for so long. */
extern void mr_peer_sessions_end_idle(int64 idle_ns);

#endif /* MR_PEER_SESSIONS_H */
