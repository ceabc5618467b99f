/*
 * TLS of the HTTP server: its certificate, whom it believes clients to be, and who a
 * client has proved to be. Only server.c and serve.c include it.
 */
#ifndef MR_SERVER_TLS_H
#define MR_SERVER_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include <event2/event.h>

typedef struct MrTlsFiles
{
	const char *certificate; /* PEM, with the chain; NULL: no TLS */
	const char *key;         /* PEM, without passphrase */
	const char *client_ca;   /* PEM; NULL: clients are not asked for certificates */
	const char *client_crl;  /* PEM, revoked certificates of that authority; NULL: none */
	bool client_required;    /* without one a client is refused */
} MrTlsFiles;

typedef struct MrServerTls MrServerTls;

struct bufferevent;

/* Reads the files; NULL and a sentence in problem if they cannot be used. */
extern MrServerTls *mr_server_tls_open(const MrTlsFiles *files, char *problem, size_t size);

/* A connection that begins with a handshake; NULL without memory. */
extern struct bufferevent *mr_server_tls_connection(const MrServerTls *tls,
													struct event_base *base);

/* Whether a connection is one of TLS. */
extern bool mr_server_tls_is(struct bufferevent *connection);

/*
 * The common name in the certificate that the client has proved to have; empty if it has
 * shown none, or one without exactly one common name that fits.
 */
extern void mr_server_tls_identity(struct bufferevent *connection, char *out, size_t size);

/* Frees it; connections that were made with it go on. */
extern void mr_server_tls_close(MrServerTls *tls);

#endif /* MR_SERVER_TLS_H */
