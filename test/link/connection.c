/*
 * The connections of the link program: what is read on one side waits for its time
 * in a queue and is handed to the other. Never closes a side because of a cut: like
 * a network, it only stays silent. Called by link.c.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link/mr_link.h"

#define READ_BYTES 16384

Connection connections[MAX_CONNECTIONS];
int nconnections;

struct sockaddr_in
loopback(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons((uint16_t) port);
	return address;
}

int
open_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

bool
held(const Connection *connection, int side)
{
	return is_cut[connection->who[side]][connection->who[1 - side]];
}

static void
enqueue(Connection *connection, int side, ChunkKind kind, const char *data, size_t length)
{
	Way *way = &connection->way[side];
	Chunk *chunk = malloc(sizeof(Chunk) + length);

	if (chunk == NULL)
		die("malloc");
	*chunk = (Chunk){.kind = kind, .length = length};
	chunk->due_ns = now_ns() + delay_ns[connection->who[side]][connection->who[1 - side]];
	if (length > 0)
		memcpy(chunk->data, data, length);
	if (way->last != NULL)
		way->last->next = chunk;
	else
		way->first = chunk;
	way->last = chunk;
	way->held_bytes += length;
	if (kind != CHUNK_DATA)
		way->ended = true;
}

static void
drop_first(Way *way)
{
	Chunk *chunk = way->first;

	way->first = chunk->next;
	if (way->first == NULL)
		way->last = NULL;
	way->held_bytes -= chunk->length;
	free(chunk);
}

void
close_connection(Connection *connection, bool reset)
{
	struct linger abort_it = {.l_onoff = 1, .l_linger = 0};

	for (int side = 0; side < 2; side++)
	{
		while (connection->way[side].first != NULL)
			drop_first(&connection->way[side]);
		if (connection->fd[side] < 0)
			continue;
		if (reset)
			setsockopt(connection->fd[side], SOL_SOCKET, SO_LINGER, &abort_it, sizeof(abort_it));
		close(connection->fd[side]);
	}
	*connection = connections[--nconnections];
}

bool
accept_connection(int target)
{
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	Connection *connection = &connections[nconnections];
	int on = 1;
	int fd = accept4(nodes[target].listener, (struct sockaddr *) &from, &size,
					 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return false;
	if (nconnections == MAX_CONNECTIONS)
	{
		close(fd);
		return false;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	*connection = (Connection){.fd = {fd, -1}};
	connection->who[0] = find_source(ntohs(from.sin_port), nodes[target].listen_port);
	connection->who[1] = target;
	nconnections++;
	return true;
}

static void
connect_to_node(Connection *connection)
{
	struct sockaddr_in address = loopback(nodes[connection->who[1]].target_port);

	connection->fd[1] = open_socket();
	if (connect(connection->fd[1], (struct sockaddr *) &address, sizeof(address)) == 0)
		connection->established = true;
	else if (errno != EINPROGRESS)
		enqueue(connection, 1, CHUNK_RESET, NULL, 0);
}

static void
finish_connect(Connection *connection)
{
	int problem = 0;
	socklen_t size = sizeof(problem);

	getsockopt(connection->fd[1], SOL_SOCKET, SO_ERROR, &problem, &size);
	if (problem != 0)
		enqueue(connection, 1, CHUNK_RESET, NULL, 0);
	connection->established = true;
}

static void
receive(Connection *connection, int side)
{
	char data[READ_BYTES];
	ssize_t length = read(connection->fd[side], data, sizeof(data));

	if (length > 0)
		enqueue(connection, side, CHUNK_DATA, data, (size_t) length);
	else if (length == 0)
		enqueue(connection, side, CHUNK_END, NULL, 0);
	else if (errno != EAGAIN && errno != EINTR)
		enqueue(connection, side, CHUNK_RESET, NULL, 0);
}

/* Hands on what is due from one side to the other. False: the connection is over. */
static bool
deliver(Connection *connection, int side)
{
	Way *way = &connection->way[side];
	int to = connection->fd[1 - side];
	int64_t now = now_ns();

	while (way->first != NULL && way->first->due_ns <= now)
	{
		Chunk *chunk = way->first;
		ssize_t written;

		if (chunk->kind == CHUNK_RESET)
			return false;
		if (chunk->kind == CHUNK_END)
		{
			shutdown(to, SHUT_WR);
			way->finished = true;
			drop_first(way);
			continue;
		}
		written = send(to, chunk->data + chunk->sent, chunk->length - chunk->sent, MSG_NOSIGNAL);
		if (written < 0 && (errno == EAGAIN || errno == EINTR))
			return true;
		if (written < 0)
		{
			/* The receiver is gone; the sender learns it when the way back is free. */
			while (way->first != NULL)
				drop_first(way);
			way->ended = way->finished = true;
			if (!connection->way[1 - side].ended)
				enqueue(connection, 1 - side, CHUNK_RESET, NULL, 0);
			return true;
		}
		chunk->sent += (size_t) written;
		if (chunk->sent == chunk->length)
			drop_first(way);
	}
	return true;
}

/*
 * What to wait for on one side of a connection. A side that is of no interest is
 * left out: poll() would go on reporting that its peer hung up.
 */
struct pollfd
connection_interest(const Connection *connection, int side, int64_t now, int64_t *wake_ns)
{
	const Way *out = &connection->way[side];
	const Way *in = &connection->way[1 - side];
	struct pollfd wait = {.fd = -1};

	if (side == 1 && connection->fd[1] < 0 && !held(connection, 0) && !held(connection, 1))
		*wake_ns = now;
	if (side == 1 && connection->fd[1] >= 0 && !connection->established)
		wait.events = POLLOUT;
	else if (connection->fd[side] >= 0)
	{
		if (!held(connection, side) && !out->ended && out->held_bytes < MAX_HELD_BYTES)
			wait.events |= POLLIN;
		if (!held(connection, 1 - side) && in->first != NULL && connection->established)
		{
			if (in->first->due_ns <= now)
				wait.events |= POLLOUT;
			else if (in->first->due_ns < *wake_ns)
				*wake_ns = in->first->due_ns;
		}
	}
	if (wait.events != 0)
		wait.fd = connection->fd[side];
	return wait;
}

void
serve_connection(Connection *connection, const struct pollfd *wait)
{
	bool alive = true;

	if (connection->fd[1] < 0)
	{
		if (!held(connection, 0) && !held(connection, 1))
			connect_to_node(connection);
	}
	else if (!connection->established && wait[1].revents != 0)
		finish_connect(connection);
	else
	{
		for (int side = 0; side < 2; side++)
			if ((wait[side].events & POLLIN) != 0 && wait[side].revents != 0 &&
				!connection->way[side].ended)
				receive(connection, side);
	}
	if (connection->established || connection->way[1].ended)
		for (int side = 0; side < 2; side++)
			if (alive && !held(connection, side))
				alive = deliver(connection, side);
	if (!alive)
		close_connection(connection, true);
	else if (connection->way[0].finished && connection->way[1].finished)
		close_connection(connection, false);
}
