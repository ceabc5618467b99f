/*
 * link: the network between the nodes of a test cluster, for an ordinary user.
 *
 *   link NAME:LISTEN:TARGET:DIRECTORY ...
 *
 * One proxy a node: what connects to 127.0.0.1:LISTEN is forwarded to
 * 127.0.0.1:TARGET. Members' conninfos name the LISTEN ports. Who connects is
 * found out from the kernel: the process that owns the socket works in the
 * DIRECTORY of one of the nodes (or below it), or it is "client".
 *
 * A command a line on standard input, "ok" or "error ..." in return; FROM and TO
 * are names, "*" is every node (never "client"):
 *
 *   cut FROM TO        what FROM sends to TO is held back, on connections of
 *                      either side; nobody is told. TCP does the same: nothing is
 *                      lost, it comes late
 *   heal FROM TO       the opposite
 *   delay FROM TO MS   each byte from FROM to TO takes this long
 *   refuse TO          the node's port is closed and its connections are reset
 *   accept TO          the opposite
 *
 * A connection made while either way is cut is accepted by this machine's kernel
 * but reaches nobody, so the one who connects waits as for a lost packet.
 * Ends with standard input. Used by test/tap/lib/MultiRegion/Cluster.pm.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "link/mr_link.h"

Node nodes[MAX_NODES];
int nnodes;
bool is_cut[MAX_NODES + 1][MAX_NODES + 1];
int64_t delay_ns[MAX_NODES + 1][MAX_NODES + 1];

int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 * NS_PER_MS + now.tv_nsec;
}

void
die(const char *what)
{
	fprintf(stderr, "link: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
listen_for(Node *node)
{
	struct sockaddr_in address = loopback(node->listen_port);

	node->listener = open_socket();
	if (bind(node->listener, (struct sockaddr *) &address, sizeof(address)) != 0 ||
		listen(node->listener, 128) != 0)
		die("listen");
}

/* Bit per node the word means; 0 if it means none. */
static unsigned int
parse_name(const char *word)
{
	if (strcmp(word, "*") == 0)
		return (1u << nnodes) - 1;
	if (strcmp(word, "client") == 0)
		return 1u << CLIENT;
	for (int i = 0; i < nnodes; i++)
		if (strcmp(word, nodes[i].name) == 0)
			return 1u << i;
	return 0;
}

static bool
run_port_command(const char *verb, unsigned int which)
{
	bool refuse = strcmp(verb, "refuse") == 0;

	if (!refuse && strcmp(verb, "accept") != 0)
		return false;
	for (int i = 0; i < nnodes; i++)
	{
		if ((which & (1u << i)) == 0)
			continue;
		if (!refuse && nodes[i].listener < 0)
			listen_for(&nodes[i]);
		if (!refuse)
			continue;
		if (nodes[i].listener >= 0)
			close(nodes[i].listener);
		nodes[i].listener = -1;
		for (int c = nconnections - 1; c >= 0; c--)
			if (connections[c].who[1] == i)
				close_connection(&connections[c], true);
	}
	return true;
}

static bool
run_command(const char *line)
{
	char verb[16];
	char from[64];
	char to[64];
	int ms = 0;
	int words = sscanf(line, "%15s %63s %63s %d", verb, from, to, &ms);
	unsigned int sources;
	unsigned int targets;

	if (words < 2 || (sources = parse_name(from)) == 0)
		return false;
	if (words == 2)
		return run_port_command(verb, sources);
	targets = parse_name(to);
	if (targets == 0 ||
		(strcmp(verb, "cut") != 0 && strcmp(verb, "heal") != 0 && strcmp(verb, "delay") != 0))
		return false;
	for (int i = 0; i <= MAX_NODES; i++)
	{
		for (int j = 0; j <= MAX_NODES; j++)
		{
			if (i == j || (sources & (1u << i)) == 0 || (targets & (1u << j)) == 0)
				continue;
			if (strcmp(verb, "delay") == 0)
				delay_ns[i][j] = ms * NS_PER_MS;
			else
				is_cut[i][j] = strcmp(verb, "cut") == 0;
		}
	}
	return true;
}

static void
read_commands(void)
{
	static char input[4096];
	static size_t used;
	ssize_t length = read(STDIN_FILENO, input + used, sizeof(input) - 1 - used);
	char *end;

	if (length <= 0)
		exit(0);
	used += (size_t) length;
	input[used] = '\0';
	while ((end = strchr(input, '\n')) != NULL)
	{
		*end = '\0';
		if (run_command(input))
			puts("ok");
		else
			printf("error: %s\n", input);
		fflush(stdout);
		used -= (size_t) (end + 1 - input);
		memmove(input, end + 1, used + 1);
	}
	if (used == sizeof(input) - 1)
		used = 0;
}

static void
turn(void)
{
	static struct pollfd wait[1 + MAX_NODES + 2 * MAX_CONNECTIONS];
	int64_t now = now_ns();
	int64_t wake_ns = now + 1000 * NS_PER_MS;
	int served = nconnections;
	struct pollfd *pair = wait + 1 + nnodes;

	wait[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
	for (int i = 0; i < nnodes; i++)
		wait[1 + i] = (struct pollfd){.fd = nodes[i].listener, .events = POLLIN};
	for (int c = 0; c < served; c++)
		for (int side = 0; side < 2; side++)
			pair[2 * c + side] = connection_interest(&connections[c], side, now, &wake_ns);

	if (poll(wait, (nfds_t) (1 + nnodes + 2 * served),
			 (int) ((wake_ns - now + NS_PER_MS - 1) / NS_PER_MS)) < 0 &&
		errno != EINTR)
		die("poll");

	/* From the last one: closing moves the last one into the gap. */
	for (int c = served - 1; c >= 0; c--)
		serve_connection(&connections[c], pair + 2 * c);
	for (int i = 0; i < nnodes; i++)
	{
		if (wait[1 + i].revents != 0 && accept_connection(i))
			serve_connection(&connections[nconnections - 1], (struct pollfd[2]){0});
	}
	if (wait[0].revents != 0)
		read_commands();
}

/* A port from 1 to 65535, or 0. */
static int
port_of(const char *text)
{
	char *end;
	long port = strtol(text, &end, 10);

	return end != text && *end == '\0' && port >= 1 && port <= 65535 ? (int) port : 0;
}

static void
parse_node(char *word)
{
	Node *node = &nodes[nnodes];
	char *parts[4];

	for (int i = 0; i < 4; i++)
	{
		parts[i] = word;
		word = i < 3 && word != NULL ? strchr(word, ':') : NULL;
		if (word != NULL)
			*word++ = '\0';
	}
	if (nnodes < MAX_NODES && parts[3] != NULL && parts[3][0] == '/')
	{
		node->listen_port = port_of(parts[1]);
		node->target_port = port_of(parts[2]);
	}
	if (node->listen_port == 0 || node->target_port == 0)
	{
		fputs("usage: link NAME:LISTEN:TARGET:DIRECTORY ...\n", stderr);
		exit(2);
	}
	node->name = parts[0];
	node->directory = parts[3];
	nnodes++;
	listen_for(node);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		parse_node(argv[i]);
	puts("ready");
	fflush(stdout);
	for (;;)
		turn();
}
