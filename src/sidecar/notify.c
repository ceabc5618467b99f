/*
 * Messages to the service manager; see mr_notify.h. The protocol is one datagram of
 * KEY=VALUE lines (sd_notify(3)), so no library is needed for it. The sign of life comes
 * from the event loop itself: a loop that hangs is restarted. Never blocks, and never
 * fails the program: a manager that does not listen is its own problem.
 *
 * Called by serve.c.
 */
#include "sidecar/mr_notify.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct event *timer;

/* The address in NOTIFY_SOCKET, a path or an abstract name after "@"; its length, 0 if none. */
static socklen_t
manager_address(struct sockaddr_un *address)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path != NULL ? strlen(path) : 0;

	memset(address, 0, sizeof(*address));
	if (length < 2 || length > sizeof(address->sun_path) || (path[0] != '/' && path[0] != '@'))
		return 0;
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, path, length);
	if (path[0] == '@')
		address->sun_path[0] = '\0';
	return (socklen_t) (offsetof(struct sockaddr_un, sun_path) + length);
}

static void
tell(const char *message)
{
	struct sockaddr_un address;
	socklen_t length = manager_address(&address);
	int fd;

	if (length == 0)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	(void) sendto(fd, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *) &address, length);
	close(fd);
}

/* A positive number in the environment that is nothing else; 0 if there is none. */
static int64_t
number_of(const char *name)
{
	const char *text = getenv(name);
	char *end;
	long long value;

	if (text == NULL)
		return 0;
	errno = 0;
	value = strtoll(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && value > 0 ? value : 0;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void) fd;
	(void) what;
	(void) arg;
	tell("WATCHDOG=1");
}

bool
mr_notify_ready(struct event_base *base)
{
	int64_t interval_us = number_of("WATCHDOG_USEC") / 2;
	int64_t watched = number_of("WATCHDOG_PID");
	struct timeval pause;

	if (interval_us > 0 && (watched == 0 || watched == getpid()))
	{
		pause.tv_sec = (time_t) (interval_us / 1000000);
		pause.tv_usec = (suseconds_t) (interval_us % 1000000);
		timer = event_new(base, -1, EV_PERSIST, on_timer, NULL);
		if (timer == NULL || event_add(timer, &pause) != 0)
			return false;
	}
	tell("READY=1");
	return true;
}

void
mr_notify_stopping(void)
{
	tell("STOPPING=1");
}

void
mr_notify_close(void)
{
	if (timer != NULL)
		event_free(timer);
	timer = NULL;
}
