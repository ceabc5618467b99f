/*
 * Runs PostgreSQL's programs. Children inherit the lock of the state directory, so
 * that nobody starts a server or another multiregion-join beside one that outlived
 * us, and are killed when we die.
 */
#ifndef MR_JOIN_PROCESS_H
#define MR_JOIN_PROCESS_H

#include "join/mr_join.h"

#define MR_JOIN_MAX_ARGUMENTS 24

typedef struct MrJoinRun
{
	/* in */
	const char *program;                          /* name without folder */
	const char *arguments[MR_JOIN_MAX_ARGUMENTS]; /* without the program; ended by NULL */
	bool show;                                    /* print its lines as they come */
	int64_t timeout_ms;                           /* 0 = none; then it is killed */

	/* out */
	int status;    /* exit status; 128 + signal; -1 could not be started, -2 timed out */
	size_t length; /* of the output: standard output and error together, the newest part */
	char output[16384];
} MrJoinRun;

/* Runs to the end. True if the exit status is 0. */
extern bool mr_join_run(const MrJoin *join, MrJoinRun *run);

/* A setting of the server of the data directory, as its files say. False if unknown. */
extern bool mr_join_server_setting(const MrJoin *join, const char *name, char *out, size_t size);

/* Prints the last lines of the output, each after the program's name. */
extern void mr_join_show_output(const MrJoinRun *run, int lines);

/*
 * Finds the folder of postgres and the other programs where --bindir does not say:
 * beside this program, else in PATH. False, having said so, if there is none.
 */
extern bool mr_join_find_programs(MrJoinOptions *options);

#endif /* MR_JOIN_PROCESS_H */
