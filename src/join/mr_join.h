/*
 * What the parts of multiregion-join share: options, context, exit codes, messages.
 *
 * The program is a straight line with one context: main.c gathers facts, plan.c
 * decides, rewind.c, clone.c and configure.c do it. It runs once, as the owner of
 * the data directory, while no server runs there, under the lock of the state
 * directory, which its children inherit.
 */
#ifndef MR_JOIN_H
#define MR_JOIN_H

#include <limits.h>

#include "adapters/mr_pg_peer.h"
#include "core/mr_durable.h"
#include "core/mr_names.h"
#include "join/mr_join_plan.h"

/* Exit codes; a part that fails returns one of them, having said why. */
typedef enum MrJoinExit
{
	MR_JOIN_EXIT_START = 0,   /* start postgres */
	MR_JOIN_EXIT_USAGE = 1,   /* the call itself is wrong */
	MR_JOIN_EXIT_REFUSED = 2, /* a person has to decide; the message says what */
	MR_JOIN_EXIT_BUSY = 3,    /* another server or program uses the directory */
	MR_JOIN_EXIT_RETRY = 4,   /* no leader yet, or it went away: call again */
	MR_JOIN_EXIT_FAILED = 5   /* something of this machine failed (disk, missing program) */
} MrJoinExit;

typedef struct MrJoinOptions
{
	char pgdata[PATH_MAX]; /* absolute, links resolved */
	char state_directory[PATH_MAX];
	bool state_directory_given;
	char node[MR_NAME_SIZE]; /* may be empty, like all that follow */
	char region[MR_NAME_SIZE];
	char database[MR_NAME_SIZE];
	char user[MR_NAME_SIZE];
	char peer_options[MR_PEER_OPTIONS_SIZE]; /* see mr_pg_conninfo_add_options() */
	bool peer_options_given;                 /* by the call, not read from the server */
	char bindir[PATH_MAX];
	char config_file[PATH_MAX];
	int npeers;
	char peers[MR_MAX_MEMBERS][MR_CONNINFO_SIZE];
	MrJoinReclone reclone;
	MrMode mode;
	int64_t timeout_ms; /* for the lock, and for a leader where there must be one */
	bool dry_run;
	bool witness;                                /* --witness: a server of its own that votes */
	bool force;                                  /* --force-new-quorum */
	char discard[MR_MAX_MEMBERS * MR_NAME_SIZE]; /* names, separated by commas or blanks */
} MrJoinOptions;

/* Of pg_controldata. */
typedef struct MrJoinControl
{
	char state[32]; /* "shut down", "in production", ... */
	uint64_t system_identifier;
	uint32_t timeline; /* of the last checkpoint */
	uint32_t recovery_timeline;
	MrLsn checkpoint; /* where its record begins */
	MrLsn redo;       /* where recovery begins */
	MrLsn recovery_end;
	uint32_t segment_bytes;
	bool can_rewind;
} MrJoinControl;

struct MrJoinPeers;

typedef struct MrJoin
{
	MrJoinOptions options;
	MrJoinFacts facts;
	MrJoinVerdict verdict;
	MrDurable durable; /* valid while facts.state is OK */
	MrJoinControl control;
	MrJoinHistory history;
	MrJoinHistory leader_history;
	struct MrJoinPeers *peers;
	MrConfig config; /* what the leader says; once config_known */
	bool config_known;
	int lock; /* descriptor of the state directory's lock */
} MrJoin;

/* ---------- report.c ---------- */

/* One line on standard error, after the program's name. printf format. */
extern void mr_join_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same after "hint: ". */
extern void mr_join_hint(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Nanoseconds of CLOCK_MONOTONIC. */
extern int64_t mr_join_now_ns(void);

/* ---------- options.c ---------- */

/*
 * Reads arguments and environment. Returns -1 to go on, else the exit code (of
 * --help or of a wrong call, having said why).
 */
extern int mr_join_options_read(MrJoinOptions *options, int argc, char **argv);

#endif /* MR_JOIN_H */
