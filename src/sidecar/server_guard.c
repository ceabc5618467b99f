/*
 * Deadlines of requests and the number of connections; see mr_server_guard.h.
 * It must never close a descriptor: they belong to evhttp. Called by server.c.
 */
#include "sidecar/mr_server_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sidecar/mr_log.h"
#include "sidecar/mr_loop.h"

#define OWN 16      /* descriptors of ours among those of the connections */
#define RESERVED 48 /* beyond them, so that a full house can still reach its database */
#define SWEEP_MS 250
#define HURRY_MS 1000 /* for a whole request, while others wait to be accepted */

typedef struct Slot
{
	ino_t inode;         /* of the socket that has begun a request; 0 = none */
	int64_t deadline_ns; /* 0 = none: its first bytes came with the request before it */
	int64_t hurry_ns;    /* its deadline while new connections wait */
	MrGuardSeen seen;
} Slot;

static struct
{
	struct event *timer;
	MrGuardLate late;
	MrGuardAccept accept;
	void *arg;
	int first; /* smallest descriptor a connection can have */
	int limit; /* no connection gets a descriptor from here on */
	int known; /* largest limit there was: older connections may be up to there */
	int64_t timeout_ns;
	Slot *slots; /* by descriptor, as many as are known */
	int running; /* slots with a deadline */
	bool paused; /* not accepting */
} guard;

/* The descriptor that would be opened next; limit if none could be. */
static int
next_descriptor(void)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return errno == EMFILE || errno == ENFILE ? guard.limit : 0;
	close(fd);
	return fd;
}

static ino_t
inode_of(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

static void
arm(void)
{
	if (!evtimer_pending(guard.timer, NULL))
		mr_loop_arm(guard.timer, SWEEP_MS);
}

static void
pause_accepting(void)
{
	if (guard.paused)
		return;
	guard.paused = true;
	mr_log(MR_LOG_WARNING, "too many connections: new ones wait");
	guard.accept(false, guard.arg);
	arm();
}

static void
resume_accepting(void)
{
	if (!guard.paused || next_descriptor() >= guard.limit)
		return;
	guard.paused = false;
	guard.accept(true, guard.arg);
}

static void
forget(Slot *slot)
{
	if (slot->deadline_ns != 0)
		guard.running--;
	slot->inode = 0;
	slot->deadline_ns = 0;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	int64_t now_ns = mr_loop_now_ns();
	int i;

	(void) fd;
	(void) what;
	(void) arg;
	for (i = guard.first; i < guard.known && guard.running > 0; i++)
	{
		Slot *slot = &guard.slots[i];

		if (slot->deadline_ns == 0 ||
			(slot->deadline_ns > now_ns && !(guard.paused && slot->hurry_ns <= now_ns)))
			continue;
		/* The descriptor may be another socket's by now. */
		if (inode_of(i) == slot->inode)
		{
			guard.late(i, &slot->seen);
			(void) shutdown(i, SHUT_RDWR);
		}
		forget(slot);
	}
	resume_accepting();
	if (guard.running > 0 || guard.paused)
		arm();
}

bool
mr_guard_open(struct event_base *base, MrGuardLate late, MrGuardAccept accept, void *arg)
{
	memset(&guard, 0, sizeof(guard));
	guard.late = late;
	guard.accept = accept;
	guard.arg = arg;
	guard.first = next_descriptor();
	guard.timer = evtimer_new(base, on_timer, NULL);
	return guard.timer != NULL;
}

/* How many descriptors this process may have, after asking for `wanted`. */
static int
raise_limit(int wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return wanted;
	if (limit.rlim_cur < (rlim_t) wanted)
	{
		limit.rlim_cur = limit.rlim_max < (rlim_t) wanted ? limit.rlim_max : (rlim_t) wanted;
		(void) setrlimit(RLIMIT_NOFILE, &limit);
		(void) getrlimit(RLIMIT_NOFILE, &limit);
	}
	return limit.rlim_cur < (rlim_t) wanted ? (int) limit.rlim_cur : wanted;
}

int
mr_guard_set_limits(int max_connections, int64_t request_timeout_ms)
{
	int wanted = guard.first + OWN + max_connections + RESERVED;
	int limit = raise_limit(wanted) - RESERVED;
	Slot *slots;

	if (limit < guard.first + OWN + 1)
		limit = guard.first + OWN + 1;
	guard.timeout_ns = request_timeout_ms * MR_NS_PER_MS;
	if (limit > guard.known)
	{
		slots = realloc(guard.slots, (size_t) limit * sizeof(*slots));
		if (slots == NULL)
			return guard.limit - guard.first - OWN;
		memset(slots + guard.known, 0, (size_t) (limit - guard.known) * sizeof(*slots));
		guard.slots = slots;
		guard.known = limit;
	}
	guard.limit = limit;
	return guard.limit - guard.first - OWN;
}

void
mr_guard_accepted(void)
{
	if (next_descriptor() >= guard.limit)
		pause_accepting();
}

void
mr_guard_exhausted(void)
{
	pause_accepting();
}

/* What is known of a descriptor; NULL if that is no connection's. */
static Slot *
slot_of(int fd)
{
	return fd >= guard.first && fd < guard.known ? &guard.slots[fd] : NULL;
}

/* A request begins with these bytes; it has no deadline yet. */
static void
begin(Slot *slot, ino_t inode, size_t bytes, bool encrypted)
{
	forget(slot);
	slot->inode = inode;
	slot->seen = (MrGuardSeen){.bytes = bytes, .encrypted = encrypted};
}

void
mr_guard_received(int fd, size_t bytes, bool has_nul, bool encrypted)
{
	Slot *slot = slot_of(fd);
	ino_t inode;

	if (slot == NULL)
		return;
	inode = inode_of(fd);
	if (slot->inode == inode)
		slot->seen.bytes += bytes;
	else
		begin(slot, inode, bytes, encrypted);
	slot->seen.has_nul |= has_nul;
	if (slot->deadline_ns != 0)
		return;
	slot->deadline_ns = mr_loop_now_ns() + guard.timeout_ns;
	slot->hurry_ns = mr_loop_now_ns() + HURRY_MS * MR_NS_PER_MS;
	guard.running++;
	arm();
}

void
mr_guard_left(int fd, size_t bytes, bool encrypted)
{
	Slot *slot = slot_of(fd);

	if (slot != NULL)
		begin(slot, inode_of(fd), bytes, encrypted);
}

bool
mr_guard_is_idle(int fd)
{
	const Slot *slot = slot_of(fd);

	/* An entry of a socket that is gone is not this one's. */
	return slot != NULL && (slot->inode == 0 || slot->inode != inode_of(fd));
}

void
mr_guard_completed(int fd, MrGuardSeen *seen)
{
	Slot *slot = slot_of(fd);

	memset(seen, 0, sizeof(*seen));
	if (slot == NULL || slot->inode == 0)
		return;
	*seen = slot->seen;
	forget(slot);
}

void
mr_guard_close(void)
{
	if (guard.timer != NULL)
		event_free(guard.timer);
	free(guard.slots);
	memset(&guard, 0, sizeof(guard));
}
