/*
 * Host names, looked up in a child; see mr_join_resolve.h. Called by peers.c.
 */
#include "join/mr_join_resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

bool
mr_join_resolve_is_needed(const char *host)
{
	struct addrinfo hints;
	struct addrinfo *found = NULL;

	if (host[0] == '\0' || host[0] == '/' || host[0] == '@')
		return false;
	memset(&hints, 0, sizeof(hints));
	hints.ai_flags = AI_NUMERICHOST;
	hints.ai_socktype = SOCK_STREAM;
	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		return true;
	freeaddrinfo(found);
	return false;
}

/* In the child; never returns. */
static void
look_up(const char *host, int out)
{
	struct addrinfo hints;
	struct addrinfo *found = NULL;
	const struct addrinfo *each;
	char address[MR_HOSTADDR_SIZE];
	int count = 0;

	(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		_exit(1);
	for (each = found; each != NULL && count < MR_JOIN_MAX_ADDRESSES; each = each->ai_next)
	{
		size_t length;

		if (getnameinfo(each->ai_addr, each->ai_addrlen, address, sizeof(address) - 1, NULL, 0,
						NI_NUMERICHOST) != 0)
			continue;
		length = strlen(address);
		address[length++] = '\n';
		if (write(out, address, length) != (ssize_t) length)
			_exit(1);
		count++;
	}
	_exit(0);
}

bool
mr_join_resolve_start(MrJoinResolver *resolver, const char *host)
{
	int ends[2];

	memset(resolver, 0, sizeof(*resolver));
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return false;
	resolver->child = fork();
	if (resolver->child == 0)
		look_up(host, ends[1]);
	close(ends[1]);
	resolver->fd = ends[0];
	if (resolver->child > 0)
		return true;
	resolver->child = 0;
	close(ends[0]);
	return false;
}

static void
end_child(MrJoinResolver *resolver)
{
	close(resolver->fd);
	while (waitpid(resolver->child, NULL, 0) < 0 && errno == EINTR)
		;
	resolver->child = 0;
}

bool
mr_join_resolve_advance(MrJoinResolver *resolver)
{
	size_t room = sizeof(resolver->text) - 1 - resolver->length;
	ssize_t got;

	if (resolver->child == 0)
		return true;
	got = read(resolver->fd, resolver->text + resolver->length, room);
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return false;
	if (got > 0)
	{
		resolver->length += (size_t) got;
		resolver->text[resolver->length] = '\0';
		if ((size_t) got < room)
			return false;
	}
	mr_join_resolve_stop(resolver);
	return true;
}

bool
mr_join_resolve_address(const MrJoinResolver *resolver, int n, char out[MR_HOSTADDR_SIZE])
{
	const char *line = resolver->text;
	size_t length;

	while (n-- > 0 && line != NULL)
	{
		line = strchr(line, '\n');
		line = line != NULL ? line + 1 : NULL;
	}
	length = line != NULL ? strcspn(line, "\n") : 0;
	if (length == 0 || length >= MR_HOSTADDR_SIZE)
		return false;
	memcpy(out, line, length);
	out[length] = '\0';
	return true;
}

void
mr_join_resolve_stop(MrJoinResolver *resolver)
{
	if (resolver->child == 0)
		return;
	kill(resolver->child, SIGKILL);
	end_child(resolver);
}
