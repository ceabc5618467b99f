/*
 * What the other members say, reduced to one picture: who leads, and is it proven?
 * Pure. Filled by peers.c, judged by plan.c.
 */
#ifndef MR_JOIN_VIEW_H
#define MR_JOIN_VIEW_H

#include "core/mr_limits.h"

#define MR_JOIN_MAX_PEERS (2 * MR_MAX_MEMBERS)

/* What one peer said: multiregion.lease_status(), its control file, its system identifier. */
typedef struct MrJoinAnswer
{
	bool answered;
	bool managed;
	bool outdated; /* of an older generation than this node: what it says counts for nothing */
	bool is_primary;
	bool writable; /* its lease is valid and its recovery has ended */
	uint64_t term;
	uint32_t timeline;
	uint32_t control_timeline; /* of its last checkpoint: all that PostgreSQL 15's pg_rewind sees */
	uint64_t stamp_term;
	uint32_t stamp_timeline;
	MrLsn stamp_lsn;
	uint64_t system_identifier;
	char node[MR_NAME_SIZE];
	char primary_node[MR_NAME_SIZE]; /* whom it takes for the leader of its term; may be empty */
} MrJoinAnswer;

typedef enum MrJoinLeader
{
	MR_JOIN_LEADER_NONE,
	MR_JOIN_LEADER_SELF,     /* this node, by its name */
	MR_JOIN_LEADER_NAMED,    /* another one; it has not confirmed */
	MR_JOIN_LEADER_CONFIRMED /* it answered itself, with a valid lease and its stamp written */
} MrJoinLeader;

typedef struct MrJoinView
{
	MrJoinLeader leader;
	int index;            /* of the leader's answer when CONFIRMED, else -1 */
	int answers;          /* of managed members */
	uint64_t newest_term; /* of all answers */
} MrJoinView;

/* Reduces the answers. self is this node's name, empty if it has none. */
extern void mr_join_view(const MrJoinAnswer *answers, int count, const char *self,
						 MrJoinView *view);

/*
 * Whether more answers could not change what this node does: a leader has proven
 * itself, or one member takes this node for the leader of a term it knows (starting
 * unchanged is safe whatever the others say). own_term is the state file's.
 */
extern bool mr_join_view_is_enough(const MrJoinView *view, uint64_t own_term);

#endif /* MR_JOIN_VIEW_H */
