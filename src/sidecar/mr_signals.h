/*
 * Signals as events of the loop: SIGTERM and SIGINT stop, SIGHUP reloads; SIGPIPE is
 * ignored.
 */
#ifndef MR_SIGNALS_H
#define MR_SIGNALS_H

#include <stdbool.h>

#include <event2/event.h>

typedef struct MrSignalHandlers
{
	void (*stop)(void *arg, bool patiently); /* SIGTERM: patiently; SIGINT: not */
	void (*reload)(void *arg);
	void *arg;
} MrSignalHandlers;

/* Installs the handlers, which are called from the loop. False without memory. */
extern bool mr_signals_open(struct event_base *base, const MrSignalHandlers *handlers);

/* Puts the default actions back. */
extern void mr_signals_close(void);

#endif /* MR_SIGNALS_H */
