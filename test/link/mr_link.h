/*
 * What the parts of the link program share: the nodes, who may talk to whom, and
 * the connections. See link.c. One thread; everything is static data.
 */
#ifndef MR_LINK_H
#define MR_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <netinet/in.h>
#include <poll.h>

#define MAX_NODES 16
#define CLIENT MAX_NODES /* whoever is no node */
#define MAX_CONNECTIONS 1024
#define MAX_HELD_BYTES (256 * 1024) /* then the sender feels it */
#define NS_PER_MS INT64_C(1000000)

typedef struct Node
{
	const char *name;
	const char *directory; /* its processes work in here or below */
	int listen_port;
	int target_port;
	int listener; /* -1 while it refuses */
} Node;

typedef enum ChunkKind
{
	CHUNK_DATA,
	CHUNK_END,  /* the sender will send no more */
	CHUNK_RESET /* the connection broke */
} ChunkKind;

typedef struct Chunk
{
	struct Chunk *next;
	ChunkKind kind;
	int64_t due_ns;
	size_t length;
	size_t sent;
	char data[];
} Chunk;

/* One direction of a connection: from side i to side 1 - i. */
typedef struct Way
{
	Chunk *first;
	Chunk *last;
	size_t held_bytes;
	bool ended;    /* END or RESET is queued: read no more */
	bool finished; /* ... and was delivered */
} Way;

typedef struct Connection
{
	int fd[2];        /* 0: who connected, 1: the node; -1: not yet */
	int who[2];       /* index of the node or CLIENT */
	bool established; /* the connection to the node is up, or has failed */
	Way way[2];
} Connection;

extern Node nodes[MAX_NODES];
extern int nnodes;
extern bool is_cut[MAX_NODES + 1][MAX_NODES + 1]; /* [from][to] */
extern int64_t delay_ns[MAX_NODES + 1][MAX_NODES + 1];

extern Connection connections[MAX_CONNECTIONS];
extern int nconnections;

/* CLOCK_MONOTONIC. */
extern int64_t now_ns(void);

/* Prints what and errno, ends the program. */
extern void die(const char *what) __attribute__((noreturn));

/* A non-blocking stream socket without delay (Nagle), and an address for it. */
extern int open_socket(void);
extern struct sockaddr_in loopback(int port);

/* The node whose process connected from peer_port to listen_port, or CLIENT. */
extern int find_source(int peer_port, int listen_port);

/* Takes a waiting connection to a node over. False if there was none, or no room. */
extern bool accept_connection(int target);

/*
 * Moves a connection on. wait holds what was waited for and found on its two sides.
 * May remove the connection: then the last one of the list takes its place.
 */
extern void serve_connection(Connection *connection, const struct pollfd *wait);

/* What to wait for on a side of a connection; brings *wake_ns forward if need be. */
extern struct pollfd connection_interest(const Connection *connection, int side, int64_t now,
										 int64_t *wake_ns);

/* Whether what this side sends is held back now. */
extern bool held(const Connection *connection, int side);

/* Closes both sides and removes it from the list, see serve_connection(). */
extern void close_connection(Connection *connection, bool reset);

#endif /* MR_LINK_H */
