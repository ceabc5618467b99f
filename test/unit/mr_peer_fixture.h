/*
 * A connection (MrPgPeer) and the server it talks to, which says what a test tells it to, for
 * the tests of pg_peer.c. Time is the test's own; nothing waits.
 */
#ifndef MR_PEER_FIXTURE_H
#define MR_PEER_FIXTURE_H

#include "adapters/mr_pg_peer.h"
#include "unit/mr_fake_server.h"

#define TIMEOUT (2 * MR_NS_PER_S)
#define START (100 * MR_NS_PER_S)

extern MrPgPeer peer;
extern MrFakeServer server;

/* A test's first and last call. */
extern void mr_peer_begin(void);
extern void mr_peer_end(void);

/* Steps the peer until it has news, or nothing moves any more. */
extern MrPgPeerNews mr_peer_settle(void);

/* Begins to connect, with more in the connection string. */
extern bool mr_peer_connect_with(const char *more);

/* A connection on which a query can be sent. */
extern bool mr_peer_make_ready(void);

#endif /* MR_PEER_FIXTURE_H */
