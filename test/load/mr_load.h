/*
 * A client of test/load/pool.c, and what all of them share.
 *
 * client.c connects, asks, and starts over upon errors; pool.c tells it when and counts who
 * is back. Neither decides anything about a cluster.
 */
#ifndef MR_LOAD_H
#define MR_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include <libpq-fe.h>

#define MAX_CLIENTS 5000
#define MAX_PORTS 16
#define NS_PER_MS INT64_C(1000000)

typedef enum State
{
	STATE_AWAY, /* until due_ns, then it connects */
	STATE_CONNECTING,
	STATE_IDLE, /* until due_ns, then it sends */
	STATE_BUSY
} State;

typedef struct Client
{
	PGconn *conn;
	State state;
	PostgresPollingStatusType wants;
	bool reads_only;
	int watched;      /* its socket in epoll_fd, -1: none; */
	uint32_t events;  /* and for what */
	int tried_port;   /* PQport() of the one being tried, */
	int64_t tried_ns; /* and since when */
	int64_t due_ns;   /* INT64_MAX: never */
	int64_t began_ns; /* this connection */
	bool is_back;     /* answered on a connection begun since the fault */
} Client;

typedef struct Pool
{
	Client clients[MAX_CLIENTS];
	int nclients;
	int epoll_fd;
	int ports[MAX_PORTS];
	int nports;
	int64_t period_ns;
	int64_t answer_ns;
	int64_t connect_ns;
} Pool;

extern Pool pool;

/* Once, when the ports are known. */
extern void load_client_prepare(void);

/* Its socket has something, or its time has come. */
extern void load_client_on_socket(Client *client, int64_t now);
extern void load_client_on_time(Client *client, int64_t now);

/* By pool.c: a client was answered. */
extern void load_note_answer(Client *client, int64_t now);

/* A port, or a number of the command line; -1: it is none. */
extern int load_number_of(const char *text);

#endif
