/*
 * getaddrinfo() for the monitor: see mr_resolver.h.
 *
 * The lease worker must not wait for a name server, so somebody else has to; this is
 * where that happens. glibc asks each name server of resolv.conf in turn; with one
 * attempt of a second, three of them and no search list that is three seconds at most,
 * and longer only where nsswitch.conf names a service with a patience of its own.
 * Keeps no state. Called by monitor_address.c.
 */
#include "adapters/mr_resolver.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

void
mr_resolver_be_brief(void)
{
	(void) setenv("RES_OPTIONS", "timeout:1 attempts:1", 0);
}

/* Writes one result as a number. False for a family that has none. */
static bool
format_address(const struct addrinfo *entry, char address[MR_HOSTADDR_SIZE])
{
	if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6)
		return false;
	return getnameinfo(entry->ai_addr, entry->ai_addrlen, address, MR_HOSTADDR_SIZE, NULL, 0,
					   NI_NUMERICHOST) == 0;
}

/* Picks from the list as the header says. False if nothing in it can be used. */
static bool
choose(const struct addrinfo *list, const char *current, char address[MR_HOSTADDR_SIZE])
{
	const struct addrinfo *best = NULL;

	for (const struct addrinfo *entry = list; entry != NULL; entry = entry->ai_next)
	{
		if (!format_address(entry, address))
			continue;
		if (strcmp(address, current) == 0)
			return true;
		if (best == NULL || (best->ai_family != AF_INET && entry->ai_family == AF_INET))
			best = entry;
	}
	return best != NULL && format_address(best, address);
}

const char *
mr_resolver_look_up(const char *host, const char *current, char address[MR_HOSTADDR_SIZE])
{
	struct addrinfo hints;
	struct addrinfo *list = NULL;
	bool chosen;
	int code;

	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	code = getaddrinfo(host, NULL, &hints, &list);
	if (code != 0)
		return gai_strerror(code);
	chosen = choose(list, current, address);
	freeaddrinfo(list);
	return chosen ? NULL : "the name has no usable address";
}
