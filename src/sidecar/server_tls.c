/*
 * TLS of the HTTP server over OpenSSL; see mr_server_tls.h.
 *
 * TLS 1.2 and later. Sessions are not resumed: whoever was let in before a certificate
 * was revoked or a CA replaced would come in again. A handshake has the deadline of a
 * request. It must never ask for a passphrase, which would wait at a terminal. Called by
 * server.c and serve.c.
 */
#include "sidecar/mr_server_tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "sidecar/mr_server_guard.h"

struct MrServerTls
{
	SSL_CTX *context;
};

/* What OpenSSL's last error was; it names no more than files and formats. */
static void
say(char *problem, size_t size, const char *what, const char *path)
{
	unsigned long error = ERR_peek_last_error();
	const char *reason = ERR_reason_error_string(error);

	snprintf(problem, size, "%s %s: %s", what, path, reason != NULL ? reason : "it cannot be used");
	ERR_clear_error();
}

static int
give_no_passphrase(char *out, int size, int writing, void *arg)
{
	(void) out;
	(void) size;
	(void) writing;
	(void) arg;
	return 0;
}

/* A client that offers HTTP/1.1 is told so; one that wants only another goes without. */
static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *length,
				const unsigned char *offered, unsigned int offered_length, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen;

	(void) ssl;
	(void) arg;
	if (SSL_select_next_proto(&chosen, length, ours, sizeof(ours) - 1, offered, offered_length) !=
		OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* The first handshake of a connection has a deadline; later ones are within a request. */
static void
on_handshake(const SSL *ssl, int where, int result)
{
	int fd = SSL_get_fd(ssl);
	MrGuardSeen seen;

	(void) result;
	if (SSL_get_app_data(ssl) != NULL)
		return;
	if ((where & SSL_CB_HANDSHAKE_START) != 0)
		mr_guard_received(fd, 0, false, true);
	else if ((where & SSL_CB_HANDSHAKE_DONE) != 0)
	{
		mr_guard_completed(fd, &seen);
		/* Anything but NULL: it is done. The library wants to keep it only. */
		(void) SSL_set_app_data((SSL *) ssl, (SSL *) ssl);
	}
}

static SSL_CTX *
make_context(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	if (context == NULL)
		return NULL;
	(void) SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	(void) SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
											SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
	(void) SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	(void) SSL_CTX_set_num_tickets(context, 0);
	(void) SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_default_passwd_cb(context, give_no_passphrase);
	SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
	SSL_CTX_set_info_callback(context, on_handshake);
	return context;
}

/* A key that everybody may read is no secret. */
static bool
is_private(const char *path)
{
	struct stat status;

	return stat(path, &status) != 0 || (status.st_mode & S_IRWXO) == 0;
}

/* Certificate and key of the server. */
static bool
read_own(SSL_CTX *context, const MrTlsFiles *files, char *problem, size_t size)
{
	if (SSL_CTX_use_certificate_chain_file(context, files->certificate) != 1)
	{
		say(problem, size, "could not use the certificate", files->certificate);
		return false;
	}
	if (!is_private(files->key))
	{
		snprintf(problem, size, "the key %s may be read by everybody: chmod 600", files->key);
		return false;
	}
	if (SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM) != 1 ||
		SSL_CTX_check_private_key(context) != 1)
	{
		say(problem, size, "could not use the key", files->key);
		return false;
	}
	return true;
}

/* Whom clients' certificates must be of, and which do not count any more. */
static bool
read_clients(SSL_CTX *context, const MrTlsFiles *files, char *problem, size_t size)
{
	X509_STORE *store = SSL_CTX_get_cert_store(context);
	STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(files->client_ca);
	X509_LOOKUP *lookup;

	if (names == NULL || SSL_CTX_load_verify_locations(context, files->client_ca, NULL) != 1)
	{
		say(problem, size, "could not use the clients' authority", files->client_ca);
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return false;
	}
	SSL_CTX_set_client_CA_list(context, names);
	SSL_CTX_set_verify(
		context, SSL_VERIFY_PEER | (files->client_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
		NULL);
	if (files->client_crl == NULL)
		return true;
	lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
	if (lookup == NULL || X509_load_crl_file(lookup, files->client_crl, X509_FILETYPE_PEM) < 1)
	{
		say(problem, size, "could not use the revocation list", files->client_crl);
		return false;
	}
	(void) X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
	return true;
}

static bool
read_files(SSL_CTX *context, const MrTlsFiles *files, char *problem, size_t size)
{
	return read_own(context, files, problem, size) &&
		   (files->client_ca == NULL || read_clients(context, files, problem, size));
}

MrServerTls *
mr_server_tls_open(const MrTlsFiles *files, char *problem, size_t size)
{
	MrServerTls *tls = calloc(1, sizeof(*tls));

	snprintf(problem, size, "out of memory");
	if (tls == NULL)
		return NULL;
	ERR_clear_error();
	tls->context = make_context();
	if (tls->context != NULL && read_files(tls->context, files, problem, size))
		return tls;
	mr_server_tls_close(tls);
	return NULL;
}

struct bufferevent *
mr_server_tls_connection(const MrServerTls *tls, struct event_base *base)
{
	SSL *ssl = SSL_new(tls->context);
	struct bufferevent *connection;

	if (ssl == NULL)
		return NULL;
	connection = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING,
												BEV_OPT_CLOSE_ON_FREE);
	if (connection == NULL)
		return NULL;
	/* Lengths say where an answer ends; many clients just hang up. */
	bufferevent_openssl_set_allow_dirty_shutdown(connection, 1);
	return connection;
}

bool
mr_server_tls_is(struct bufferevent *connection)
{
	return bufferevent_openssl_get_ssl(connection) != NULL;
}

/* The one common name of a subject, if it fits. */
static void
copy_common_name(X509_NAME *subject, char *out, size_t size)
{
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *text = NULL;
	int length;

	if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
		return;
	length = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	if (length > 0 && (size_t) length < size && memchr(text, '\0', (size_t) length) == NULL)
	{
		memcpy(out, text, (size_t) length);
		out[length] = '\0';
	}
	if (length >= 0)
		OPENSSL_free(text);
}

void
mr_server_tls_identity(struct bufferevent *connection, char *out, size_t size)
{
	SSL *ssl = bufferevent_openssl_get_ssl(connection);
	X509 *certificate = ssl != NULL ? SSL_get1_peer_certificate(ssl) : NULL;

	out[0] = '\0';
	if (certificate != NULL && SSL_get_verify_result(ssl) == X509_V_OK)
		copy_common_name(X509_get_subject_name(certificate), out, size);
	X509_free(certificate);
}

void
mr_server_tls_close(MrServerTls *tls)
{
	if (tls != NULL)
		SSL_CTX_free(tls->context);
	free(tls);
}
