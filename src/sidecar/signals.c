/*
 * Signals of multiregiond; see mr_signals.h. Nothing happens in a handler: libevent
 * turns signals into events. Called by serve.c.
 */
#include "sidecar/mr_signals.h"

#include <signal.h>
#include <stddef.h>

static MrSignalHandlers handlers;
static struct event *events[3];

static void
on_stop(evutil_socket_t number, short what, void *arg)
{
	(void) what;
	(void) arg;
	handlers.stop(handlers.arg, number == SIGTERM);
}

static void
on_reload(evutil_socket_t number, short what, void *arg)
{
	(void) number;
	(void) what;
	(void) arg;
	handlers.reload(handlers.arg);
}

bool
mr_signals_open(struct event_base *base, const MrSignalHandlers *wanted)
{
	size_t i;

	handlers = *wanted;
	(void) signal(SIGPIPE, SIG_IGN);
	events[0] = evsignal_new(base, SIGTERM, on_stop, NULL);
	events[1] = evsignal_new(base, SIGINT, on_stop, NULL);
	events[2] = evsignal_new(base, SIGHUP, on_reload, NULL);
	for (i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i] == NULL || evsignal_add(events[i], NULL) != 0)
			return false;
	return true;
}

void
mr_signals_close(void)
{
	size_t i;

	for (i = 0; i < sizeof(events) / sizeof(events[0]); i++)
	{
		if (events[i] != NULL)
			event_free(events[i]);
		events[i] = NULL;
	}
}
