/*
 * What the service manager is told (systemd's Type=notify): ready, stopping, alive.
 * Without NOTIFY_SOCKET in the environment all of it does nothing.
 */
#ifndef MR_NOTIFY_H
#define MR_NOTIFY_H

#include <stdbool.h>

#include <event2/event.h>

/* Tells that the program serves, and from then on, as often as it is wanted
 * (WATCHDOG_USEC), that its loop turns. False, and nothing told, without memory. */
extern bool mr_notify_ready(struct event_base *base);

/* Tells that it drains; the loop may still be watched. */
extern void mr_notify_stopping(void);

/* Puts the timer down. */
extern void mr_notify_close(void);

#endif /* MR_NOTIFY_H */
