/*
 * A PostgreSQL server for tests of the client side: see mr_fake_server.h. Linked into
 * every unit test.
 */
#include "unit/mr_fake_server.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit/mr_scratch.h"

void
mr_fake_begin(MrFakeServer *server)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memset(server, 0, sizeof(*server));
	server->client = -1;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", mr_scratch_path(".s.PGSQL.6200"));
	snprintf(server->conninfo, sizeof(server->conninfo), "host=%s port=6200 user=u",
			 mr_scratch_path(""));
	server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (server->listener < 0 ||
		bind(server->listener, (struct sockaddr *) &address, sizeof(address)) != 0 ||
		listen(server->listener, 5) != 0)
		abort();
}

void
mr_fake_end(MrFakeServer *server)
{
	mr_fake_hang_up(server);
	close(server->listener);
}

bool
mr_fake_receive(MrFakeServer *server)
{
	uint8_t chunk[4096];
	bool any = false;
	ssize_t got;

	if (server->client < 0)
		server->client = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	while (server->client >= 0 && (got = read(server->client, chunk, sizeof(chunk))) > 0)
	{
		size_t size = (size_t) got;
		size_t kept = size < sizeof(server->received) ? size : sizeof(server->received);
		size_t old = sizeof(server->received) - kept;

		if (old > server->nreceived)
			old = server->nreceived;
		memmove(server->received, server->received + server->nreceived - old, old);
		memcpy(server->received + old, chunk + size - kept, kept);
		server->nreceived = old + kept;
		server->total += size;
		any = true;
	}
	return any;
}

void
mr_fake_send(MrFakeServer *server, const void *bytes, size_t size)
{
	/* A client that is gone already is the test's business. */
	(void) !send(server->client, bytes, size, MSG_NOSIGNAL);
}

static void
put_u32(uint8_t *out, uint32_t value)
{
	int i;

	for (i = 0; i < 4; i++)
		out[i] = (uint8_t) (value >> (24 - 8 * i));
}

void
mr_fake_message(MrFakeServer *server, char type, const void *body, size_t size)
{
	uint8_t head[5];

	head[0] = (uint8_t) type;
	put_u32(head + 1, (uint32_t) size + 4);
	mr_fake_send(server, head, sizeof(head));
	if (size > 0)
		mr_fake_send(server, body, size);
}

void
mr_fake_error(MrFakeServer *server, char type, const char *severity, const char *text)
{
	char body[2048];
	int length = snprintf(body, sizeof(body), "S%s%cV%s%cCXX000%cM%s%c", severity, 0, severity, 0,
						  0, text, 0);

	if (length < 0 || (size_t) length >= sizeof(body))
		abort();
	/* The terminating NUL of body ends the list of fields. */
	mr_fake_message(server, type, body, (size_t) length + 1);
}

void
mr_fake_authentication(MrFakeServer *server, uint8_t kind)
{
	uint8_t body[4] = {0, 0, 0, kind};

	mr_fake_message(server, 'R', body, sizeof(body));
}

void
mr_fake_ready(MrFakeServer *server)
{
	mr_fake_message(server, 'Z', "I", 1);
}

void
mr_fake_row(MrFakeServer *server, const void *value, uint32_t size)
{
	/* The number of columns; its name, no table, type, length, modifier, binary. */
	static const uint8_t description[] = "\0\1"
										 "c\0"
										 "\0\0\0\0\0\0"
										 "\0\0\0\21"
										 "\xFF\xFF"
										 "\xFF\xFF\xFF\xFF"
										 "\0\1";
	uint8_t head[11] = {'D'};

	mr_fake_message(server, '1', NULL, 0);
	mr_fake_message(server, '2', NULL, 0);
	mr_fake_message(server, 'T', description, sizeof(description) - 1);
	put_u32(head + 1, 10 + size);
	head[6] = 1;
	put_u32(head + 7, size);
	mr_fake_send(server, head, sizeof(head));
	mr_fake_send(server, value, size);
	mr_fake_message(server, 'C', "SELECT 1", 9);
}

void
mr_fake_hang_up(MrFakeServer *server)
{
	if (server->client >= 0)
		close(server->client);
	server->client = -1;
}

bool
mr_fake_has(const MrFakeServer *server, const void *bytes, size_t size)
{
	return memmem(server->received, server->nreceived, bytes, size) != NULL;
}
