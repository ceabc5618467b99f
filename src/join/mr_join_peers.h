/*
 * The other members: asking all of them at once, and talking to the leader.
 *
 * peers.c runs the connections, leader.c the statements for a confirmed leader.
 */
#ifndef MR_JOIN_PEERS_H
#define MR_JOIN_PEERS_H

#include "adapters/mr_pg_peer.h"
#include "join/mr_join.h"
#include "join/mr_join_resolve.h"
#include "join/mr_join_wal.h"

typedef enum MrJoinPeerStage
{
	MR_JOIN_PEER_IDLE,      /* nothing under way; an open connection is kept */
	MR_JOIN_PEER_RESOLVING, /* its host name is being looked up */
	MR_JOIN_PEER_CONNECTING,
	MR_JOIN_PEER_ASKED,
	MR_JOIN_PEER_FAILED /* in this round */
} MrJoinPeerStage;

typedef struct MrJoinPeer
{
	char conninfo[MR_CONNINFO_SIZE];
	char hostaddr[MR_HOSTADDR_SIZE]; /* known numeric address; may be empty */
	char where[128];                 /* host and port, for messages */
	MrJoinPeerStage stage;
	MrJoinResolver resolver;
	int next_address; /* of the resolver's to be tried */
	MrPgPeer connection;
} MrJoinPeer;

#define MR_JOIN_ROUND_MS 1000 /* of questions that are repeated */

typedef struct MrJoinPeers
{
	int count;
	int64_t round_ms; /* the longest that a step of this round may take */
	MrJoinPeer list[MR_JOIN_MAX_PEERS];
	MrJoinAnswer answers[MR_JOIN_MAX_PEERS];
} MrJoinPeers;

/*
 * Collects whom to ask: the members in the state file (if it is usable) but this
 * node, and --peers. Sets facts.peers. False, having said why, if a string is no
 * member's connection string.
 */
extern bool mr_join_peers_collect(MrJoin *join);

/*
 * One round of questions: everybody at once, until each has answered or failed, or
 * round_ms have passed; unless everybody is wanted, only until enough is known to start
 * by. Sets the facts of ASK.
 */
extern void mr_join_peers_ask(MrJoin *join, int64_t round_ms, bool everybody);

/* The time between two rounds: ends early when a server ends a connection that was kept. */
extern void mr_join_peers_wait(const MrJoin *join, int ms);

/* Says why each peer did not answer, one line a peer. */
extern void mr_join_peers_explain(const MrJoin *join);

/* Closes all connections. */
extern void mr_join_peers_close(MrJoin *join);

/* ---------- leader.c: all need a confirmed leader; false, having said why ---------- */

/* READ_HISTORY: fills the facts; reads all of the leader's history files. */
extern bool mr_join_leader_read_history(MrJoin *join);

/* Brings the local history files in line with those just read. */
extern bool mr_join_leader_install_histories(MrJoin *join);

/*
 * Binds the node's name to the uuid and fetches the configuration (join->config) and
 * the node's region. refused: the leader said no, for good.
 */
extern bool mr_join_leader_register(MrJoin *join, const MrUuid *uuid, char *region, size_t size,
									bool *refused);

/* Has the leader's control file show its timeline, which is what pg_rewind looks at. */
extern bool mr_join_leader_checkpoint(MrJoin *join);

/* Records in multiregion.divergence what this node loses. Only warns if that fails. */
extern void mr_join_leader_record(MrJoin *join, MrLsn end, const char *kept);

/* Bytes of the leader's data directory; 0 if it does not say. */
extern uint64_t mr_join_leader_size(MrJoin *join);

/* Waits a moment for this node's slot on the leader; true if it is there and free. */
extern bool mr_join_leader_has_slot(MrJoin *join);

/* Name of the leader's oldest WAL segment; false if it does not say. */
extern bool mr_join_leader_oldest_segment(MrJoin *join, char name[32]);

/*
 * Copies a WAL segment of the leader to path. True also if it has none of that name;
 * false with errno, saying why if the leader failed.
 */
extern bool mr_join_leader_read_segment(MrJoin *join, const char *name, const char *path);

/* The complete connection string to the leader, for PostgreSQL's programs. */
extern bool mr_join_leader_conninfo(MrJoin *join, char *out, size_t size);

#endif /* MR_JOIN_PEERS_H */
