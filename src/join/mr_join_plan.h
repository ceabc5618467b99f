/*
 * What multiregion-join does with a data directory: the decision, and nothing else.
 *
 * mr_join_plan() looks at facts and answers with one step and the rule that chose
 * it. Some steps only ask for more facts (ASK, READ_CONTROL ...): the caller fetches
 * them, fills them in and asks again. The others end the matter. Pure: no I/O, no
 * clock, no allocation.
 *
 * Three principles. Starting unchanged is always safe, because a managed server is
 * born fenced; so that is the answer whenever nobody leads. The data directory is
 * changed only towards a leader that proved itself. Equal timeline ids prove nothing.
 */
#ifndef MR_JOIN_PLAN_H
#define MR_JOIN_PLAN_H

#include "join/mr_join_history.h"
#include "join/mr_join_rules.h"
#include "join/mr_join_view.h"

typedef enum MrJoinStep
{
	/* more facts are needed */
	MR_JOIN_ASK,          /* ask the other members, or ask them again */
	MR_JOIN_READ_CONTROL, /* control file, newest local timeline and its history */
	MR_JOIN_READ_HISTORY, /* the leader's timeline history */
	MR_JOIN_PROBE,        /* is there a record of our own at or past fork_lsn? */
	MR_JOIN_CHECK_WAL,    /* has the leader the WAL that we need next? */
	MR_JOIN_IDENTIFY,     /* does the leader of a newer generation still know our identity? */
	/* something to do, then the plan goes on */
	MR_JOIN_REGISTER, /* bind the name to a new uuid on the leader; write a state file */
	MR_JOIN_ADOPT,    /* the same, and mark the data directory as managed */
	/* the end */
	MR_JOIN_START,      /* start postgres as it is */
	MR_JOIN_AS_STANDBY, /* create standby.signal, then start */
	MR_JOIN_REWIND,     /* pg_rewind from the leader, then start */
	MR_JOIN_CLONE,      /* pg_basebackup from the leader, then start */
	MR_JOIN_REFUSE,     /* do not start: a person has to decide */
	MR_JOIN_RETRY       /* do not start now; the same call may succeed later */
} MrJoinStep;

typedef enum MrJoinDirectory
{
	MR_JOIN_DIR_EMPTY,   /* empty, or not there */
	MR_JOIN_DIR_STRANGE, /* not empty, and no database */
	MR_JOIN_DIR_PLAIN,   /* a database without our marker */
	MR_JOIN_DIR_MANAGED
} MrJoinDirectory;

typedef enum MrJoinState
{
	MR_JOIN_STATE_OK,
	MR_JOIN_STATE_ABSENT,
	MR_JOIN_STATE_DAMAGED,
	MR_JOIN_STATE_UNREADABLE,
	MR_JOIN_STATE_FOREIGN, /* another cluster than the marker names */
	MR_JOIN_STATE_OF_OTHER /* another node than --node names */
} MrJoinState;

/* Whether a directory that is not empty may be replaced by a clone. */
typedef enum MrJoinReclone
{
	MR_JOIN_RECLONE_ASK, /* no: say how to allow it */
	MR_JOIN_RECLONE_AUTO,
	MR_JOIN_RECLONE_NEVER
} MrJoinReclone;

/* What an earlier run left unfinished. */
typedef enum MrJoinUnfinished
{
	MR_JOIN_UNFINISHED_NONE,
	MR_JOIN_UNFINISHED_REWIND, /* the data directory may be half rewound: never start it */
	MR_JOIN_UNFINISHED_CLONE   /* a clone was allowed and has not arrived */
} MrJoinUnfinished;

typedef struct MrJoinFacts
{
	/* how we were called */
	bool named;   /* a node name is given */
	bool witness; /* the node is, or is to become, one */
	bool peers;   /* there is somebody to ask */
	MrJoinReclone reclone;

	/* this node */
	MrJoinDirectory directory;
	MrJoinState state;
	MrJoinUnfinished unfinished;
	bool amnesiac;   /* the state file went back in time, and no new identity was tried */
	bool discarded;  /* the identity is not valid any more, and no new one was tried */
	bool must_clone; /* it was discarded, and now has a new identity */
	bool standby_signal;
	bool backup_label;
	uint64_t generation;          /* of the node's configuration (core/mr_forced.h) */
	uint64_t term;                /* state file: newest term seen */
	uint64_t log_term;            /* newest leadership whose WAL is held */
	uint64_t rebuilding_term;     /* > log_term: not caught up since it was rebuilt */
	uint32_t held_stamp_timeline; /* of the newest stamp whose WAL is held; 0 = none */

	/* ASK */
	bool asked;      /* a round of questions has ended */
	bool may_linger; /* an election or promotion under way is worth waiting for, a moment */
	bool may_wait;   /* nothing can be done without a leader: wait for one */
	MrJoinView view;
	MrJoinAnswer leader;        /* when view.leader is CONFIRMED */
	bool held_stamp_is_leaders; /* the held stamp was left by that leader, or by nobody we know */

	/* READ_CONTROL */
	bool control_known;
	bool was_standby; /* the control file says: in recovery, or shut down in recovery */
	bool can_rewind;  /* data checksums or wal_log_hints */
	uint64_t system_identifier;
	uint32_t timeline;            /* newest one with WAL of its own */
	MrLsn known_end;              /* the WAL reaches at least this far */
	const MrJoinHistory *history; /* of timeline; count 0 = unreadable */

	/* READ_HISTORY */
	bool leader_history_known;
	const MrJoinHistory *leader_history; /* count 0 = unreadable */

	/* PROBE */
	bool probed;
	bool past_fork;

	/* CHECK_WAL */
	bool wal_checked;
	bool wal_gone;

	/* REWIND came back with a failure that a second try would not cure */
	bool rewind_failed;
} MrJoinFacts;

typedef struct MrJoinVerdict
{
	MrJoinStep step;
	MrJoinRule rule;
	MrJoinRule because;     /* REFUSE by ask_first: why a clone is wanted */
	uint32_t fork_timeline; /* where the histories part; 0 = not looked at */
	MrLsn fork_lsn;
} MrJoinVerdict;

/* The next step. Pointers among the facts are only followed once their facts are known. */
extern void mr_join_plan(const MrJoinFacts *facts, MrJoinVerdict *verdict);

#endif /* MR_JOIN_PLAN_H */
