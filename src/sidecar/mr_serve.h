/*
 * `multiregiond serve`: the sidecar's life from start to stop.
 */
#ifndef MR_SERVE_H
#define MR_SERVE_H

#include "sidecar/mr_settings.h"

/* Exit codes of every subcommand; docs/configuration.md documents them. */
typedef enum MrExit
{
	MR_EXIT_OK = 0,
	MR_EXIT_FAILED = 1,      /* could not start, or init could not finish */
	MR_EXIT_SETTINGS = 2,    /* settings or command line are wrong; nothing was done */
	MR_EXIT_DIFFERS = 3,     /* init: done, but something differs and was left alone */
	MR_EXIT_PREREQUISITE = 4 /* init: the server must be prepared first */
} MrExit;

/*
 * Serves until told to stop. Takes the settings over; path is where a reload reads them
 * from again (NULL: the default file). Returns an exit code.
 */
extern MrExit mr_serve(MrSettings *settings, const char *path);

/* Writes what there is to say about the settings to the log. */
extern void mr_serve_log_problems(const MrProblems *problems);

#endif /* MR_SERVE_H */
